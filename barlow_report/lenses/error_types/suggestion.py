"""Superclasses for data that have none: classes that a model mixes up and whose features are alike.

Both signals are needed. Confusions alone are few, and tell of pairs; features alone put classes together that no
model mixes up. The distance of two classes is the mean of two: half of one minus the cosine of their centroids (about
the mean of all centroids), and one minus their confusions over the geometric mean of all confusions of each. Average
linkage joins them, and the number of superclasses is that with the highest mean silhouette (Rousseeuw, 1987). What
comes out is a draft for a person to edit, and is marked as such wherever it is used.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.clusters import best_cut, cosine_distances
from barlow_report.lenses.error_types.superclasses import Superclasses

__all__ = ["class_centroids", "confusion_counts", "suggest_superclasses"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_ROWS_AT_A_TIME = 4096
_N_NAMES = 3


def confusion_counts(labels: Integers, predictions: Integers, *, n_classes: int) -> Floats:
    """Return how many images of each class are predicted as each class, (n_classes, n_classes)."""
    keys = labels * n_classes + predictions
    return np.bincount(keys, minlength=n_classes**2).reshape(n_classes, n_classes).astype(np.float64)


def class_centroids(features: npt.NDArray[np.floating], labels: Integers, *, n_classes: int) -> Floats:
    """Return the mean features of each class's images, (n_classes, n_features); 0 for a class without images."""
    sums = np.zeros((n_classes, features.shape[1]))
    for start in range(0, len(labels), _ROWS_AT_A_TIME):
        part = labels[start : start + _ROWS_AT_A_TIME]
        rows = np.asarray(features[start : start + _ROWS_AT_A_TIME], dtype=np.float64)
        one_hot = np.zeros((n_classes, len(part)))
        one_hot[part, np.arange(len(part))] = 1.0
        sums += one_hot @ rows
    means: Floats = sums / np.maximum(np.bincount(labels, minlength=n_classes), 1)[:, None]
    return means


def suggest_superclasses(confusions: Floats, centroids: Floats, *, vocabulary: Vocabulary) -> Superclasses:
    """Suggest superclasses; classes that stand alone are in none.

    Args:
        confusions: (n_classes, n_classes) images by label and prediction.
        centroids: (n_classes, n_features) mean features.
        vocabulary: The classes, for the names of the superclasses.
    """
    n_classes = len(confusions)
    clusters: list[list[int]] = []
    if n_classes > 2:  # two classes are of one kind or of two: nothing in the data can say
        centered = centroids - centroids.mean(axis=0)
        distance = (cosine_distances(centered @ centered.T) + _by_confusions(confusions)) / 2
        np.fill_diagonal(distance, 0.0)
        _, best = best_cut(distance)
        clusters = [np.flatnonzero(best == cluster).tolist() for cluster in range(int(best.max()) + 1)]
    found = sorted(cluster for cluster in clusters if len(cluster) > 1)
    return Superclasses.from_classes(dict(_named(found, vocabulary)), n_classes=n_classes, origin="suggested")


def _by_confusions(confusions: Floats) -> Floats:
    both = confusions + confusions.T
    np.fill_diagonal(both, 0.0)
    totals = both.sum(axis=1)
    expected = np.sqrt(np.outer(totals, totals))
    share = np.divide(both, expected, out=np.zeros_like(both), where=expected > 0)
    distance: Floats = 1 - share / max(share.max(), 1e-12)
    return distance


def _named(clusters: list[list[int]], vocabulary: Vocabulary) -> Iterator[tuple[str, list[int]]]:
    seen: set[str] = set()
    for cluster in clusters:
        rest = len(cluster) - _N_NAMES
        name = ", ".join(vocabulary.names[class_id] for class_id in cluster[:_N_NAMES])
        name += f" and {rest} more" if rest > 0 else ""
        while name in seen:
            name += " "
        seen.add(name)
        yield name, cluster
