"""How long work reports that it goes on, without the core knowing where that is shown."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["Advance", "Progress", "SilentProgress", "ignore_advance"]

Advance = Callable[[int], None]
"""Called with the number of units of work that have just been finished."""


def ignore_advance(n_done: int) -> None:
    """Do nothing with `n_done`: the default where nobody watches."""


class Progress(Protocol):
    """Where a pipeline reports to."""

    @contextmanager
    def task(self, description: str, *, total: int, unit: str, n_done: int = 0) -> Iterator[Advance]:
        """Show one piece of work of `total` units, `n_done` of them finished earlier, until the block ends."""
        ...  # pragma: no cover - a protocol has no body

    def message(self, text: str) -> None:
        """Show one line."""
        ...  # pragma: no cover - a protocol has no body


class SilentProgress:
    """Shows nothing: for the Python API and for tests."""

    @contextmanager
    def task(self, description: str, *, total: int, unit: str, n_done: int = 0) -> Iterator[Advance]:  # noqa: ARG002
        """Yield a callback that does nothing."""
        yield ignore_advance

    def message(self, text: str) -> None:
        """Drop `text`."""
