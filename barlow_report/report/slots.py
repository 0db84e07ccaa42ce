"""What a lens may put on the pages of a report: the pages offer places, and know no lens by name.

`lenses/lens.py` says which places there are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from barlow_report.report.datatable import Cell, Filter, Link, TableColumn
from barlow_report.report.records import Rule

__all__ = ["Block", "Heading", "MethodPart", "ModeColumns", "PagePart", "Ranking", "Remark", "Sentence"]


@dataclass(frozen=True, slots=True)
class Heading:
    """An entry of a page's table of contents."""

    text: str
    anchor: str
    children: tuple["Heading", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A piece of a page: a template and the value that it knows as `view`.

    `heading` is its entry in the page's table of contents; only those of groups have one.
    """

    template: str
    view: object
    heading: Heading | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePart:
    """A part of a page with an entry in its table of contents."""

    heading: Heading
    block: Block


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A line of text, and where to read on."""

    text: str
    more: Link | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """What failure modes with the same verdict are sorted by first.

    Attributes:
        words: What stands first, to be said in a list: causes before others.
        ranks: By rule id, the lowest first; rules that are left out have rank 0.
    """

    words: str
    ranks: Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A word that is put on a failure mode as a badge, and a sentence that explains it.

    `look` is the badge's style class; that of a doubt unless a lens says otherwise.
    """

    word: str
    sentence: str
    look: str = "doubt"


@dataclass(frozen=True, kw_only=True)
class ModeColumns:
    """Columns of the table of failure modes; `cells` gives those of a rule, in their order.

    They are the last ones, or right behind the verdict where they say as much about the mode.
    """

    columns: tuple[TableColumn, ...]
    cells: Callable[[Rule], tuple[Cell, ...]]
    filters: tuple[Filter, ...] = ()
    is_beside_verdict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodPart:
    """A section of the method page, and the list items of its sources."""

    section: PagePart
    sources: Block | None = None
