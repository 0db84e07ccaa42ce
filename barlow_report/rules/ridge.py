"""A direction through all features that foretells failures, each image scored by one that was fitted without it.

Ridge regression of the failures on the features, standardised within the group and divided by the square root of their
number, so that rows have a mean square norm of 1. The penalty is strong: the direction is little more than the sum of
what each feature says. Leaving an image out needs no second fit: with the hat matrix H of all images, its score is
(ŷᵢ − hᵢᵢ·yᵢ) / (1 − hᵢᵢ). H does not depend on the failures, so a shuffle costs one product with it.

The statistic is the area under the ROC curve of these scores. It is compared with that of shuffled failures, because
scores of images that were left out tend below one half where nothing is there to be found: without an image that
failed, the mean of the others is lower.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from barlow_report.rules.compilation import compile_kernel

__all__ = ["PENALTY", "Direction", "Ridge", "area_under_curve", "fit_ridge"]

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Booleans = npt.NDArray[np.bool_]

PENALTY = 19.0
"""Of rows with a mean square norm of 1; of 1, 19, 100 and 400 the best on the tuning part of planted failures."""

_BLOCK = 64  # features at a time: copies in double precision stay small


@dataclass(frozen=True, kw_only=True, eq=False)
class Ridge:
    """What the scores of some images are made of.

    Attributes:
        rows: (n_images, n_features) standardised and scaled.
        scales: (n_features,) standard deviation of each feature; 0 where it does not vary.
        means: (n_features,) mean of each feature.
        inverse: Of the penalised Gram matrix, (n_images, n_images), or (n_features, n_features) where that is smaller.
        leverages: (n_images,) hᵢᵢ, below 1.
        is_dual: Whether `inverse` is of images.
    """

    rows: Singles
    scales: Floats
    means: Floats
    inverse: Singles
    leverages: Floats
    is_dual: bool

    def fit(self, outcomes: npt.NDArray[np.floating]) -> Singles:
        """Fitted values, (n_images, n_shuffles), of outcomes of that shape."""
        means = outcomes.mean(axis=0)
        centered = (outcomes - means).astype(np.float32)
        if self.is_dual:  # K (K + λI)⁻¹ = I − λ (K + λI)⁻¹
            fitted = centered - np.float32(PENALTY) * (self.inverse @ centered)
        else:
            fitted = self.rows @ (self.inverse @ (self.rows.T @ centered))
        return np.asarray(fitted + means.astype(np.float32), dtype=np.float32)

    def leave_out(self, outcomes: npt.NDArray[np.floating]) -> Singles:
        """Score of each image by a direction fitted without it, (n_images, n_shuffles)."""
        h = self.leverages[:, None].astype(np.float32)
        return np.asarray((self.fit(outcomes) - h * outcomes) / (1 - h), dtype=np.float32)

    def direction(self, outcome: Booleans) -> "Direction":
        """The direction fitted to all images, for others."""
        varies = self.scales > 0
        coefficients = np.where(varies, self.weights(outcome) / np.where(varies, self.scales, 1.0), 0.0)
        return Direction(coefficients=coefficients, intercept=float(outcome.mean() - coefficients @ self.means))

    def weights(self, outcome: Booleans) -> Floats:
        """(n_features,) change of the score for one standard deviation of each feature."""
        centered = (outcome - outcome.mean()).astype(np.float32)
        product = self.rows.T @ (self.inverse @ centered) if self.is_dual else self.inverse @ (self.rows.T @ centered)
        return np.asarray(product / np.sqrt(max(int((self.scales > 0).sum()), 1)), dtype=np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Direction:
    """What gives images that it was not fitted to their scores: (n_features,) coefficients, and what is added."""

    coefficients: Floats
    intercept: float

    def scores(self, features: Singles) -> Singles:
        """Score of each image, (n_images,), of features (n_images, n_features)."""
        return np.asarray(features @ self.coefficients + self.intercept, dtype=np.float32)


def fit_ridge(features: Singles) -> Ridge:
    """Prepare the direction of some images, for any failures of theirs.

    Args:
        features: (n_images, n_features) float32, finite; two images at least.
    """
    from scipy import linalg

    n_images, n_features = features.shape
    rows = np.empty((n_images, n_features), dtype=np.float32)
    means, scales = np.empty(n_features), np.empty(n_features)
    for first in range(0, n_features, _BLOCK):
        part = slice(first, first + _BLOCK)
        means[part], scales[part] = _standardize(features[:, part], rows[:, part])
    rows /= np.float32(np.sqrt(max(int((scales > 0).sum()), 1)))
    is_dual = n_images <= n_features
    gram: Any = rows @ rows.T if is_dual else rows.T @ rows
    gram[np.diag_indices_from(gram)] += np.float32(PENALTY)
    # eigenvalues lie between the penalty and the penalty + n_images: single precision is enough
    factor, failed = linalg.lapack.spotrf(gram, lower=True, overwrite_a=True)
    inverse, failed_too = linalg.lapack.spotri(factor, lower=True, overwrite_c=True)
    if failed or failed_too:  # pragma: no cover
        raise FloatingPointError("the penalised Gram matrix is not positive definite.")
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    leverages = 1 - PENALTY * np.diag(inverse) if is_dual else np.einsum("ij,ij->i", rows @ inverse, rows)
    return Ridge(
        rows=rows,
        scales=scales,
        means=means,
        inverse=np.asarray(inverse),
        # the mean is fitted as well
        leverages=np.clip(np.asarray(leverages, dtype=np.float64), 0.0, None) + 1 / n_images,
        is_dual=is_dual,
    )


def _standardize(features: Singles, rows: Singles) -> tuple[Floats, Floats]:
    """Write standardised values to `rows`, 0 where a feature does not vary; return means and standard deviations."""
    peaks = np.abs(features).max(axis=0)
    exponents = np.frexp(np.where(peaks > 0, peaks, 1))[1]
    with np.errstate(invalid="ignore", divide="ignore"):  # a power of two: exact, and squares stay in range
        values = np.ldexp(features, -exponents).astype(np.float64)
    means, deviations = values.mean(axis=0), values.std(axis=0)
    varies = deviations > 1e-6  # less is rounding of single precision
    rows[:] = (values - means) / np.where(varies, deviations, 1.0) * varies
    return means * 2.0**exponents, np.where(varies, deviations * 2.0**exponents, 0.0)


def area_under_curve(scores: Singles, outcomes: npt.NDArray[np.floating]) -> Floats:
    """Area under the ROC curve of each column: the chance that a failure scores higher than a success, ties half.

    Args:
        scores: (n_images, n_shuffles).
        outcomes: (n_images, n_shuffles) 1 for a failure; every column has as many, and one of each at least.
    """
    columns = np.asarray(outcomes).T > 0
    values = np.ascontiguousarray(scores.T)
    n_failures = int(columns[0].sum())
    failed = np.sort(values[columns].reshape(len(values), n_failures), axis=1)
    passed = np.sort(values[~columns].reshape(len(values), -1), axis=1)
    areas = np.empty(len(values))
    _count_pairs(failed, passed, areas)
    return areas


@compile_kernel
def _count_pairs(failed: Singles, passed: Singles, areas: Floats) -> None:
    """Share of pairs in which the failure is higher; rows are sorted."""
    n_failed, n_passed = failed.shape[1], passed.shape[1]
    for b in range(len(areas)):
        below, at_most, total = 0, 0, 0.0
        for i in range(n_failed):
            while below < n_passed and passed[b, below] < failed[b, i]:
                below += 1
            at_most = max(at_most, below)
            while at_most < n_passed and passed[b, at_most] <= failed[b, i]:
                at_most += 1
            total += 0.5 * (below + at_most)
        areas[b] = total / (n_failed * n_passed)
