"""The classes of a data set: their names, their order, and what else the data may call them.

The order is that of the model's outputs: the configured list, or what the source itself says, or else every class
found, sorted. Names that are all whole numbers are sorted by number, as they count the outputs of ImageNet-V2 and of
most tables; torchvision's ImageFolder sorts the same folders as text (1, 10, 2), which data.class_order can say. Which
is right depends on how the model was trained: nothing here can know, so what was taken is noted, and `class_order`
looks at the predictions. A class may go by a second name in the data, its key: the folders of ImageNet are called by
WordNet ids (n01440764), and a report that says "tench" is easier to read.

Two spellings are one class where nobody can see the difference (white space around, Unicode's composition), and that is
noted. Names that merely look alike (Red, red) are never taken for one and never for two without being listed.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources

from barlow_report.config import DataConfig
from barlow_report.errors import DataError
from barlow_report.formatting import counted
from barlow_report.vision.class_files import ClassLines, read_class_file
from barlow_report.vision.class_names import INTEGER, alike, are_numbers, same_text, some

__all__ = [
    "ClassList",
    "configured_classes",
    "imagenet_classes",
    "listed_classes",
    "synset_ids",
    "with_readable_names",
]

_SYNSET = re.compile(r"n\d{8}")


@dataclass(frozen=True, kw_only=True)
class ClassList:
    """Classes in the order of the model's outputs.

    Attributes:
        names: Name of each class; its position is its class_id. No two are equal.
        keys: What the data may call a class instead, with its class_id.
        notes: Sentences on what was taken for granted, by a name for each.
    """

    names: tuple[str, ...]
    keys: Mapping[str, int] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def index_of(self) -> dict[str, int]:
        """The class_id of every key and name; where one is both, the name counts."""
        return {**self.keys, **{name: index for index, name in enumerate(self.names)}}

    @cached_property
    def _index_of_text(self) -> dict[str, int]:
        """The same by what can be seen of keys and names, 7.0 being 7, where that tells them apart."""
        seen: dict[str, set[int]] = {}
        for name, index in self.index_of.items():
            seen.setdefault(_plain(name), set()).add(index)
        return {text: min(ids) for text, ids in seen.items() if len(ids) == 1}

    @cached_property
    def index_of_number(self) -> dict[int, int]:
        """The class_id by the number that a name is in another form, 07 or 7.0; without those that two names are."""
        found: dict[int, list[int]] = {}
        for class_id, name in enumerate(self.names):
            if are_numbers([name]):
                found.setdefault(int(alike(name)), []).append(class_id)
        return {number: ids[0] for number, ids in found.items() if len(ids) == 1}

    def find(self, name: str) -> int | None:
        """Return the class_id of a class by its name or key, differences that nobody sees aside; None: no class."""
        exact = self.index_of.get(name)
        return self._index_of_text.get(_plain(name)) if exact is None else exact

    @property
    def lines(self) -> tuple[str, ...]:
        """What a class file with these classes says, a line each."""
        key_of = {index: key for key, index in self.keys.items()}
        keyed = len(key_of) == len(self.names) and not all(INTEGER.fullmatch(key) for key in key_of.values())
        return tuple(f"{key_of[i]}\t{name}" if keyed else name for i, name in enumerate(self.names))


def _plain(name: str) -> str:
    number = INTEGER.fullmatch(same_text(name))
    return number[1] if number else same_text(name)


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
        return with_readable_names(tuple(imagenet_classes()))
    if config.classes is not None:
        lines, where = ClassLines(names=tuple(config.classes)), "data.classes"
    elif config.class_file is not None:
        lines, where = read_class_file(config.class_file), str(config.class_file)
    else:
        return None
    if "" in lines.names:
        raise DataError(f"{where}: class {lines.names.index('')} (counted from 0) has no name. Name every class.")
    repeated = sorted(value for value, n in Counter(lines.keys or lines.names).items() if n > 1)
    if repeated:
        raise DataError(f"{where}: {some(repeated)} listed more than once. List every class once.")
    if len(lines.names) < 2:
        raise DataError(
            f"{where}: found {counted(len(lines.names), 'class', 'classes')}, expected at least 2. List all classes of "
            "the model."
        )
    if lines.keys is not None:
        return _keyed(lines.keys, lines.names)
    return with_readable_names(lines.names)


def _keyed(keys: Sequence[str], names: Sequence[str]) -> ClassList:
    """Classes with a key each; a name that occurs twice is told apart by its key."""
    n_of = Counter(names)
    unique = [name if n_of[name] == 1 else f"{name} ({key})" for key, name in zip(keys, names, strict=True)]
    return ClassList(names=tuple(unique), keys={key: index for index, key in enumerate(keys)})


def with_readable_names(names: tuple[str, ...]) -> ClassList:
    """Replace WordNet ids of ImageNet's classes by their names, where all are such ids."""
    known = imagenet_classes() if all(_SYNSET.fullmatch(name) for name in names) else {}
    if not all(name in known for name in names):
        return ClassList(names=names)
    return _keyed(names, [known[name] for name in names])


def listed_classes(names: Sequence[str]) -> ClassList:
    """Return the classes that a source lists in the order its indices count."""
    return with_readable_names(tuple(names))


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
    if listed is not None and set(names) <= set(listed.names):
        key_of = {listed.names[place]: key for key, place in listed.keys.items() if _SYNSET.fullmatch(key)}
        ids |= {position: key_of[name] for position, name in enumerate(names) if name in key_of}
    known = imagenet_classes()
    synset_of = {name: key for key, name in known.items()}
    synset_of |= {f"{name} ({key})": key for key, name in known.items()} | {key: key for key in known}
    if all(name in synset_of for name in names):
        ids = {position: synset_of[name] for position, name in enumerate(names)} | ids
    return ids, tuple(known) if ids and set(ids.values()) <= known.keys() else ()
