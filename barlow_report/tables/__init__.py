"""The schema of every table in a run folder: columns, types, allowed values and meaning.

Tables are checked when they are written and when they are read, so a page can rely on them and a file from
another version is refused instead of misread. The schema is also the documentation of the run folder.

Two tables are split otherwise than one might expect, because each table has one writer: the fit/held-out
split belongs to `explain` (it depends on its settings), so it is `splits` and not a column of `images`,
which `extract` writes once for all settings. "Failure" is never a column; it is `prediction != label`.

In `groups`, `nodes` and `rules` the plain columns describe the images the tree was fitted on (all images of
the group where none is held out) and the columns ending in `_held_out` the evidence: the images it never saw. Where
rules are tested by shuffles no image is held out: their counts are 0, and their rates are estimates for all images.
"""

import pandas as pd

from barlow_report.lenses import registry
from barlow_report.tables import answers, explanation, extraction, pictures
from barlow_report.tables.checking import check_frame, empty_frame
from barlow_report.tables.extraction import NO_IMAGE
from barlow_report.tables.schema import COLUMN_GROUPING, Column, Table

__all__ = [
    "ANSWER_TABLES",
    "COLUMN_GROUPING",
    "NO_IMAGE",
    "TABLES",
    "Column",
    "Table",
    "all_tables",
    "check_table",
    "empty_table",
]

_PARTS = (extraction, explanation, pictures, answers)

TABLES: dict[str, Table] = {table.name: table for part in _PARTS for table in part.TABLES}
"""Every table of the stages and of people's answers, by its name."""


ANSWER_TABLES = tuple(table.name for table in answers.TABLES)
"""The names of the tables that are made of people's answers."""


def all_tables() -> dict[str, Table]:
    """Return every table by its name, those of the lenses included."""
    return TABLES | registry.lens_tables()


def _table(name: str) -> Table:
    return TABLES[name] if name in TABLES else registry.lens_tables()[name]


def empty_table(name: str) -> pd.DataFrame:
    """Return table `name` without rows, with its columns and dtypes."""
    return empty_frame(_table(name))


def check_table(name: str, frame: pd.DataFrame, *, where: str) -> pd.DataFrame:
    """Return `frame` with the columns in order and in the dtypes of table `name`.

    Args:
        name: A key of `all_tables`.
        frame: The rows; extra columns are an error, not dropped.
        where: Named in the error, for example the file.

    Raises:
        SchemaError: Columns are missing or unknown, a value has the wrong type, is missing, infinite or not one
            of the allowed values, or the key is not unique. All problems are named at once.
    """
    return check_frame(_table(name), frame, where=where)
