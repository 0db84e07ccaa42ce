"""Progress for programs: one JSON object a line, as `progress.schema.json` beside this module says.

Every line has `event` and `seconds`, the time since the command began. A task has a number by which its later lines
name it. What the library says in words (messages, warnings, errors) comes as text; what a program acts on (counts,
rates, paths, exit codes) in fields of its own.
"""

import json
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from pathlib import Path
from typing import Any, TextIO

from barlow_report.progress import Advance

__all__ = ["SCHEMA", "SCHEMA_VERSION", "ProgressLines", "asked_for"]

SCHEMA = Path(__file__).with_name("progress.schema.json")
SCHEMA_VERSION = 1

asked_for: ContextVar["ProgressLines | None"] = ContextVar("asked_for", default=None)
"""The lines of the command that is running, where it was called with --json."""

_SECONDS_BETWEEN_LINES = 0.5
_LAST = ("done", "error")


class ProgressLines:
    """A `Progress` that writes lines of JSON.

    Args:
        file: Where they go; each is flushed.
        clock: Seconds that only grow.
        every: Seconds between two lines on the same task, at least; its last count is always written.
    """

    def __init__(
        self, file: TextIO, *, clock: Callable[[], float] = time.monotonic, every: float = _SECONDS_BETWEEN_LINES
    ) -> None:
        self._file = file
        self._clock = clock
        self._every = every
        self._start = clock()
        self._numbers = count(1)
        self.is_ended = False

    def event(self, event: str, **fields: Any) -> None:
        """Write one line; after "done" or "error" no further one is to come."""
        line = {"event": event, "seconds": round(self._clock() - self._start, 3), **fields}
        whole = {key: _text(value) if isinstance(value, str) else value for key, value in line.items()}
        self._file.write(json.dumps(whole, allow_nan=False) + "\n")
        self._file.flush()
        self.is_ended = event in _LAST

    def message(self, text: str) -> None:
        """Write what people would read."""
        self.event("message", text=text)

    @contextmanager
    def task(self, description: str, *, total: int, unit: str, n_done: int = 0) -> Iterator[Advance]:
        """Write a line at the start, now and then, and at the end; none at the end of a task that failed."""
        number = next(self._numbers)
        start = last = self._clock()
        done = written = int(n_done)
        self.event("task", task=number, description=description, unit=unit, total=int(total), done=int(n_done))

        def write(now: float) -> None:
            nonlocal last, written
            rate = (done - n_done) / (now - start) if now > start else 0.0
            left = max(total - done, 0) / rate if rate > 0 else None
            rounded = None if left is None else round(left, 1)
            self.event("advance", task=number, done=done, per_second=round(rate, 3), seconds_left=rounded)
            last, written = now, done

        def advance(n: int) -> None:
            nonlocal done
            done += int(n)
            now = self._clock()
            if now - last >= self._every:
                write(now)

        yield advance
        if written < done:
            write(self._clock())
        self.event("task_done", task=number, done=done)

    @contextmanager
    def with_warnings(self) -> Iterator["ProgressLines"]:
        """Write Python's warnings as lines, too, until the block ends."""
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, category, *_, **__: self.event(
                "warning", text=f"{category.__name__}: {message}"
            )
            yield self


def _text(value: str) -> str:
    r"""Write bytes of file names that are no text as \udcff, which every reader of JSON takes."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8")
