"""Progress on a terminal: a bar with rate and time left; plain lines where the output is not a terminal; JSON."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich import progress as rich_progress
from rich.console import Console

from barlow_report.progress import Advance, Progress
from barlow_report.progress_lines import asked_for

__all__ = ["terminal_progress"]

_SECONDS_BETWEEN_LINES = 10.0


class _Rate(rich_progress.ProgressColumn):
    def render(self, task: rich_progress.Task) -> str:
        speed = task.finished_speed or task.speed
        return "" if speed is None else f"{speed:,.1f} {task.fields['unit']}/s"


class _Bars:
    """Bars on a terminal."""

    def __init__(self, console: Console) -> None:
        self._bars = rich_progress.Progress(
            rich_progress.TextColumn("{task.description:<22}"),
            rich_progress.BarColumn(bar_width=30),
            rich_progress.MofNCompleteColumn(),
            _Rate(),
            rich_progress.TimeRemainingColumn(elapsed_when_finished=True),
            console=console,
        )

    @contextmanager
    def task(self, description: str, *, total: int, unit: str, n_done: int = 0) -> Iterator[Advance]:
        """Show a bar."""
        task_id = self._bars.add_task(description, total=total, completed=n_done, unit=unit)
        yield lambda n: self._bars.advance(task_id, n)

    def message(self, text: str) -> None:
        """Print a line above the bars."""
        self._bars.console.print(text, markup=False, highlight=False)

    @contextmanager
    def shown(self) -> Iterator["_Bars"]:
        with self._bars:
            yield self


class _Lines:
    """A line now and then, for logs."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def task(self, description: str, *, total: int, unit: str, n_done: int = 0) -> Iterator[Advance]:
        """Print a line at the start, every ten seconds, and at the end."""
        start = last = time.monotonic()
        done = n_done
        self.message(f"{description}: {n_done}/{total} {unit}" + (" finished earlier" if n_done else ""))

        def advance(n: int) -> None:
            nonlocal done, last
            done += n
            now = time.monotonic()
            if now - last >= _SECONDS_BETWEEN_LINES and done < total:
                last = now
                rate = (done - n_done) / (now - start)
                left = f", {(total - done) / rate:.0f} s left" if rate > 0 else ""
                self.message(f"{description}: {done}/{total} {unit}, {rate:.1f} {unit}/s{left}")

        yield advance
        self.message(f"{description}: done in {time.monotonic() - start:.1f} s")

    def message(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def terminal_progress() -> Iterator[Progress]:
    """Show progress on standard error until the block ends, as lines of JSON where the command was asked for them."""
    console = Console(stderr=True)
    if (lines := asked_for.get()) is not None:
        with lines.with_warnings():
            yield lines
    elif console.is_terminal:
        with _Bars(console).shown() as bars:
            yield bars
    else:
        yield _Lines(console)
