"""An image-text model, for lenses that embed images or captions."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator, model_validator

from barlow_report.config.base import Name, Positive, Section, resolved_factory
from barlow_report.config.missing import missing_package

__all__ = ["ClipConfig"]


class ClipConfig(Section):
    """An image-text model: exactly one of `model`, `folder` and `factory`."""

    model: Name | None = Field(
        None, description="Name of an open_clip architecture, such as ViT-B-32; needs the extra `clip`, and `weights`."
    )
    folder: Path | None = Field(
        None, description="Or a model in open_clip's own layout: a folder of open_clip_config.json and its weights."
    )
    factory: str | None = Field(
        None,
        description="Or a Python function that returns (model, preprocess, tokenizer) as open_clip does; a tokenizer "
        "that is None: no text tower.",
    )
    weights: Path | None = Field(
        None, description="State dict of `model`: .safetensors or a file of torch.save. Nothing is downloaded."
    )
    batch_size: Positive = Field(64, description="Images or captions per forward pass.")

    @model_validator(mode="after")
    def _one_source(self) -> "ClipConfig":
        if sum(source is not None for source in (self.model, self.folder, self.factory)) != 1:
            raise ValueError("expected exactly one of 'model', 'folder' and 'factory'")
        if (self.model is None) != (self.weights is None):
            raise ValueError("'model' and 'weights' go together: without its weights a model is random")
        return self

    @field_validator("factory")
    @classmethod
    def _has_function(cls, value: str | None, info: ValidationInfo) -> str | None:
        return resolved_factory(value, info)

    def missing(self, key: str) -> Iterator[str]:
        """Yield what is not there, open_clip included where it is needed; see `Section.missing`."""
        yield from super().missing(key)
        if self.factory is None:
            yield from missing_package("open_clip", "clip", key)
