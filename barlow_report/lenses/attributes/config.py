"""Section `attributes` of the configuration."""

from typing import Any

from pydantic import ConfigDict, Field, model_validator

from barlow_report.config.base import Name, Section

__all__ = ["AttributesConfig"]


def _or_bare_list(schema: dict[str, Any]) -> None:
    whole = {key: schema.pop(key) for key in tuple(schema) if key != "description"}
    schema["anyOf"] = [whole["properties"]["columns"], whole]


class AttributesConfig(Section):
    """Suspected cues: columns of the manifest that say whether each image has one."""

    model_config = ConfigDict(json_schema_extra=_or_bare_list)

    columns: tuple[Name, ...] = Field(
        min_length=1,
        description="Columns of data.manifest that name suspected cues, present or absent or a few values, such as "
        "has_handle; an image with an empty value is left out of what is said of its column.",
    )

    @model_validator(mode="before")
    @classmethod
    def _bare_list(cls, value: object) -> object:
        return {"columns": value} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _each_once(self) -> "AttributesConfig":
        twice = sorted({name for name in self.columns if self.columns.count(name) > 1})
        if twice:
            raise ValueError(f"expected each column once, found {', '.join(map(repr, twice))} again")
        return self
