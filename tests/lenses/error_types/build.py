"""Small inputs of the cascade, made by hand: four animals, two vehicles, one thing of its own kind."""

from collections.abc import Mapping, Sequence

import numpy as np

from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.images import ImageNames
from barlow_report.lenses.error_types.multi_labels import LabelSets, MultiLabels, match_labels
from barlow_report.lenses.error_types.pairs import ClassPairs
from barlow_report.lenses.error_types.proposals import Proposal
from barlow_report.lenses.error_types.questions import (
    CoOccurrence,
    FineGrained,
    MultiLabel,
    NonPrototypical,
    OutOfVocabulary,
    Overlapping,
    Stage,
    Unassessed,
)
from barlow_report.lenses.error_types.superclasses import Superclasses

NAMES = ("cat", "dog", "fox", "wolf", "car", "truck", "tree")
CAT, DOG, FOX, WOLF, CAR, TRUCK, TREE = range(7)
VOCABULARY = Vocabulary(names=NAMES)
SUPERCLASSES = Superclasses.from_classes(
    {"animals": [CAT, DOG, FOX, WOLF], "vehicles": [CAR, TRUCK]}, n_classes=7, origin="given"
)


def labels_of(sets: Mapping[int, Sequence[int]], *, n_images: int, problematic: Sequence[int] = ()) -> MultiLabels:
    """The correct labels of some images, by image_id."""
    names = [f"{i}.png" for i in range(n_images)]
    found = LabelSets(
        labels={f"{i}.png": tuple(labels) for i, labels in sets.items()},
        problematic=frozenset(f"{i}.png" for i in problematic),
    )
    return match_labels(found, images=ImageNames(names), where="labels")[0]


def stages(
    *,
    overlapping: Sequence[tuple[int, int]] = (),
    has_labels: bool = True,
    superclasses: Superclasses = SUPERCLASSES,
    proposals: Mapping[int, Proposal] | None = None,
    together: Sequence[tuple[int, int]] = (),
    unusual: Sequence[int] = (),
) -> list[Stage]:
    """All stages, each with an input, if an empty one."""
    n_classes = len(superclasses.members)
    names = NAMES if n_classes == len(NAMES) else [str(i) for i in range(n_classes)]
    return [
        Overlapping(pairs=ClassPairs.from_pairs(overlapping, n_classes=n_classes), names=names, source="pairs"),
        MultiLabel(names=names, source="labels") if has_labels else missing("multi_label"),
        FineGrained(superclasses=superclasses, source="superclasses"),
        OutOfVocabulary(proposals=proposals or {}, superclasses=superclasses, nearest=lambda _: {}, source="proposals"),
        CoOccurrence(
            pairs=ClassPairs.from_pairs(together, n_classes=n_classes, both_ways=True), names=names, source="pairs"
        ),
        NonPrototypical(image_ids=frozenset(unusual), source="list"),
    ]


def missing(error_type: str) -> Unassessed:
    """A stage without input."""
    return Unassessed(error_type=error_type, source=f"needs {error_type}")


def ids(*values: int) -> np.ndarray:
    """Class ids as the cascade takes them."""
    return np.array(values, dtype=np.int64)
