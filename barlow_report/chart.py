"""A chart as it goes from where it is drawn to the pages."""

import re
from dataclasses import dataclass

__all__ = ["Chart"]

_VIEW_BOX = re.compile(r'viewBox="[\d.]+ [\d.]+ ([\d.]+) ([\d.]+)"')


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart as SVG text, drawn for a light and for a dark page, and the words that stand for it."""

    light: str
    dark: str
    alt: str

    @property
    def size(self) -> tuple[int, int]:
        """Width and height from the drawing's view box, so that a page keeps the room before it is loaded."""
        found = _VIEW_BOX.search(self.light)
        return (round(float(found[1])), round(float(found[2]))) if found else (460, 300)
