"""Tables that can be sorted and filtered: their cells once as HTML and once as a columnar data script.

The HTML holds the first page of rows, for readers without script and for the first paint. All rows are in a
classic script (`fetch` does not work from file://), by column, because the same rows as HTML are six times
as large and sorting them in the page takes seconds. Numbers go as numbers; the script writes them with the
rules of `formatting.py`, and a test compares the two.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from barlow_report.formatting import number
from barlow_report.report.records import Estimate, Share

__all__ = ["Cell", "DataTable", "Filter", "Link", "Picture", "Sample", "TableColumn"]

Kind = Literal[
    "text",
    "link",
    "links",
    "count",
    "rate",
    "estimate",
    "change",
    "number",
    "percent",
    "activation",
    "q",
    "grade",
    "badge",
    "picture",
    "sample",
]


@dataclass(frozen=True, slots=True)
class Link:
    """Text that leads somewhere; `path` is relative to the site's root."""

    text: str
    path: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture below media/, and the words that stand for it."""

    name: str
    alt: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture of what a row is about, and beside it small ones of features, each with what they are to it."""

    picture: Picture | None
    features: tuple[tuple[Picture, str], ...]


Cell = str | int | float | Share | Estimate | Link | tuple[Link, ...] | Picture | Sample | None


@dataclass(frozen=True, kw_only=True)
class TableColumn:
    """A column; `title` explains an abbreviated label, `starts` is the direction of the first sort.

    A `change` is a difference of two shares with its interval, −1 to 1, and written in percentage points.
    A rate that `is_rest` is of images that are right, and written as what the rounded error rate leaves of 100 %.
    `words` are those of a badge by its value; `grades` those of a number of at least so much, the highest first. On
    wide screens a column that `is_below` shares the place of the one before it, so that tables of many columns fit.
    """

    key: str
    label: str
    kind: Kind
    title: str = ""
    starts: Literal["ascending", "descending"] = "ascending"
    words: Mapping[str, str] = field(default_factory=dict)
    grades: tuple[tuple[float, str], ...] = ()
    is_below: bool = False
    is_rest: bool = False

    def grade(self, value: float) -> str:
        """Write a number behind its word: stable 0.92."""
        return f"{next(word for limit, word in self.grades if value >= limit)} {number(value, decimals=2)}"

    @property
    def is_sortable(self) -> bool:
        """Whether its header is a button."""
        return self.kind not in ("picture", "sample", "links")

    @property
    def is_numeric(self) -> bool:
        """Whether it is aligned to the right."""
        return self.kind in ("count", "rate", "estimate", "change", "number", "percent", "activation", "q")


@dataclass(frozen=True, kw_only=True)
class Filter:
    """A control above the table: text within any column, a choice, or a least value (in per cent for rates).

    A name is found like a text, but where it is one of the column's own, only rows with exactly that name are. Of a
    column of links `contains` looks at their texts, and `equals` finds the rows that have the link with that text; the
    choices `some` and `none` find those with some, and with none. `view` is no filter: it says how rows are shown.
    """

    key: str
    label: str
    kind: Literal["contains", "equals", "least", "name", "view"]
    choices: tuple[tuple[str, str], ...] = ()
    is_percent: bool = False


@dataclass(frozen=True, kw_only=True)
class DataTable:
    """A table whose rows are already in the order of `sorted_by`; rates over fewer than `least` images are marked."""

    name: str
    caption: str
    columns: tuple[TableColumn, ...]
    rows: Sequence[Sequence[Cell]]
    filters: tuple[Filter, ...] = ()
    sorted_by: str
    empty: str
    page_size: int = 100
    noun: str = "rows"
    least: int = 0

    @property
    def first_rows(self) -> Sequence[Sequence[Cell]]:
        """The rows that are in the HTML."""
        return self.rows[: self.page_size]

    @property
    def n_places(self) -> int:
        """Columns side by side on a wide screen."""
        return sum(not column.is_below for column in self.columns)
