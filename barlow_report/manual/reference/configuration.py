"""The page of the configuration's keys, from its JSON schema, which pydantic makes of the sections."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from barlow_report.config import whole_config
from barlow_report.config.json_schema import plain_schema
from barlow_report.lenses.gate.policy import Policy
from barlow_report.manual.reference.marking import code, definitions, heading, inline
from barlow_report.training_config import TrainingConfig

__all__ = ["configuration_page", "kind_in_words"]

_INTRODUCTION = """# Configuration

Every key of a configuration, made from what checks it. An unknown key or a value of another kind is an error that names
its line. Paths are relative to the folder of the file. `${NAME}` and `${NAME:-default}` in a value stand for
environment variables. `barlow-report schema` gives the same to editors, as JSON schemas ([report](report.schema.json),
[training](training.schema.json), [policy](policy.schema.json)): [In an editor](../own-report.md#in-an-editor).
"""
_DOCUMENTS = (
    ("report", "A report", "of `barlow-report run CONFIG` and all commands that take CONFIG", whole_config()),
    ("training", "A training", "of `barlow-report train-robust CONFIG`", TrainingConfig),
    ("policy", "A policy", "of `barlow-report gate --policy FILE`", Policy),
)


def configuration_page() -> str:
    """Return the page, in Markdown."""
    parts = [_INTRODUCTION]
    for name, title, words, model in _DOCUMENTS:
        schema = plain_schema(model)
        parts += [heading(2, title, name), f"The keys {words}.\n"]
        parts += _Sections(schema["$defs"], prefix=name).write(schema, path="")
    return "\n".join(parts)


@dataclass
class _Sections:
    """The sections of one document, each written where it comes first and named where it comes again."""

    definitions: Mapping[str, Any]
    prefix: str
    first: dict[str, str] = field(default_factory=dict)

    def write(self, section: Mapping[str, Any], *, path: str) -> Iterator[str]:
        """Yield the keys of a section, then the sections below it."""
        whole = next((part for part in section.get("anyOf", ()) if "properties" in part), section)
        required = whole.get("required", ())
        here = [(key, name) for key, value in whole["properties"].items() for name in _references(value)]
        new = {name: f"{path}{key}" for key, name in reversed(here) if name not in self.first}
        self.first |= new
        yield definitions(
            (
                self._anchor(f"{path}{key}"),
                key,
                self._kind(value, is_required=key in required),
                inline(self._meaning(value)) + self._pointers(value, f"{path}{key}"),
            )
            for key, value in whole["properties"].items()
        )
        for name, place in reversed(new.items()):
            yield heading(3, f"`{place}`", f"{self._anchor(place)}-keys")
            yield f"<p>{inline(self.definitions[name].get('description', ''))}</p>\n"
            yield from self.write(self.definitions[name], path=f"{place}.")

    def _anchor(self, path: str) -> str:
        return f"{self.prefix}.{path}"

    def _meaning(self, value: Mapping[str, Any]) -> str:
        of_section = (self.definitions[name].get("description", "") for name in _references(value))
        return str(value.get("description") or next(of_section, ""))

    def _pointers(self, value: Mapping[str, Any], path: str) -> str:
        links = []
        for name in _references(value):
            first = self.first[name]
            words = "its keys" if first == path else f"the keys of {code(first)}"
            links.append(f' <a href="#{self._anchor(first)}-keys">{words}</a>')
        return "".join(dict.fromkeys(links))

    def _kind(self, value: Mapping[str, Any], *, is_required: bool) -> str:
        words = kind_in_words(value)
        if is_required:
            return f"{words}; <strong>needed</strong>"
        default = value.get("default")
        return words if default is None else f"{words}; default {code(_as_yaml(default))}"


def kind_in_words(value: Mapping[str, Any]) -> str:
    """Say what a value may be, in HTML; a section is a section."""
    if "anyOf" in value:
        return _either([kind_in_words(part) for part in value["anyOf"] if part.get("type") != "null"])
    if "$ref" in value:
        return "section"
    if "enum" in value:
        return _either([code(_as_yaml(choice)) for choice in value["enum"]])
    if "const" in value:
        return code(_as_yaml(value["const"]))
    kind = value.get("type")
    if kind == "array":
        return _list_in_words(value)
    if kind == "object":
        inside = value.get("additionalProperties")
        return f"mapping of names to {kind_in_words(inside)}" if isinstance(inside, dict) and inside else "mapping"
    if isinstance(kind, list):
        return _either([kind_in_words({**value, "type": one}) for one in kind])
    words = {
        "string": {"path": "path", "date": "day"}.get(value.get("format", ""), "text"),
        "integer": "whole number",
        "number": "number",
        "boolean": "true or false",
    }.get(str(kind), "any value")
    return f"{words}{_limits(value)}"


def _list_in_words(value: Mapping[str, Any]) -> str:
    if "prefixItems" in value:
        inside = [kind_in_words(part) for part in value["prefixItems"]]
        return f"list of {len(inside)}: {f'each {inside[0]}' if len(set(inside)) == 1 else ', '.join(inside)}"
    words = f"list, each {kind_in_words(value.get('items', {}))}"
    return f"{words}; at least {value['minItems']}" if value.get("minItems", 0) > 1 else words


def _limits(value: Mapping[str, Any]) -> str:
    """Say the range of a number, or the form of a text."""
    low, high = value.get("minimum"), value.get("maximum")
    above, below = value.get("exclusiveMinimum"), value.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f" from {_number(low)} to {_number(high)}"
    parts = [
        f"{words} {_number(bound)}"
        for words, bound in (("at least", low), ("more than", above), ("at most", high), ("less than", below))
        if bound is not None
    ]
    if parts:
        return f", {' and '.join(parts)}"
    return f" that fits {code(value['pattern'])}" if "pattern" in value else ""


def _number(value: float) -> str:
    return f"{value:,.10g}"


def _either(words: list[str]) -> str:
    unique = list(dict.fromkeys(words))
    return unique[0] if len(unique) == 1 else f"{', '.join(unique[:-1])} or {unique[-1]}"


def _as_yaml(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def _references(value: Any) -> list[str]:
    """The sections that a value may be, or a list or mapping of it may hold."""
    if isinstance(value, dict):
        own = [str(value["$ref"]).rpartition("/")[2]] if "$ref" in value else []
        return own + [name for key, part in value.items() if key != "default" for name in _references(part)]
    return [name for part in value for name in _references(part)] if isinstance(value, list) else []
