"""Superclasses: which classes are of one kind, so that taking one for another is a fine-grained error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

from barlow_report.errors import DataError
from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.files import read_tree
from barlow_report.lenses.error_types.matched import Matched, match_entries

__all__ = ["CLASSES", "Superclasses", "read_superclasses", "suggestion_text"]

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

CLASSES = "classes of the run"

_FORM = "expected `superclass: [class, class, …]`"


@dataclass(frozen=True, kw_only=True, eq=False)
class Superclasses:
    """Sets of classes that may overlap; a class in none of them is a kind of its own.

    Attributes:
        names: Name of each superclass.
        members: (n_classes, n_superclasses) bool.
        origin: given, wordnet or suggested.
    """

    names: tuple[str, ...]
    members: Booleans
    origin: str

    @classmethod
    def from_classes(cls, classes: Mapping[str, Sequence[int]], *, n_classes: int, origin: str) -> "Superclasses":
        """Make them from the class_ids of each superclass."""
        members = np.zeros((n_classes, len(classes)), dtype=np.bool_)
        for column, class_ids in enumerate(classes.values()):
            members[list(class_ids), column] = True
        return cls(names=tuple(classes), members=members, origin=origin)

    def shared(self, first: npt.ArrayLike, second: npt.ArrayLike) -> Integers:
        """Return, for each pair of classes, the first superclass that holds both; −1 where none does.

        Args:
            first: (n,) class_ids.
            second: (n,) class_ids.
        """
        both = self.members[np.asarray(first, dtype=np.int64)] & self.members[np.asarray(second, dtype=np.int64)]
        if not self.names:
            return np.full(len(both), -1, dtype=np.int64)
        return np.where(both.any(axis=1), both.argmax(axis=1), -1)

    def are_same(self, first: npt.ArrayLike, second: npt.ArrayLike) -> Booleans:
        """Return whether the classes of each pair are equal or of one superclass, (n,) bool."""
        equal: Booleans = np.asarray(first, dtype=np.int64) == np.asarray(second, dtype=np.int64)
        return np.logical_or(equal, self.shared(first, second) >= 0)


def read_superclasses(path: Path, *, vocabulary: Vocabulary) -> tuple[Superclasses, Matched]:
    """Read superclasses from a YAML or JSON file, `superclass: [class, class, …]`.

    The same below a key `superclasses` may stand beside `origin: suggested`, the mark of a file that no person has
    looked through yet.

    Returns:
        The superclasses, and how many of the file's classes the run has.

    Raises:
        DataError: The file cannot be read, has another form, or names an unknown class.
    """
    tree = read_tree(path)
    origin = "given"
    if isinstance(tree, dict) and isinstance(inner := tree.get("superclasses"), dict):
        origin = "suggested" if tree.get("origin") == "suggested" else "given"
        tree = inner
    if not isinstance(tree, dict) or not tree:
        raise DataError(f"{path}: found {type(tree).__name__}, {_FORM}.")
    classes: dict[str, list[int]] = {}
    entries: list[tuple[str, bool]] = []
    for name, values in tree.items():
        if not isinstance(values, list) or any(isinstance(value, dict | list) for value in values):
            raise DataError(f"{path}: {str(name)!r}: {_FORM}.")
        found = [(str(value), vocabulary.find(value, where=f"{path}: {str(name)!r}")) for value in values]
        entries += [(text, class_id is not None) for text, class_id in found]
        classes[str(name)] = [class_id for _, class_id in found if class_id is not None]
    matched = match_entries(entries, where=str(path), noun=CLASSES)
    return Superclasses.from_classes(classes, n_classes=len(vocabulary), origin=origin), matched


def suggestion_text(superclasses: Superclasses, *, vocabulary: Vocabulary) -> str:
    """Return the YAML text of superclasses for a person to edit; `read_superclasses` reads it."""
    groups = {
        name: [vocabulary.names[class_id] for class_id in np.flatnonzero(superclasses.members[:, column]).tolist()]
        for column, name in enumerate(superclasses.names)
    }
    head = (
        "# Superclasses suggested from confusions and features. Look through them: rename, move, split, merge. A\n"
        "# class may be in several, or in none. Then delete the line `origin`, and name this file under\n"
        "# taxonomy.superclasses of the configuration.\n"
    )
    body = yaml.safe_dump(
        {"origin": "suggested", "superclasses": groups}, sort_keys=False, allow_unicode=True, width=110
    )
    return head + body
