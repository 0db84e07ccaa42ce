"""From what data say of an image's class, a name or a number, to its class_id."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from barlow_report.errors import DataError
from barlow_report.vision.class_names import INTEGER, alike, some
from barlow_report.vision.classes import ClassList

__all__ = ["UNLABELLED", "are_names", "as_classes", "as_given_classes", "class_ids", "unknown_folders"]

UNLABELLED = (
    "usually marks images without a label. Leave these images out; where it is a class, list all classes in "
    "data.classes."
)


def as_classes(values: Iterable[Any]) -> list[str | int]:
    """Take whole numbers, and text that is one ("7" or "7.0", but not "07"), as integers where all are; else as text.

    pandas writes integers as 7.0 once a row had no value.
    """
    found = list(values)
    numbers = [_as_integer(value) for value in found]
    whole = [number for number in numbers if number is not None]
    if len(whole) == len(found):
        return list(whole)
    return [str(int(value)) if isinstance(value, float) and value.is_integer() else str(value) for value in found]


def as_given_classes(values: Sequence[Any]) -> tuple[list[str | int], npt.NDArray[np.bool_]]:
    """Return the values as `as_classes` takes them, and which images have one, bool, shape (n,).

    An image has none where its value is missing, empty or -1; it is empty in the list.
    """
    is_given = np.array([_is_given(value) for value in values], dtype=np.bool_)
    found = iter(as_classes(value for value, given in zip(values, is_given, strict=True) if given))
    return [next(found) if given else "" for given in is_given], is_given


def _is_given(value: Any) -> bool:
    return value is not None and value == value and str(value).strip() != "" and _as_integer(value) != -1


def _as_integer(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    match = INTEGER.fullmatch(str(value).strip())
    return int(match[1]) if match else None


def are_names(values: Iterable[str | int], classes: ClassList) -> bool:
    """Whether all values are names or keys of classes, and none is a number that counts them."""
    return all(classes.find(str(value)) is not None for value in set(values))


def class_ids(
    values: Sequence[str | int], classes: ClassList, *, where: str, notes: dict[str, str] | None = None
) -> npt.NDArray[np.int64]:
    """Turn class names or indices into indices, int64, shape (n,).

    Names win: where every value is the name or the key of a class it is that class, even if the names are numbers.
    Otherwise a column of integers counts the classes from 0.

    Args:
        values: Names or indices.
        classes: The classes.
        where: Named in the error.
        notes: Gets a sentence where a spelling was taken for another one that looks the same.

    Raises:
        DataError: A value is no class.
    """
    found = set(values)
    ids = {value: classes.find(str(value)) for value in found}
    if None in ids.values() and all(isinstance(value, int) for value in found):
        return _by_number(values, classes, where=where)
    unknown = sorted(str(value) for value, class_id in ids.items() if class_id is None)
    if unknown:
        raise DataError(
            f"{where}: {_not_classes(unknown)} of the list ({some(classes.names)}){_hint(unknown, classes)}. Correct "
            "data.classes, data.class_file or the data."
        )
    if notes is not None:
        notes |= _respelled(ids, classes)
    return np.array([ids[value] for value in values], dtype=np.int64)


def _respelled(ids: dict[str | int, int | None], classes: ClassList) -> dict[str, str]:
    """Note spellings that were taken for another one; white space around all names alike is no spelling."""
    known = classes.index_of
    found = sorted(
        text
        for text, class_id in ((str(value), class_id) for value, class_id in ids.items())
        if text not in known and (text.strip() not in known or text.strip() in ids)
    )
    if not found:
        return {}
    name = classes.names[classes.find(found[0]) or 0]
    return {"spelling": f"{some(found)} in the data is taken for the class {name!r}, which looks the same."}


def _by_number(values: Sequence[str | int], classes: ClassList, *, where: str) -> npt.NDArray[np.int64]:
    """Take integers as indices, or as the names of classes that are numbers in another form: 1 for 01."""
    numbers = {int(value) for value in values}
    as_name = {n: classes.index_of_number[n] for n in numbers if n in classes.index_of_number}
    outside = sorted(numbers - set(range(len(classes))))
    if len(as_name) == len(numbers):
        if not outside and any(n != index for n, index in as_name.items()):
            raise DataError(
                f"{where}: the numbers {some(sorted(numbers))} may be names of the classes ({some(classes.names)}) or "
                "count them from 0, which is another class. Write the names as they are in the list."
            )
        return np.array([as_name[int(value)] for value in values], dtype=np.int64)
    if outside:
        advice = f"The value -1 {UNLABELLED}" if outside[0] < 0 else "Check the class list."
        if outside[0] == len(classes) and 0 not in numbers:
            advice = "Check the class list, or whether the indices start at 1."
        raise DataError(
            f"{where}: found the class index {some(outside)}, expected 0 to {len(classes) - 1} for {len(classes)} "
            f"classes ({some(classes.names)}). {advice}"
        )
    return np.array([int(value) for value in values], dtype=np.int64)


def unknown_folders(folders: Iterable[str], classes: ClassList) -> str | None:
    """Say which folders are no class of the list; None where all are."""
    unknown = sorted(folder for folder in folders if classes.find(folder) is None)
    if not unknown:
        return None
    noun = "sub-folder" if len(unknown) == 1 else "sub-folders"
    return f"{noun} {_not_classes(unknown)} of the configured list ({some(classes.index_of)}){_hint(unknown, classes)}"


def _not_classes(unknown: Sequence[str]) -> str:
    return f"{some(unknown)} {'is not a class' if len(unknown) == 1 else 'are not classes'}"


def _hint(unknown: Sequence[str], classes: ClassList) -> str:
    close = next((name for name in classes.index_of if alike(name) == alike(unknown[0])), None)
    return f"; did you mean {close!r}?" if close is not None else ""
