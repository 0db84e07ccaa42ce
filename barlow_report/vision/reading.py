"""Reading bytes from disks that now and then fail, and saying in a few words why a file cannot be read.

A network drive that is busy for a moment must not cost an image: an error that may pass is met with a few more
attempts, each after a longer pause. What is left is a reason for the list of skipped images, without the path,
so that it does not depend on where the data lie.
"""

import errno
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from barlow_report.errors import DataError

__all__ = ["MAX_BYTES", "PAUSES", "UnreadableImage", "patiently", "read_file"]

MAX_BYTES = 2**29
"""Larger files are refused: as many bytes as `images.MAX_PIXELS` take uncompressed, at 16 bits per channel."""

PAUSES = (0.1, 0.5, 2.0)
"""Seconds before the second, third and fourth attempt."""

# The next attempt would end the same way.
_PERMANENT = frozenset(
    {errno.ENOENT, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}
)

T = TypeVar("T")


class UnreadableImage(DataError):  # noqa: N818 - says what is the matter with the image
    """An image cannot be read or decoded; `reason` says why without naming the file."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def patiently(action: Callable[[], T]) -> T:
    """Return what `action` returns, calling it again after a pause where the system's error may pass.

    Raises:
        OSError: The error is of a kind that stays, or the last attempt has failed too.
    """
    for pause in PAUSES:
        try:
            return action()
        except OSError as error:
            if error.errno is None or error.errno in _PERMANENT:
                raise
        time.sleep(pause)
    return action()


def read_file(path: Path, *, offset: int = 0, size: int | None = None) -> bytes:
    """Read a file, or `size` bytes of it from `offset` on.

    Raises:
        UnreadableImage: The file is missing, empty, no regular file, larger than `MAX_BYTES`, changes while it is
            read, or the disk fails again and again.
    """
    try:
        return patiently(lambda: _read(path, offset, size))
    except ValueError as error:
        raise UnreadableImage("not a valid file name") from error
    except FileNotFoundError as error:
        raise UnreadableImage("broken link" if path.is_symlink() else "no such file") from error
    except OSError as error:
        reason = error.strerror or str(error)
        is_permanent = error.errno is None or error.errno in _PERMANENT
        raise UnreadableImage(reason if is_permanent else f"{reason} ({1 + len(PAUSES)} attempts)") from error


def _read(path: Path, offset: int, size: int | None) -> bytes:
    status = path.stat()  # before it is opened: opening a pipe waits for somebody to write
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableImage("not a file")
    expected = status.st_size if size is None else size
    if offset + expected > status.st_size:
        raise UnreadableImage("the file ends before it does")
    if expected == 0:
        raise UnreadableImage("the file is empty")
    if expected > MAX_BYTES:
        raise UnreadableImage(f"{expected} bytes, at most {MAX_BYTES} are read")
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read(expected)
        if len(data) != expected or (size is None and os.fstat(file.fileno()).st_size != expected):
            raise OSError(errno.EAGAIN, "the file changes while it is read")
    return data
