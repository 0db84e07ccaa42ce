"""Pictures, and what the site shows of them."""

from typing import Annotated, Literal

from pydantic import Field

from barlow_report.config.base import Photographs, Positive, Section

__all__ = ["AttackConfig", "SiteConfig", "VisualsConfig"]


class AttackConfig(Section):
    """The feature attack: gradient ascent on one feature, from a natural image."""

    step_size: float = Field(16.0, gt=0.0, le=1e6, description="L2 length of the first step, pixels in [0, 1].")
    n_steps: Positive = Field(20, description="Number of steps. Without a radius, take 50.")
    schedule: Literal["linear", "constant"] = Field(
        "linear",
        description="linear: steps get shorter, down to 0; constant: all have the same length. The paper's setting is "
        "step_size 1, n_steps 1000, constant, radius none.",
    )
    radius: Annotated[float, Field(gt=0.0, le=1e6)] | Literal["auto", "none"] = Field(
        "auto",
        description="Largest L2 distance from the image, pixels in [0, 1]. auto: a root mean square of 0.1 over the "
        "pixels, which keeps the image recognisable: 5.5 at 32 × 32, 39 at 224 × 224; none: no limit.",
    )
    batch_size: Positive = Field(
        64, description="Largest number of (feature, image) pairs per forward and backward pass."
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Precision of the passes that find the way; activations are reported in float32. auto: bfloat16 "
        "where the hardware has it.",
    )


class VisualsConfig(Section):
    """Triptychs and galleries."""

    n_images: Positive = Field(6, description="Images per triptych, and on each side of a threshold.")
    n_gallery: Positive = Field(
        8,
        description="Images in each gallery of a rule: failures, successes, and, for failure modes, successes on the "
        "other side of the threshold.",
    )
    n_mode_images: Positive = Field(
        200,
        description="Largest number of pictures on the page of a failure mode: three failures to one success where "
        "there are more images. The others are listed without a picture.",
    )
    thumbnail_size: int = Field(
        224, ge=16, le=1024, description="Largest length of the longer side of stored images, in pixels."
    )
    attack: AttackConfig | Literal["none"] = Field(
        default_factory=AttackConfig,
        description="The feature attack; none: triptychs without it, where it takes too long or a model that is not "
        "robust gives noise.",
    )
    n_attacked: Positive | None = Field(
        None,
        description="Images of each triptych that the feature attack changes, the most activating ones. Default: all "
        "where the `feature_model` has code or weights of your own, or a name with robust, adv or ap; 2 with published "
        "weights of a library or the features of the inspected model, which are not known to be robust: attacks may "
        "look like noise, and take long where the model is large.",
    )


class SiteConfig(Section):
    """Words of the site, and how much of the images it shows."""

    title: str | None = Field(None, description="Title of the report; default: the run's name.")
    description: str = Field("", description="A sentence or two under the title: what was analysed, and why.")
    images: Photographs = Field(
        "full", description="Photographs on the site: as they are, blurred beyond recognition, or none at all."
    )
    show_paths: bool = Field(
        False, description="Name image files by their path relative to the data's folder; otherwise by a number."
    )
