"""Names that come with an index each, as lists of classes in mappings do."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["counts", "in_order_of_index", "names_by_index", "quoted_names"]

Pairs = Sequence[tuple[int, str]]

_INDEX = re.compile(r"\d{1,9}")


def names_by_index(values: Mapping[str, str]) -> dict[int, str]:
    """Return the names of a mapping, `index: name` or `name: index`, by their indices in ascending order.

    Raises:
        ValueError: It is neither, or may be both, or the indices have gaps.
    """
    pairs = list(values.items())
    readings = [
        [(int(index), name) for index, name in turned]
        for turned in (pairs, [(value, key) for key, value in pairs])
        if all(_INDEX.fullmatch(index) for index, _ in turned)
    ]
    if not readings:
        raise ValueError("expected index: name, or name: index, for every class")
    return in_order_of_index(readings)


def quoted_names(values: Mapping[Any, Any]) -> dict[str, str]:
    """Return a mapping of indices and names, in either direction, as texts.

    Raises:
        ValueError: YAML made something else of a name that has no quotes: no, 01, 1e3, 12:30, a date.
    """
    for sides in (zip(values, values.values(), strict=True), zip(values.values(), values, strict=True)):
        pairs = list(sides)
        if all(type(index) is int and isinstance(name, str) for index, name in pairs):
            return {str(index): name for index, name in pairs}
    raise ValueError("expected a list of names, or index: name or name: index for every class, each name in quotes")


def in_order_of_index(readings: Sequence[Pairs]) -> dict[int, str]:
    """Return the names by ascending index from the one of several readings whose indices count from 0 or from 1.

    Args:
        readings: One or two lists of (index, name) from the same text.

    Raises:
        ValueError: None of the readings counts without gaps, or two differ and do.
    """
    counting = [sorted(reading) for reading in readings if counts(reading)]
    if not counting:
        found = sorted(index for index, _ in readings[0])
        if not found:
            raise ValueError("found no classes, expected an index and a name for each")
        raise ValueError(
            f"the {len(found)} indices go from {found[0]} to {found[-1]}, expected every number from 0 to "
            f"{len(found) - 1} once (or from 1 to {len(found)}). Name the class of every output of the model"
        )
    if len(counting) > 1 and counting[0] != counting[1]:
        raise ValueError("each class has two numbers, and both may be its index. Remove one of them")
    return dict(counting[0])


def counts(reading: Pairs) -> bool:
    """Whether the indices are 0 to n - 1, or 1 to n."""
    found = sorted(index for index, _ in reading)
    return bool(found) and found[0] in {0, 1} and found == list(range(found[0], found[0] + len(found)))
