"""Whole arrays of probabilities beside a manifest: the prediction and its confidence follow from them.

An array that does not fit is refused rather than repaired: rows in another order or logits in place of
probabilities would give a report about a model that nobody has.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from barlow_report.errors import DataError
from barlow_report.vision.class_names import some

__all__ = ["read_probabilities"]

TOLERANCE = 0.01
"""How far a row's sum may be from 1, and a given confidence from the array's: half precision is allowed."""

_BLOCK = 8192

Labels = npt.NDArray[np.int64]
Confidences = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def read_probabilities(
    path: Path,
    *,
    n_images: int,
    class_names: Sequence[str],
    predictions: Labels | None = None,
    confidences: Confidences | None = None,
    among: Labels | None = None,
) -> tuple[Labels, Confidences, Flags]:
    """Read probabilities, shape (n_images, n_classes); return predictions, their confidences, and which are arbitrary.

    A prediction is arbitrary where several probabilities are the largest and the manifest does not say which is meant.

    Args:
        path: A .npy of floating-point numbers; its rows are in the manifest's order, its columns in the classes'.
        n_images: Rows of the manifest.
        class_names: The classes.
        predictions: What the manifest says, to be checked; of two classes with equal probabilities it may name either.
        confidences: Likewise.
        among: class_ids, ascending, to choose among: a confidence is then the share of their probabilities, NaN where
            all of them are 0. Default: all. What the manifest says is about all classes in any case.

    Raises:
        DataError: The array cannot be read, has another shape, a row is no distribution, or it contradicts the
            manifest.
    """
    array = _open(path, shape=(n_images, len(class_names)), class_names=class_names)
    found = np.zeros(n_images, dtype=np.int64)
    largest = np.zeros(n_images)
    is_tied = np.zeros(n_images, dtype=np.bool_)
    restricted, share = np.zeros(n_images, dtype=np.int64), np.zeros(n_images)
    for start in range(0, n_images, _BLOCK):
        block = np.asarray(array[start : start + _BLOCK], dtype=np.float64)
        rows = slice(start, start + len(block))
        _check_distributions(block, first_row=start, where=path)
        found[rows] = block.argmax(axis=1)
        largest[rows] = block.max(axis=1)
        if predictions is not None:
            given = predictions[rows]
            is_largest = block[np.arange(len(block)), given] == largest[rows]
            found[rows] = np.where(is_largest, given, found[rows])
        else:
            is_tied[rows] = (block == largest[rows, None]).sum(axis=1) > 1
        if among is not None:
            restricted[rows], share[rows], is_tied[rows] = _chosen_among(block, among)
    _check_predictions(found, predictions, class_names=class_names, where=path)
    _check_confidences(largest, confidences, where=path)
    if among is not None:
        return restricted, share, is_tied
    return found, np.minimum(largest, 1.0), is_tied


def _chosen_among(block: npt.NDArray[np.float64], among: Labels) -> tuple[Labels, Confidences, Flags]:
    """The same of the probabilities (n, n_classes) of some classes alone."""
    kept = block[:, among]
    largest, total = kept.max(axis=1), kept.sum(axis=1)
    share = np.divide(largest, total, out=np.full(len(kept), np.nan), where=total > 0)
    return among[kept.argmax(axis=1)], share, (kept == largest[:, None]).sum(axis=1) > 1


def _open(path: Path, *, shape: tuple[int, int], class_names: Sequence[str]) -> npt.NDArray[np.floating]:
    if not path.is_file():
        raise DataError(f"{path}: found no file there, expected a .npy of probabilities (probabilities:).")
    try:
        array: npt.NDArray[np.floating] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: cannot be read ({error}). Expected an array of numpy.save.") from error
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path}: found an archive of arrays, expected one array of numpy.save.")
    if not np.issubdtype(array.dtype, np.floating):
        raise DataError(f"{path}: found numbers of type {array.dtype}, expected floating-point probabilities.")
    if array.shape != shape:
        raise DataError(
            f"{path}: found shape {array.shape}, expected {shape}: one row per row of the manifest, one column per "
            f"class ({some(class_names)}). Save the array for these images, or list all classes of the model in "
            "data.classes."
        )
    return array


def _check_distributions(block: npt.NDArray[np.float64], *, first_row: int, where: Path) -> None:
    problems = (
        (~np.isfinite(block).all(axis=1), "holds a value that is not a finite number", "Correct the array."),
        (
            ((block < 0) | (block > 1 + TOLERANCE)).any(axis=1),
            "holds values outside of 0 to 1",
            "Save probabilities, not logits: apply softmax first.",
        ),
        (
            np.abs(np.where(np.isfinite(block), block, 0).sum(axis=1) - 1) > TOLERANCE,
            "does not add up to 1",
            "Save probabilities of exclusive classes: apply softmax first.",
        ),
    )
    for is_wrong, what, advice in problems:
        if is_wrong.any():
            raise DataError(f"{where}: row {first_row + int(is_wrong.argmax()) + 1} {what}. {advice}")


def _check_predictions(found: Labels, given: Labels | None, *, class_names: Sequence[str], where: Path) -> None:
    if given is None:
        return
    differs = np.flatnonzero(found != given)
    if differs.size:
        first = int(differs[0])
        raise DataError(
            f"{where}: contradicts the manifest's predictions in {differs.size} rows, first in row {first + 1}: the "
            f"largest probability is that of {class_names[found[first]]!r}, the prediction "
            f"{class_names[given[first]]!r}. Check that both are in the same order, or leave one of them out."
        )


def _check_confidences(found: Confidences, given: Confidences | None, *, where: Path) -> None:
    if given is None:
        return
    differs = np.flatnonzero(np.abs(found - given) > TOLERANCE)  # never where no confidence is given
    if differs.size:
        first = int(differs[0])
        raise DataError(
            f"{where}: contradicts the manifest's confidences in {differs.size} rows, first in row {first + 1}: "
            f"{found[first]:.3f} and {given[first]:.3f}. Check that both are in the same order, or leave one of them "
            "out."
        )
