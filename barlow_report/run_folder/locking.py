"""The lock of a run folder: one process writes at a time, and the others wait where that takes seconds."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from barlow_report.errors import RunFolderError
from barlow_report.files import lock, output_errors

__all__ = ["locked_folder"]

_BUILDING = "building the site"
_PATIENCE = 30.0
"""Seconds that others wait for a site to be built: those of classes by the hundred take longer."""
_BETWEEN_LOOKS = 0.1


@contextmanager
def locked_folder(folder: Path, *, builds_site: bool = False) -> Iterator[None]:
    """Keep other processes from writing to a run folder until the block ends, however it ends.

    A process that computes takes minutes or hours, so that who comes second is told at once. A site is built in
    seconds, by `barlow-report serve` whenever the run changes: this is waited for.

    Args:
        folder: The run folder; made if it is not there.
        builds_site: Whether the block builds the site and does nothing else, which is noted in the file of the lock.

    Raises:
        RunFolderError: Another process is writing to it.
        OutputError: The folder cannot be written.
    """
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "run.lock").open("a+", encoding="utf-8")
    with file:
        _acquire(file, folder)
        with output_errors(folder):
            file.truncate(0)
            file.write(_BUILDING if builds_site else "")
            file.flush()
        yield


def _acquire(file: IO[str], folder: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while not lock(file.fileno()):
        is_building = _is_building(file)
        if not is_building or time.monotonic() > end:
            what = (
                "its site is still being built, by barlow-report site or by the preview of barlow-report serve"
                if is_building
                else "another process is writing to this run"
            )
            raise RunFolderError(f"{folder}: {what}. Wait until it ends, or use another --run.")
        time.sleep(_BETWEEN_LOOKS)


def _is_building(file: IO[str]) -> bool:
    """Whether the process that holds the lock says that it builds the site."""
    file.seek(0)
    return file.read() == _BUILDING
