"""From the section `taxonomy` of the configuration to the stages of the cascade with their inputs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from barlow_report.common_errors import is_common_errors, read_common_errors
from barlow_report.formatting import counted
from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.config import TaxonomyConfig
from barlow_report.lenses.error_types.files import read_category, read_lines
from barlow_report.lenses.error_types.images import ImageNames
from barlow_report.lenses.error_types.matched import Matched
from barlow_report.lenses.error_types.multi_labels import LabelSets, MultiLabels, match_labels, read_label_sets
from barlow_report.lenses.error_types.pairs import ClassPairs, count_co_occurrences, imagenet_overlapping, read_pairs
from barlow_report.lenses.error_types.proposals import nearest_labels, read_proposals
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
from barlow_report.lenses.error_types.superclass_sources import choose_superclasses
from barlow_report.lenses.error_types.superclasses import Superclasses

__all__ = ["TaxonomyInputs", "gather_inputs"]

Integers = npt.NDArray[np.int64]
Given = TypeVar("Given")

_OUTSIDE = "images that are not evaluated here"
_KEYS = {  # of the configuration
    "overlapping": "overlapping",
    "multi_label": "multi_labels",
    "out_of_vocabulary": "proposals or proposal_words",
    "co_occurrence": "co_occurrences",
    "non_prototypical": "non_prototypical",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class TaxonomyInputs:
    """Everything that the cascade needs beside labels and predictions.

    Attributes:
        matches: How many entries of each file that was read are about the run, by its key in the configuration.
    """

    stages: tuple[Stage, ...]
    superclasses: Superclasses
    multi_labels: MultiLabels | None
    matches: Mapping[str, Matched] = field(default_factory=dict)


def gather_inputs(
    settings: TaxonomyConfig,
    *,
    vocabulary: Vocabulary,
    paths: list[str],
    labels: Integers,
    predictions: Integers,
    features: Callable[[], npt.NDArray[np.floating]],
) -> TaxonomyInputs:
    """Read what the settings name, and suggest superclasses where they name none.

    Args:
        settings: The section `taxonomy` of the configuration.
        vocabulary: The classes.
        paths: Of the run's images, by image_id.
        labels: (n_images,) class_id of the label.
        predictions: (n_images,) class_id of the prediction.
        features: Opens the features, (n_images, n_features); only called where they are needed.

    Raises:
        DataError: A file cannot be read, or does not fit the run.
    """
    images = ImageNames(paths)
    matches: dict[str, Matched] = {}
    superclasses, why_none, listed = choose_superclasses(settings, vocabulary, labels, predictions, features)
    if listed is not None:
        matches["superclasses"] = listed
    multi_labels, n_labelled = None, 0
    if settings.multi_labels is not None:
        label_sets = read_label_sets(settings.multi_labels, vocabulary=vocabulary)
        multi_labels, matches["multi_labels"] = match_labels(
            label_sets, images=images, where=str(settings.multi_labels)
        )
        n_labelled = int(multi_labels.is_annotated.sum())
    overlapping = _overlapping(settings, vocabulary, matches=matches)
    evaluated = _evaluated(settings, multi_labels, n_images=len(labels))
    co_occurring = _co_occurring(
        settings, vocabulary, superclasses, images=images, evaluated=evaluated, matches=matches
    )
    unusual = None
    if settings.non_prototypical is not None:
        names = _listed_images(settings.non_prototypical, settings.non_prototypical_category)
        matches["non_prototypical"] = found = images.match(names, where=str(settings.non_prototypical))
        unusual = frozenset(i for i in found.image_ids if i is not None)
    proposals = None
    if settings.proposals is not None:
        proposals, matches["proposals"] = read_proposals(settings.proposals, vocabulary=vocabulary, images=images)

    def nearest(image_ids: Integers) -> Mapping[int, tuple[int, ...]]:
        return nearest_labels(features(), labels, image_ids, n=settings.n_neighbors) if len(image_ids) else {}

    class_names = vocabulary.names
    stages: list[Stage] = [
        _unless_missing(
            overlapping,
            "overlapping",
            lambda pairs: Overlapping(pairs=pairs, names=class_names, source=_pair_words(len(pairs))),
        ),
        _unless_missing(
            multi_labels,
            "multi_label",
            lambda _: MultiLabel(names=class_names, source=f"labels of {counted(n_labelled, 'image')}"),
        ),
        Unassessed(error_type="fine_grained", source=why_none)
        if why_none
        else FineGrained(superclasses=superclasses, source=_superclass_words(superclasses)),
        _unless_missing(
            proposals,
            "out_of_vocabulary",
            lambda found: OutOfVocabulary(
                proposals=found,
                superclasses=superclasses,
                nearest=nearest,
                source=_proposal_words(settings, len(found)),
            ),
        ),
        _unless_missing(
            co_occurring,
            "co_occurrence",
            lambda pairs: CoOccurrence(pairs=pairs, names=class_names, source=_co_occurrence_words(settings, pairs)),
        ),
        _unless_missing(
            unusual,
            "non_prototypical",
            lambda found: NonPrototypical(image_ids=found, source=counted(len(found), "image")),
        ),
    ]
    return TaxonomyInputs(stages=tuple(stages), superclasses=superclasses, multi_labels=multi_labels, matches=matches)


def _listed_images(path: Path, category: str | None) -> list[str]:
    if category is not None:
        return read_category(path, category, key="taxonomy.non_prototypical_category")
    return [error.path for error in read_common_errors(path)] if is_common_errors(path) else read_lines(path)


def _unless_missing(given: Given | None, error_type: str, make: Callable[[Given], Stage]) -> Stage:
    if given is None:
        return Unassessed(error_type=error_type, source=f"needs taxonomy.{_KEYS[error_type]} in the configuration")
    return make(given)


def _pair_words(n_pairs: int) -> str:
    return f"{counted(n_pairs, 'pair')} of classes"


def _proposal_words(settings: TaxonomyConfig, n_images: int) -> str:
    words = f"words for {counted(n_images, 'image')}"
    if settings.proposal_words is None:
        return words
    return f"{words}, chosen by an image-text model: nobody has confirmed them"


def _superclass_words(superclasses: Superclasses) -> str:
    n = len(superclasses.names)
    words = counted(n, "superclass")
    origins = {
        "given": words,
        "wordnet": f"{words} from WordNet",
        "suggested": f"{words}, suggested from confusions and features: nobody has confirmed them",
    }
    return origins[superclasses.origin]


def _overlapping(settings: TaxonomyConfig, vocabulary: Vocabulary, *, matches: dict[str, Matched]) -> ClassPairs | None:
    if settings.overlapping is None:
        return None
    if settings.overlapping == "imagenet":
        pairs, matches["overlapping"] = imagenet_overlapping(vocabulary)
        return pairs
    path, columns = Path(settings.overlapping), ("label", "prediction")
    pairs, matches["overlapping"] = read_pairs(path, vocabulary=vocabulary, columns=columns, both_ways=False)
    return pairs


def _evaluated(settings: TaxonomyConfig, multi_labels: MultiLabels | None, *, n_images: int) -> npt.NDArray[np.bool_]:
    if multi_labels is None or not settings.only_annotated:
        return np.ones(n_images, dtype=np.bool_)
    return multi_labels.is_annotated


def _co_occurring(
    settings: TaxonomyConfig,
    vocabulary: Vocabulary,
    superclasses: Superclasses,
    *,
    images: ImageNames,
    evaluated: npt.NDArray[np.bool_],
    matches: dict[str, Matched],
) -> ClassPairs | None:
    if settings.co_occurrences is not None:
        path, columns = settings.co_occurrences, ("first", "second")
        pairs, matches["co_occurrences"] = read_pairs(path, vocabulary=vocabulary, columns=columns, both_ways=True)
        return pairs
    if settings.co_occurrence_labels is None:
        return None
    path = settings.co_occurrence_labels
    label_sets = read_label_sets(path, vocabulary=vocabulary)
    outside = _outside(label_sets, images=images, evaluated=evaluated, where=str(path))
    matches["co_occurrence_labels"] = Matched(
        where=str(path), noun=_OUTSIDE, n_entries=len(label_sets.labels), n_matched=len(outside)
    )
    return count_co_occurrences(outside, superclasses=superclasses, least=settings.min_co_occurrences)


def _outside(
    label_sets: LabelSets, *, images: ImageNames, evaluated: npt.NDArray[np.bool_], where: str
) -> list[tuple[int, ...]]:
    """The labels of images that are not evaluated: a pair must not be counted on the errors that it explains."""
    found = []
    for name, labels in label_sets.labels.items():
        image_id = images.find(name, where=where)
        if image_id is None or not evaluated[image_id]:
            found.append(labels)
    return found


def _co_occurrence_words(settings: TaxonomyConfig, pairs: ClassPairs) -> str:
    words = _pair_words(len(pairs) // 2)
    if settings.co_occurrence_labels is None:
        return words
    return f"{words}, each on at least {counted(settings.min_co_occurrences, 'image')} not evaluated here"
