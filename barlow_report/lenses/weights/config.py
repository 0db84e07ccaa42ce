"""Section `training` of the configuration."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from barlow_report.config.further import FurtherDataConfig

__all__ = ["OWN_KEYS", "WeightsConfig"]

OWN_KEYS = ("factor", "max_factor")
"""The keys that say nothing of the images."""

_Factor = Annotated[float, Field(ge=1, le=1000)]


class WeightsConfig(FurtherDataConfig):
    """The training images: a source as in `data`, and how much more the images of failure modes count."""

    factor: Literal["balance"] | _Factor = Field(
        "balance",
        description="How many times as much as others an image of a failure mode counts: a number from 1 on; or "
        "balance, so many times that the images of the failure mode count as much as the others of their class.",
    )
    max_factor: _Factor = Field(
        10.0, description="Largest number of times with balance, so that a few images do not count for all."
    )

    @model_validator(mode="after")
    def _with_labels(self) -> "WeightsConfig":
        if not self.labelled:
            raise ValueError("expected images with labels: leave 'labelled' out, or set it to true")
        return self
