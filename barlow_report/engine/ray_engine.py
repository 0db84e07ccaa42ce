"""The engine of a Ray cluster: the same work, done by processes on one machine or many.

Units go to whoever is free, one at a time (`schedule`), and workers that end are replaced (`ray_crew`). Workers read
images, weights and the run folder under the caller's paths and write what is large into the run folder, where a file
appears as a whole or not at all: a unit that is done twice, or by a worker that everybody believes dead, changes
nothing. The caller holds one result of each worker, and those that wait for their turn.
"""

import itertools
import pickle
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from barlow_report.engine.ray_cluster import find_room, join
from barlow_report.engine.ray_crew import Crew, Lost, Member
from barlow_report.engine.ray_worker import Answer
from barlow_report.engine.schedule import MOST_FAILURES, Schedule
from barlow_report.engine.work import Team, Work
from barlow_report.errors import WorkerError
from barlow_report.progress import Advance, Progress, ignore_advance

if TYPE_CHECKING:
    from barlow_report.config import EngineConfig

__all__ = ["RayEngine"]


class RayEngine:
    """Workers of Ray, which is joined or started when there is work."""

    def __init__(self, settings: "EngineConfig", *, device: str, progress: Progress) -> None:
        self._settings, self._device, self._progress = settings, device, progress
        self._has_joined = False
        self._crew: Crew | None = None
        self._keys = itertools.count()

    @property
    def n_threads(self) -> int | None:
        """See `Engine`."""
        return self._started().room.cpus

    @property
    def has_gpus(self) -> bool:
        """See `Engine`."""
        return self._started().room.gpus > 0

    @contextmanager
    def team(self, work: Work[Any, Any], *, n_units: int) -> Iterator[Team]:
        """See `Engine`."""
        import ray

        crew = self._started()
        team = _RayTeam(crew, work, key=next(self._keys), reference=[ray.put(pickle.dumps(work))])
        team.engage(n_units)
        yield team

    def close(self) -> None:
        """End the workers, and Ray where this engine has started it."""
        if self._crew is not None:
            self._crew.close()
        if self._has_joined:
            import ray

            ray.shutdown()

    def _started(self) -> Crew:
        if self._crew is None:
            self._progress.message("Starting Ray" if self._settings.address is None else "Joining Ray")
            self._has_joined = join(self._settings)
            self._crew = Crew(find_room(self._settings, device=self._device), progress=self._progress)
        return self._crew


class _RayTeam:
    def __init__(self, crew: Crew, work: Work[Any, Any], *, key: int, reference: list[Any]) -> None:
        self._crew, self._work, self._key, self._reference = crew, work, key, reference

    def engage(self, n_units: int) -> None:
        """Have as many workers at the work as there are units for."""
        self._crew.engage(n_units, key=self._key, work=self._reference)

    def map(self, units: Sequence[Any], *, advance: Advance = ignore_advance) -> Iterator[Any]:
        """See `Team`."""
        schedule, results, n_given = Schedule(len(units)), dict[int, Any](), 0
        try:
            while not schedule.is_done:
                self.engage(len(units))
                self._hand_out(units, schedule)
                for member, unit, answer in self._crew.wait():
                    if unit is None:
                        self._check_opened(member, answer)
                    elif isinstance(answer, Answer) and answer.failure is None:
                        if answer.error is not None:
                            raise answer.error
                        if schedule.finish(unit, time.monotonic()):
                            results[unit] = answer.result
                            advance(answer.n_done)
                    else:
                        self._fail(member, unit, answer, units, schedule)
                while n_given in results:
                    yield results.pop(n_given)
                    n_given += 1
        finally:  # nobody waits for those that are still at a unit
            for member in self._crew.at_units():
                self._crew.dismiss(member)

    def _hand_out(self, units: Sequence[Any], schedule: Schedule) -> None:
        for member in self._crew.free():
            unit = schedule.take(time.monotonic())
            if unit is None:
                return
            # what has ended a worker may have been short of memory: threads need some each
            n_threads = max(1, self._crew.room.cpus >> schedule.n_failures(unit))
            self._give(member, units[unit], number=unit, n_threads=n_threads)

    def _give(self, member: Member, unit: Any, *, number: int, n_threads: int) -> None:
        data = pickle.dumps(unit)
        self._crew.give(member, number, key=self._key, work=self._reference, data=data, n_threads=n_threads)

    def _check_opened(self, member: Member, answer: Answer | Lost) -> None:
        if isinstance(answer, Lost):
            if answer.is_memory:
                self._crew.spare_memory()
        elif answer.error is not None and member.key == self._key:
            raise answer.error
        elif answer.failure is not None:  # it comes again with the first unit, which is then named
            self._crew.tell(f"A worker could not begin: {answer.failure}")

    def _fail(self, member: Member, unit: int, answer: Answer | Lost, units: Sequence[Any], schedule: Schedule) -> None:
        if isinstance(answer, Lost):
            reason, is_machine = answer.reason, answer.is_machine
        else:
            reason, is_machine = answer.failure or "", False
            self._crew.dismiss(member)  # a new process knows nothing of what went wrong
        is_blamed = not is_machine and not (answer.is_memory and self._crew.spare_memory())
        if schedule.fail(unit, is_to_blame=is_blamed):
            what = self._work.describe(self._smallest(units[unit]))
            raise WorkerError(
                f"{what}: failed {MOST_FAILURES} times, each time on a new worker. The last time: {reason}. Look at "
                "these images, and leave out or repair the one that does it. If memory was short, give fewer workers "
                "('engine.n_workers') or smaller batches. What was finished is kept; the same command goes on."
            )
        self._crew.tell(f"Doing a part again: {self._work.describe(units[unit])}: {reason}")

    def _smallest(self, unit: Any) -> Any:
        """The smallest part of a unit that still ends its worker: the unit itself where no half does."""
        self._crew.tell(f"Looking for the image that does it: {self._work.describe(unit)}")
        while True:
            failing = (half for half in self._work.halves(unit) if not self._can_do(half))
            if (smaller := next(failing, None)) is None:
                return unit
            unit = smaller

    def _can_do(self, unit: Any) -> bool:
        """Try a unit once, on whatever worker is free first; those that are at other units are let go."""
        for member in self._crew.at_units():
            self._crew.dismiss(member)
        while True:
            self.engage(1)
            for member in self._crew.free():
                self._give(member, unit, number=0, n_threads=1)
                break
            for member, number, answer in self._crew.wait():
                if number is not None:
                    has_failed = isinstance(answer, Lost) or answer.failure is not None
                    if has_failed and isinstance(answer, Answer):
                        self._crew.dismiss(member)
                    return not has_failed
                self._check_opened(member, answer)
