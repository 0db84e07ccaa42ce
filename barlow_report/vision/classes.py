"""The classes of a data set: their names, their order, and what else the data may call them.

The order is that of the model's outputs: the configured list, or what the source itself says, or else every class
found, sorted by name. A class may go by a second name in the data, its key: the folders of ImageNet are called by
WordNet ids (n01440764), and a report that says "tench" is easier to read.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from barlow_report.config import DataConfig
from barlow_report.errors import DataError

__all__ = [
    "ClassList",
    "as_classes",
    "class_ids",
    "configured_classes",
    "found_classes",
    "imagenet_classes",
    "listed_classes",
    "some",
    "synset_ids",
]

_N_SHOWN = 3
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,17})")
_SYNSET = re.compile(r"n\d{8}")
_KEY_AND_NAME = re.compile(rf"({_SYNSET.pattern}|[^\t]+\t)\s*(.*\S)\s*")


@dataclass(frozen=True, kw_only=True)
class ClassList:
    """Classes in the order of the model's outputs.

    Attributes:
        names: Name of each class; its position is its class_id. No two are equal.
        keys: What the data may call a class instead, with its class_id.
    """

    names: tuple[str, ...]
    keys: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def index_of(self) -> dict[str, int]:
        """The class_id of every key and name; where one is both, the name counts."""
        return {**self.keys, **{name: index for index, name in enumerate(self.names)}}


@cache
def imagenet_classes() -> dict[str, str]:
    """Return the names of the 1,000 classes of ImageNet by their WordNet ids, in the order of a model's outputs."""
    text = (resources.files("barlow_report.vision") / "imagenet_classes.txt").read_text(encoding="utf-8")
    lines = (line.partition("\t") for line in text.splitlines() if not line.startswith("#"))
    return {key: name for key, _, name in lines}


def configured_classes(config: DataConfig) -> ClassList | None:
    """Return the classes that the configuration lists, or None.

    Raises:
        DataError: The class file cannot be read, or a class has no name, is listed twice, or is the only one.
    """
    if config.classes == "imagenet":
        return _with_readable_names(tuple(imagenet_classes()))
    if config.classes is not None:
        names, where = list(config.classes), "data.classes"
    elif config.class_file is not None:
        names, where = _read_class_file(config.class_file), str(config.class_file)
    else:
        return None
    if "" in names:
        raise DataError(f"{where}: class {names.index('')} (counted from 0) has no name; name every class.")
    repeated = sorted(name for name, n in Counter(names).items() if n > 1)
    if repeated:
        raise DataError(f"{where}: {some(repeated)} listed more than once; list every class once.")
    if len(names) < 2:
        raise DataError(f"{where}: found {len(names)} class(es), expected at least 2: one class cannot be confused.")
    if config.class_file is not None:
        return _split_keys(names)
    return _with_readable_names(tuple(names))


def _read_class_file(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: the class list cannot be read ({error}). Expected one name per line.") from error
    return [line.strip() for line in text.rstrip().splitlines()]


def _split_keys(lines: list[str]) -> ClassList:
    """Take each line as a name, or all of them as a key (a WordNet id, or whatever ends in a tab) and a name."""
    pairs = [match.groups() for line in lines if (match := _KEY_AND_NAME.fullmatch(line)) is not None]
    if len(pairs) < len(lines):
        return _with_readable_names(tuple(lines))
    return _keyed([key.strip() for key, _ in pairs], [name for _, name in pairs])


def _keyed(keys: Sequence[str], names: Sequence[str]) -> ClassList:
    """Classes with a key each; a name that occurs twice is told apart by its key."""
    n_of = Counter(names)
    unique = [name if n_of[name] == 1 else f"{name} ({key})" for key, name in zip(keys, names, strict=True)]
    return ClassList(names=tuple(unique), keys={key: index for index, key in enumerate(keys)})


def _with_readable_names(names: tuple[str, ...]) -> ClassList:
    """Replace WordNet ids of ImageNet's classes by their names, where all are such ids."""
    known = imagenet_classes() if all(_SYNSET.fullmatch(name) for name in names) else {}
    if not all(name in known for name in names):
        return ClassList(names=names)
    return _keyed(names, [known[name] for name in names])


def found_classes(columns: Mapping[str, Sequence[str | int]], *, where: str) -> ClassList:
    """Return the classes that occur in the data: names sorted as text, integers by number.

    Args:
        columns: The labels, and the predictions if there are any, by the name of their column.
        where: Named in the error.

    Raises:
        DataError: One column holds numbers and another one names.
    """
    kinds = {column: all(isinstance(value, int) for value in values) for column, values in columns.items()}
    if len(set(kinds.values())) > 1:
        numbers, names = sorted(kinds, key=lambda column: not kinds[column])
        raise DataError(
            f"{where}: column {numbers!r} holds numbers and column {names!r} names. List the classes in the order "
            "that the numbers count, in data.classes or data.class_file."
        )
    found = {value for values in columns.values() for value in values}
    if all(kinds.values()):
        return ClassList(names=tuple(str(number) for number in sorted(int(value) for value in found)))
    return _with_readable_names(tuple(sorted(str(value) for value in found)))


def listed_classes(names: Sequence[str]) -> ClassList:
    """Return the classes that a source lists in the order its indices count."""
    return _with_readable_names(tuple(names))


def synset_ids(names: Sequence[str], config: DataConfig) -> tuple[dict[int, str], tuple[str, ...]]:
    """Return the WordNet id of each class that is known to be a synset, and the ids of the list that it is from.

    A class is one if the configuration's list says so, if its name is such an id, or if all names are those of classes
    of ImageNet.

    Args:
        names: Of the run's classes, in order.
        config: Of the run's data.
    """
    listed = configured_classes(config)
    ids = {position: name for position, name in enumerate(names) if _SYNSET.fullmatch(name)}
    if listed is not None and tuple(names) == listed.names:
        ids |= {position: key for key, position in listed.keys.items() if _SYNSET.fullmatch(key)}
    known = imagenet_classes()
    synset_of = {name: key for key, name in known.items()}
    synset_of |= {f"{name} ({key})": key for key, name in known.items()} | {key: key for key in known}
    if all(name in synset_of for name in names):
        ids = {position: synset_of[name] for position, name in enumerate(names)} | ids
    return ids, tuple(known) if ids and set(ids.values()) <= known.keys() else ()


def as_classes(values: Iterable[Any]) -> list[str | int]:
    """Take whole numbers, and text that is one ("7", but not "07"), as integers where all values are; else as text."""
    found = [_as_class(value) for value in values]
    return found if all(isinstance(value, int) for value in found) else [str(value) for value in found]


def _as_class(value: Any) -> str | int:
    if isinstance(value, bool):
        return str(value)
    # Parquet stores integers as floats once a row had no value.
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return int(value)
    text = str(value).strip()
    return int(text) if _INTEGER.fullmatch(text) else text


def class_ids(values: Sequence[str | int], classes: ClassList, *, where: str) -> npt.NDArray[np.int64]:
    """Turn class names or indices into indices, int64, shape (n,).

    Names win: where every value is the name or the key of a class it is that class, even if the names are numbers.
    Otherwise a column of integers counts the classes from 0.

    Raises:
        DataError: A value is no class.
    """
    index_of: dict[str | int, int] = dict(classes.index_of.items())
    found = set(values)
    if not all(str(value) in index_of for value in found) and all(isinstance(value, int) for value in found):
        index_of = {index: index for index in range(len(classes))}
        outside = sorted(value for value in found if value not in index_of)
        if outside:
            raise DataError(
                f"{where}: found the class index {some(outside)}, expected 0 to {len(classes) - 1} for "
                f"{len(classes)} classes ({some(classes.names)}). Check the class list, or whether the indices start "
                "at 1."
            )
    else:
        index_of |= {value: index_of[str(value)] for value in found if str(value) in index_of}
        unknown = sorted(str(value) for value in found if value not in index_of)
        if unknown:
            raise DataError(
                f"{where}: {some(unknown)} is no class of the list ({some(classes.names)}). Add it to data.classes or "
                "data.class_file, or correct the data."
            )
    return np.array([index_of[value] for value in values], dtype=np.int64)


def some(values: Iterable[object]) -> str:
    """Return the first few of `values` in quotes, and how many more there are."""
    shown = [repr(value) for value in values]
    rest = len(shown) - _N_SHOWN
    return ", ".join(shown[:_N_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
