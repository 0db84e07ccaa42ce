"""The classes of a run by whatever a file may call them: name, WordNet synset id, or index."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from barlow_report.errors import DataError

__all__ = ["Vocabulary", "quoted"]

_N_SHOWN = 3
_INDEX = re.compile(r"0|[1-9]\d{0,8}")
_INDEX_OF_COLUMN = re.compile(r"(0|[1-9]\d{0,8})(\.0+)?")  # pandas writes 7.0 once a row had no value
_BETWEEN_WORDS = re.compile(r"[\s_-]+")


def quoted(values: Iterable[object]) -> str:
    """Return the first few of `values` in quotes, and how many more there are."""
    shown = [repr(value) for value in values]
    rest = len(shown) - _N_SHOWN
    return ", ".join(shown[:_N_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The classes that a model can predict.

    Attributes:
        names: Name of each class; its position is its class_id.
        synsets: WordNet synset id by class_id, of the classes that are known to be one.
        all_synsets: Synset ids of a longer list that indices of public files count, such as ImageNet's 1,000, where
            the run has only some of its classes; empty: indices are class_ids.
        listed: Names of the configuration's list where the run has only some of its classes: indices count these;
            empty: indices are class_ids.
        lacking: What the data may call those classes of this list that the run lacks.
    """

    names: Sequence[str]
    synsets: Mapping[int, str] = field(default_factory=dict)
    all_synsets: Sequence[str] = ()
    listed: Sequence[str] = ()
    lacking: frozenset[str] = frozenset()

    @cached_property
    def _ids(self) -> dict[str, int]:
        ids = {synset: class_id for class_id, synset in self.synsets.items()}
        return ids | {name: class_id for class_id, name in enumerate(self.names)}

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(_plain(word) for word in self._ids)

    def __len__(self) -> int:
        return len(self.names)

    def find(self, value: Any, *, where: str, counts_all: bool = False) -> int | None:
        """Return the class_id that `value` stands for; None: a class of `all_synsets` or `listed` that the run lacks.

        Args:
            value: A name, a synset id, or an index as a number or as text; names win.
            where: Named in the error.
            counts_all: An index counts `all_synsets`, as in files that were published with a data set; otherwise the
                classes of the configuration.

        Raises:
            DataError: No class is called so.
        """
        text = str(value).strip()
        if isinstance(value, bool) or value is None:
            text = repr(value)
        if text in self._ids:
            return self._ids[text]
        if text in self.all_synsets or text in self.lacking:
            return None
        counted = self.all_synsets if counts_all and self.all_synsets else self.listed
        n_indices = len(counted) or len(self)
        if _INDEX.fullmatch(text) and int(text) < n_indices:
            return self._ids.get(counted[int(text)]) if counted else int(text)
        raise DataError(
            f"{where}: {text!r} is not a class of this run ({quoted(self.names)}). Write a class as the run calls it, "
            f"its WordNet id, or its index from 0 to {n_indices - 1}."
        )

    def find_column(self, values: Sequence[Any], *, where: str) -> list[int | None]:
        """Return the class_id of each of the different values of a column: all are names, or all count the classes.

        Raises:
            DataError: No class is called so.
        """
        texts = [str(value).strip() for value in values]
        indices = [match and int(match[1]) for match in map(_INDEX_OF_COLUMN.fullmatch, texts)]
        found = [index for index in indices if index is not None]
        if len(found) < len(texts) or all(text in self._ids for text in texts):
            return [self.find(value, where=where) for value in values]
        n_indices = len(self.listed) or len(self)
        if found and max(found) >= n_indices:
            advice = " The indices may count from 1: subtract 1." if max(found) == n_indices and min(found) else ""
            raise DataError(
                f"{where}: found the index {max(found)}, expected 0 to {n_indices - 1} for the classes of this run "
                f"({quoted(self.names)}).{advice}"
            )
        return [self._ids.get(self.listed[index]) for index in found] if self.listed else list(found)

    def index_of(self, class_id: int) -> int:
        """Return the index that `find` takes for a class."""
        return list(self.listed).index(self.names[class_id]) if self.listed else class_id

    def find_all(self, values: Iterable[Any], *, where: str, counts_all: bool = False) -> list[int]:
        """Return the class_ids of those of `values` that the run has; see `find`."""
        found = (self.find(value, where=where, counts_all=counts_all) for value in values)
        return [class_id for class_id in found if class_id is not None]

    def holds_words(self, words: str) -> bool:
        """Whether free words name a class, differences of case and of spaces aside."""
        return _plain(words) in self._words


def _plain(words: str) -> str:
    return _BETWEEN_WORDS.sub(" ", words.strip()).casefold()
