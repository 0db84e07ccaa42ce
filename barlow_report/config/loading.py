"""From a YAML file to a checked configuration, with errors that name line and key."""

import difflib
import json
import os
import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from barlow_report.config.base import (
    Section,
)
from barlow_report.documents import parse_yaml, read_document
from barlow_report.errors import ConfigError
from barlow_report.storage import plain_path

__all__ = ["parse_yaml_model"]

_N_SHOWN = 20
_MAX_SHOWN = 120

ModelT = TypeVar("ModelT", bound=Section)


def parse_yaml_model(path: Path, model: type[ModelT], *, expands: bool = True) -> ModelT:
    """Read `path` as YAML and check it against `model`; see `load_config`.

    Args:
        path: The file.
        model: What it must be.
        expands: Whether ${NAME} stands for an environment variable. Not in a file of somebody who is not to learn them.
    """
    path = plain_path(path)
    try:
        text = read_document(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ConfigError(f"{path}: cannot be read ({reason}). Give the path of a YAML configuration file.") from error
    try:
        tree, values = parse_yaml(text)
    except ValueError as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(values, dict):
        found = "an empty file" if values is None else f"a {type(values).__name__}"
        raise ConfigError(f"{path}: found {found}, expected keys such as 'name:' and 'data:'.")
    values |= {key: {} for key in _empty_sections(tree, model)}
    try:
        return model.model_validate(_expand(values) if expands else values, context={"folder": path.resolve().parent})
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    except ValidationError as error:
        lines = [_describe(problem, tree, model) for problem in error.errors() if not _is_other_branch(problem)]
        more = [f"  and {len(lines) - _N_SHOWN} more"] if len(lines) > _N_SHOWN else []
        shown = "\n".join(lines[:_N_SHOWN] + more)
        raise ConfigError(f"{path}: {len(lines)} problem{'s' * (len(lines) > 1)}\n{shown}") from error


def _empty_sections(tree: yaml.Node | None, model: type[BaseModel]) -> list[str]:
    """The keys of sections with nothing behind the colon: they are asked for, with every default.

    Who wants no section leaves it out, or writes null.
    """
    pairs = tree.value if isinstance(tree, yaml.MappingNode) else []
    empty = [
        key.value for key, value in pairs if isinstance(value, yaml.ScalarNode) and not (value.value or value.style)
    ]
    return [key for key in empty if key in model.model_fields and _sections_of(model.model_fields[key])]


def _expand(value: Any) -> Any:
    """Replace ${NAME} and ${NAME:-default} in every text of a tree of YAML values."""
    if isinstance(value, dict):
        return {key: _expand(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item) for item in value]
    if isinstance(value, str):
        return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", _from_environment, value)
    return value


def _from_environment(match: re.Match[str]) -> str:
    found = os.environ.get(match[1], match[2])
    if found is None:
        raise ConfigError(f"environment variable {match[1]} is not set; set it or write a default: ${{{match[1]}:-…}}")
    return found


def _is_other_branch(problem: Any) -> bool:
    """Whether it says that a list or a mapping is no word, where a list, a mapping or a word is expected."""
    branch = str(problem["loc"][-1]) if problem["loc"] else ""
    return branch.startswith("literal[") and isinstance(problem["input"], list | dict)


def _describe(problem: Any, tree: yaml.Node | None, model: type[BaseModel]) -> str:
    """Turn one pydantic problem into a line: where, what was found, what was expected, what to try."""
    place, line_number, node = _follow(problem["loc"], tree)
    if problem["type"] == "missing":
        return f"  line {line_number}, {'.'.join([*place, str(problem['loc'][-1])])}: missing"
    if problem["type"] == "value_error" and isinstance(node, yaml.MappingNode):
        place, line_number = _named_in(problem["msg"], tree, node, place) or (place, line_number)
    line = f"  line {line_number}, {'.'.join(place)}: " if place else "  the file: "
    if problem["type"] == "extra_forbidden":
        known = _keys_at(place[:-1], model)
        close = difflib.get_close_matches(place[-1], known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known keys here: {', '.join(known)}"
        return f"{line}unknown key; {hint}"
    if problem["type"] in {"string_type", "path_type"} and isinstance(node, yaml.ScalarNode):
        quoted = f"; write it in quotes: {json.dumps(node.value, ensure_ascii=False)}" if node.value else ""
        read = "nothing" if problem["input"] is None else f"{type(problem['input']).__name__} {problem['input']}"
        return f"{line}found {node.value}, which YAML reads as {read}, expected a text{quoted}"
    message = problem["msg"].removeprefix("Value error, ")
    found = "" if isinstance(problem["input"], dict) else f"found {_shown(problem['input'])}; "
    return f"{line}{found}{message[0].lower()}{message[1:]}"


def _named_in(
    message: str, tree: yaml.Node | None, section: yaml.MappingNode, place: list[str]
) -> tuple[list[str], int] | None:
    """Return place and line of the first key in the file that a problem of a section as a whole names in quotes.

    A key is named from the top of the file, from the section, or, where only one place has it, by itself.
    """
    for name in re.findall(r"'([A-Za-z_][\w.]*)(?:: [^']*)?'", message):
        parts = name.split(".")
        nested = ([key.value, *parts] for key, _ in section.value if isinstance(key, yaml.ScalarNode))
        inside = [
            [*place, *inner] for inner in nested if len(_follow((*place, *inner), tree)[0]) == len(place) + len(inner)
        ]
        candidates = [parts, [*place, *parts], *(inside if len(inside) == 1 else [])]
        for candidate in candidates:
            found, line, _ = _follow(tuple(candidate), tree)
            if found == candidate:
                return found, line
    return None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"


def _follow(location: tuple[int | str, ...], node: yaml.Node | None) -> tuple[list[str], int, yaml.Node | None]:
    """Return the part of a pydantic location that exists in the file, its line there, and what is there.

    Pydantic adds parts that are no keys, such as the branch of a union: the file knows only the rest.
    """
    place: list[str] = []
    key: yaml.Node | None = None
    line = node.start_mark.line + 1 if node else 1
    for part in location:
        if part == "[key]":  # the problem is the key itself
            return place, line, key
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if str(part) == key.value or _is_read_as(key, part)]
            if not found:
                continue
            key, node = found[0]
            line = found[0][0].start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode):
            continue
        else:
            break
        place.append(str(part))
    return place, line, node


def _is_read_as(key: yaml.Node, part: int | str) -> bool:
    """Whether YAML reads a key as what pydantic calls `part`: 0 for the key no, which is False."""
    if not isinstance(key, yaml.ScalarNode):
        return False
    value = yaml.SafeLoader("").construct_object(key)
    return value == part or part in {str(value), repr(value)}


def _keys_at(place: list[str], model: type[BaseModel]) -> list[str]:
    """The keys that `model` knows at `place`."""
    for part in place:
        if part.isdecimal():  # a position in a list, of whose items the annotation tells
            continue
        field = model.model_fields.get(part)
        sections = _sections_of(field) if field else []
        if not sections:
            return []
        model = sections[0]
    return list(model.model_fields)


def _sections_of(field: FieldInfo) -> list[type[BaseModel]]:
    """The sections that a value of a field may be."""
    candidates = [field.annotation, *getattr(field.annotation, "__args__", ())]
    return [found for found in candidates if isinstance(found, type) and issubclass(found, BaseModel)]
