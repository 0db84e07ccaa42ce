"""Sealed files: each holds the checksum of its own bytes, so that damage is an error and never another value.

A seal is the text `sealed-sha256:` and 64 hexadecimal digits near the end of a file: the SHA-256 of the whole file
with these digits as zeros. One changed bit anywhere, in a value, in a length, in the seal itself, no longer fits.
Parquet keeps it in the metadata of its footer, JSON as an entry of its object, .npy and .npz after their data, where
readers do not look: every other program reads the files as ever.

The checksum is in the file and not beside it, because then one rename puts both in place: a process that is killed
never leaves a file without its checksum, or with that of another version, and a copy of the file takes it along.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from barlow_report.errors import DamagedFileError
from barlow_report.files import atomic_file, atomic_write

__all__ = [
    "REDRAW",
    "UNSEALED",
    "check_seal",
    "content_name",
    "is_sealed",
    "read_named",
    "read_sealed",
    "read_sealed_json",
    "sealed_file",
    "write_sealed_json",
]

_MARK = b"sealed-sha256:"
_N_DIGITS = 64
_TAIL = 2**20
_BLOCK = 2**20
_ENTRY = "seal"

REDRAW = "Run barlow-report run with the run's configuration: it draws what is damaged or missing again."
"""What to do about a damaged picture."""

UNSEALED = (_MARK + b"0" * _N_DIGITS).decode()
"""What a writer puts near the end of a file, for `sealed_file` to fill in."""


@contextmanager
def sealed_file(path: Path, *, appends: bool = True) -> Iterator[BinaryIO]:
    """Open a file for binary writing that appears under `path`, with its seal, when the block ends without an error.

    Args:
        path: The destination; its folder is made.
        appends: Put the seal after what was written; otherwise the block has written `UNSEALED` itself.

    Raises:
        OutputError: The file cannot be written.
    """
    with atomic_file(path) as file:
        yield file
        if appends:
            file.write(f"\n{UNSEALED}\n".encode())
        size = file.seek(0, 2)
        start = _find_digits(file, size)
        if start is None:
            raise ValueError(f"{path}: nothing to fill in near its end")
        digest = _digest(file, start)
        file.seek(start)
        file.write(digest.encode())


def write_sealed_json(path: Path, values: Mapping[str, Any], *, indent: int | None = None) -> None:
    """Write an object as sealed JSON, as a whole or not at all; its seal is the last entry, `seal`."""
    text = json.dumps({**values, _ENTRY: UNSEALED}, indent=indent, ensure_ascii=False) + "\n"
    before, mark, after = text.encode().rpartition(UNSEALED.encode())
    digest = hashlib.sha256(before + mark + after).hexdigest()
    atomic_write(path, before + _MARK + digest.encode() + after)


def check_seal(path: Path, *, advice: str) -> None:
    """Read a sealed file once, a block at a time, and check that it is whole.

    Args:
        path: The file.
        advice: What to do where it is not, for the message.

    Raises:
        DamagedFileError: It cannot be read or is damaged.
    """
    try:
        with path.open("rb") as file:
            start = _find_digits(file, file.seek(0, 2))
            is_whole = start is not None and _digits(file, start) == _digest(file, start).encode()
    except OSError as error:
        raise DamagedFileError(f"{path}: cannot be read ({error.strerror}). {advice}") from error
    if not is_whole:
        raise _damaged(path, advice)


def is_sealed(path: Path) -> bool:
    """Whether the file is there, and whole."""
    try:
        check_seal(path, advice="")
    except DamagedFileError:
        return False
    return True


def read_sealed(path: Path, *, advice: str) -> bytes:
    """Return the content of a sealed file; what is returned is what was checked. See `check_seal`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DamagedFileError(f"{path}: cannot be read ({error.strerror}). {advice}") from error
    start = _start_of_digits(data)
    if start is None or not _fits(data, start):
        raise _damaged(path, advice)
    return data


def read_sealed_json(path: Path, *, advice: str) -> dict[str, Any]:
    """Return the object of a sealed JSON file, without its seal. See `check_seal`."""
    values: dict[str, Any] = json.loads(read_sealed(path, advice=advice))
    del values[_ENTRY]
    return values


def content_name(data: bytes) -> str:
    """Return the hexadecimal hash that names a picture with these bytes."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def read_named(path: Path) -> bytes:
    """Return the bytes of a picture, checked against its name, `<2 hex>/<hash>.<suffix>`.

    Raises:
        DamagedFileError: It cannot be read or is damaged.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DamagedFileError(f"{path}: cannot be read ({error.strerror}). {REDRAW}") from error
    if path.stem != content_name(data):
        raise DamagedFileError(f"{path}: is damaged: its bytes do not fit its name, which is their hash. {REDRAW}")
    return data


def _damaged(path: Path, advice: str) -> DamagedFileError:
    return DamagedFileError(
        f"{path}: is damaged or was changed by hand: its bytes do not fit the checksum in it. {advice}"
    )


def _start_of_digits(data: bytes) -> int | None:
    found = data.rfind(_MARK, max(len(data) - _TAIL, 0))
    start = found + len(_MARK)
    return start if found >= 0 and start + _N_DIGITS <= len(data) else None


def _fits(data: bytes, start: int) -> bool:
    view = memoryview(data)
    digest = hashlib.sha256(view[:start])
    digest.update(b"0" * _N_DIGITS)
    digest.update(view[start + _N_DIGITS :])
    return data[start : start + _N_DIGITS] == digest.hexdigest().encode()


def _find_digits(file: BinaryIO, size: int) -> int | None:
    first = max(size - _TAIL, 0)
    file.seek(first)
    start = _start_of_digits(file.read(_TAIL))
    return None if start is None else first + start


def _digits(file: BinaryIO, start: int) -> bytes:
    file.seek(start)
    return file.read(_N_DIGITS)


def _digest(file: BinaryIO, start: int) -> str:
    """The SHA-256 of a file with zeros for the digits at `start`; one block is in memory."""
    digest, position = hashlib.sha256(), 0
    file.seek(0)
    while position < start:
        block = file.read(min(_BLOCK, start - position))
        if not block:
            break  # the file has become shorter
        digest.update(block)
        position += len(block)
    digest.update(b"0" * _N_DIGITS)
    file.seek(start + _N_DIGITS)
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()
