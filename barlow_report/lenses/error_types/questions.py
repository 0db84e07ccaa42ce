"""The stages of the cascade: each a small class with its input that says which failures are of its kind.

After Peychev et al., "Automated classification of model errors on ImageNet" (NeurIPS 2023), whose order this is. A
stage without its input is `Unassessed`; that is never the same as finding nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from barlow_report.lenses.error_types.cases import Cases, Match
from barlow_report.lenses.error_types.pairs import ClassPairs
from barlow_report.lenses.error_types.proposals import Proposal
from barlow_report.lenses.error_types.superclasses import Superclasses

__all__ = [
    "CoOccurrence",
    "FineGrained",
    "MultiLabel",
    "NonPrototypical",
    "OutOfVocabulary",
    "Overlapping",
    "Stage",
    "Unassessed",
]

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


class Stage(Protocol):
    """One question that the cascade asks."""

    @property
    def error_type(self) -> str:
        """What its failures are called, one of `tables.ERROR_TYPES`."""

    @property
    def source(self) -> str:
        """What it was given, in words; what is missing where it cannot be assessed."""

    @property
    def has_input(self) -> bool:
        """Whether it can be assessed at all."""

    def match(self, cases: Cases) -> Match:
        """Say which failures are of its kind; only asked where it has its input."""


@dataclass(frozen=True, kw_only=True)
class Unassessed:
    """A stage whose input is missing; `source` says what it needs."""

    error_type: str
    source: str
    has_input: bool = False

    def match(self, cases: Cases) -> Match:
        """Claim nothing."""
        nothing = np.zeros(len(cases), dtype=np.bool_)
        return _match(nothing, [None] * len(cases), is_assessed=nothing)


@dataclass(frozen=True, kw_only=True, eq=False)
class Overlapping:
    """The label's class and the predicted one overlap, so that the prediction is as good: a collapsed mapping."""

    pairs: ClassPairs
    names: Sequence[str]
    source: str
    error_type: str = "overlapping"
    has_input: bool = True

    def match(self, cases: Cases) -> Match:
        """Look the pair of label and prediction up."""
        is_match = self.pairs.hold(cases.labels, cases.predictions)
        words = [f"{self.names[a]} → {self.names[b]}" for a, b in _pairs(cases)]
        return _match(is_match, words)


@dataclass(frozen=True, kw_only=True, eq=False)
class MultiLabel:
    """The prediction is another correct label of the image."""

    names: Sequence[str]
    source: str
    error_type: str = "multi_label"
    has_input: bool = True

    def match(self, cases: Cases) -> Match:
        """Look for the prediction among the correct labels of annotated images."""
        is_match, which = cases.any_correct(lambda correct, predictions: correct == predictions)
        return _match(is_match & cases.is_annotated, _names(which, self.names), is_assessed=cases.is_annotated)


@dataclass(frozen=True, kw_only=True, eq=False)
class FineGrained:
    """The prediction and a correct label are of one superclass."""

    superclasses: Superclasses
    source: str
    error_type: str = "fine_grained"
    has_input: bool = True

    def match(self, cases: Cases) -> Match:
        """Look for a superclass that holds both."""
        superclasses = self.superclasses
        is_match, which = cases.any_correct(superclasses.are_same)
        shared = superclasses.shared(np.where(is_match, which, 0), cases.predictions)
        return _match(is_match, _names(np.where(is_match, shared, -1), superclasses.names))


@dataclass(frozen=True, kw_only=True, eq=False)
class OutOfVocabulary:
    """The image shows something that is no class, of the kind of the prediction.

    Like images are of the prediction's superclass, and the best words for the image name no class: then the model has
    seen the right kind of thing and had no name for it.

    Attributes:
        proposals: The best words by image_id.
        superclasses: What kind each class is of.
        nearest: Returns the classes of an image's neighbours, for images whose proposal has none.
    """

    proposals: Mapping[int, Proposal]
    superclasses: Superclasses
    nearest: Callable[[Integers], Mapping[int, Sequence[int]]]
    source: str
    error_type: str = "out_of_vocabulary"
    has_input: bool = True

    def match(self, cases: Cases) -> Match:
        """Look at the failures whose proposal names no class, and at their neighbours."""
        found = [self.proposals.get(image_id) for image_id in cases.image_ids.tolist()]
        unknown = [p is not None and not p.is_known for p in found]
        asked = [u and p is not None and p.neighbors is None for p, u in zip(found, unknown, strict=True)]
        nearest = self.nearest(cases.image_ids[np.array(asked, dtype=np.bool_)])
        is_match = np.zeros(len(cases), dtype=np.bool_)
        for place, (proposal, image_id) in enumerate(zip(found, cases.image_ids.tolist(), strict=True)):
            if proposal is not None and unknown[place]:
                neighbors = nearest[image_id] if proposal.neighbors is None else proposal.neighbors
                prediction = np.full(len(neighbors), cases.predictions[place])
                is_match[place] = self.superclasses.are_same(list(neighbors), prediction).any()
        return _match(
            is_match,
            [None if p is None else p.words for p in found],
            is_assessed=np.array([p is not None for p in found], dtype=np.bool_),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class CoOccurrence:
    """The prediction is a class often seen together with a correct label: a spurious correlation."""

    pairs: ClassPairs
    names: Sequence[str]
    source: str
    error_type: str = "co_occurrence"
    has_input: bool = True

    def match(self, cases: Cases) -> Match:
        """Look each correct label up together with the prediction."""
        is_match, which = cases.any_correct(self.pairs.hold)
        return _match(is_match, _names(which, self.names))


@dataclass(frozen=True, kw_only=True, eq=False)
class NonPrototypical:
    """The image shows its class in an unusual way."""

    image_ids: frozenset[int]
    source: str
    error_type: str = "non_prototypical"
    has_input: bool = True

    def match(self, cases: Cases) -> Match:
        """Look the images up."""
        is_match = np.isin(cases.image_ids, np.array(sorted(self.image_ids), dtype=np.int64))
        return _match(is_match, [None] * len(is_match))


def _pairs(cases: Cases) -> list[tuple[int, int]]:
    return list(zip(cases.labels.tolist(), cases.predictions.tolist(), strict=True))


def _names(ids: Integers, names: Sequence[str]) -> list[str | None]:
    return [names[i] if i >= 0 else None for i in ids.tolist()]


def _match(is_match: Booleans, words: Sequence[str | None], *, is_assessed: Booleans | None = None) -> Match:
    return Match(
        is_assessed=np.ones(len(is_match), dtype=np.bool_) if is_assessed is None else is_assessed,
        is_match=is_match,
        details=[word if hit else None for word, hit in zip(words, is_match.tolist(), strict=True)],
    )
