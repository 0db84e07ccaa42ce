"""How many entries of a file are about a run: nothing that a file says is left out unseen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from barlow_report.formatting import count

__all__ = ["Matched", "match_entries", "matched_in_all"]

_N_SHOWN = 2


@dataclass(frozen=True, kw_only=True)
class Matched:
    """How many entries of a file are about a run.

    Attributes:
        where: The file.
        noun: What an entry is that is about the run, such as images of the run.
        n_entries: Entries of the file.
        n_matched: Of these, entries that are about the run.
        foreign: The first few others.
    """

    where: str
    noun: str
    n_entries: int
    n_matched: int
    foreign: tuple[str, ...] = ()

    @property
    def n_foreign(self) -> int:
        """Entries that are not about the run."""
        return self.n_entries - self.n_matched

    @property
    def words(self) -> str:
        """How many entries are about the run, in a sentence without a full stop."""
        others = f"; the others are not, such as {', '.join(map(repr, self.foreign))}" if self.foreign else ""
        return f"{count(self.n_matched)} of {count(self.n_entries)} entries of {self.where} are {self.noun}{others}"

    def sentence(self, key: str) -> str:
        """The same without names, for readers of the report; `key` is the file's in the configuration."""
        matched, entries = count(self.n_matched), count(self.n_entries)
        return f"{matched} of {entries} entries of {key} are {self.noun}; the others were left out."


def match_entries(entries: Iterable[tuple[str, bool]], *, where: str, noun: str) -> Matched:
    """Count entries, each given by its name and whether it is about the run."""
    listed = list(entries)
    foreign = [name for name, is_matched in listed if not is_matched]
    return Matched(
        where=where,
        noun=noun,
        n_entries=len(listed),
        n_matched=len(listed) - len(foreign),
        foreign=tuple(foreign[:_N_SHOWN]),
    )


def matched_in_all(files: Sequence[Matched]) -> Matched:
    """Count the entries of several files with the same noun, at least one, together."""
    return Matched(
        where=", ".join(found.where for found in files),
        noun=files[0].noun,
        n_entries=sum(found.n_entries for found in files),
        n_matched=sum(found.n_matched for found in files),
        foreign=tuple(name for found in files for name in found.foreign)[:_N_SHOWN],
    )
