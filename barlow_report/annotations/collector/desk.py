"""The store, asked from the event loop: in threads of its own, and never for longer than a request can wait.

Whatever holds the database up holds up only those who need it: pages and the answer about health have other
threads. Who has waited long enough is told to come back; what is stored nevertheless is found to be there
already when it is sent again.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

import anyio

from barlow_report.annotations.answers import Answer
from barlow_report.annotations.collector.connection import UnavailableError
from barlow_report.annotations.collector.store import Annotator, Store

__all__ = ["Desk"]

T = TypeVar("T")

_HEALTH_SECONDS = 0.5


class Desk:
    """Asks a store; every method raises `UnavailableError` where it does not answer in time.

    Args:
        store: One connection that writes and one that reads.
        seconds: How long a request waits.
    """

    def __init__(self, store: Store, *, seconds: float) -> None:
        self._store, self._seconds = store, seconds
        self._writing, self._reading = anyio.CapacityLimiter(1), anyio.CapacityLimiter(1)
        self._looking = anyio.CapacityLimiter(1)

    @property
    def problem(self) -> str:
        """Why the last change could not be written; empty where it was."""
        return self._store.problem

    async def annotator(self, token: str) -> Annotator | None:
        """See `Store.annotator`."""
        return await self._ask(lambda: self._store.annotator(token), self._reading)

    async def records_of(self, annotator: str) -> list[str]:
        """See `Store.records_of`."""
        return await self._ask(lambda: self._store.records_of(annotator), self._reading)

    async def items_of(self, annotator: str) -> set[tuple[int, int]]:
        """See `Store.items_of`."""
        return await self._ask(lambda: self._store.items_of(annotator), self._reading)

    async def n_records(self) -> int:
        """See `Store.n_records`; answers at once or not at all."""
        return await self._ask(self._store.n_records, self._looking, seconds=_HEALTH_SECONDS)

    async def add(self, answer: Answer) -> Literal["stored", "unchanged"]:
        """See `Store.add`."""
        return await self._ask(lambda: self._store.add(answer), self._writing)

    async def enrol(self, platform: str, platform_id: str, *, n_parts: int) -> tuple[Annotator, str]:
        """See `Store.enrol`."""
        return await self._ask(lambda: self._store.enrol(platform, platform_id, n_parts=n_parts), self._writing)

    async def _ask(self, call: Callable[[], T], limiter: anyio.CapacityLimiter, *, seconds: float | None = None) -> T:
        try:
            with anyio.fail_after(self._seconds if seconds is None else seconds):
                return await anyio.to_thread.run_sync(call, limiter=limiter, abandon_on_cancel=True)
        except TimeoutError:
            advice = "Wait until that has ended, and try again."
            raise UnavailableError(Path(self._store.path), "the database does not answer", advice=advice) from None
