"""The configuration as a JSON schema: for editors, which complete keys and mark mistakes with it, and for the manual.

It says less than the models do: what one key demands of another, and whether files are there, is checked by
`load_config` alone. What it refuses, `load_config` refuses too.
"""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

__all__ = ["HEADER", "editor_schema", "or_one", "plain_schema"]

HEADER = "# yaml-language-server: $schema={}"
"""The first line of a YAML file that tells editors where its schema is: a path relative to the file, or an address."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_VARIABLE = {"type": "string", "pattern": r"\$\{\w+(:-[^}]*)?\}"}


def or_one(schema: dict[str, Any]) -> None:
    """Let the schema of a list say that one of its items may stand alone; for `json_schema_extra` of a field."""
    whole = {word: schema.pop(word) for word in tuple(schema) if word not in ("description", "default")}
    schema["anyOf"] = [whole["items"], whole]


class _WithoutTitles(GenerateJsonSchema):
    """Titles would say the names of keys again, with spaces."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False


def plain_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of a section and of all below it, in draft 2020-12.

    Args:
        model: A section such as `whole_config()`.
    """
    return {"$schema": _DIALECT, **model.model_json_schema(schema_generator=_WithoutTitles)}


def editor_schema(model: type[BaseModel], *, title: str, expands: bool = True) -> dict[str, Any]:
    """Return the schema for editors.

    Args:
        model: The whole document.
        title: What editors call it.
        expands: Whether ${NAME} may stand for a value of any type, as in a configuration.
    """
    schema = {**plain_schema(model), "title": title}
    if expands:
        for section in (schema, *schema.get("$defs", {}).values()):
            _allow_variables(section)
    return schema


def _allow_variables(section: dict[str, Any]) -> None:
    for key, expected in section.get("properties", {}).items():
        choices = expected.get("anyOf", [expected])
        if any(map(_is_limited, choices)) and not any(map(_is_any_text, choices)):
            shown = {word: expected[word] for word in ("description", "default") if word in expected}
            limits = {word: value for word, value in expected.items() if word not in shown}
            section["properties"][key] = {**shown, "anyOf": [*limits.get("anyOf", [limits]), _VARIABLE]}


def _is_limited(choice: dict[str, Any]) -> bool:
    """Whether it is one value, which a variable can stand for, and not each text."""
    return choice.get("type") in ("integer", "number", "boolean", "string") and not _is_any_text(choice)


def _is_any_text(choice: dict[str, Any]) -> bool:
    return choice.get("type") == "string" and not choice.keys() & {"pattern", "enum", "const", "maxLength"}
