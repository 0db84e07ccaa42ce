"""Superclasses that people have one word for: cuts through WordNet, kept in `wordnet_kinds.txt`.

By the number of classes below it alone, no level of WordNet is what people call one kind: they say *dog* of 118 of
ImageNet's classes and *bear* of 4, and the hypernyms above a lens cap and a thimble hold as few classes as those above
two spaniels. So the cuts are a list made by hand. `tests/benchmarks/wordnet_kinds.py` measures it on published lists.
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources

from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.superclasses import Superclasses
from barlow_report.lenses.error_types.wordnet import WordNet, ancestors_of_classes

__all__ = ["read_kinds", "superclasses_by_kind"]

_AT_LEAST = 2  # classes of a kind: one alone is mixed up with none of its kind


@cache
def read_kinds() -> Mapping[str, frozenset[str]]:
    """Return the synset ids of each kind by its name, in the order of the list."""
    text = (resources.files("barlow_report.lenses.error_types") / "wordnet_kinds.txt").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: frozenset(synsets.split()) for name, synsets in rows}


def superclasses_by_kind(wordnet: WordNet, *, vocabulary: Vocabulary) -> Superclasses:
    """Return the kinds of which there are at least two classes; a class may be of several, or of none.

    Args:
        wordnet: The database.
        vocabulary: The classes, which must be synsets.

    Raises:
        DataError: A class is no synset.
    """
    ancestors = ancestors_of_classes(wordnet, vocabulary)
    found = {
        name: [class_id for class_id, above in ancestors.items() if above & synsets]
        for name, synsets in read_kinds().items()
    }
    several = {name: class_ids for name, class_ids in found.items() if len(class_ids) >= _AT_LEAST}
    return Superclasses.from_classes(several, n_classes=len(vocabulary), origin="wordnet")
