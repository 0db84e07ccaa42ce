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
from barlow_report.lenses.error_types.superclasses import Superclasses

__all__ = ["class_centroids", "confusion_counts", "suggest_superclasses"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_ROWS_AT_A_TIME = 4096
_N_NAMES = 3
_N_CUTS = 40  # numbers of superclasses that are tried


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
    from scipy.cluster.hierarchy import fcluster, linkage  # building a site does without
    from scipy.spatial.distance import squareform

    n_classes = len(confusions)
    clusters: list[list[int]] = []
    if n_classes > 2:  # two classes are of one kind or of two: nothing in the data can say
        distance = (_by_features(centroids) + _by_confusions(confusions)) / 2
        np.fill_diagonal(distance, 0.0)
        tree = linkage(squareform(distance, checks=False), "average")
        cuts = [fcluster(tree, n, "maxclust") - 1 for n in _numbers(n_classes)]
        apart = [cut for cut in cuts if cut.max()]  # classes that are all equally far from each other are not cut
        best = max(apart, key=lambda cut: _silhouette(distance, cut), default=np.arange(n_classes))
        clusters = [np.flatnonzero(best == cluster).tolist() for cluster in range(int(best.max()) + 1)]
    found = sorted(cluster for cluster in clusters if len(cluster) > 1)
    return Superclasses.from_classes(dict(_named(found, vocabulary)), n_classes=n_classes, origin="suggested")


def _by_features(centroids: Floats) -> Floats:
    centered = centroids - centroids.mean(axis=0)
    lengths = np.linalg.norm(centered, axis=1, keepdims=True)
    unit = centered / np.where(lengths > 0, lengths, 1.0)
    distance: Floats = np.clip((1 - unit @ unit.T) / 2, 0.0, 1.0)
    return distance


def _by_confusions(confusions: Floats) -> Floats:
    both = confusions + confusions.T
    np.fill_diagonal(both, 0.0)
    totals = both.sum(axis=1)
    expected = np.sqrt(np.outer(totals, totals))
    share = np.divide(both, expected, out=np.zeros_like(both), where=expected > 0)
    distance: Floats = 1 - share / max(share.max(), 1e-12)
    return distance


def _numbers(n_classes: int) -> list[int]:
    """Numbers of superclasses to try: 2 to half of the classes, all of them or evenly spread by their ratio."""
    last = max(2, n_classes // 2)
    if last <= _N_CUTS:
        return list(range(2, last + 1))
    return sorted({round(n) for n in np.geomspace(2, last, _N_CUTS)})


def _silhouette(distance: Floats, cut: npt.NDArray[np.integer]) -> float:
    """The mean over classes of (b − a) / max(a, b): a to the others of its cluster, b to the nearest other cluster."""
    n_clusters = int(cut.max()) + 1
    one_hot = np.eye(n_clusters)[cut]
    sizes = one_hot.sum(axis=0)
    sums = distance @ one_hot
    rows = np.arange(len(cut))
    own = sums[rows, cut] / np.maximum(sizes[cut] - 1, 1)
    others = sums / sizes
    others[rows, cut] = np.inf
    nearest = others.min(axis=1)
    most = np.maximum(own, nearest)
    values = np.where((sizes[cut] > 1) & (most > 0), (nearest - own) / np.where(most > 0, most, 1.0), 0.0)
    return float(values.mean())


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
