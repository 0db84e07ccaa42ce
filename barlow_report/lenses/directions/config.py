"""Section `directions` of the configuration."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from barlow_report.config.base import Positive, Section, Workers
from barlow_report.config.embeddings import ClipConfig

__all__ = ["DirectionsConfig"]


class DirectionsConfig(Section):
    """Failure directions: a linear classifier per class that tells its failures from its successes."""

    clip: ClipConfig | None = Field(
        None,
        description="Image-text model that gives the embeddings, and scores captions. Default: the feature model's "
        "features, without captions.",
    )
    embeddings: Path | None = Field(
        None, description="Or a .npy of shape (n_images, n_dimensions), row i for image_id i of images.parquet."
    )
    min_images: int = Field(20, ge=4, description="Classes with fewer images to fit on get no direction.")
    max_images: int = Field(
        5000,
        ge=100,
        description="Largest number of images of a class to fit on; of larger classes a seeded sample is taken.",
    )
    n_folds: int = Field(
        2, ge=2, le=20, description="Folds of the cross-validation that chooses C and measures the quality."
    )
    penalties: tuple[Annotated[float, Field(ge=1e-12, le=1e12)], ...] = Field(
        (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0),
        min_length=1,
        description="Values of C to choose from; of equally good ones the first is taken.",
    )
    captions: Path | None = Field(
        None,
        description="YAML of caption templates and attributes; default: the ones that come with the package (colour, "
        "background, viewpoint, size, material, weather, position).",
    )
    n_captions: Positive = Field(5, description="Captions shown for each end of a direction.")
    n_images: Positive = Field(6, description="Images shown for each of hardest, middle and easiest.")
    n_workers: Workers | None = Field(
        None, description="Threads; results do not depend on it. Default: one per processor."
    )

    @model_validator(mode="after")
    def _one_source(self) -> "DirectionsConfig":
        if self.clip is not None and self.embeddings is not None:
            raise ValueError("expected at most one of 'clip' and 'embeddings'")
        if self.captions is not None and self.clip is None:
            raise ValueError("'captions' goes with 'clip': nothing else has a text tower")
        return self
