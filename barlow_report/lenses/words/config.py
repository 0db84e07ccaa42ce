"""Section `words` of the configuration."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from barlow_report.config import ClipConfig
from barlow_report.config.base import Section

__all__ = ["WordsConfig"]


def _has_place(template: str) -> str:
    if template.count("{}") != 1:
        raise ValueError(f"expected a text with one {{}} for the word, found {template!r}")
    return template


class WordsConfig(Section):
    """Words for features, suggested by a model of images and text."""

    clip: ClipConfig | None = Field(
        None, description="Image-text model; default: that of `directions.clip` or `taxonomy.clip`."
    )
    vocabulary: Path | None = Field(
        None,
        description="Words to choose from, a text file with one to a line; default: 400 everyday words for colours, "
        "patterns, shapes, materials, parts, things and places.",
    )
    template: Annotated[str, AfterValidator(_has_place)] = Field(
        "{}", description="Caption that each word is put into, at {}."
    )
    n_images: int = Field(
        20,
        ge=5,
        le=1000,
        description="Images of the group that activate a feature most, which are compared with the others; of a "
        "group of fewer than four times as many a quarter.",
    )
    max_images: int = Field(
        2000, ge=20, description="Largest number of images of a group to look at; of larger groups a seeded sample."
    )
    n_draws: int = Field(
        1999, ge=99, le=100_000, description="Random choices of images that the best word is compared with."
    )
