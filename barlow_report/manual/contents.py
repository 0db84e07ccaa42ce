"""The contents of the manual, as its first page lists them: `## Section`, and below it `* [Title](page.md): words`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from barlow_report.errors import SiteError

__all__ = ["Entry", "Part", "add_entries", "read_contents"]

_HEADING = re.compile(r"^## (.+)$", flags=re.MULTILINE)
_ENTRY = re.compile(r"^\* \[([^]]+)\]\(([^)#]+\.md)\)", flags=re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """One page: its title in the navigation, its file, and what stands behind it in the contents."""

    title: str
    file: str
    words: str = ""


@dataclass(frozen=True)
class Part:
    """One section of the contents with its pages, in order."""

    title: str
    entries: tuple[Entry, ...]


def read_contents(text: str) -> list[Part]:
    """Return the parts of the first page that list pages, in order.

    Raises:
        SiteError: There is none.
    """
    _, *pieces = _HEADING.split(text)
    parts = [
        Part(title, tuple(Entry(name, file) for name, file in _ENTRY.findall(body)))
        for title, body in zip(pieces[::2], pieces[1::2], strict=True)
    ]
    found = [part for part in parts if part.entries]
    if not found:
        raise SiteError("the first page of the manual lists no pages: expected lines `* [Title](page.md): words`.")
    return found


def add_entries(text: str, part: str, entries: Sequence[Entry]) -> str:
    """Return the first page with further entries at the end of one of its sections.

    Raises:
        SiteError: There is no such section.
    """
    before, heading, after = text.partition(f"\n## {part}\n")
    if not heading:
        raise SiteError(f"the first page of the manual has no section {part!r}.")
    body, following, rest = after.partition("\n## ")
    listed = "\n".join(f"* [{entry.title}]({entry.file}): {entry.words}" for entry in entries)
    return f"{before}{heading}{body.rstrip()}\n\n{listed}\n{following}{rest}"
