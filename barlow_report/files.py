"""Writing files so that a reader never sees half of one, and a failed write says what to do.

Everything is written to a temporary name of its own beside its destination, flushed, and then renamed, so any
number of threads and processes may write the same file at once: the last one to finish stays. A process that is
killed leaves at most files that end in `.partial`, which the next one that has the folder to itself deletes.
"""

import errno
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from barlow_report.errors import DataError, OutputError

try:
    import fcntl
except ImportError:  # no such lock on this system; two processes that write to one folder are then not noticed
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "HAS_LOCKS",
    "PARTIAL",
    "SITE_MARKER",
    "atomic_file",
    "atomic_write",
    "delete_partial",
    "digest_file",
    "digest_named",
    "digest_text",
    "lock",
    "observe",
    "output_errors",
    "unobserve",
]

HAS_LOCKS = fcntl is not None
"""Whether the system has locks that end with the process."""

PARTIAL = ".partial"
"""How the names of unfinished files end."""

_OBSERVERS: list[Callable[[Path], None]] = []

SITE_MARKER = ".barlow-report.json"
"""The file by which a folder is known as one of our sites; it names the run, the format and every file of the build."""


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turn an operating system's error while writing `path` into an `OutputError` that says what to do."""
    try:
        yield
    except OSError as error:
        reasons = {
            errno.ENOSPC: "no space is left on the device. Free some space and run the same command again",
            errno.EDQUOT: "the disk quota is used up. Free some space and run the same command again",
            errno.EACCES: "permission was denied. Choose another folder, or make this one writable",
            errno.EPERM: "permission was denied. Choose another folder, or make this one writable",
            errno.EROFS: "the file system is read-only. Choose another folder",
            errno.ENOTDIR: "part of the path is a file, not a folder. Choose another folder",
            errno.EEXIST: "part of the path is a file, not a folder. Choose another folder",
        }
        reason = reasons.get(error.errno or 0, f"{error.strerror or error}. Check the path and the disk")
        raise OutputError(f"{path}: cannot be written: {reason}; what was finished is kept.") from error


@contextmanager
def atomic_file(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Open a file for binary writing that appears under `path` only when the block ends without an error.

    What was written can be read back until then.

    Args:
        path: The destination; its folder is made.
        durable: Wait until the bytes are on the disk (not needed for files that can be made again).

    Raises:
        OutputError: The file cannot be written.
    """
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}{PARTIAL}")
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("x+b") as file:
                yield file
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise
    for observer in _OBSERVERS:
        observer(path)


def observe(observer: Callable[[Path], None]) -> None:
    """Have `observer` called with the path of each file when it has been written, by the thread that wrote it."""
    _OBSERVERS.append(observer)


def unobserve(observer: Callable[[Path], None]) -> None:
    """Stop that."""
    with suppress(ValueError):
        _OBSERVERS.remove(observer)


def atomic_write(path: Path, data: bytes | str, *, durable: bool = True) -> None:
    """Write `data` to `path` as a whole or not at all; text is encoded as UTF-8. See `atomic_file`."""
    with atomic_file(path, durable=durable) as file:
        file.write(data.encode() if isinstance(data, str) else data)


def delete_partial(folder: Path) -> None:
    """Delete what writers that were killed have left in a folder in which nobody else is writing.

    Raises:
        OutputError: A file cannot be deleted.
    """
    with output_errors(folder):
        for path in folder.glob(f"*{PARTIAL}"):
            path.unlink()


def digest_named(path: Path, *, key: str) -> str:
    """Return the hash of a file of data that the configuration names under `key`.

    Raises:
        DataError: It cannot be read.
    """
    try:
        return digest_file(path)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}). Give the path of an existing file under {key}."
        ) from error


def digest_text(text: str) -> str:
    """Return the SHA-256 of `text` in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal, read in pieces.

    Raises:
        OSError: It cannot be read, or is a device or a pipe, which may have no end.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is not a file")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def lock(handle: int) -> bool:
    """Lock an open file or folder until it is closed; False where another process has locked it.

    Without locks on the system the answer is True.
    """
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
