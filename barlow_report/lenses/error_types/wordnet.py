"""Superclasses from WordNet: a synset's hypernyms, read from a database file on this machine.

A synset id such as n02084071 is the part of speech and the byte at which the synset stands in data.noun, so hypernyms
are found by jumping there; nothing else of the database is needed. The form of the file is that of WordNet 3.0, the
version whose ids ImageNet uses (man page wndb).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from barlow_report.errors import DataError
from barlow_report.lenses.error_types.classes import Vocabulary, quoted
from barlow_report.lenses.error_types.superclasses import Superclasses

__all__ = ["Synset", "WordNet", "ancestors_of_classes", "superclasses_by_hypernym", "superclasses_by_size"]

_SYNSET_ID = re.compile(r"n(\d{8})")
_INSTANCE = "@i"
_HYPERNYMS = ("@", _INSTANCE)


class Synset(NamedTuple):
    """A set of words with one meaning, and the ids of what it is a kind of; a name is one person, place or work."""

    synset_id: str
    words: tuple[str, ...]
    hypernyms: tuple[str, ...]
    is_name: bool


class WordNet:
    """The nouns of a WordNet database."""

    def __init__(self, folder: Path) -> None:
        """Open the database in `folder`.

        Raises:
            DataError: There is no data.noun, or it cannot be read.
        """
        self.path = folder / "data.noun"
        try:
            self._data = self.path.read_bytes()
        except OSError as error:
            raise DataError(
                f"{self.path}: cannot be read ({error.strerror}). Install a WordNet 3.0 database (Debian: "
                "wordnet-base) and give its folder as taxonomy.wordnet.folder."
            ) from error
        self.synset = cache(self._read)
        self.ancestors = cache(self._climb)

    def _read(self, synset_id: str) -> Synset:
        """Return a synset by its id.

        Raises:
            DataError: The database has none there.
        """
        match = _SYNSET_ID.fullmatch(synset_id)
        if match is not None:
            start = int(match[1])
            fields = self._data[start : max(self._data.find(b"\n", start), start)].decode("utf-8", "replace").split()
            if fields[:1] == [match[1]] and len(fields) > 4:
                return _parse(synset_id, fields)
        raise DataError(
            f"{self.path}: no synset {synset_id!r}. Ids of ImageNet's classes are those of WordNet 3.0: check the "
            "version of the database."
        )

    def __iter__(self) -> Iterator[Synset]:
        """Yield every synset, in the order of the file."""
        for line in self._data.decode("utf-8", "replace").split("\n"):
            fields = line.split()
            if not line.startswith(" ") and len(fields) > 4:  # lines of the licence begin with a space
                yield _parse(f"n{fields[0]}", fields)

    def _climb(self, synset_id: str) -> frozenset[str]:
        """Return the ids of a synset and of everything that it is a kind of."""
        return frozenset({synset_id}).union(*(self.ancestors(above) for above in self.synset(synset_id).hypernyms))


def _parse(synset_id: str, fields: list[str]) -> Synset:
    n_words = int(fields[3], 16)
    words = tuple(word.replace("_", " ") for word in fields[4 : 4 + 2 * n_words : 2])
    place = 4 + 2 * n_words
    pointers = fields[place + 1 : place + 1 + 4 * int(fields[place])]
    above = [i for i in range(0, len(pointers), 4) if pointers[i] in _HYPERNYMS and pointers[i + 2] == "n"]
    hypernyms = tuple(f"n{pointers[i + 1]}" for i in above)
    return Synset(synset_id, words, hypernyms, any(pointers[i] == _INSTANCE for i in above))


def superclasses_by_hypernym(
    wordnet: WordNet, hypernyms: Mapping[str, Sequence[str]], *, vocabulary: Vocabulary
) -> Superclasses:
    """Return superclasses as the classes below given hypernyms.

    Args:
        wordnet: The database.
        hypernyms: For each superclass some hypernyms, as words or synset ids; a word stands for every synset that it
            is a word of.
        vocabulary: The classes, which must be synsets.

    Raises:
        DataError: A class is no synset, or no class is below any hypernym of a superclass.
    """
    ancestors = ancestors_of_classes(wordnet, vocabulary)
    classes: dict[str, list[int]] = {}
    for name, wanted in hypernyms.items():
        classes[name] = [
            class_id for class_id, above in ancestors.items() if any(_is_one(wordnet, i, wanted) for i in above)
        ]
        if not classes[name]:
            raise DataError(
                f"taxonomy.wordnet.hypernyms: no class is a kind of {quoted(wanted)} ({name!r}). Check the words, or "
                "leave the superclass out."
            )
    return Superclasses.from_classes(classes, n_classes=len(vocabulary), origin="wordnet")


def _is_one(wordnet: WordNet, synset_id: str, wanted: Sequence[str]) -> bool:
    return synset_id in wanted or any(word in wanted for word in wordnet.synset(synset_id).words)


def superclasses_by_size(wordnet: WordNet, *, max_classes: int, vocabulary: Vocabulary) -> Superclasses:
    """Return as superclasses the most general hypernyms that hold at most `max_classes` classes, and at least 2.

    Args:
        wordnet: The database.
        max_classes: At least 2.
        vocabulary: The classes, which must be synsets.

    Raises:
        DataError: A class is no synset.
    """
    ancestors = ancestors_of_classes(wordnet, vocabulary)
    below: dict[str, set[int]] = {}
    for class_id, above in ancestors.items():
        for synset_id in above:
            below.setdefault(synset_id, set()).add(class_id)
    small = {synset_id for synset_id, classes in below.items() if 2 <= len(classes) <= max_classes}
    tops = [i for i in small if not any(above in small for above in wordnet.ancestors(i) - {i})]
    named = _distinct_names(wordnet, sorted(tops))
    classes = {name: sorted(below[synset_id]) for synset_id, name in named}
    return Superclasses.from_classes(classes, n_classes=len(vocabulary), origin="wordnet")


def _distinct_names(wordnet: WordNet, synset_ids: Iterable[str]) -> list[tuple[str, str]]:
    """Name each synset by its first word, and by its id, too, where two have the same."""
    words = {synset_id: wordnet.synset(synset_id).words[0] for synset_id in synset_ids}
    common = list(words.values())
    return [(i, word if common.count(word) == 1 else f"{word} ({i})") for i, word in words.items()]


def ancestors_of_classes(wordnet: WordNet, vocabulary: Vocabulary) -> dict[int, frozenset[str]]:
    """Return the synset ids of each class and of everything that it is a kind of, by class_id.

    Raises:
        DataError: A class is no synset.
    """
    unknown = [name for class_id, name in enumerate(vocabulary.names) if class_id not in vocabulary.synsets]
    if unknown:
        raise DataError(
            f"taxonomy.superclasses: 'wordnet' goes with classes that are WordNet synsets; {quoted(unknown)} "
            f"{'is' if len(unknown) == 1 else 'are'} not known as such. Give a file of superclasses, or a class_file "
            "with a synset id before each name."
        )
    return {class_id: wordnet.ancestors(synset_id) for class_id, synset_id in sorted(vocabulary.synsets.items())}
