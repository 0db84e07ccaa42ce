"""All correct labels of images, as people gave them later: several per image, or none that they agree on.

Five formats are told apart by their shape: CSV, JSON by path, lists of common errors (see
`barlow_report.common_errors`), the multi-labels of ImageNet (Shankar et al., "Evaluating
machine accuracy on ImageNet", ICML 2020, in the third version of Vasudevan et al., NeurIPS 2022, the file
human_accuracy_v3.0.0.json), and ReaL (Beyer et al., "Are we done with ImageNet?", 2020, the file real.json).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from barlow_report.common_errors import is_common_errors, read_common_errors
from barlow_report.delimited import is_delimited
from barlow_report.errors import DataError
from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.files import read_csv, read_tree
from barlow_report.lenses.error_types.images import ImageNames, Matches

__all__ = ["LabelSets", "MultiLabels", "match_labels", "read_label_sets"]

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

_FORM = (
    "expected `path: [label, …]`, `path: {correct: […], unclear: […]}`, the file of ImageNet's multi-labels, or the "
    "list of ReaL"
)
_IMAGENET_NAME = "ILSVRC2012_val_{:08d}"
_YES = {"1", "true", "yes"}
_NO = {"", "0", "false", "no"}


@dataclass(frozen=True, kw_only=True)
class LabelSets:
    """The labels of images by name; a problematic image has none that people agree on."""

    labels: Mapping[str, tuple[int, ...]]
    problematic: frozenset[str]


@dataclass(frozen=True, kw_only=True, eq=False)
class MultiLabels:
    """The labels of a run's images.

    Attributes:
        is_annotated: (n_images,) whether the image was looked at.
        is_problematic: (n_images,) whether people found no label to agree on.
        image_ids: (n_labels,) ascending: the image of each label, annotated images only.
        class_ids: (n_labels,) the label.
    """

    is_annotated: Booleans
    is_problematic: Booleans
    image_ids: Integers
    class_ids: Integers


def read_label_sets(path: Path, *, vocabulary: Vocabulary) -> LabelSets:
    """Read all correct labels of images from a file; labels that people call unclear count as correct.

    Args:
        path: The file: CSV with columns path, labels (a ; between them)[, problematic]; JSON; or common errors.
        vocabulary: The classes. Labels that the run lacks are left out.

    Raises:
        DataError: The file cannot be read, has another form, or names an unknown class.
    """
    labels: dict[str, tuple[int, ...]] = {}
    problematic = set()
    is_common = is_common_errors(path)
    is_table = not is_common and is_delimited(path)
    tree = None if is_common or is_table else read_tree(path)
    is_public = isinstance(tree, list) or (isinstance(tree, dict) and "initial_annots" in tree)
    items = _common(path) if is_common else _rows(path) if is_table else _items(path, tree)
    for where, name, values, is_problematic in items:
        if name in labels:
            raise DataError(f"{where}: {name!r} occurs twice. Put all labels of an image in one place.")
        labels[name] = tuple(dict.fromkeys(vocabulary.find_all(values, where=where, counts_all=is_public)))
        if is_problematic or not labels[name]:
            problematic.add(name)
    return LabelSets(labels=labels, problematic=frozenset(problematic))


Item = tuple[str, str, Sequence[Any], bool]
"""Where it stands, the image's name, its labels, and whether it is problematic."""


def _rows(path: Path) -> Iterator[Item]:
    for line, row in read_csv(path, needed=("path", "labels")):
        flag = row.get("problematic", "").strip().lower()
        if flag not in _YES | _NO:
            raise DataError(f"{path}: line {line}: problematic is {flag!r}, expected yes or no.")
        values = [value for value in row["labels"].split(";") if value.strip()]
        yield f"{path}: line {line}", row["path"].strip(), values, flag in _YES


def _common(path: Path) -> Iterator[Item]:
    for error in read_common_errors(path):
        yield f"{path}: {error.path!r}", error.path, error.correct, False


def _items(path: Path, tree: Any) -> Iterator[Item]:
    if isinstance(tree, list):
        yield from _real(path, tree)
    elif isinstance(tree, dict) and "initial_annots" in tree:
        problematic = tree.get("problematic_images", ())
        if not isinstance(tree["initial_annots"], dict) or not isinstance(problematic, dict | list | tuple):
            raise DataError(f"{path}: {_FORM}.")
        for name, value in tree["initial_annots"].items():
            yield _item(path, str(name), value, is_problematic=name in problematic)
    elif isinstance(tree, dict):
        for name, value in tree.items():
            yield _item(path, str(name), value, is_problematic=False)
    else:
        raise DataError(f"{path}: found {type(tree).__name__}, {_FORM}.")


def _real(path: Path, tree: list[Any]) -> Iterator[Item]:
    for index, values in enumerate(tree):
        if not isinstance(values, list):
            raise DataError(f"{path}: item {index} is {type(values).__name__}, {_FORM}.")
        yield f"{path}: item {index}", _IMAGENET_NAME.format(index + 1), values, False


def _item(path: Path, name: str, value: Any, *, is_problematic: bool) -> Item:
    where = f"{path}: {name!r}"
    if isinstance(value, list):
        return where, name, value, is_problematic
    if isinstance(value, dict):
        parts = [value.get(key, []) for key in ("correct", "unclear")]
        if all(isinstance(part, list) for part in parts):
            return where, name, parts[0] + parts[1], is_problematic or str(value.get("problematic")).lower() == "true"
    raise DataError(f"{where}: {_FORM}.")


def match_labels(label_sets: LabelSets, *, images: ImageNames, where: str) -> tuple[MultiLabels, Matches]:
    """Bring labels together with the images of a run; those of other images are left out.

    Raises:
        DataError: Two names are one image, a name fits several images, or none is an image of the run.
    """
    n_images = len(images)
    matches = images.match(label_sets.labels, where=where)
    found = {
        name: image_id
        for name, image_id in zip(label_sets.labels, matches.image_ids, strict=True)
        if image_id is not None
    }
    names: dict[int, str] = {}
    for name, image_id in found.items():
        if image_id in names:
            raise DataError(
                f"{where}: {names[image_id]!r} and {name!r} are one image. Put all labels of an image in one place."
            )
        names[image_id] = name
    is_annotated, is_problematic = np.zeros(n_images, dtype=np.bool_), np.zeros(n_images, dtype=np.bool_)
    is_annotated[list(found.values())] = True
    is_problematic[[image_id for name, image_id in found.items() if name in label_sets.problematic]] = True
    pairs = sorted((image_id, label) for name, image_id in found.items() for label in label_sets.labels[name])
    flat = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    labels = MultiLabels(
        is_annotated=is_annotated, is_problematic=is_problematic, image_ids=flat[:, 0], class_ids=flat[:, 1]
    )
    return labels, matches
