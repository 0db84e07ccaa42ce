"""Whether classes come in kinds at all: two tests that a suggestion of superclasses must pass.

Classes that are confused are alike in any model, whether or not they come in kinds; linkage finds clusters in any cloud
of points. So superclasses are suggested only where

* the features of the classes fall into clusters more clearly than a cloud without any does: the highest mean silhouette
  over all cuts is compared with that of normally distributed points with the covariance of the classes' centroids (a
  parametric bootstrap), and
* the confusions, which had no part in these clusters, keep to them more than chance lets them: the share of them within
  a cluster is compared with those after shuffling which class is which (Mantel, Cancer Research 27, 1967).

Each p-value is (1 + draws at least as good) / (1 + draws).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from barlow_report.lenses.error_types.clusters import best_cut, cosine_distances

__all__ = ["MAX_P_VALUE", "Clarity", "judge_kinds"]

Floats = npt.NDArray[np.float64]

MAX_P_VALUE = 0.05
_N_BOOTSTRAPS, _N_BOOTSTRAPS_OF_MANY = 99, 39
_MANY = 200  # classes: a draw then takes a second
_N_SHUFFLES = 999
_FEWEST = 3  # classes: two are of one kind or of two, and nothing in the data can say


@dataclass(frozen=True, kw_only=True)
class Clarity:
    """The p-values of both tests; None where there was nothing to test."""

    p_clusters: float | None
    p_confusions: float | None

    @property
    def is_clear(self) -> bool:
        """Whether both tests are passed."""
        return all(p is not None and p <= MAX_P_VALUE for p in (self.p_clusters, self.p_confusions))

    @property
    def words(self) -> str:
        """Why nothing is suggested, a part of a sentence."""
        if self.p_clusters is None:
            return "there are too few classes to tell kinds apart"
        if self.p_clusters > MAX_P_VALUE:
            return f"the features of the classes do not fall into clear clusters (p = {self.p_clusters:.2g})"
        if self.p_confusions is None:
            return "no class is taken for another"
        return f"confusions do not keep to the clusters of the features (p = {self.p_confusions:.2g})"


def judge_kinds(confusions: Floats, centroids: Floats, *, seed: int = 0) -> Clarity:
    """Test whether classes come in kinds.

    Args:
        confusions: (n_classes, n_classes) images by label and prediction.
        centroids: (n_classes, n_features) mean features.
        seed: Of the draws: the result is a function of the data and the seed.
    """
    if len(centroids) < _FEWEST:
        return Clarity(p_clusters=None, p_confusions=None)
    random = np.random.default_rng(seed)
    centered = centroids - centroids.mean(axis=0)
    found, cut = best_cut(cosine_distances(centered @ centered.T))
    root = _root_of_covariance(centered @ centered.T / (len(centroids) - 1))
    n = len(centroids)
    n_draws = _N_BOOTSTRAPS if n <= _MANY else _N_BOOTSTRAPS_OF_MANY
    drawn = [_drawn_silhouette(root, n_classes=n, random=random) for _ in range(n_draws)]
    p_clusters = _p_value(found, np.array(drawn))
    both = confusions + confusions.T
    np.fill_diagonal(both, 0.0)
    if not both.sum():
        return Clarity(p_clusters=p_clusters, p_confusions=None)
    return Clarity(p_clusters=p_clusters, p_confusions=_test_confusions(both, cut, random=random))


def _root_of_covariance(gram: Floats) -> Floats:
    """Singular values of the centroids, so that drawn points need as many dimensions as there are classes at most."""
    values = np.linalg.eigvalsh((gram + gram.T) / 2)
    root: Floats = np.sqrt(np.clip(values, 0.0, None))
    kept: Floats = root[root > root.max(initial=0.0) * 1e-6]
    return kept


def _drawn_silhouette(root: Floats, *, n_classes: int, random: np.random.Generator) -> float:
    points = random.normal(size=(n_classes, len(root))) * root
    points -= points.mean(axis=0)
    return best_cut(cosine_distances(points @ points.T))[0]


def _test_confusions(both: Floats, cut: npt.NDArray[np.int64], *, random: np.random.Generator) -> float:
    rows, columns = np.nonzero(both)
    weights = both[rows, columns]

    def within(clusters: npt.NDArray[np.int64]) -> float:
        return float(weights[clusters[rows] == clusters[columns]].sum())

    drawn = np.array([within(random.permutation(cut)) for _ in range(_N_SHUFFLES)])
    return _p_value(within(cut), drawn)


def _p_value(found: float, drawn: Floats) -> float:
    return float((1 + (drawn >= found - 1e-12).sum()) / (1 + len(drawn)))
