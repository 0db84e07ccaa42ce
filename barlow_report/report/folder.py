"""Putting a finished site in place of the old one, whatever happens in between.

The site is built in a hidden sibling and swapped in by two renames. A process that is killed leaves the old
site, or, between the renames, the old site under its hidden name; the next build puts that back first. The
lock is on the sibling folder itself and ends with the process.
"""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from barlow_report.errors import OutputError
from barlow_report.files import HAS_LOCKS, SITE_MARKER, lock, output_errors

__all__ = ["MARKER", "replaced_folder"]

MARKER = SITE_MARKER
_FORMAT = 1
_IGNORE = "# Created by barlow-report\n*\n"


@contextmanager
def replaced_folder(site: Path, *, run_id: str, is_ignored: bool = True) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `site` when the block ends without an error.

    Args:
        site: The folder to replace.
        run_id: Named in the marker.
        is_ignored: Keep version control from picking the folder up.

    Raises:
        OutputError: `site` holds something else, another process is building it, or it cannot be written.
    """
    site = Path(os.path.realpath(site))
    building, old = site.with_name(f".{site.name}.building"), site.with_name(f".{site.name}.old")
    with output_errors(site):
        site.parent.mkdir(parents=True, exist_ok=True)
        building.mkdir(exist_ok=True)
    with _locked(building, site):
        try:
            with output_errors(site):
                _recover(site, old)
                _check_is_ours(site)
                _empty(building)
            yield building
            with output_errors(site):
                _sign(building, site, run_id=run_id, is_ignored=is_ignored)
                _swap(building, site, old)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise


@contextmanager
def _locked(folder: Path, site: Path) -> Iterator[None]:
    if not HAS_LOCKS:  # nor can a folder be opened there
        yield
        return
    with output_errors(folder):
        handle = os.open(folder, os.O_RDONLY)
    try:
        if not lock(handle):
            raise OutputError(
                f"{site}: another process is building this site. Wait until it ends, or use another --site."
            )
        yield
    finally:
        os.close(handle)


def _recover(site: Path, old: Path) -> None:
    """Put back what a killed build has moved aside, or delete it if the new site is in place."""
    if not old.exists():
        return
    if site.exists():
        shutil.rmtree(old)
    else:
        old.rename(site)


def _check_is_ours(site: Path) -> None:
    if not site.exists():
        return
    if not site.is_dir():
        raise OutputError(f"{site}: found a file, expected a folder. Choose another --site.")
    names = {path.name for path in site.iterdir()} - {".gitignore"}
    if names and MARKER not in names:
        raise OutputError(
            f"{site}: holds files that are no barlow-report site (for example {min(names)!r}); they are not "
            "overwritten. Choose another --site, or an empty folder."
        )


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _sign(building: Path, site: Path, *, run_id: str, is_ignored: bool) -> None:
    """Write the marker with the list of files, and keep version control out, unless the site has its own rules."""
    files = sorted(path.relative_to(building).as_posix() for path in building.rglob("*") if path.is_file())
    marker = {"made_by": "barlow-report", "format": _FORMAT, "run_id": run_id, "files": files}
    with (building / MARKER).open("w", encoding="utf-8") as file:
        json.dump(marker, file, indent=2)
        file.write("\n")
    ignore = site / ".gitignore"
    if is_ignored or ignore.is_file():
        text = ignore.read_text(encoding="utf-8") if ignore.is_file() else _IGNORE
        (building / ".gitignore").write_text(text, encoding="utf-8")


def _swap(building: Path, site: Path, old: Path) -> None:
    if not site.exists():
        building.rename(site)
        return
    try:
        site.rename(old)
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.EXDEV):
            raise
        _move_content(building, site)  # a mount point cannot be renamed: its content is exchanged instead
        return
    building.rename(site)
    shutil.rmtree(old)


def _move_content(building: Path, site: Path) -> None:
    """Exchange the content; the marker stays until the end, so that a killed exchange can be repeated."""
    for path in site.iterdir():
        if path.name == MARKER:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    shutil.copytree(building, site, dirs_exist_ok=True)
    shutil.rmtree(building)
