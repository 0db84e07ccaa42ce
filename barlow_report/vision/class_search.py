"""The classes of data that do not list them: what occurs, checked and sorted."""

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace

import numpy as np

from barlow_report.errors import DataError
from barlow_report.formatting import counted
from barlow_report.offsets import offset_between
from barlow_report.vision.class_labels import UNLABELLED
from barlow_report.vision.class_names import (
    MISSING_TEXTS,
    Order,
    are_numbers,
    is_integer,
    same_text,
    some,
    sorted_names,
    spelled,
    too_alike,
)
from barlow_report.vision.classes import ClassList, with_readable_names

__all__ = ["NEVER_LABELS", "folder_classes", "found_classes"]

NEVER_LABELS = "never_labels"
"""The note on names that are predicted and never a label."""

_TOO_CLOSE = 0.8
"""Likeness of two names, 0 to 1, from which one may be the other with a slip: two letters of ten."""
_N_SLIPS = 3


def folder_classes(folders: Sequence[str], *, order: Order | None, where: str) -> ClassList:
    """Return the classes that the folders of an image folder are.

    Raises:
        DataError: Two names are too much alike, or a name is what marks images without a label.
    """
    if "-1" in folders:
        raise DataError(f"{where}: the folder '-1' {UNLABELLED}")
    _refuse_alike(folders, where=f"{where}: the folders")
    return _in_order(folders, order)


def found_classes(columns: Mapping[str, Sequence[str | int]], *, where: str, order: Order | None = None) -> ClassList:
    """Return the classes that occur in the data: names sorted as text, integers by number, unless `order` says else.

    Args:
        columns: The labels, and the predictions if there are any, by the name of their column.
        where: Named in the error.
        order: How to sort them.

    Raises:
        DataError: One column holds numbers and another one names, or labels and predictions count differently, or
            there is a number below 0, a text for a missing value among numbers or in one column alone, or names that
            are too much alike.
    """
    found = {column: set(values) for column, values in columns.items()}
    for column, values in found.items():
        _refuse_unlabelled(values, where=f"{where}: column {column!r}")
    kinds = {column: all(isinstance(value, int) for value in values) for column, values in found.items()}
    if len(set(kinds.values())) > 1:
        numbers, names = sorted(kinds, key=lambda column: not kinds[column])
        raise DataError(
            f"{where}: column {numbers!r} holds numbers and column {names!r} names. List the classes in the order "
            "that the numbers count, in data.classes or data.class_file."
        )
    _refuse_one_sided(found, where=where)
    if all(kinds.values()):
        _refuse_offset(columns, where=where)
        return _in_order({str(value) for values in found.values() for value in values}, order)
    spellings: dict[str, set[str]] = {}
    for name in {str(value) for values in found.values() for value in values}:
        spellings.setdefault(same_text(name), set()).add(name)
    spelled_names = [spelled(forms) for forms in spellings.values()]
    _refuse_alike(spelled_names, where=f"{where}: the classes")
    classes = _in_order(spelled_names, order)
    if (words := _never_labels(columns)) is not None:
        classes = replace(classes, notes={**classes.notes, NEVER_LABELS: words})
    if markers := [name for name in classes.names if name.lower() in MISSING_TEXTS]:
        words = f"{some(markers)} in the table of labels is taken for the name of a class, not for a missing label."
        return replace(classes, notes={**classes.notes, "missing": words})
    return classes


def _never_labels(columns: Mapping[str, Sequence[str | int]]) -> str | None:
    """Say which names are predicted and never a label, and which labels are nearly the same; None where there are none.

    One may be a class of the model without images, or another one with a slip of the pen: only people know.
    """
    labels = {same_text(str(name)) for name in columns.get("label", ())}
    counts = Counter(same_text(str(name)) for name in columns.get("prediction", ()))
    found = sorted(counts.keys() - labels)
    if not found:
        return None
    close = {
        name: difflib.get_close_matches(
            name, (label for label in labels if _digits(label) == _digits(name)), n=1, cutoff=_TOO_CLOSE
        )
        for name in found
    }
    found.sort(key=lambda name: not close[name])  # what may be a slip comes first
    slips = [f"{name!r} (did you mean {close[name][0]!r}?)" for name in found if close[name]]
    shown = some(found) if not slips else ", ".join(slips[:_N_SLIPS])
    if slips and (n_more := len(found) - len(slips[:_N_SLIPS])):
        shown += f" and {n_more} more"
    n_images = sum(counts[name] for name in found)
    one = len(found) == 1
    return (
        f"{shown} {'is' if one else 'are'} predicted, for {counted(n_images, 'image')}, and never a label: "
        f"{'it counts as a class' if one else 'each counts as a class'} of its own. Correct the data, or list all "
        "classes in data.classes."
    )


def _digits(name: str) -> list[str]:
    """The numbers in a name: class_1 and class_2 are two classes, and no slip."""
    return re.findall(r"\d+", name)


def _refuse_unlabelled(values: Set[str | int], *, where: str) -> None:
    """Raise for -1 and the like, and for numbers beside a text that programs write for a missing value."""
    negative = [value for value in values if str(value).strip() == "-1" or (isinstance(value, int) and value < 0)]
    if negative:
        raise DataError(f"{where}: the value {min(map(str, negative))} {UNLABELLED}")
    texts = [str(value) for value in values]
    others = sorted(text for text in texts if not is_integer(text))
    if others and len(others) < len(texts) and all(text.strip().lower() in MISSING_TEXTS for text in others):
        raise DataError(f"{where}: holds numbers and {some(others)}, which {UNLABELLED}")


def _refuse_one_sided(found: Mapping[str, Set[str | int]], *, where: str) -> None:
    """Raise for a text that programs write for a missing value where one column has it and the other one never."""
    markers = {
        column: {name for name in map(str, values) if name.strip().lower() in MISSING_TEXTS}
        for column, values in found.items()
    }
    for column, texts in markers.items():
        for other in markers:
            if alone := sorted(texts - markers[other]):
                raise DataError(
                    f"{where}: column {column!r} holds {some(alone)}, column {other!r} never: it {UNLABELLED}"
                )


def _refuse_offset(columns: Mapping[str, Sequence[str | int]], *, where: str) -> None:
    """Raise where one of two columns of numbers counts the same classes from 0 and the other one from 1."""
    if len(columns) < 2:
        return
    first, second = (np.array(values, dtype=np.int64) for values in columns.values())
    if offset_between(first, second):
        raise DataError(
            f"{where}: "
            + " and ".join(f"column {name!r} goes from {min(v)} to {max(v)}" for name, v in columns.items())
            + ": they seem to count the same classes from different numbers. Make both start at 0, or list the classes "
            "in data.classes where this is meant."
        )


def _refuse_alike(names: Iterable[str], *, where: str) -> None:
    pairs = too_alike(sorted(names))
    if pairs:
        show = ascii if same_text(pairs[0][0]) == same_text(pairs[0][1]) else repr  # what nobody can see
        shown = " and ".join(map(show, pairs[0]))
        more = f" (and {len(pairs) - 1} more such pairs)" if len(pairs) > 1 else ""
        raise DataError(
            f"{where} {shown}{more} look alike: they differ in capital letters, white space, leading zeros or Unicode "
            "form. Write them the same way if they are one class; if they are two, list all classes in data.classes."
        )


def _in_order(names: Iterable[str], order: Order | None) -> ClassList:
    """Sort what was found; note the order where the other one was possible and nobody chose."""
    found = sorted_names(names, order=order)
    classes = with_readable_names(tuple(found))
    taken: Order = "number" if are_numbers(found) else "text"
    other: Order = "text" if taken == "number" else "number"
    if order is not None or sorted_names(found, order=other) == found:
        return classes
    words = (
        f"The classes are sorted by {taken} ({some(found)}) and taken for the model's outputs in this order. "
        f"data.class_order: {other} sorts them by {other}."
    )
    return replace(classes, notes={**classes.notes, "class_order": words})
