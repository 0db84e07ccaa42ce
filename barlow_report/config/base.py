"""What every section of the configuration has."""

import os
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator

__all__ = ["Channels", "Fraction", "Name", "Photographs", "Positive", "Section", "absolute", "resolved_factory"]

Positive = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Channels = tuple[float, float, float]
Photographs = Literal["full", "blur", "none"]
"""How much of the images a site shows."""
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Section(BaseModel):
    """Base of every section: frozen, and no key is ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_empty_paths(cls, value: object, info: ValidationInfo) -> object:
        annotation = cls.model_fields[str(info.field_name)].annotation
        if value == "" and Path in (annotation, *get_args(annotation)):
            raise ValueError("expected a path")  # an empty one would mean the configuration's own folder
        return value

    @field_validator("*", mode="after")
    @classmethod
    def _resolve_paths(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, Path) and info.context:
            return absolute(value, Path(info.context["folder"]))
        return value


def resolved_factory(value: str | None, info: ValidationInfo) -> str | None:
    """Check the form of a factory's name and make the path of its file absolute."""
    if value is None:
        return None
    source, _, function = value.rpartition(":")
    if not source or not function.isidentifier():
        raise ValueError("expected 'package.module:function' or 'path/to/file.py:function'")
    if source.endswith(".py") and info.context:
        source = str(absolute(Path(source), Path(info.context["folder"])))
    return f"{source}:{function}"


def absolute(path: Path, folder: Path) -> Path:
    """Resolve a path of the configuration against the folder of its file."""
    try:
        return Path(os.path.normpath(folder / path.expanduser()))
    except RuntimeError as error:  # ~somebody who has no home
        raise ValueError(str(error)) from error
