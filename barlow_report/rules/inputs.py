"""What explain accepts: checked once at the door, with messages that name the first bad image."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.engine import SharedArray
from barlow_report.errors import DataError
from barlow_report.rules.compilation import compile_kernel
from barlow_report.rules.labels import as_array, check_classes, check_names, number_texts, refuse_offset

__all__ = ["Inputs", "check_inputs", "check_split", "find_bad_value", "read_rows", "refuse_other_order"]

Integers = npt.NDArray[np.int64]
Features = npt.NDArray[np.floating]

_ROWS_AT_A_TIME = 4096
_NO_LIMIT = np.iinfo(np.int64).max
_MAX_LOSS = 0.05  # rounding error of single precision, in standard deviations of a feature
_MIN_VARIATION = 1e-12  # deviation relative to size: less is rounding of double precision


@dataclass(frozen=True, kw_only=True, eq=False)
class Inputs:
    """Features that fit labels and predictions that fit class names.

    `labels` and `predictions` are places in `class_ids` and `class_names`, so that nothing grows with the largest
    class_id.
    """

    features: Features
    labels: Integers
    predictions: Integers
    class_ids: Integers
    class_names: tuple[str, ...]

    def __getstate__(self) -> dict[str, Any]:
        """Pickle a mapped file as its name: workers open it themselves."""
        return {**self.__dict__, "features": SharedArray(self.features)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, features=state["features"].array)

    @property
    def failure(self) -> npt.NDArray[np.bool_]:
        """(n_images,) True where the prediction is not the label."""
        return np.not_equal(self.predictions, self.labels)


def refuse_other_order(features: npt.ArrayLike, **columns: npt.ArrayLike) -> None:
    """Refuse pandas columns whose index has the rows of the features in another order.

    Rows are taken by their place. An index of other values, such as numbers beside names, says nothing about the order.

    Raises:
        DataError: One has the same values in its index, in another order.
    """
    if not isinstance(features, pd.DataFrame):
        return
    for what, column in columns.items():
        if not isinstance(column, pd.Series) or column.index.equals(features.index):
            continue
        if len(column) == len(features) and column.index.sort_values().equals(features.index.sort_values()):
            raise DataError(
                f"{what}: its index has the rows of features in another order. Give {what}.loc[features.index], or "
                f"{what}.to_numpy() if they belong together by their place."
            )


def check_inputs(
    features: npt.ArrayLike,
    labels: npt.ArrayLike,
    predictions: npt.ArrayLike,
    *,
    class_names: Sequence[str] | None,
) -> Inputs:
    """Check shapes, types and ranges.

    Features in single or half precision are not read here; their values are checked as they are read. Numbers that
    need more digits are read once, to see whether single precision can tell them apart.

    Raises:
        DataError: Something does not fit; the message says what.
    """
    values = features if isinstance(features, np.ndarray) else as_array("features", features)
    if values.ndim != 2 or 0 in values.shape:
        raise DataError(
            f"features: found shape {values.shape}, expected (n_images, n_features) with at least one of each."
        )
    if values.dtype.kind not in "fiu":
        raise DataError(f"features: found type {values.dtype}, expected real numbers such as float32.")
    n_images = len(values)
    labels, predictions, names = number_texts(labels, predictions, check_names(class_names))
    true, predicted = check_classes("labels", labels, n_images), check_classes("predictions", predictions, n_images)
    if names is None:
        refuse_offset(true, predicted)
    for what, classes in (("labels", true), ("predictions", predicted)):
        wrong = np.flatnonzero((classes < 0) | (classes >= (_NO_LIMIT if names is None else len(names))))
        if len(wrong):
            expected = "at least 0" if names is None else f"0 to {len(names) - 1} ({len(names)} class names)"
            advice = "Give the class names in the order of the model's outputs."
            if names is not None and true.min() == 1 and true.max() == len(names):
                advice = "If the classes count from 1, subtract 1."
            if classes[wrong[0]] < 0:
                advice = "Leave images without a label out, in the features too."
            raise DataError(f"{what}: image {wrong[0]} has class {classes[wrong[0]]}, expected {expected}. {advice}")
    lost = _find_lost_feature(values)
    if lost is not None:
        raise DataError(lost)
    if names is not None:
        ids = np.arange(len(names))
        return Inputs(features=values, labels=true, predictions=predicted, class_ids=ids, class_names=names)
    ids, places = np.unique(np.concatenate([true, predicted]), return_inverse=True)
    return Inputs(
        features=values,
        labels=places[:n_images].astype(np.int64),
        predictions=places[n_images:].astype(np.int64),
        class_ids=ids,
        class_names=tuple(map(str, ids.tolist())),
    )


def check_split(held_out: npt.ArrayLike, *, n_images: int) -> npt.NDArray[np.bool_]:
    """Return which images are held out.

    Raises:
        DataError: It is not one bool for each image, or nothing is left to fit on.
    """
    split = np.asarray(held_out)
    if split.shape != (n_images,) or split.dtype != np.bool_:
        raise DataError(f"held_out: found shape {split.shape} of {split.dtype}, expected ({n_images},) of bool.")
    if split.all():
        raise DataError("held_out: all images are held out, expected some to fit on.")
    return split


def read_rows(features: Features, image_ids: Integers) -> npt.NDArray[np.float32]:
    """Copy the features of some images: (len(image_ids), n_features) float32, without a look at their values.

    Rows of a mapped file are read from the file: through the map, the pages around each row would be mapped too, up
    to 2 MB of them, and count as memory of the process.
    """
    with np.errstate(over="ignore"):  # what does not fit becomes infinite, and is reported as such
        return _to_float32(_rows_of_file(features, image_ids))


def _rows_of_file(features: Features, image_ids: Integers) -> Features:
    root = features
    while isinstance(root.base, np.memmap):
        root = root.base
    if (
        not isinstance(root, np.memmap)
        or root.mode != "r"
        or not root.filename
        or features.strides[1] != features.itemsize
    ):
        return np.asarray(features[image_ids])
    start = root.offset + features.ctypes.data - root.ctypes.data  # features may be a slice of what is mapped
    rows = np.empty((len(image_ids), features.shape[1]), dtype=features.dtype)
    try:
        with io.FileIO(root.filename) as file:
            for row, image_id in zip(rows, image_ids, strict=True):
                file.seek(start + int(image_id) * features.strides[0])
                if file.readinto(row.data) != row.nbytes:
                    raise OSError("the file has become shorter")
    except OSError:  # removed or replaced since: the map still has it
        return np.asarray(features[image_ids])
    return rows


def _to_float32(rows: Features) -> npt.NDArray[np.float32]:
    """Convert; half precision by looking every value up, which is ten times faster than numpy's conversion."""
    if rows.dtype != np.float16:
        return rows.astype(np.float32, copy=False)
    result = np.empty(rows.shape, dtype=np.float32)
    values = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32)
    _look_up(np.ascontiguousarray(rows).view(np.uint16).reshape(-1), values, result.reshape(-1))
    return result


@compile_kernel
def _look_up(bits: npt.NDArray[np.uint16], values: npt.NDArray[np.float32], result: npt.NDArray[np.float32]) -> None:
    for i in range(len(bits)):
        result[i] = values[bits[i]]


def find_bad_value(features: Features) -> str | None:
    """Describe the first value that is no finite float32, in the order of images; None where all are."""
    for start in range(0, len(features), _ROWS_AT_A_TIME):
        rows = read_rows(features, np.arange(start, min(start + _ROWS_AT_A_TIME, len(features))))
        bad = np.argwhere(~np.isfinite(rows))
        if len(bad):
            image, feature = int(bad[0][0]) + start, int(bad[0][1])
            return (
                f"features: feature {feature} of image {image} is {features[image, feature]}, expected finite numbers "
                "in the range of float32. Leave the image out, or repair the model that computed it."
            )
    return None


def _find_lost_feature(features: Features) -> str | None:
    """Describe the first feature whose values single precision cannot tell apart; None where there is none."""
    if (features.dtype.kind == "f" and features.dtype.itemsize <= 4) or features.dtype.itemsize <= 2:
        return None
    shape = features.shape[1]
    first = features[0].astype(np.float64)
    error, largest, total, squares = (np.zeros(shape) for _ in range(4))
    with np.errstate(over="ignore", invalid="ignore"):  # values out of range are reported as they are read
        for start in range(0, len(features), _ROWS_AT_A_TIME):
            rows = features[start : start + _ROWS_AT_A_TIME].astype(np.float64)
            error = np.fmax(error, np.abs(rows.astype(np.float32) - rows).max(axis=0))
            largest = np.fmax(largest, np.abs(rows).max(axis=0))
            total += (rows - first).sum(axis=0)
            squares += ((rows - first) ** 2).sum(axis=0)
        deviation = np.sqrt(np.maximum(squares / len(features) - (total / len(features)) ** 2, 0))
        lost = np.flatnonzero((error > _MAX_LOSS * deviation) & (deviation > _MIN_VARIATION * largest))
    if not len(lost):
        return None
    feature = int(lost[0])
    return (
        f"features: feature {feature} has values around {first[feature]:.6g} that differ by about "
        f"{deviation[feature]:.2g}, which single precision cannot tell apart. Subtract its mean, or leave it out."
    )
