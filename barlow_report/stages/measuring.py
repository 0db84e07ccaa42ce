"""Short measurements: how long something takes for each item, from a few and then as many as take some seconds."""

import time
from collections.abc import Callable

__all__ = ["seconds_each", "slowness", "timed"]

_USUAL = 0.08
"""Seconds of the work of `slowness` where constants were measured, with nothing beside it."""
_N_LINES, _N_TIMES = 20_000, 5


def timed(work: Callable[[], object]) -> float:
    """Do something, and return the seconds that it took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def seconds_each(work: Callable[[int], object], *, n_first: int, n_most: int, seconds: float) -> float:
    """Measure how long something takes for each item.

    Args:
        work: Does it for so many items.
        n_first: For how many at first, at least 1: what is read or compiled once counts only where more would take
            longer than `seconds`.
        n_most: For how many at most, at least 1.
        seconds: How long a second measurement may take.
    """
    n_first = min(n_first, n_most)
    each = timed(lambda: work(n_first)) / n_first
    n = n_most if each <= 0 else min(int(seconds / each), n_most)
    return timed(lambda: work(n)) / n if n >= n_first else each


def slowness() -> float:
    """Return how many times as long a small piece of work takes here and now as where constants were measured."""
    seconds = timed(lambda: [_make_text() for _ in range(_N_TIMES)])
    return max(seconds / _USUAL, 0.1)


def _make_text() -> str:
    """Do what pages are made with: format, count, sort and join texts."""
    lines = {f"{i * 7919 % _N_LINES:05d}": f"<li>{i:,}</li>" for i in range(_N_LINES)}
    return "\n".join(lines[key] for key in sorted(lines))
