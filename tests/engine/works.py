"""Pieces of work that go well, or not, in ways that tests know."""

import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from barlow_report.errors import DataError
from barlow_report.progress import Advance

__all__ = ["Squares", "Sums"]


@dataclass(frozen=True, kw_only=True)
class Squares:
    """Squares numbers; a unit is a number.

    Attributes:
        folder: Where a worker notes that it has started, and every unit that it begins.
        trouble: What happens with the unit 5: killed, killed once, late once, refused, out of memory with threads,
            fails once, or nothing.
    """

    folder: Path
    trouble: str = ""

    def start(self, n_threads: int | None) -> "_Worker":
        (self.folder / f"start-{os.getpid()}-{time.monotonic_ns()}").touch()
        if self.trouble == "cannot start":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.trouble == "refuses to start":
            raise DataError("there are no weights")
        return _Worker(self, n_threads)

    def describe(self, unit: int) -> str:
        return f"1 image: {unit}.png"

    def halves(self, unit: int) -> tuple[()]:  # noqa: ARG002
        return ()


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Adds numbers; a unit is a list of them. The number 5 ends its worker, and so do 2 and 3 together."""

    def start(self, n_threads: int | None) -> "_Adder":  # noqa: ARG002
        return _Adder()

    def describe(self, unit: list[int]) -> str:
        return f"images {unit}"

    def halves(self, unit: list[int]) -> list[list[int]]:
        middle = (len(unit) + 1) // 2
        return [unit[:middle], unit[middle:]] if len(unit) > 1 else []


class _Adder:
    def run(self, units: Iterable[list[int]], *, advance: Advance) -> Iterator[int]:
        for unit in units:
            if 5 in unit or {2, 3} <= set(unit):
                os.kill(os.getpid(), signal.SIGKILL)
            advance(1)
            yield sum(unit)


class _Worker:
    def __init__(self, work: Squares, n_threads: int | None) -> None:
        self._work, self._n_threads = work, n_threads

    def run(self, units: Iterable[int], *, advance: Advance) -> Iterator[tuple[int, int | None]]:
        for unit in units:
            mark = self._work.folder / f"unit-{unit}"
            is_first = not mark.exists()
            mark.touch()
            if unit == 5:
                self._be_in_trouble(is_first)
            advance(1)
            yield unit**2, self._n_threads

    def _be_in_trouble(self, is_first: bool) -> None:
        trouble = self._work.trouble
        if trouble == "killed" or (trouble == "killed once" and is_first):
            os.kill(os.getpid(), signal.SIGKILL)
        if trouble == "late once" and is_first:
            time.sleep(600)
        if trouble == "refused":
            raise DataError("5.png: cannot be read. Restore the file.")
        if trouble == "out of memory with threads" and self._n_threads != 1:
            raise MemoryError
        if trouble == "out of memory":
            raise MemoryError("5 is too large")
        if trouble == "fails once" and is_first:
            raise OSError("the network is down")
        if trouble == "fails":
            raise ZeroDivisionError("of ours")
