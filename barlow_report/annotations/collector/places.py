"""Where a collector's database may lie: not in a site, which is published and replaced as a whole."""

import os
from collections.abc import Iterator
from pathlib import Path

from barlow_report.errors import DataError
from barlow_report.files import SITE_MARKER

__all__ = ["refuse_in_site"]

_ENDINGS = ("", "-wal", "-shm", "-journal")
"""Of the names of the files that SQLite keeps beside a database, in which answers lie as well."""


def refuse_in_site(database: Path, *, site: Path | None = None) -> None:
    """Check that neither a database nor the files beside it lie in a site, under whatever name.

    Args:
        database: The file; it need not be there yet.
        site: The site that is about to be served; any other one is known by its marker.

    Raises:
        DataError: One of them lies in a site.
    """
    for ending in _ENDINGS:
        path = database.with_name(f"{database.name}{ending}")
        for place in {Path.cwd() / path, path.resolve()}:
            for folder in place.parents:
                if (folder / SITE_MARKER).is_file() or (site is not None and _is_same(folder, site)):
                    raise _refusal(database, folder)
        if site is not None and _has_other_names(path) and any(_is_same(path, other) for other in _files(site)):
            raise _refusal(database, site)


def _refusal(database: Path, site: Path) -> DataError:
    return DataError(
        f"{database}: lies in the site {site}. A site is published, and a build replaces all of it. Choose a place "
        "outside the site for --database; if answers are in there already, stop the collector and move the file with "
        "those beside it that begin with its name."
    )


def _is_same(one: Path, other: Path) -> bool:
    """Whether two names lead to the same file or folder, whatever the case of letters, links and mounts."""
    try:
        return one.samefile(other)
    except OSError:
        return False


def _has_other_names(path: Path) -> bool:
    try:
        return path.stat().st_nlink > 1
    except OSError:
        return False


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)
