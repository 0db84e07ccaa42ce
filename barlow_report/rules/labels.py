"""Labels, predictions and names of classes as arrays: whole numbers that count the names, or the names themselves.

What could be converted in more than one way is refused with the line that converts it: rounding floats, numbering
the texts of one side alone or dropping a mask would give results about other classes or other images.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np
import numpy.typing as npt

from barlow_report.errors import DataError
from barlow_report.offsets import offset_between

__all__ = ["as_array", "check_classes", "check_names", "number_texts", "refuse_offset"]

Integers = npt.NDArray[np.int64]


def as_array(what: str, values: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return values as an array.

    Raises:
        DataError: They are none: rows of several lengths, or a tensor that has gradients, is elsewhere or of bfloat16.
    """
    try:
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(
            f"{what}: {type(values).__name__} cannot be read as an array ({error}). Pass a numpy array; of a tensor: "
            f"{what}.detach().cpu().{'float()' if what == 'features' else 'long()'}.numpy()."
        ) from error


def number_texts(
    labels: npt.ArrayLike, predictions: npt.ArrayLike, names: tuple[str, ...] | None
) -> tuple[npt.ArrayLike, npt.ArrayLike, tuple[str, ...] | None]:
    """Put the places of names where labels or predictions are names of classes.

    Args:
        labels: Names or class ids.
        predictions: The same, not necessarily of the same kind.
        names: By class_id; None: the texts that occur, sorted, if both sides are texts.

    Returns:
        Labels, predictions and names; as they came where there is no text.

    Raises:
        DataError: A text is no name, or only one side is texts and there are no names to tell their order.
    """
    sides = {"labels": _texts("labels", labels), "predictions": _texts("predictions", predictions)}
    if all(texts is None for texts in sides.values()):
        return labels, predictions, names
    if names is None:
        if (kind := next((what for what, texts in sides.items() if texts is None), None)) is not None:
            raise DataError(
                f"{kind}: found whole numbers beside names of classes. Give class_names in the order of the model's "
                "outputs, so that it is known which number is which name."
            )
        names = tuple(sorted({text for texts in sides.values() for text in texts or ()}))
    places = {name: place for place, name in enumerate(names)}
    numbered = [
        values if texts is None else np.array([_place(what, i, t, places) for i, t in enumerate(texts)], dtype=np.int64)
        for (what, texts), values in zip(sides.items(), (labels, predictions), strict=True)
    ]
    return numbered[0], numbered[1], names


def _texts(what: str, values: npt.ArrayLike) -> list[str] | None:
    """The values as texts, where all of them are; a missing one, or another shape, is told of by `check_classes`."""
    kind = getattr(getattr(values, "dtype", None), "kind", "O")
    if kind in "iufb" or isinstance(values, np.ma.MaskedArray):
        return None
    try:
        found = np.asarray(values, dtype=object)  # of a list, too: numpy would make texts of its numbers
    except (TypeError, ValueError, RuntimeError):
        return None
    if found.ndim != 1 or not len(found) or not isinstance(found[0], str):
        return None
    if numbers := [value for value in found if isinstance(value, int | float | np.number) and value == value]:
        raise DataError(f"{what}: found texts and numbers such as {numbers[0]!r}. Pass one or the other.")
    return [str(value) for value in found] if all(isinstance(value, str) for value in found) else None


def _place(what: str, image: int, name: str, places: Mapping[str, int]) -> int:
    if name not in places:
        close = difflib.get_close_matches(name, places, n=1)
        raise DataError(
            f"{what}: image {image} is of class {name!r}, which is not among the {len(places)} class_names"
            f"{f'; did you mean {close[0]!r}?' if close else '. Add it there, or leave such images out.'}"
        )
    return places[name]


def check_classes(what: str, values: npt.ArrayLike, n_images: int) -> Integers:
    """Return class ids as int64, shape (n_images,).

    Raises:
        DataError: There is not one whole number for each image.
    """
    classes = np.ma.asanyarray(values) if isinstance(values, np.ma.MaskedArray) else as_array(what, values)
    if classes.shape != (n_images,):
        hint = f" Pass {what}[:, 0]." if classes.shape == (n_images, 1) else ""
        if classes.ndim == 2 and classes.shape[0] == n_images and classes.shape[1] > 1:
            hint = f" If these are scores of each class, pass {what}.argmax(axis=1)."
        raise DataError(
            f"{what}: found shape {classes.shape}, expected ({n_images},): one for each row of features.{hint}"
        )
    missing = _find_missing(classes)
    if missing is not None:
        raise DataError(f"{what}: image {missing} has no class. Leave such images out, in the features too.")
    if classes.dtype.kind not in "iu":
        raise DataError(
            f"{what}: found type {classes.dtype}, expected whole numbers (class ids). {_conversion(what, classes)}"
        )
    if classes.dtype.kind == "u" and n_images and int(classes.max()) > np.iinfo(np.int64).max:
        raise DataError(f"{what}: found the class {classes.max()}, expected class ids of 64 bits with a sign.")
    return classes.astype(np.int64)


def check_names(class_names: Iterable[Any] | None) -> tuple[str, ...] | None:
    """Return the names by class_id.

    Raises:
        DataError: They have no order, or one is no text, empty, or listed twice.
    """
    if class_names is None:
        return None
    if isinstance(class_names, str | bytes | Set | Mapping):
        kind = type(class_names).__name__
        raise DataError(f"class_names: found {kind}, expected a list of names in the order of the model's outputs.")
    names: Sequence[Any] = list(class_names)
    wrong = next((name for name in names if not isinstance(name, str) or not name.strip()), None)
    if wrong is not None or None in names:
        raise DataError(
            f"class_names: found {wrong!r}, expected texts: [str(name) for name in class_names], none of them empty."
        )
    repeated = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
    if repeated is not None:
        raise DataError(f"class_names: {repeated!r} is listed more than once. Give every class a name of its own.")
    return tuple(map(str, names))


def refuse_offset(labels: Integers, predictions: Integers) -> None:
    """Raise a DataError where one of the two counts the classes from 0 and the other one from 1."""
    if offset_between(labels, predictions):
        raise DataError(
            f"labels go from {labels.min()} to {labels.max()}, predictions from {predictions.min()} to "
            f"{predictions.max()}: they seem to count the same classes from different numbers. Make both start at 0, "
            "or give class_names where this is meant."
        )


def _find_missing(classes: npt.NDArray[Any]) -> int | None:
    """The first image without a class: masked, NaN, None or pandas.NA."""
    if isinstance(classes, np.ma.MaskedArray):
        missing = np.ma.getmaskarray(classes)
    elif classes.dtype.kind == "f":
        missing = np.isnan(classes)
    elif classes.dtype.kind == "O":
        missing = np.array([value is None or str(value) in {"<NA>", "nan", "NaT"} for value in classes], dtype=bool)
    else:
        return None
    return int(np.argmax(missing)) if missing.any() else None


def _conversion(what: str, classes: npt.NDArray[Any]) -> str:
    kind = classes.dtype.kind
    if kind == "b":
        return f"If True is class 1, pass {what}.astype(int)."
    if kind == "f":
        whole = np.flatnonzero(classes != np.round(classes))
        return f"Image {whole[0]} has {classes[whole[0]]}." if len(whole) else f"Pass {what}.astype(int)."
    if kind == "O" and all(isinstance(value, int | np.integer) and not isinstance(value, bool) for value in classes):
        return f"Pass {what}.astype(int)."
    return f"Pass whole numbers or the names of classes; image 0 has {classes[0]!r}."
