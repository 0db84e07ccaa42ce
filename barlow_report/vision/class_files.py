"""Class files: what a text, JSON or YAML file says of the classes and their order, or why it does not say it.

    blue            0 blue          blue<tab>0        n01440764<tab>tench      ["blue", "red"]
    red             1,red           red<tab>1         n01443537<tab>goldfish   {0: blue, 1: red}   {blue: 0, red: 1}

A number that every line has is an index: it decides the order, from 0 or from 1 on without gaps. What leaves room for
two readings is refused, for a wrong order of the classes makes every number of a report wrong.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from barlow_report.config.names import counts, in_order_of_index, names_by_index
from barlow_report.config.texts import parse_texts, unique_keys
from barlow_report.errors import DataError
from barlow_report.vision.class_names import some

__all__ = ["ClassLines", "read_class_file"]

_EXPECTED = (
    "Expected one name per line in the order of the model's outputs, perhaps each with its index from 0 on; or a list "
    "or mapping of them in JSON or YAML."
)
_KEY_AND_NAME = re.compile(r"(n\d{8}|[^\t]+\t)\s*(.*\S)\s*")
_INDEX_FIRST = re.compile(r"(\d{1,9})(?:\s*[\t,;:|]\s*|\s+)(\S.*)")
_INDEX_LAST = re.compile(r"(?!n\d{8}\s)([^\t]*[^\t\s])(?:\s*[\t,;:|]\s*|\s+)(\d{1,9})")
_HEADS = re.compile(r"(class|label|categor|name|index|idx|id|wnid|synset)[a-z_ ]*([\t,;:|\s][a-z_ ]+)?", re.IGNORECASE)
_HEAD = re.compile(r"(class|label|name)(es|s)?([_ ]?names?)?|categor(y|ies)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class ClassLines:
    """The classes of a file in the order of the model's outputs, and what the data may call each, where it says so."""

    names: tuple[str, ...]
    keys: tuple[str, ...] | None = None


def read_class_file(path: Path) -> ClassLines:
    """Read a class file.

    Raises:
        DataError: It cannot be read, or its order is not certain.
    """
    text = _decode(path)
    try:
        if path.suffix.lower() in {".json", ".yaml", ".yml"} or text.lstrip()[:1] in {"[", "{"}:
            return _from_tree(_parse(text))
        # not splitlines: a name may hold U+2028
        return _from_lines([line.strip() for line in re.split(r"\r\n|\r|\n", text.rstrip())])
    except ValueError as error:
        raise DataError(f"{path}: {error}.") from error


def _decode(path: Path) -> str:
    try:
        data = path.read_bytes()
        text = data.decode("utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: the class list cannot be read ({error}). {_EXPECTED}") from error
    if "\0" in text:
        raise DataError(f"{path}: the class list cannot be read (it is not UTF-8 text). {_EXPECTED}")
    return text


# --- JSON and YAML --------------------------------------------------------------------------------------------


def _parse(text: str) -> Any:
    try:
        return json.loads(text, parse_int=str, parse_float=str, object_pairs_hook=unique_keys)
    except (ValueError, RecursionError):
        pass  # YAML holds JSON, and what Python prints
    try:
        return parse_texts(text)
    except ValueError as error:
        raise ValueError(f"cannot be read as JSON or YAML ({error}). {_EXPECTED.removesuffix('.')}") from error


def _from_tree(tree: Any) -> ClassLines:
    if isinstance(tree, list) and all(isinstance(name, str) for name in tree):
        return ClassLines(names=tuple(tree))
    if isinstance(tree, dict) and all(isinstance(value, str) for value in tree.values()):
        return _with_index(names_by_index(tree))
    if isinstance(tree, dict) and all(_is_pair(value) for value in tree.values()):
        keys = names_by_index({index: key for index, (key, _) in tree.items()})  # {"0": ["n01440764", "tench"], …}
        name_of = dict(tree.values())
        return ClassLines(names=tuple(name_of[key] for key in keys.values()), keys=tuple(keys.values()))
    found = f"a mapping with the keys {some(tree)}" if isinstance(tree, dict) else f"{tree!r:.60}"
    raise ValueError(f"found {found}. {_EXPECTED.removesuffix('.')}")


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(part, str) for part in value)


def _with_index(names: dict[int, str]) -> ClassLines:
    return ClassLines(names=tuple(names.values()), keys=tuple(map(str, names)))


# --- lines ----------------------------------------------------------------------------------------------------


def _from_lines(lines: list[str]) -> ClassLines:
    if not all(line.startswith("#") for line in lines):
        lines = [line for line in lines if not re.match(r"#(\s|$)", line)]
    if _readings(lines):
        return _indexed(lines)
    if any(map(counts, _readings(lines[1:]))):
        if not _HEADS.fullmatch(lines[0]):
            raise ValueError(
                f"line 1, {lines[0]!r}, has no index, but all others have one. Give every line an index, or none"
            )
        return _indexed(lines[1:])
    if _HEAD.fullmatch(lines[0]):
        raise ValueError(
            f"line 1, {lines[0]!r}, looks like the head of a column. Delete it; where it is a class, list the classes "
            "in data.classes"
        )
    return _keyed(lines) or ClassLines(names=tuple(lines))


def _keyed(lines: Sequence[str]) -> ClassLines | None:
    """Take each line as a key (a WordNet id, or whatever ends in a tab) and a name; None where they are not."""
    pairs = [match.groups() for line in lines if (match := _KEY_AND_NAME.fullmatch(line)) is not None]
    if len(pairs) < len(lines):
        return None
    names = [name for _, name in pairs]
    if any("\t" in name for name in names) or _readings(names) or all(name.isdecimal() for name in names):
        raise ValueError(
            f"{lines[0]!r} and the other lines hold numbers that do not count the classes, or more than a key and a "
            "name. Write what the data call the class, a tab, and the name, in the order of the model's outputs"
        )
    return ClassLines(names=tuple(names), keys=tuple(key.strip() for key, _ in pairs))


def _readings(lines: Sequence[str]) -> list[list[tuple[int, str]]]:
    """The ways to take every line as an index and a name: number first, or number last where that counts the lines."""
    first = [(int(match[1]), match[2]) for line in lines if (match := _INDEX_FIRST.fullmatch(line))]
    last = [(int(match[2]), match[1]) for line in lines if (match := _INDEX_LAST.fullmatch(line))]
    readings = [first] if lines and len(first) == len(lines) else []
    if len(last) == len(lines) == len({name for _, name in last}) and counts(last):  # not: class 1, class 2
        readings.append(last)
    return readings


def _indexed(lines: Sequence[str]) -> ClassLines:
    names = in_order_of_index(_readings(lines))
    keyed = _keyed(list(names.values()))
    if keyed is not None:  # 0<tab>n01440764<tab>tench
        return keyed
    return _with_index({index: _unquoted(name) for index, name in names.items()})


def _unquoted(name: str) -> str:
    """Take CSV's quotes off a name."""
    return name[1:-1].replace('""', '"') if len(name) > 1 and name[0] == name[-1] == '"' else name
