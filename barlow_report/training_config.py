"""The configuration of `barlow-report train-robust`: a model, images, and the adversary it is trained against."""

from typing import Literal

from pydantic import Field, model_validator

from barlow_report.config import DataConfig, ModelConfig, Section
from barlow_report.config.base import FolderName, Fraction, Positive

__all__ = ["AdversaryConfig", "AugmentationConfig", "TrainingConfig"]


class AdversaryConfig(Section):
    """Projected gradient descent on the training images (Madry et al., 2018, arXiv 1706.06083)."""

    norm: Literal["l2", "linf"] = Field("l2", description="How the size of a change is measured.")
    radius: float = Field(gt=0.0, le=1e6, description="Largest change of an image with pixels in [0, 1].")
    n_steps: Positive = Field(3, description="Steps per batch; each costs as much as a step of normal training.")
    step_size: float | None = Field(
        None, gt=0.0, le=1e6, description="Length of a step; default: 2.5 × radius / n_steps."
    )
    warmup_epochs: int = Field(
        5,
        ge=0,
        le=1_000_000,
        description="Epochs over which the radius grows from 0, so that training does not collapse.",
    )

    @property
    def step(self) -> float:
        """The length of a step in use."""
        return self.step_size or 2.5 * self.radius / self.n_steps


class AugmentationConfig(Section):
    """Random changes of the training images."""

    flip: bool = Field(True, description="Mirror half of the images.")
    shift: int = Field(
        0, ge=0, le=4096, description="Shift by up to this many pixels in each direction; edges are repeated."
    )


class TrainingConfig(Section):
    """Everything `barlow-report train-robust` needs to know."""

    name: FolderName = Field(description="Name of the training and of its folder.")
    seed: int = Field(
        0, ge=0, lt=2**32, description="Seed of the first weights, the order of the images and the augmentation."
    )
    device: Literal["auto", "cuda", "mps", "cpu"] = Field("auto", description="auto: cuda, else mps, else cpu.")
    data: DataConfig = Field(description="The training images and their labels.")
    validation: DataConfig | None = Field(None, description="Images for validation; default: a share of `data`.")
    validation_fraction: Fraction = Field(
        0.1, description="The share of `data` that is kept for validation, drawn per class."
    )
    model: ModelConfig = Field(description="The model to train; with `weights`, training starts from them.")
    adversary: AdversaryConfig | None = Field(
        None, description="The adversary of the training; left out: standard training."
    )
    augmentation: AugmentationConfig = Field(
        default_factory=AugmentationConfig, description="Random changes of the training images."
    )
    n_epochs: Positive = Field(20, description="Passes over the training images.")
    batch_size: Positive = Field(64, description="Images per step.")
    learning_rate: float = Field(
        0.1, gt=0.0, le=1e3, description="Highest rate of the one-cycle schedule (SGD, momentum)."
    )
    weight_decay: float = Field(5e-4, ge=0.0, le=1e3, description="L2 penalty on the weights.")
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        "float32",
        description="Precision of convolutions and matrix products; the 16-bit ones are mixed precision: weights "
        "stay float32.",
    )

    @model_validator(mode="after")
    def _can_be_trained(self) -> "TrainingConfig":
        if self.model.program is not None:
            raise ValueError("'model.program' cannot be trained: give 'factory', 'torchvision' or 'timm'")
        return self

    @model_validator(mode="after")
    def _has_validation(self) -> "TrainingConfig":
        if self.validation is None and not 0 < self.validation_fraction < 1:
            raise ValueError("'validation_fraction' must lie between 0 and 1 where 'validation' is left out")
        return self
