"""What a part of a run takes, before it is done: in words, and in numbers whose names have their units."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from barlow_report.formatting import duration

__all__ = ["Estimate", "Figure", "size_words"]

Figure = int | float | str | bool | None


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a part of a run does.

    Attributes:
        words: What it does and what is taken for granted, without the time and the disk that it takes.
        seconds: On this machine; None where it cannot be told, and then the words say why.
        n_bytes: That it leaves in the run folder, beside small tables.
        n_pictures: That it leaves there, which the site shows.
        figures: Further numbers, by a name that has the unit in it, such as n_images.
    """

    words: str
    seconds: float | None = 0.0
    n_bytes: int = 0
    n_pictures: int = 0
    figures: Mapping[str, Figure] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """One line on it: time and disk, then the words."""
        takes = "not timed" if self.seconds is None else duration(self.seconds)
        takes += f", {size_words(self.n_bytes)}" if self.n_bytes else ""
        return f"{takes}: {self.words}" if self.words else takes

    def repeated(self, n: int, *, what: str) -> "Estimate":
        """The same, so many times; `what` is said behind the words."""
        seconds = None if self.seconds is None else self.seconds * n
        return replace(
            self,
            words=f"{self.words}; {what}",
            seconds=seconds,
            n_bytes=self.n_bytes * n,
            n_pictures=self.n_pictures * n,
        )


def size_words(n_bytes: float) -> str:
    """Write a size that is only known roughly: 0.1 MB, 12.3 MB, 4.5 GB."""
    return f"{n_bytes / 1e9:,.1f} GB" if n_bytes >= 1e9 else f"{max(n_bytes / 1e6, 0.1):,.1f} MB"
