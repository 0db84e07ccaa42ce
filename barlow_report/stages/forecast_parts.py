"""What a forecast is made of: a line for people and numbers for programs about each part of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from barlow_report.estimates import Estimate, Figure, size_words
from barlow_report.formatting import duration

__all__ = ["Part", "Total"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A line of a forecast.

    Attributes:
        key: What programs call it: that of a section of the configuration, or a word.
        title: What people read before it.
        words: A sentence on it; of a part that takes time, without the time.
        estimate: What it takes; None: nothing to speak of.
        figures: Numbers, by a name that has the unit in it.
    """

    key: str
    title: str
    words: str
    estimate: Estimate | None = None
    figures: Mapping[str, Figure] = field(default_factory=dict)

    @classmethod
    def of(cls, key: str, estimate: Estimate, *, title: str = "") -> "Part":
        """The part that an estimate is of."""
        title = title or key.replace("_", " ").capitalize()
        return cls(key=key, title=title, words=estimate.words, estimate=estimate, figures=estimate.figures)

    @property
    def text(self) -> str:
        """What people read."""
        return self.words if self.estimate is None else self.estimate.text

    def as_json(self) -> dict[str, Any]:
        """What programs read."""
        takes = self.estimate
        return {
            "key": self.key,
            "title": self.title,
            "words": self.words,
            "seconds": None if takes is None or takes.seconds is None else round(takes.seconds, 2),
            "bytes": None if takes is None else takes.n_bytes,
            "is_timed": takes is None or takes.seconds is not None,
            "figures": dict(self.figures),
        }


@dataclass
class Total:
    """What is added up on the way.

    Attributes:
        seconds: Of all that could be timed.
        n_bytes: In the run folder.
        site_bytes: Of the site.
        untimed: The titles of what could not be timed.
    """

    seconds: float = 0.0
    n_bytes: int = 0
    site_bytes: int = 0
    untimed: list[str] = field(default_factory=list)

    def add(self, part: Part) -> Part:
        """Add a part, and return it."""
        takes = part.estimate
        if takes is not None:
            if takes.seconds is None:
                self.untimed.append(part.title)
            self.seconds += takes.seconds or 0.0
            if part.key == "site":
                self.site_bytes += takes.n_bytes
            else:
                self.n_bytes += takes.n_bytes
        return part

    @property
    def part(self) -> Part:
        """One line on it."""
        sizes = f"{size_words(self.n_bytes)} in the run folder"
        if self.site_bytes:
            sizes += f", {size_words(self.site_bytes)} of site"
        rest = f"; not timed: {', '.join(self.untimed)}" if self.untimed else ""
        return Part(key="total", title="Altogether", words=f"{duration(self.seconds)}; {sizes}{rest}")

    def as_json(self) -> dict[str, Any]:
        """What programs read."""
        return {
            "seconds": round(self.seconds, 2),
            "bytes": self.n_bytes,
            "site_bytes": self.site_bytes,
            "not_timed": list(self.untimed),
        }
