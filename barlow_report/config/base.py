"""What every section of the configuration has."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from barlow_report.config.json_schema import or_one
from barlow_report.config.missing import missing_file
from barlow_report.slugs import slugs
from barlow_report.storage import is_address, plain_path

__all__ = [
    "Channels",
    "FolderName",
    "Fraction",
    "Name",
    "Photographs",
    "Positive",
    "Section",
    "Side",
    "Workers",
    "absolute",
    "resolved_factory",
]

Positive = Annotated[int, Field(ge=1, le=1_000_000)]
Side = Annotated[int, Field(ge=1, le=4096)]
"""A side of an image in pixels: a square of 4,096 takes 200 MB for each image of a batch."""
Workers = Annotated[int, Field(ge=1, le=1024)]
"""Threads."""
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
_Channel = Annotated[float, Field(ge=-1e6, le=1e6)]


def _one_or_several(value: object) -> object:
    """Take a number for a list of one."""
    return (value,) if isinstance(value, int | float) and not isinstance(value, bool) else value


Channels = Annotated[
    tuple[_Channel, ...],
    BeforeValidator(_one_or_several),
    Field(min_length=1, max_length=1000, json_schema_extra=or_one),
]
"""A number for each channel that a model takes: one of brightness, red, green and blue, or one for each band."""
Photographs = Literal["full", "blur", "none"]
"""How much of the images a site shows."""
_MAX_NAME, _MAX_PATH = 255, 4000
_FOLDER_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"


def _folder_name(name: str) -> str:
    if not re.fullmatch(_FOLDER_NAME, name):
        (proposed,) = slugs([name])
        raise ValueError(
            "expected letters and digits of ASCII, '.', '_' and '-', beginning with a letter or digit, such as "
            f"{proposed!r}: it is the name of a folder, too"
        )
    return name


FolderName = Annotated[str, AfterValidator(_folder_name), Field(json_schema_extra={"pattern": f"^{_FOLDER_NAME}$"})]
"""A name that is that of a folder, too."""
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Section(BaseModel):
    """Base of every section: frozen, and no key is ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def missing(self, key: str) -> Iterator[str]:
        """Yield a sentence about each file that this section names, and each package that it needs, that is not there.

        Here for the files of its fields and of the sections in it; a section that needs more says more.

        Args:
            key: Its own place in the configuration, such as directions.clip.
        """
        for name in type(self).model_fields:
            value = getattr(self, name)
            several = value if isinstance(value, tuple) else (value,)
            for i, each in enumerate(several):
                place = f"{key}.{name}.{i}" if len(several) > 1 else f"{key}.{name}"
                if isinstance(each, Section):
                    yield from each.missing(place)
                elif isinstance(each, Path):
                    yield from missing_file(each, place)

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_unusable_paths(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, str) and Path in _types(cls.model_fields[str(info.field_name)].annotation):
            if value == "":  # it would mean the configuration's own folder
                raise ValueError("expected a path")
            if any(len(os.fsencode(part)) > _MAX_NAME for part in Path(value).parts) or len(value) > _MAX_PATH:
                raise ValueError("expected a path that a file can have: it is too long")
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_yes_for_a_number(cls, value: object, info: ValidationInfo) -> object:
        types = _types(cls.model_fields[str(info.field_name)].annotation)
        parts = value if isinstance(value, list) else [value]
        if types & {int, float} and not types & {bool, Any} and any(isinstance(part, bool) for part in parts):
            raise ValueError("expected a number")  # pydantic would take yes for 1
        return value

    @field_validator("*", mode="after")
    @classmethod
    def _resolve_paths(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, tuple):
            return tuple(_resolved(part, info) for part in value)
        return _resolved(value, info)


def _resolved(value: object, info: ValidationInfo) -> object:
    """Make a path absolute where the configuration lies in a file; what is no path stays."""
    if not isinstance(value, Path):
        return value
    return absolute(value, Path(info.context["folder"])) if info.context else plain_path(value)


def _types(annotation: object) -> set[object]:
    """The types that an annotation is made of, however they are nested."""
    return {annotation}.union(*(_types(part) for part in get_args(annotation) if not isinstance(part, str)))


def resolved_factory(value: str | None, info: ValidationInfo) -> str | None:
    """Check the form of a factory's name and make the path of its file absolute."""
    if value is None:
        return None
    source, _, function = value.rpartition(":")
    if not source or not function.isidentifier():
        raise ValueError("expected 'package.module:function' or 'path/to/file.py:function'")
    if is_address(source):
        raise ValueError("expected code on this machine: an address is never run. Copy the file here")
    if source.endswith(".py") and info.context:
        source = str(absolute(Path(source), Path(info.context["folder"])))
    return f"{source}:{function}"


def absolute(path: Path, folder: Path) -> Path:
    """Resolve a path of the configuration against the folder of its file; an address stays as it is."""
    if is_address(path):
        return path
    try:
        return Path(os.path.normpath(folder / plain_path(path).expanduser()))
    except RuntimeError as error:  # ~somebody who has no home
        raise ValueError(str(error)) from error
