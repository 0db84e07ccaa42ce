"""Section `causes` of the configuration."""

from typing import Literal

from pydantic import Field

from barlow_report.config.base import Positive, Section

__all__ = ["CausesConfig"]


class CausesConfig(Section):
    """Causes: whether changing a feature changes the failures."""

    n_images: int = Field(
        24,
        ge=10,
        le=10_000,
        description="Largest number of images to change for each condition and direction (repair, break).",
    )
    n_controls: int = Field(
        8, ge=2, le=64, description="Controls: other features along which the same images are changed."
    )
    n_class_controls: int = Field(
        4,
        ge=1,
        le=64,
        description="Further controls: features with a similar weight for the class, of which each image gets one.",
    )
    radius: float | None = Field(
        None,
        gt=0.0,
        le=1e6,
        description="Largest L2 change of an image, pixels in [0, 1]. Default: what nine of ten images need, and at "
        "most a root mean square of 0.1 over the pixels.",
    )
    n_steps: int = Field(
        3,
        ge=1,
        le=1000,
        description="The longest step is the largest change divided by this; shorter steps find shorter ways.",
    )
    n_pairs: int = Field(4, ge=1, le=24, description="Pairs of pictures, before and after, kept for each direction.")
    batch_size: Positive = Field(64, description="Largest number of images per forward and backward pass.")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Precision of the passes that find the way; targets are checked, and the inspected model is asked, "
        "in float32. auto: bfloat16 where the hardware has it.",
    )
