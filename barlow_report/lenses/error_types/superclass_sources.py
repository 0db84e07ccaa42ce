"""Where superclasses come from: a file in one of several forms, WordNet, or the confusions and features of the run."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from barlow_report.lenses.error_types.clarity import judge_kinds
from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.config import TaxonomyConfig
from barlow_report.lenses.error_types.kinds import superclasses_by_kind
from barlow_report.lenses.error_types.matched import Matched
from barlow_report.lenses.error_types.published import (
    is_definitions,
    is_listing,
    superclasses_by_definition,
    superclasses_by_listing,
)
from barlow_report.lenses.error_types.suggestion import class_centroids, confusion_counts, suggest_superclasses
from barlow_report.lenses.error_types.superclasses import Superclasses, read_superclasses
from barlow_report.lenses.error_types.wordnet import WordNet, superclasses_by_hypernym, superclasses_by_size

__all__ = ["choose_superclasses", "given_superclasses", "needs_wordnet"]

Integers = npt.NDArray[np.int64]


def needs_wordnet(settings: TaxonomyConfig) -> bool:
    """Whether the superclasses are made with WordNet's database.

    Raises:
        DataError: A file of superclasses cannot be read.
    """
    of_file = isinstance(settings.superclasses, Path) and is_definitions(settings.superclasses)
    return of_file or settings.superclasses == "wordnet"


def choose_superclasses(
    settings: TaxonomyConfig,
    vocabulary: Vocabulary,
    labels: Integers,
    predictions: Integers,
    features: Callable[[], npt.NDArray[np.floating]],
) -> tuple[Superclasses, str, Matched | None]:
    """Return the superclasses that the settings ask for.

    Args:
        settings: The section `taxonomy` of the configuration.
        vocabulary: The classes.
        labels: (n_images,) class_id of the label.
        predictions: (n_images,) class_id of the prediction.
        features: Opens the features, (n_images, n_features); only called where superclasses are suggested.

    Returns:
        The superclasses, why there are none where the data do not let any be suggested, and how many entries of their
        file are about the run, where they are in one.

    Raises:
        DataError: A file cannot be read, or does not fit the run.
    """
    if settings.superclasses != "suggested":
        given, matched = given_superclasses(settings, vocabulary)
        return given, "", matched
    n_classes = len(vocabulary)
    nothing = Superclasses.from_classes({}, n_classes=n_classes, origin="suggested")
    values = features()
    if not values.shape[1]:
        return nothing, "needs taxonomy.superclasses in the configuration, or features to suggest some from", None
    confusions = confusion_counts(labels, predictions, n_classes=n_classes)
    centroids = class_centroids(values, labels, n_classes=n_classes)
    is_there = np.bincount(labels, minlength=n_classes) > 0
    clarity = judge_kinds(confusions[np.ix_(is_there, is_there)], centroids[is_there])
    if not clarity.is_clear:
        why = f"no superclasses suggested: {clarity.words}; needs taxonomy.superclasses in the configuration"
        return nothing, why, None
    return suggest_superclasses(confusions, centroids, vocabulary=vocabulary), "", None


def given_superclasses(settings: TaxonomyConfig, vocabulary: Vocabulary) -> tuple[Superclasses, Matched | None]:
    """Return superclasses that are not suggested, and how many entries of their file are about the run, if any.

    Raises:
        DataError: A file cannot be read, or does not fit the run.
    """
    if isinstance(settings.superclasses, Path):
        return _read(settings.superclasses, settings, vocabulary)
    return _of_wordnet(settings, vocabulary), None


def _read(path: Path, settings: TaxonomyConfig, vocabulary: Vocabulary) -> tuple[Superclasses, Matched]:
    if is_definitions(path):
        return superclasses_by_definition(path, WordNet(settings.wordnet.folder), vocabulary=vocabulary)
    if is_listing(path):
        return superclasses_by_listing(path, vocabulary=vocabulary)
    return read_superclasses(path, vocabulary=vocabulary)


def _of_wordnet(settings: TaxonomyConfig, vocabulary: Vocabulary) -> Superclasses:
    wordnet = WordNet(settings.wordnet.folder)
    if settings.wordnet.hypernyms:
        return superclasses_by_hypernym(wordnet, settings.wordnet.hypernyms, vocabulary=vocabulary)
    if settings.wordnet.max_classes is not None:
        return superclasses_by_size(wordnet, max_classes=settings.wordnet.max_classes, vocabulary=vocabulary)
    return superclasses_by_kind(wordnet, vocabulary=vocabulary)
