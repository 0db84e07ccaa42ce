"""Image files of any number of bands: what their values mean, and which of them people see."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from barlow_report.config.base import Section
from barlow_report.config.json_schema import or_one

__all__ = ["BandNumbers", "BandsConfig", "Layout", "ValueRange"]

_N_MOST = 1000
_COLOURS = 3
Band = Annotated[int, Field(ge=1, le=_N_MOST)]
BandNumbers = Annotated[tuple[Band, ...], Field(min_length=1, max_length=_N_MOST)]
"""Bands of a file, counted from 1 as GDAL and geographic software count them."""
Layout = Literal["channels_last", "channels_first"]
"""Where an array has its bands."""
ValueRange = tuple[float, float]
"""A smaller and a larger value."""


def _one_pair_for_all(value: object) -> object:
    """Take one pair of numbers for a list of one."""
    if isinstance(value, list | tuple) and value and not any(isinstance(part, list | tuple) for part in value):
        return [value]
    return value


Ranges = Annotated[
    tuple[ValueRange, ...],
    BeforeValidator(_one_pair_for_all),
    Field(min_length=1, max_length=_N_MOST, json_schema_extra=or_one),
]
"""One pair for all bands, or one for each."""


class BandsConfig(Section):
    """Files that hold more, or other, than red, green and blue: multi-spectral TIFFs, depth beside colours, arrays."""

    shown: BandNumbers = Field(
        description="The bands that pictures show as red, green and blue, or one as grey, counted from 1. The feature "
        "model must take them: they are what people see of an image and of what is changed in it.",
    )
    range: Ranges | None = Field(
        None,
        description="The values that become 0 and 1 for the models, such as [0, 10000]; or such a pair for each band. "
        "Values beyond are cut, and the report counts their images. Default: [0, 255] for 8-bit files; others need it.",
    )
    shown_range: Ranges | None = Field(
        None,
        description="The values that are black and white in pictures, such as [0, 3000]; or such a pair for each of "
        "`shown`. Default: `range`.",
    )
    layout: Layout | None = Field(
        None,
        description="Where arrays have their bands: of shape (height, width, bands), or (bands, height, width). "
        "Default: last, in .npy files; TIFFs say it, but for arrays that tifffile wrote as pages.",
    )

    @field_validator("shown")
    @classmethod
    def _grey_or_colours(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(value) not in (1, _COLOURS):
            raise ValueError(f"expected one band, or three for red, green and blue; found {len(value)}")
        return value

    @field_validator("range", "shown_range")
    @classmethod
    def _smaller_first(cls, value: tuple[ValueRange, ...] | None) -> tuple[ValueRange, ...] | None:
        if any(low >= high for low, high in value or ()):
            raise ValueError("expected pairs of two numbers, the smaller one first")
        return value

    @model_validator(mode="after")
    def _as_many_as_shown(self) -> "BandsConfig":
        n, n_shown = len(self.shown_range or (None,)), len(self.shown)
        if n not in (1, n_shown):
            raise ValueError(f"'shown_range' has {n} pairs; expected one, or {n_shown} as 'shown' has")
        return self

    @property
    def words(self) -> str:
        """A sentence for readers of the report."""
        colours = " as red, green and blue" if len(self.shown) > 1 else " as grey"
        values = "" if self.range is None else f" {_spelled(self.range)}"
        shown = "" if self.shown_range is None else f", {_spelled(self.shown_range)}"
        return (
            f"Files have several bands: the models get their values{values or ' of 8 bits'}, and pictures show "
            f"{'bands' if len(self.shown) > 1 else 'band'} {', '.join(map(str, self.shown))}{colours}{shown}."
        )

    def of_shown(self, ranges: Sequence[ValueRange]) -> list[tuple[ValueRange, ValueRange]]:
        """Return for each of `shown` its values that are 0 and 1, and those that are black and white.

        Args:
            ranges: Of each band of a file, or one for all.
        """
        known = [ranges[number - 1] if len(ranges) > 1 else ranges[0] for number in self.shown]
        if self.shown_range is None:
            return list(zip(known, known, strict=True))
        wanted = self.shown_range * (len(known) if len(self.shown_range) == 1 else 1)
        return list(zip(known, wanted, strict=True))


def _spelled(ranges: Sequence[ValueRange]) -> str:
    """`from 0 to 10000`, or that each band has its own."""
    several = len(set(ranges)) > 1
    return "in a range for each band" if several else "from {:g} to {:g}".format(*ranges[0])
