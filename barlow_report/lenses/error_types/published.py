"""Superclasses as they were published for ImageNet.

The source is Peychev et al., "Automated Classification of Model Errors on ImageNet" (NeurIPS 2023). Their
superclasses.json has a line for each, or all in one object:

    {"wolf": [["wolf"], ["wild_dog"]]}

A class is of it if every word of one of the inner lists is a word of the class or of something that it is a kind of, in
WordNet 3.0. Their superclasses.txt is what came of it:

    wolf: 2 wnet classes
    n02114367 timber wolf, grey wolf
    n02114712 red wolf, maned wolf

    no superclass: 1 wnet classes
    n03216828 dock, dockage
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from barlow_report.documents import parse_json
from barlow_report.errors import DataError
from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.files import read_text
from barlow_report.lenses.error_types.matched import Matched, match_entries
from barlow_report.lenses.error_types.superclasses import CLASSES, Superclasses
from barlow_report.lenses.error_types.wordnet import WordNet, ancestors_of_classes

__all__ = ["is_definitions", "is_listing", "superclasses_by_definition", "superclasses_by_listing"]

Definitions = Mapping[str, Sequence[Sequence[str]]]

_HEAD = re.compile(r"(?P<name>.+): (?P<count>\d+) wnet classes")
_MEMBER = re.compile(r"(?P<synset>n\d{8})(?: .*)?")
_NONE = "no superclass"
_WITH_CLASSES = "superclasses with classes of the run"


def is_listing(path: Path) -> bool:
    """Whether a file begins as superclasses.txt does."""
    first = next((line.strip() for line in read_text(path).splitlines() if line.strip()), "")
    return path.suffix.lower() not in (".json", ".yaml", ".yml") and _HEAD.fullmatch(first) is not None


def is_definitions(path: Path) -> bool:
    """Whether a file is JSON whose superclasses are lists of lists of words, in one object or one in each line."""
    return path.suffix.lower() == ".json" and _definitions(read_text(path)) is not None


def superclasses_by_definition(path: Path, wordnet: WordNet, *, vocabulary: Vocabulary) -> tuple[Superclasses, Matched]:
    """Return the superclasses that are defined by words of WordNet, and how many of them have a class of the run.

    Args:
        path: A file for which `is_definitions`.
        wordnet: The database.
        vocabulary: The classes, which must be synsets.

    Raises:
        DataError: The file cannot be read, or a class is no synset.
    """
    definitions = _definitions(read_text(path))
    if definitions is None:
        raise DataError(f'{path}: expected a line of JSON `{{"superclass": [["word", …], …]}}` for each superclass.')
    words = {
        class_id: frozenset(word for synset_id in above for word in wordnet.synset(synset_id).words)
        for class_id, above in ancestors_of_classes(wordnet, vocabulary).items()
    }
    found = {
        name: [class_id for class_id, known in words.items() if any(known.issuperset(all_of) for all_of in choices)]
        for name, choices in definitions.items()
    }
    matched = match_entries(((name, bool(ids)) for name, ids in found.items()), where=str(path), noun=_WITH_CLASSES)
    present = {name: class_ids for name, class_ids in found.items() if class_ids}
    return Superclasses.from_classes(present, n_classes=len(vocabulary), origin="given"), matched


def _definitions(text: str) -> Definitions | None:
    """The definitions in a text, spaces for underscores; None where it has another form."""
    try:
        parts = [parse_json(text)]
    except ValueError:
        try:
            parts = [parse_json(line) for line in text.splitlines() if line.strip()]
        except ValueError:
            return None
    found: dict[str, list[list[str]]] = {}
    for part in parts:
        if not isinstance(part, dict) or not part or not all(_is_choice(value) for value in part.values()):
            return None
        if found.keys() & part.keys():
            return None
        found |= {
            name: [[word.replace("_", " ") for word in all_of] for all_of in choices] for name, choices in part.items()
        }
    return found or None


def _is_choice(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(words, list) and words and all(isinstance(word, str) for word in words) for words in value)
    )


def superclasses_by_listing(path: Path, *, vocabulary: Vocabulary) -> tuple[Superclasses, Matched]:
    """Return the superclasses of a file for which `is_listing`, and how many of its classes the run has.

    Raises:
        DataError: The file cannot be read, has another form or another number of classes than it says, or names an
            unknown class.
    """
    classes: dict[str, list[int]] = {}
    entries: list[tuple[str, bool]] = []
    for where, name, synsets in _blocks(path):
        if name in classes:
            raise DataError(f"{where}: {name!r} occurs twice.")
        ids = {synset: vocabulary.find(synset, where=where) for synset in synsets}
        entries += [(synset, class_id is not None) for synset, class_id in ids.items()]
        if name != _NONE:
            classes[name] = [class_id for class_id in ids.values() if class_id is not None]
    present = {name: class_ids for name, class_ids in classes.items() if class_ids}
    matched = match_entries(entries, where=str(path), noun=CLASSES)
    return Superclasses.from_classes(present, n_classes=len(vocabulary), origin="given"), matched


def _blocks(path: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Where each superclass stands, its name, and the synset ids of its classes."""
    where, name, n_said, synsets = "", "", 0, list[str]()
    for number, line in enumerate([*read_text(path).splitlines(), ""], 1):
        text = line.strip()
        if text and not name:
            head = _HEAD.fullmatch(text)
            if head is None:
                raise DataError(f"{path}: line {number}: found {text!r}, expected '<superclass>: <n> wnet classes'.")
            where, name, n_said, synsets = f"{path}: line {number}", head["name"], int(head["count"]), []
        elif text:
            member = _MEMBER.fullmatch(text)
            if member is None:
                raise DataError(f"{path}: line {number}: found {text!r}, expected a WordNet id and words.")
            synsets.append(member["synset"])
        elif name:
            if len(synsets) != n_said:
                raise DataError(f"{where}: says {n_said} classes, and lists {len(synsets)}: is the file whole?")
            yield where, name, synsets
            name = ""
