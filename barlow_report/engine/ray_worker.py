"""What runs in the process of a worker: it gets work and units as bytes, and answers with bytes.

Bytes, because what Ray unpickles itself may lie in its store, where arrays cannot be written to and keep their room.
Errors that a user can act on are answers too; whatever else is raised is a failure, which another worker may not have.
"""

import os
import pickle
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from socket import gethostname
from typing import Any

from barlow_report.engine.work import Worker
from barlow_report.errors import BarlowReportError, WorkerError

__all__ = ["Answer", "Place", "RayWorker", "this_place"]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the caller is: workers are to be there too.

    Attributes:
        folder: Its working directory, which relative paths are meant from.
        path: Where it imports modules from.
        version: Of the package.
    """

    folder: str
    path: tuple[str, ...]
    version: str


def this_place() -> Place:
    """Return where this process is."""
    return Place(folder=str(Path.cwd()), path=tuple(sys.path), version=metadata.version("barlow-report"))


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a worker answers.

    Attributes:
        result: Of the unit.
        n_done: How much progress that was.
        error: What a user can act on, in place of a result.
        failure: Another exception in one line, in place of a result.
        is_memory: Whether the failure was that memory was short.
    """

    result: Any = None
    n_done: int = 0
    error: BarlowReportError | None = None
    failure: str | None = None
    is_memory: bool = False


class RayWorker:
    """One worker process; Ray makes an actor of it."""

    def __init__(self, place: Place, *, n_threads: int, has_gpus: bool) -> None:
        os.environ["OMP_NUM_THREADS"] = str(n_threads)  # before torch is imported
        if not has_gpus:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        self._place = place
        self._key: tuple[int, int] | None = None
        self._worker: Worker[Any, Any] | None = None

    def open(self, key: int, work: list[Any], n_threads: int) -> bytes:
        """Make what the work needs: models are loaded now. `work` holds a reference to its bytes."""

        def opened() -> Answer:
            self._opened(key, work, n_threads)
            return Answer()

        return _answered(opened)

    def do(self, key: int, work: list[Any], unit: bytes, n_threads: int) -> bytes:
        """Do one unit."""

        def done() -> Answer:
            n_done = 0

            def advance(n: int) -> None:
                nonlocal n_done
                n_done += n

            worker = self._opened(key, work, n_threads)
            (result,) = worker.run([pickle.loads(unit)], advance=advance)  # noqa: S301 - of the caller
            return Answer(result=result, n_done=n_done)

        return _answered(done)

    def _opened(self, key: int, work: list[Any], n_threads: int) -> Worker[Any, Any]:
        if self._key is None:
            self._come_to_the_caller()
        if self._key != (key, n_threads) or self._worker is None:
            import ray

            self._worker = None  # its memory is needed
            self._worker = pickle.loads(ray.get(work[0])).start(n_threads)  # noqa: S301 - of the caller
            self._key = (key, n_threads)
        return self._worker

    def _come_to_the_caller(self) -> None:
        found = metadata.version("barlow-report")
        if found != self._place.version:
            raise WorkerError(
                f"{gethostname()}: has barlow-report {found}, expected {self._place.version}. Install the same version "
                "on all machines."
            )
        sys.path += [entry for entry in self._place.path if entry not in sys.path]
        try:
            os.chdir(self._place.folder)
        except OSError as error:
            raise WorkerError(
                f"{gethostname()}: cannot see {self._place.folder} ({error.strerror}). Images, weights and the run "
                "folder must be at the same paths on all machines."
            ) from error


def _answered(do: Callable[[], Answer]) -> bytes:
    """The bytes of what `do` returns, or of what it raises."""
    try:
        return pickle.dumps(do())
    except BarlowReportError as error:
        error.add_note(f"In a worker on {gethostname()}:\n{traceback.format_exc()}")
        return pickle.dumps(Answer(error=error))
    except Exception as error:
        failure = "".join(traceback.format_exception_only(error)).strip()
        return pickle.dumps(Answer(failure=failure, is_memory=isinstance(error, MemoryError)))
