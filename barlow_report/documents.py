"""YAML and JSON that people write: one way to read them, which takes only what has one meaning.

What a parser would take without a word and somebody would not have meant is an error that names the line: a key that
occurs twice, aliases that stand for millions of values, integers of thousands of digits, NaN in JSON, characters that
no name or path can have. A date is the text that it was written as.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import yaml

__all__ = ["Document", "check_texts", "parse_json", "parse_yaml", "read_document"]

_MAX_YAML_BYTES = 8 * 2**20
_MAX_ALIASED = 100_000
_MAX_DIGITS = 18
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")
_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_TAG = "tag:yaml.org,2002:"
_TOO_DEEP = "it is nested too deeply"


class Document(NamedTuple):
    """A YAML document: its nodes, which know their lines, and what they stand for."""

    tree: yaml.Node | None
    values: Any


def read_document(path: Path) -> str:
    """Return the text of a YAML file, UTF-8, or UTF-16 with its mark as some editors of Windows write it.

    Raises:
        OSError: It cannot be read.
        ValueError: It is too large to be written by people, or no text.
    """
    with path.open("rb") as file:
        data = file.read(_MAX_YAML_BYTES + 1)
    if len(data) > _MAX_YAML_BYTES:
        raise ValueError(f"it has more than {_MAX_YAML_BYTES // 2**20} MB")
    return data.decode(_BOMS.get(data[:2], "utf-8-sig"))


def parse_yaml(text: str) -> Document:
    """Parse one YAML document.

    Raises:
        ValueError: It is not valid, or says something that is not meant; the message names the line.
    """
    try:
        loader = _Loader(text)
        tree = loader.get_single_node()
        if tree is None:
            return Document(None, None)
        _check_size(tree)
        for mapping in _mappings(tree):
            _check_keys(mapping, loader)
        return Document(tree, loader.construct_document(tree))
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def parse_json(text: str) -> Any:
    """Parse JSON.

    Raises:
        ValueError: It is not valid, or says something that is not meant.
    """
    try:
        values = json.loads(
            text, object_pairs_hook=_as_object, parse_constant=_refuse, parse_int=_integer, parse_float=_finite
        )
        if "\\u" in text:
            check_texts(values)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    return values


# --- YAML -------------------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """Plain values only: no dates, sets, bytes or ordered maps."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as the base class has them
        first: [(tag, pattern) for tag, pattern in found if tag != f"{_TAG}timestamp"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors = {  # noqa: RUF012
        tag: found
        for tag, found in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag.removeprefix(_TAG) in {"null", "bool", "int", "float", "str", "seq", "map"}
    }

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        value = node.value
        # powers of two have more digits than tens; in base 60 each pair may add two
        number = super().construct_yaml_int(node) if len(value) <= 4 * _MAX_DIGITS else None
        if number is None or abs(number) >= 10**_MAX_DIGITS:
            shown = value if len(value) <= 40 else f"{value[:20]}… ({len(value)} characters)"
            raise ValueError(f"{_line(node)}: the number {shown} is too large; text goes in quotes")
        return int(number)

    def construct_yaml_str(self, node: yaml.ScalarNode) -> str:
        value = str(super().construct_yaml_str(node))
        _check_text(value, where=f"{_line(node)}: ")
        return value


_Loader.add_constructor(f"{_TAG}int", _Loader.construct_yaml_int)
_Loader.add_constructor(f"{_TAG}str", _Loader.construct_yaml_str)


def _line(node: yaml.Node) -> str:
    return f"line {node.start_mark.line + 1}"


def _children(node: yaml.Node) -> Iterable[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return (part for pair in node.value for part in pair)
    return node.value if isinstance(node, yaml.SequenceNode) else ()


def _check_size(tree: yaml.Node) -> None:
    """Check that no value contains itself, and that aliases do not stand for very many values."""
    sizes: dict[int, int] = {}
    around: set[int] = set()

    def size(node: yaml.Node) -> int:
        key = id(node)
        if key in around:
            raise ValueError(f"{_line(node)}: a value contains itself (& and *); write it out")
        if key not in sizes:
            around.add(key)
            sizes[key] = 1 + sum(map(size, _children(node)))
            around.discard(key)
        return sizes[key]

    if size(tree) - len(sizes) > _MAX_ALIASED:
        raise ValueError(f"its aliases (& and *) stand for more than {_MAX_ALIASED:,} further values")


def _mappings(tree: yaml.Node) -> Iterable[yaml.MappingNode]:
    waiting, seen = [tree], {id(tree)}
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            yield node
        new = [child for child in _children(node) if id(child) not in seen]
        seen.update(map(id, new))
        waiting += new


def _check_keys(mapping: yaml.MappingNode, loader: _Loader) -> None:
    """Check that keys are different once they are read, as 1 and 0x1 are not; merged ones (<<) may be replaced."""
    seen: set[object] = set()
    for key, _ in mapping.value:
        if not isinstance(key, yaml.ScalarNode):
            raise ValueError(f"{_line(key)}: a key is a list or a mapping, expected a text")
        if key.tag == f"{_TAG}merge":
            continue
        value = loader.construct_object(key)
        if value in seen:
            raise ValueError(f"{_line(key)}: the key {key.value!r} occurs twice")
        seen.add(value)


# --- JSON -------------------------------------------------------------------------------------------------


def _as_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice!r} occurs twice in one object")
    return values


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a number in JSON")


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS + 1:
        raise ValueError(f"the number {text[:20]}… of {len(text)} digits is too large; text goes in quotes")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text[:40]} is too large")
    return value


def check_texts(values: Any) -> None:
    """Raise a ValueError for a text in lists and mappings that holds a character which no name or path can have."""
    waiting = [values]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            _check_text(value, where="")
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += [*value, *value.values()]


def _check_text(value: str, *, where: str) -> None:
    if found := _UNUSABLE.search(value):
        raise ValueError(f"{where}a text holds the character U+{ord(found[0]):04X}, which no name or path can have")
