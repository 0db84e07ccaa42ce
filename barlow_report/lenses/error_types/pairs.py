"""Pairs of classes: those that overlap, and those that are often seen together."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from barlow_report.delimited import is_delimited
from barlow_report.errors import DataError
from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.files import read_csv, read_tree
from barlow_report.lenses.error_types.matched import Matched, match_entries
from barlow_report.lenses.error_types.superclasses import Superclasses

__all__ = ["ClassPairs", "count_co_occurrences", "imagenet_overlapping", "read_pairs"]

Integers = npt.NDArray[np.int64]

_PAIRS = "pairs of classes of the run"
_SEVERAL = {"crane", "maillot"}
"""First names that two classes of ImageNet have: published lists by first names do not say which one is meant."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassPairs:
    """Ordered pairs of classes, as sorted keys first × n_classes + second."""

    keys: Integers
    n_classes: int

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[int, int]], *, n_classes: int, both_ways: bool = False) -> "ClassPairs":
        """Make them from class_ids; pairs of a class with itself are left out."""
        found = {pair for pair in pairs if pair[0] != pair[1]}
        if both_ways:
            found |= {(second, first) for first, second in found}
        keys = np.array(sorted(first * n_classes + second for first, second in found), dtype=np.int64)
        return cls(keys=keys, n_classes=n_classes)

    def __len__(self) -> int:
        return len(self.keys)

    def hold(self, first: npt.ArrayLike, second: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Return which of the pairs (first, second) are among them, (n,) bool."""
        wanted = np.asarray(first, dtype=np.int64) * self.n_classes + np.asarray(second, dtype=np.int64)
        return np.isin(wanted, self.keys)


def read_pairs(
    path: Path, *, vocabulary: Vocabulary, columns: tuple[str, str], both_ways: bool
) -> tuple[ClassPairs, Matched]:
    """Read pairs of classes from CSV with two columns, YAML or JSON `class: [class, …]`, or a JSON list of pairs.

    The last is how confusions of ImageNet's classes are published: `[[class, class, count], …]`, where the order of two
    classes says nothing. So these pairs count in both orders, whatever their counts.

    Args:
        path: The file.
        vocabulary: The classes.
        columns: Names of the two columns of a CSV file.
        both_ways: A pair counts in both orders.

    Returns:
        The pairs, and how many of the file's are of classes of the run.

    Raises:
        DataError: The file cannot be read, has another form, or names an unknown class.
    """
    tree = None if is_delimited(path) else read_tree(path)
    if isinstance(tree, list):
        rows, both_ways = _listed(path, tree, is_of_imagenet=bool(vocabulary.synsets)), True
    else:
        rows = _rows(path, columns) if is_delimited(path) else _branches(path, tree)
    found, entries = [], []
    for where, first, second in rows:
        ids = vocabulary.find_all((first, second), where=where)
        entries.append((f"{first} → {second}", len(ids) == 2))  # else one is a class of ImageNet that the run lacks
        if len(ids) == 2:
            found.append((ids[0], ids[1]))
    pairs = ClassPairs.from_pairs(found, n_classes=len(vocabulary), both_ways=both_ways)
    return pairs, match_entries(entries, where=str(path), noun=_PAIRS)


def _rows(path: Path, columns: tuple[str, str]) -> Iterator[tuple[str, object, object]]:
    for line, row in read_csv(path, needed=columns):
        yield f"{path}: line {line}", row[columns[0]], row[columns[1]]


def _branches(path: Path, tree: object) -> Iterator[tuple[str, object, object]]:
    if not isinstance(tree, dict):
        raise DataError(
            f"{path}: found {type(tree).__name__}, expected `class: [class, …]` or a list `[[class, class], …]`."
        )
    for first, others in tree.items():
        for second in others if isinstance(others, list) else [others]:
            yield f"{path}: {str(first)!r}", first, second


def _listed(path: Path, tree: list[Any], *, is_of_imagenet: bool) -> Iterator[tuple[str, object, object]]:
    for index, item in enumerate(tree):
        where = f"{path}: item {index}"
        is_pair = isinstance(item, list) and len(item) in (2, 3) and not any(isinstance(i, list | dict) for i in item)
        if not is_pair or (len(item) == 3 and (not isinstance(item[2], int | float) or isinstance(item[2], bool))):
            raise DataError(f"{where}: found {item!r}, expected `[class, class]` or `[class, class, count]`.")
        if is_of_imagenet and (doubtful := _SEVERAL & {str(name) for name in item[:2]}):
            raise DataError(
                f"{where}: {doubtful.pop()!r} is the first name of two of ImageNet's classes. Give the list by WordNet "
                "ids, class_confusion_wnids.json."
            )
        yield where, item[0], item[1]


def imagenet_overlapping(vocabulary: Vocabulary) -> tuple[ClassPairs, Matched]:
    """Return the overlapping classes of ImageNet, (label, prediction) that counts as correct, and how many are there.

    Source: the collapsed mappings of Vasudevan et al., "When does dough become a bagel?" (NeurIPS 2022).

    Raises:
        DataError: None of the run's classes is known to be a synset.
    """
    if not vocabulary.synsets:
        raise DataError(
            "taxonomy.overlapping: 'imagenet' goes with classes of ImageNet, and the run's classes "
            f"({quoted_names(vocabulary)}) are not. Give a file of your own pairs, or leave the key out."
        )
    ids = {synset: class_id for class_id, synset in vocabulary.synsets.items()}
    text = (resources.files("barlow_report.lenses.error_types") / "imagenet_overlapping.txt").read_text(
        encoding="utf-8"
    )
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    pairs = [(ids[row[0]], ids[row[1]]) for row in rows if row[0] in ids and row[1] in ids]
    matched = Matched(where="the published list", noun=_PAIRS, n_entries=len(rows), n_matched=len(pairs))
    return ClassPairs.from_pairs(pairs, n_classes=len(vocabulary)), matched


def quoted_names(vocabulary: Vocabulary) -> str:
    """Return the names of the first few classes."""
    return ", ".join(map(repr, vocabulary.names[:3]))


def count_co_occurrences(label_sets: Iterable[Sequence[int]], *, superclasses: Superclasses, least: int) -> ClassPairs:
    """Return the pairs of classes of different superclasses that at least `least` images show together, both ways.

    Args:
        label_sets: The classes of each image.
        superclasses: What kind each class is of.
        least: Images that must show a pair.
    """
    n_classes = len(superclasses.members)
    counts: dict[tuple[int, int], int] = {}
    for labels in label_sets:
        for pair in combinations(sorted(set(labels)), 2):
            counts[pair] = counts.get(pair, 0) + 1
    often = np.array([pair for pair, n in counts.items() if n >= least], dtype=np.int64).reshape(-1, 2)
    apart = often[~superclasses.are_same(often[:, 0], often[:, 1])]
    return ClassPairs.from_pairs(
        ((first, second) for first, second in apart.tolist()), n_classes=n_classes, both_ways=True
    )
