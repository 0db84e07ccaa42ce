"""The engine of a run on one machine: this process does all units in one stream, with its threads."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from barlow_report.engine.work import Team, Work, Worker
from barlow_report.progress import Advance, ignore_advance

__all__ = ["LocalEngine"]


class LocalEngine:
    """This process."""

    n_threads: int | None = None
    has_gpus = False

    @contextmanager
    def team(self, work: Work[Any, Any], *, n_units: int) -> Iterator[Team]:  # noqa: ARG002 - however many
        """See `Engine`."""
        yield _Alone(work)

    def close(self) -> None:
        """Nothing is held."""


class _Alone:
    def __init__(self, work: Work[Any, Any]) -> None:
        self._work = work
        self._worker: Worker[Any, Any] | None = None

    def map(self, units: Sequence[Any], *, advance: Advance = ignore_advance) -> Iterator[Any]:
        if self._worker is None:
            self._worker = self._work.start(None)
        return self._worker.run(units, advance=advance)
