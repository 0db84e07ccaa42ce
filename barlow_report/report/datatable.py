"""Tables that can be sorted and filtered: their cells once as HTML and once as a columnar data script.

The HTML holds the first page of rows, for readers without script and for the first paint. All rows are in a
classic script (`fetch` does not work from file://), by column, because the same rows as HTML are six times
as large and sorting them in the page takes seconds. Numbers go as numbers; the script writes them with the
rules of `formatting.py`, and a test compares the two.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from barlow_report.formatting import number
from barlow_report.report.records import Estimate, Share

__all__ = ["Cell", "DataTable", "Filter", "Link", "Picture", "TableColumn", "as_script_value"]

Kind = Literal["text", "link", "count", "rate", "estimate", "number", "q", "grade", "badge", "picture"]


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


Cell = str | int | float | Share | Estimate | Link | Picture | None


@dataclass(frozen=True, kw_only=True)
class TableColumn:
    """A column; `title` explains an abbreviated label, `starts` is the direction of the first sort.

    `words` are those of a badge by its value; `grades` those of a number of at least so much, the highest first.
    """

    key: str
    label: str
    kind: Kind
    title: str = ""
    starts: Literal["ascending", "descending"] = "ascending"
    words: Mapping[str, str] = field(default_factory=dict)
    grades: tuple[tuple[float, str], ...] = ()

    def grade(self, value: float) -> str:
        """Write a number behind its word: stable 0.92."""
        return f"{next(word for limit, word in self.grades if value >= limit)} {number(value, decimals=2)}"

    @property
    def is_sortable(self) -> bool:
        """Whether its header is a button."""
        return self.kind != "picture"

    @property
    def is_numeric(self) -> bool:
        """Whether it is aligned to the right."""
        return self.kind in ("count", "rate", "estimate", "number", "q")


@dataclass(frozen=True, kw_only=True)
class Filter:
    """A control above the table: text within any column, a choice, or a least value (in per cent for rates)."""

    key: str
    label: str
    kind: Literal["contains", "equals", "least"]
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

    def script(self) -> Iterator[str]:
        """Yield the data script column by column: `BARLOW_DATA[name] = {"columns": [...], "n": …}`."""
        head = as_script_value({"n": len(self.rows), "pageSize": self.page_size, "least": self.least, "columns": []})
        yield f"(window.BARLOW_DATA=window.BARLOW_DATA||{{}})[{as_script_value(self.name)}]={head.removesuffix(']}')}"
        for i, column in enumerate(self.columns):
            yield f"{',' if i else ''}{as_script_value(_column(column, [row[i] for row in self.rows]))}"
        yield "]};\n"


def as_script_value(value: Any) -> str:
    """Write JSON that is safe inside a script: ASCII only, and no character that could end the element."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _column(column: TableColumn, cells: Sequence[Cell]) -> dict[str, Any]:
    found: dict[str, Any] = {"key": column.key, "kind": column.kind, "starts": column.starts}
    if column.kind == "rate":
        shares = [cell if isinstance(cell, Share) else Share(None, None) for cell in cells]
        found |= {"k": [s.k for s in shares], "of": [s.n for s in shares]}
        if any(s.low is not None for s in shares):
            found |= {"low": [_per_cent(s.low) for s in shares], "high": [_per_cent(s.high) for s in shares]}
    elif column.kind == "estimate":
        estimates = [cell if isinstance(cell, Estimate) else None for cell in cells]
        found |= {"values": [e and e.value for e in estimates]}
        found |= {
            "low": [e and _per_cent(e.low) for e in estimates],
            "high": [e and _per_cent(e.high) for e in estimates],
        }
    elif column.kind == "link":
        links = [cell if isinstance(cell, Link) else Link("", "") for cell in cells]
        found |= {"values": [link.text for link in links], "paths": [link.path for link in links]}
    elif column.kind == "picture":
        pictures = [cell if isinstance(cell, Picture) else Picture("", "") for cell in cells]
        found |= {"values": [p.name for p in pictures], "alts": [p.alt for p in pictures]}
    else:
        found["values"] = list(cells)  # in full: fewer digits could be rounded once more, and differently, when shown
    if column.grades:
        found["grades"] = [list(grade) for grade in column.grades]
    if column.words:
        found["words"] = dict(column.words)
    return found


def _per_cent(value: float | None) -> int | None:
    """Ends of intervals are only shown, never sorted by, so they go as they are shown."""
    return None if value is None else int(number(value * 100, decimals=0))
