"""The workers of a run on Ray: engaged when they are needed, replaced when they end, let go at the end.

Ray can restart actors and repeat their tasks by itself. It is not asked to, because then nobody knows which unit has
ended how many workers: here a worker has one unit at a time, so what ends it is known, and another worker in a new
process does the unit again.
"""

import pickle
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from barlow_report.engine.ray_cluster import Room
from barlow_report.engine.ray_worker import Answer, RayWorker, this_place
from barlow_report.errors import WorkerError
from barlow_report.formatting import counted
from barlow_report.progress import Progress

__all__ = ["Crew", "Lost", "Member"]

MOST_FAILED_STARTS = 3
"""Workers in a row that may end before they are ready."""

LONGEST_START = 600.0
"""Seconds that all workers together may take until the first is ready: a cluster may have to grow."""

_BETWEEN_LOOKS = 1.0
_LONGEST_END = 5.0


@dataclass(kw_only=True, eq=False)
class Member:
    """A worker.

    Attributes:
        actor: Ray's handle of it.
        answer: Ray's reference to what it is to answer; None: it is free.
        unit: What it is at; None: nothing, or it opens its work.
        key: Of the work that it knows or opens.
    """

    actor: Any
    answer: Any = None
    unit: int | None = None
    key: int | None = None


@dataclass(frozen=True, kw_only=True)
class Lost:
    """In place of an answer: the worker has ended.

    Attributes:
        reason: In words.
        is_memory: Whether that was because memory was short.
        is_machine: Whether its whole machine was lost.
    """

    reason: str
    is_memory: bool = False
    is_machine: bool = False


class Crew:
    """All workers of a run."""

    def __init__(self, room: Room, *, progress: Progress) -> None:
        self.room = room
        self.members: list[Member] = []
        self._progress = progress
        self._n_wanted = room.n_workers
        self._n_failed_starts = 0
        self._key: int | None = None
        self._waiting_since = time.monotonic()

    def engage(self, n: int, *, key: int, work: list[Any]) -> None:
        """Have `n` workers, or as many as there is room for, at this work."""
        if key != self._key:
            self._key, self._n_failed_starts, self._waiting_since = key, 0, time.monotonic()
        for _ in range(min(n, self._n_wanted) - len(self.members)):
            self.members.append(Member(actor=self._new_actor()))
        for member in self.members:
            if member.answer is None and member.key != key:
                member.answer, member.key = member.actor.open.remote(key, work, self.room.cpus), key

    def free(self) -> Iterator[Member]:
        """The workers that wait for a unit."""
        return (member for member in self.members if member.answer is None)

    def at_units(self) -> list[Member]:
        """The workers that are at a unit."""
        return [member for member in self.members if member.unit is not None]

    def give(self, member: Member, unit: int, *, key: int, work: list[Any], data: bytes, n_threads: int) -> None:
        """Give a free worker a unit: its number and its bytes."""
        member.unit, member.key = unit, key
        member.answer = member.actor.do.remote(key, work, data, n_threads)

    def wait(self) -> list[tuple[Member, int | None, Answer | Lost]]:
        """Wait for answers, for about a second; return them with the workers and units that they are of.

        A worker that has ended is no member any more.

        Raises:
            WorkerError: Workers end before they are ready, or none gets ready.
        """
        import ray

        at_work = {member.answer: member for member in self.members if member.answer is not None}
        ready, _ = ray.wait(list(at_work), num_returns=len(at_work), timeout=0)
        if not ready:
            ready, _ = ray.wait(list(at_work), num_returns=1, timeout=_BETWEEN_LOOKS)
        found = []
        for reference in ready:
            member = at_work[reference]
            unit, answer = member.unit, _read(reference)
            member.answer = member.unit = None
            if isinstance(answer, Lost):
                self._lose(member, unit, answer)
            else:
                self._n_failed_starts = 0
            found.append((member, unit, answer))
        self._check_progress(bool(found))
        return found

    def dismiss(self, member: Member) -> None:
        """End a worker at once, and wait until it cannot write any more."""
        import ray

        self.members.remove(member)
        ray.kill(member.actor)
        if member.answer is not None:
            ray.wait([member.answer], timeout=_LONGEST_END)

    def spare_memory(self) -> bool:
        """Work with one worker less from now on; False where there is one only."""
        if self._n_wanted == 1:
            return False
        self._n_wanted -= 1
        self._progress.message(f"Memory is short: going on with {counted(self._n_wanted, 'worker')}")
        return True

    def tell(self, text: str) -> None:
        """Show a line to whoever watches."""
        self._progress.message(text)

    def close(self) -> None:
        """End all workers."""
        for member in list(self.members):
            self.dismiss(member)

    def _new_actor(self) -> Any:
        import ray

        actor_class: Any = ray.remote(RayWorker)
        options = {"num_cpus": self.room.cpus, "num_gpus": self.room.gpus, "max_restarts": 0, "max_task_retries": 0}
        return actor_class.options(**options).remote(
            this_place(), n_threads=self.room.cpus, has_gpus=self.room.gpus > 0
        )

    def _lose(self, member: Member, unit: int | None, lost: Lost) -> None:
        self.members.remove(member)
        if unit is not None or member.key != self._key:
            return
        self._n_failed_starts += 1
        if self._n_failed_starts >= MOST_FAILED_STARTS:
            raise WorkerError(
                f"engine: {MOST_FAILED_STARTS} workers in a row ended before they were ready; the last: {lost.reason}. "
                "Check that barlow-report is installed on all machines, and that their memory holds the models "
                "('engine.n_workers')."
            )

    def _check_progress(self, has_answers: bool) -> None:
        now = time.monotonic()
        if has_answers or any(member.unit is not None for member in self.members):
            self._waiting_since = now
        elif now - self._waiting_since > LONGEST_START:
            import ray

            found: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
            raise WorkerError(
                f"engine: no worker could begin within {LONGEST_START:.0f} s. Each needs {self.room.cpus} processors "
                f"and {self.room.gpus:g} GPUs; the cluster has {found.get('CPU', 0):g} and {found.get('GPU', 0):g}, "
                "perhaps in use by others. Ask for less, or wait."
            )


def _read(reference: Any) -> Answer | Lost:
    """The answer that has come, or how its worker was lost."""
    import ray

    try:
        answer: Answer = pickle.loads(ray.get(reference))  # noqa: S301 - of our own worker
    except ray.exceptions.RayTaskError as error:  # it could not even begin
        return Lost(reason=str(error).strip().split("\n")[-1])
    except ray.exceptions.RayError as error:
        return _lost(error, is_memory=isinstance(error, ray.exceptions.OutOfMemoryError))
    return answer


def _lost(error: Exception, *, is_memory: bool) -> Lost:
    text = str(error)
    if is_memory or "low on memory" in text:
        return Lost(reason="its machine was short of memory, and Ray ended the worker", is_memory=True)
    if getattr(error, "actor_init_failed", False):
        return Lost(reason=text.strip().split("\n")[-1])
    if getattr(error, "preempted", False) or type(error).__name__ == "NodeDiedError" or "node died" in text.lower():
        return Lost(reason="its machine was lost", is_machine=True)
    return Lost(reason="its worker ended (killed, out of memory, or a crash in compiled code)")
