"""The collector's database: one SQLite file, every submission a row that is never changed."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from barlow_report.errors import DataError

__all__ = ["APPLICATION_ID", "is_database", "read_database"]

APPLICATION_ID = 0x62617231
"""Marks a SQLite file as a collector's."""

_MAGIC = b"SQLite format 3\x00"


def is_database(path: Path) -> bool:
    """Whether the file begins as a SQLite database does."""
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def read_database(path: Path) -> Iterator[str]:
    """Yield every answer as JSON, in the order of their ids; the collector may be running.

    Raises:
        DataError: It is not a collector's database, or cannot be read.
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            (found,) = connection.execute("PRAGMA application_id").fetchone()
            if found != APPLICATION_ID:
                raise DataError(f"{path}: an SQLite database, but not one of the collector. Choose another file.")
            rows = connection.execute("SELECT body FROM records ORDER BY record_id, revision").fetchall()
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter where the file is damaged
        raise DataError(f"{path}: the database cannot be read ({error}). Check the file and the disk.") from error
    yield from (str(body) for (body,) in rows)
