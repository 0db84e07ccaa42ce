"""A site, or one file, in an object store.

A site is built on this machine, then put as a whole, its front page and its marker last.

There is no moment at which a folder of objects changes at once. So what pages refer to is put before the pages, the
front page after all others, and only then what belongs to no page any more is deleted: a reader who comes meanwhile
sees the old or the new version of each page, and never one whose pictures are missing.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from barlow_report.errors import OutputError
from barlow_report.files import SITE_MARKER
from barlow_report.storage.addresses import note_copy
from barlow_report.storage.fetching import place_of
from barlow_report.storage.filesystem import open_filesystem, remote_errors

__all__ = ["published", "published_file"]

_FRONT = "index.html"
_PAGES = frozenset({".html", ".md"})
_LOCAL_ONLY = frozenset({".gitignore"})


@contextmanager
def published(address: str) -> Iterator[Path]:
    """Yield where to build a site, a folder or the one file that ends in .html, and put it when the block has ended.

    Args:
        address: Where the site goes: nothing, or a site of ours, which is replaced.

    Raises:
        OutputError: Something else is there, or it cannot be written.
    """
    system, path = open_filesystem(address)
    is_file = path.lower().endswith((".html", ".htm"))
    if not is_file:
        _check_is_ours(system, path, address)
    target = place_of(address, "sites")
    note_copy(target, address)
    yield target
    with remote_errors(address, error_type=OutputError, verb="write"):
        if is_file:
            system.put_file(str(target), path)
        elif target.is_dir():
            _put_folder(system, path, target)


@contextmanager
def published_file(address: str) -> Iterator[Path]:
    """Yield where to write a file, with what is at the address now, and put it when the block has ended, if it changed.

    Args:
        address: Of the file, which need not be there.

    Raises:
        OutputError: It cannot be read or written.
    """
    system, path = open_filesystem(address)
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / path.rpartition("/")[2]
        note_copy(target, address)
        with remote_errors(address, error_type=OutputError, verb="write"):
            if system.exists(path):
                system.get_file(path, str(target))
        before = _content(target)
        yield target
        if _content(target) != before:
            with remote_errors(address, error_type=OutputError, verb="write"):
                system.put_file(str(target), path)


def _content(path: Path) -> tuple[int, int] | None:
    """What changes when a file is written, which is done by putting another one in its place; None without any."""
    found = path.stat() if path.is_file() else None
    return None if found is None else (found.st_ino, found.st_mtime_ns)


def _check_is_ours(system: Any, path: str, address: str) -> None:
    with remote_errors(address, error_type=OutputError, verb="write"):
        try:
            names = [str(entry).rstrip("/").rpartition("/")[2] for entry in system.ls(path, detail=False)]
        except FileNotFoundError:
            return
    if names and SITE_MARKER not in names:
        raise OutputError(
            f"{address}: holds objects that are no barlow-report site (for example {min(names)!r}); they are not "
            "overwritten. Choose another --site."
        )


def _put_folder(system: Any, path: str, folder: Path) -> None:
    files = [found for found in sorted(folder.rglob("*")) if found.is_file()]
    names = [found.relative_to(folder).as_posix() for found in files if found.name not in _LOCAL_ONLY]
    try:
        old = json.loads(system.cat_file(f"{path}/{SITE_MARKER}")).get("files", [])
    except (FileNotFoundError, ValueError, AttributeError):
        old = []
    last = [name for name in (_FRONT, SITE_MARKER) if name in names]
    pages = [name for name in names if Path(name).suffix in _PAGES and name not in last]
    first = [name for name in names if name not in {*pages, *last}]
    for part in (first, pages):
        if part:
            system.put([str(folder / name) for name in part], [f"{path}/{name}" for name in part])
    for name in last:
        system.put_file(str(folder / name), f"{path}/{name}")
    for name in sorted({name for name in old if isinstance(name, str) and ".." not in name} - set(names)):
        with suppress(FileNotFoundError):
            system.rm_file(f"{path}/{name}")
