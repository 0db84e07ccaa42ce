"""Copies of objects in a cache of this machine, fetched whole, and again when the object has changed."""

import os
import secrets
from pathlib import Path, PurePosixPath
from typing import Any

from barlow_report.errors import DataError
from barlow_report.files import digest_text, output_errors
from barlow_report.storage.addresses import joined, note_copy
from barlow_report.storage.filesystem import open_filesystem, remote_errors, version_of

__all__ = ["cache_folder", "fetch", "fetch_matching", "fetch_named", "look_for", "names_matching"]

_GLOB = frozenset("*?[{")


def cache_folder() -> Path:
    """Return the folder of copies: BARLOW_REPORT_CACHE, or barlow-report in the user's folder of caches."""
    named = os.environ.get("BARLOW_REPORT_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "barlow-report"


def place_of(address: str, kind: str) -> Path:
    """Return where the copy of an address lies in the cache; its last part is that of the address."""
    return cache_folder() / kind / digest_text(address)[:20] / (PurePosixPath(address).name or "root")


def fetch(address: str) -> Path:
    """Return the copy of a file, or of all files below a folder.

    Raises:
        DataError: It is not there, or cannot be read.
        OutputError: The cache cannot be written.
    """
    system, path = open_filesystem(address)
    with remote_errors(address):
        info = system.info(path)
    if info.get("type") != "directory":
        return _fetch_file(system, info, address=address, target=place_of(address, "files"))
    folder = place_of(address, "folders")
    with remote_errors(address):
        found = system.find(path, detail=True)
    for name, info in found.items():
        below = name[len(path) :].strip("/")
        _fetch_file(system, info, address=joined(address, below), target=_below(folder, below, address))
    note_copy(folder, address)
    return folder


def fetch_matching(address: str) -> Path:
    """Return a local pattern that names copies of exactly the files that the pattern `address` names.

    Raises:
        DataError: There is none, or one cannot be read.
        OutputError: The cache cannot be written.
    """
    system, path = open_filesystem(address)
    found = _matching(system, path, address)
    fixed = _fixed_part(path)
    folder = place_of(address, "patterns").parent / "files"
    wanted = set()
    for name, info in found.items():
        below = name[len(fixed) :].strip("/")
        target = _below(folder, below, address)
        _fetch_file(system, info, address=f"{address.partition('://')[0]}://{name}", target=target)
        wanted.add(target)
    with output_errors(folder):
        for other in folder.rglob("*"):
            if other.is_file() and other not in wanted and other.suffix != _STATE:
                other.unlink()
    pattern = folder / path[len(fixed) :].lstrip("/")
    note_copy(pattern, address)
    return pattern


def fetch_named(address: str) -> Path:
    """Return the copy of what is called so, as `fetch`; else a pattern of copies of what fits it, as `fetch_matching`.

    Raises:
        DataError: There is none, or one cannot be read.
        OutputError: The cache cannot be written.
    """
    system, path = open_filesystem(address)
    return fetch_matching(address) if _is_pattern(system, path, address) else fetch(address)


def names_matching(address: str) -> list[str]:
    """Return the addresses that a pattern names, or itself where something is called so; nothing is fetched.

    Raises:
        DataError: There is none, or the store cannot be asked.
    """
    system, path = open_filesystem(address)
    if not _is_pattern(system, path, address):
        return [address]
    return [f"{address.partition('://')[0]}://{name.lstrip('/')}" for name in sorted(_matching(system, path, address))]


def _matching(system: Any, path: str, address: str) -> dict[str, dict[str, Any]]:
    """What the file system says about each file that a pattern names, by its name there."""
    with remote_errors(address):
        found = {
            name: info
            for part in _alternatives(path)
            for name, info in system.glob(part, detail=True).items()
            if info.get("type") != "directory"
        }
    if not found:
        raise DataError(f"{address}: found no file. Correct the pattern.")
    return found


def look_for(address: str) -> None:
    """Ask whether a file, a folder or something that fits a pattern is there; nothing is fetched.

    Raises:
        DataError: It is not there, or cannot be asked for.
    """
    system, path = open_filesystem(address)
    if _is_pattern(system, path, address):
        _matching(system, path, address)
    else:
        with remote_errors(address):
            system.info(path)


def _is_pattern(system: Any, path: str, address: str) -> bool:
    """Whether a name is a pattern; an object may be called like one."""
    with remote_errors(address):
        return bool(_GLOB & set(path)) and not system.exists(path)


_STATE = ".version"


def _fetch_file(system: Any, info: dict[str, Any], *, address: str, target: Path) -> Path:
    """Copy an object, unless the copy is of the same version; whole, under another name first."""
    version = f"{version_of(info)} {info.get('size')}"
    note = target.with_name(f".{target.name}{_STATE}")
    note_copy(target, address)
    if target.is_file() and note.is_file() and note.read_text(encoding="utf-8") == version:
        return target
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    with output_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with remote_errors(address):
            system.get_file(info["name"], str(partial))
        size = partial.stat().st_size
        if info.get("size") is not None and size != info["size"]:
            raise DataError(
                f"{address}: {size} of {info['size']} bytes arrived: it changes while it is read, or the connection "
                "was lost. Run the same command again."
            )
        with output_errors(target):
            note.unlink(missing_ok=True)
            _date(partial, info)
            partial.replace(target)
            note.write_text(version, encoding="utf-8")
    finally:
        partial.unlink(missing_ok=True)
    return target


def _date(path: Path, info: dict[str, Any]) -> None:
    """Give a copy the time of its object: what depends on a file's time does not depend on when it was fetched."""
    found: Any = next((info[key] for key in ("LastModified", "last_modified", "mtime", "created") if info.get(key)), 0)
    seconds = found.timestamp() if hasattr(found, "timestamp") else found if isinstance(found, int | float) else 0
    os.utime(path, (seconds, seconds))


def _below(folder: Path, below: str, address: str) -> Path:
    """The path of an object below a folder; its name comes from outside."""
    target = Path(os.path.normpath(folder / below))
    if not below or not target.is_relative_to(folder) or target == folder:
        raise DataError(f"{address}: holds an object named {below!r}, which is no path below it. Rename it.")
    return target


def _alternatives(pattern: str) -> list[str]:
    """Write a pattern with {000..009} or {a,b} as several ones, which is what other programs understand by it."""
    start, end = pattern.find("{"), pattern.find("}")
    if start < 0 or end < start:
        return [pattern]
    inside = pattern[start + 1 : end]
    first, dots, last = inside.partition("..")
    if dots and first.isdigit() and last.isdigit() and int(last) - int(first) < 100_000:
        parts = [str(i).zfill(len(first)) for i in range(int(first), int(last) + 1)]
    else:
        parts = inside.split(",")
    return [found for part in parts for found in _alternatives(pattern[:start] + part + pattern[end + 1 :])]


def _fixed_part(pattern: str) -> str:
    """The folders of a pattern before its first sign."""
    first = min(pattern.index(sign) for sign in _GLOB if sign in pattern)
    return pattern[:first].rpartition("/")[0]
