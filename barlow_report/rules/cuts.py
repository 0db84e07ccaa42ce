"""Natural cuts: where the values of a feature fall into two clusters, found without a look at the failures.

A feature whose values are better described by two normal clusters than by one has a natural cut between them, the
minimum-error threshold (Kittler and Illingworth, Pattern Recognition 19, 1986). What depends on no outcome can be
tested on the very images that it was found on: see `barlow_report.rules.shuffles`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from barlow_report.rules.compilation import compile_kernel

__all__ = ["Cuts", "find_cuts"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Rows = npt.NDArray[np.float32]

_MIN_SHARE = 0.05  # of the images in the smaller cluster: fewer are outliers
_MIN_IMAGES = 3
_MIN_VARIANCE = 0.05**2  # of a cluster, of the variance of all: equal values would otherwise be a cluster of their own
_BLOCK = 64  # features at a time: their sorted copies stay in the processor's cache


@dataclass(frozen=True, kw_only=True, eq=False)
class Cuts:
    """Where each feature falls into two clusters.

    Attributes:
        feature_ids: (n_cuts,) ascending.
        thresholds: (n_cuts,) the middle between the two values next to it; NaN without clusters.
        separations: (n_cuts,) distance of the clusters' means in standard deviations within clusters; 0 without.
        middles: (n_cuts,) the threshold of Otsu (IEEE Trans. SMC 9, 1979), which has the largest variance between its
            sides, clusters or not; NaN where no threshold leaves enough images on both.
    """

    feature_ids: Integers
    thresholds: Floats
    separations: Floats
    middles: Floats


def find_cuts(features: Rows, *, feature_ids: Integers) -> Cuts:
    """Find the threshold between the two clusters of each feature's values, where there are two.

    Args:
        features: (n_images, n_features) float32: all features.
        feature_ids: Those to cut, in any order.
    """
    ids = np.sort(feature_ids)
    thresholds, separations, middles = np.full(len(ids), np.nan), np.zeros(len(ids)), np.full(len(ids), np.nan)
    n_least = max(_MIN_IMAGES, int(_MIN_SHARE * len(features)))
    for first in range(0, len(ids), _BLOCK):
        part = slice(first, first + _BLOCK)
        values = np.sort(np.ascontiguousarray(features[:, ids[part]].T), axis=1).astype(np.float64)
        _cut_rows(values, n_least, _MIN_VARIANCE, thresholds[part], separations[part], middles[part])
    return Cuts(feature_ids=ids, thresholds=thresholds, separations=separations, middles=middles)


@compile_kernel
def _cut_rows(
    values: Floats, n_least: int, min_variance: float, thresholds: Floats, separations: Floats, middles: Floats
) -> None:
    """Fill in the cuts of each row of `values`, (n_features, n_images) ascending."""
    n = values.shape[1]
    for j in range(values.shape[0]):
        row = values[j]
        mean = 0.0
        for i in range(n):
            mean += row[i]
        mean /= n
        total = 0.0
        for i in range(n):
            total += (row[i] - mean) ** 2
        scale = np.sqrt(total / n)
        if scale == 0.0:
            continue
        sum_all, square_all = 0.0, 0.0
        for i in range(n):
            z = (row[i] - mean) / scale
            sum_all += z
            square_all += z * z
        best, best_error, best_distance = -1, 0.0, 0.0  # one cluster's error is 0, as its variance is 1
        best_between = 0.0
        below, square_below = 0.0, 0.0
        for i in range(n - 1):
            z = (row[i] - mean) / scale
            below += z
            square_below += z * z
            n_below = i + 1
            if row[i + 1] <= row[i] or n_below < n_least or n - n_below < n_least:
                continue
            mean_le = below / n_below
            mean_gt = (sum_all - below) / (n - n_below)
            between = n_below * (n - n_below) * (mean_gt - mean_le) ** 2
            if between > best_between:
                best_between, middles[j] = between, (row[i] + row[i + 1]) / 2
            variance_le = max(square_below / n_below - mean_le**2, 0.0) + min_variance
            variance_gt = max((square_all - square_below) / (n - n_below) - mean_gt**2, 0.0) + min_variance
            share = n_below / n
            error = share * np.log(variance_le) / 2 + (1 - share) * np.log(variance_gt) / 2
            error -= share * np.log(share) + (1 - share) * np.log(1 - share)
            if error < best_error:
                best, best_error = i, error
                best_distance = (mean_gt - mean_le) / np.sqrt((variance_le + variance_gt) / 2)
        if best >= 0:
            thresholds[j] = (row[best] + row[best + 1]) / 2
            separations[j] = best_distance
