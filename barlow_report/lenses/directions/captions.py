"""Words for a direction: captions that differ in one attribute, ordered by how hard they look.

A caption's score is the decision value of its embedding minus that of a reference caption ("a photo of a cat"), put
through the same whitening as the images, as in the source. What both captions say cancels out, and so does most of
the gap between the embeddings of texts and of images. Only the order of scores within a class has a meaning: the
lowest ones say what its hard images may share.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field, StringConstraints, field_validator

from barlow_report.config import Section, parse_yaml_model
from barlow_report.lenses.directions.fitting import Direction
from barlow_report.lenses.directions.whitening import Whitening

__all__ = ["CaptionSet", "ClassCaptions", "read_captions", "score_captions"]

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_SHIPPED = Path(__file__).with_name("captions.yaml")


class Attribute(Section):
    """One thing that captions vary."""

    templates: tuple[Text, ...] = Field(min_length=1, description="Texts with {class} and {value}.")
    words: tuple[Text, ...] = Field(min_length=1, description="What {value} stands for.")

    @field_validator("templates")
    @classmethod
    def _has_places(cls, templates: tuple[str, ...]) -> tuple[str, ...]:
        for template in templates:
            if "{class}" not in template or "{value}" not in template:
                raise ValueError(f"expected {{class}} and {{value}} in {template!r}")
        return templates


class CaptionSet(Section):
    """Captions for any class: a reference, and attributes that each have templates and words."""

    reference: Text = Field("a photo of a {class}", description="The caption that says nothing but the class.")
    attributes: dict[Text, Attribute] = Field(min_length=1, description="What captions vary, by name.")

    @field_validator("reference")
    @classmethod
    def _names_the_class(cls, reference: str) -> str:
        if "{class}" not in reference:
            raise ValueError("expected {class} in it")
        return reference

    def for_class(self, name: str) -> "ClassCaptions":
        """Return the captions of a class, without those that are written twice."""
        found: dict[str, str] = {}
        for attribute, parts in self.attributes.items():
            for template, value in product(parts.templates, parts.words):
                # piece by piece: a class may be called {value}
                caption = name.join(piece.replace("{value}", value) for piece in template.split("{class}"))
                found.setdefault(caption, attribute)
        reference = self.reference.replace("{class}", name)
        found.pop(reference, None)
        return ClassCaptions(reference=reference, captions=tuple(found), attributes=tuple(found.values()))


@dataclass(frozen=True, kw_only=True)
class ClassCaptions:
    """The captions of one class, and what each of them varies."""

    reference: str
    captions: tuple[str, ...]
    attributes: tuple[str, ...]


def read_captions(path: Path | None = None) -> CaptionSet:
    """Read a caption set from a YAML file; default: the one that comes with the package.

    Raises:
        ConfigError: The file cannot be read, or holds wrong keys or values; all of them are named.
    """
    return parse_yaml_model(path or _SHIPPED, CaptionSet)


def score_captions(
    direction: Direction,
    whitening: Whitening,
    *,
    caption_embeddings: npt.ArrayLike,
    reference_embedding: npt.ArrayLike,
    captions: Sequence[str],
    attributes: Sequence[str],
) -> tuple[pd.DataFrame, float]:
    """Order captions along a direction.

    Args:
        direction: Of the class.
        whitening: What the images went through before it was fitted.
        caption_embeddings: Shape (n_captions, n_dimensions), in the space of the images' embeddings.
        reference_embedding: Shape (n_dimensions,), of the reference caption.
        captions: The texts.
        attributes: What each of them varies.

    Returns:
        Columns caption, attribute, score and rank, hardest first; and the score of the reference itself.
    """
    reference = np.asarray(reference_embedding, dtype=np.float64)
    differences = np.asarray(caption_embeddings, dtype=np.float64) - reference
    origin = np.zeros((1, len(reference)))
    scores = direction.decision_values(whitening.apply(np.concatenate([differences, origin])))
    frame = pd.DataFrame({"caption": list(captions), "attribute": list(attributes), "score": scores[:-1]})
    frame = frame.sort_values("score", kind="stable", ignore_index=True)
    return frame.assign(rank=np.arange(1, len(frame) + 1)), float(scores[-1])
