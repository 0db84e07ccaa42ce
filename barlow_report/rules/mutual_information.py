"""Mutual information between each feature and the failures: scikit-learn's estimator, made for one dimension.

The estimator (Ross, "Mutual Information between Discrete and Continuous Data Sets", PLoS ONE 9(2), 2014)
looks, for each image, for the distance to its k-th nearest neighbour among the images with the same outcome
and counts the images of either outcome that are strictly nearer. scikit-learn answers both questions with
trees made for any number of dimensions. In one dimension two sorted arrays answer them: the neighbours are a
window that slides with the image, and so are the images that are nearer.

The result is meant to be scikit-learn's own, so everything that decides a tie is done as it does it: the same
scaling, the same stream of noise, distances that are computed and then compared (`value ± radius` rounds
differently), and, for outcomes with few images, the distances of its matrix product. What was measured, and
how to measure it again, is in tests/benchmarks/mutual_information.py.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from scipy.special import digamma

from barlow_report.errors import DataError
from barlow_report.rules.neighbors import sum_psi
from barlow_report.rules.workers import count_processors

__all__ = ["estimate", "mutual_information"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_BLOCK = 32  # features at a time: the sorted copies of a block stay in the processor's cache
_ROUNDING = 10 * np.finfo(np.float64).eps
_NOISE_CACHE_BYTES = 64 * 2**20


def mutual_information(
    features: npt.ArrayLike,
    failure: npt.ArrayLike,
    *,
    n_neighbors: int = 3,
    seed: int = 0,
    n_workers: int | None = None,
) -> Floats:
    """Estimate the mutual information between each feature and the failure label.

    Equal to `sklearn.feature_selection.mutual_info_classif(features, failure, n_neighbors=n_neighbors,
    random_state=seed)` within 1e-9. A feature of tiny scale, which scikit-learn takes for a constant (deviation below
    2e-15), has the information of the same feature at any other scale here.

    Args:
        features: (n_images, n_features), any real dtype, finite.
        failure: (n_images,) bool, True for a failure. At least two images share an outcome.
        n_neighbors: Neighbours of the estimator, at least 1.
        seed: Of the noise that separates equal values, 0 to 2**32 − 1.
        n_workers: Threads; the result does not depend on it. Default: one per processor.

    Returns:
        (n_features,) float64, in nats, at least 0.

    Raises:
        DataError: The shapes do not fit, a value is not finite, or no two images share an outcome.
    """
    values, outcome = np.asarray(features), np.asarray(failure)
    if values.ndim != 2 or outcome.shape != values.shape[:1] or not values.size:
        raise DataError(
            f"mutual information: features have shape {values.shape} and failures {outcome.shape}, expected "
            "(n_images, n_features) and (n_images,) with at least one image and one feature."
        )
    if n_neighbors < 1:
        raise DataError(f"mutual information: n_neighbors is {n_neighbors}, expected at least 1.")
    outcome = outcome.astype(np.bool_)
    if max(outcome.sum(), (~outcome).sum()) < 2:
        raise DataError("mutual information: no two images share an outcome; give at least two failures or successes.")
    if not np.isfinite(values).all():
        image, feature = (int(i[0]) for i in np.nonzero(~np.isfinite(values)))
        raise DataError(
            f"mutual information: feature {feature} of image {image} is {values[image, feature]}; "
            "expected finite numbers. Leave the image out or repair its features."
        )
    return estimate(values, outcome, n_neighbors=n_neighbors, seed=seed, n_workers=n_workers or count_processors())


def estimate(
    features: npt.NDArray[np.generic],
    failure: npt.NDArray[np.bool_],
    *,
    n_neighbors: int,
    seed: int,
    n_workers: int = 1,
) -> Floats:
    """Do the work of `mutual_information` on input that is known to be valid."""
    if features.dtype not in (np.float32, np.float64):
        features = features.astype(np.float32 if features.dtype == np.float16 else np.float64)
    features = np.ascontiguousarray(features)
    # An outcome seen once has no neighbour: its image takes part in the scaling and then is left out.
    outcomes = [np.flatnonzero(same) if same.sum() > 1 else np.empty(0, np.int64) for same in (failure, ~failure)]
    order, n_first = np.concatenate(outcomes), len(outcomes[0])
    if not len(order):
        return np.zeros(features.shape[1])
    noise = _NOISE.get(*features.shape, seed=seed)
    psi = np.concatenate([[0.0], digamma(np.arange(1, len(order) + 1))])

    sums = np.empty(features.shape[1])

    def work(start: int) -> None:
        block = slice(start, min(start + _BLOCK, len(sums)))
        values = _scale(features, noise, order, block)
        # numpy's sort uses the processor's vector instructions and gives up the interpreter lock
        values[:, :n_first].sort(axis=1)
        values[:, n_first:].sort(axis=1)
        sum_psi(values, n_first, n_neighbors, psi, sums[block])

    starts = range(0, len(sums), _BLOCK)
    if n_workers == 1 or len(starts) == 1:
        for start in starts:
            work(start)
    else:
        with ThreadPoolExecutor(n_workers) as pool:
            list(pool.map(work, starts))

    kept = np.array([len(outcome) for outcome in outcomes if len(outcome)])
    neighbors = np.minimum(n_neighbors, kept - 1)
    constant = psi[-1] + (psi[neighbors] @ kept - psi[kept] @ kept) / len(order)
    result: Floats = np.maximum(0.0, constant - sums / len(order))
    return result


class _Noise:
    """The stream of normal numbers of one seed: groups of one run share it, each takes what it needs.

    The numbers come one after the other, so the stream for fewer images is the beginning of the stream for more.
    Drawing them takes about half as long as everything else.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: tuple[int, int] | None = None
        self._columns: Floats = np.empty((0, 0))

    def get(self, n_images: int, n_features: int, *, seed: int) -> Floats:
        """Return (n_features, n_images) standard normal numbers, drawn image by image as scikit-learn does."""
        if n_images * n_features * 8 > _NOISE_CACHE_BYTES:
            return _draw(n_images, n_features, seed)
        with self._lock:
            if self._key != (seed, n_features) or self._columns.shape[1] < n_images:
                self._columns = np.ascontiguousarray(_draw(n_images, n_features, seed))
                self._key = (seed, n_features)
            return self._columns[:, :n_images]


def _draw(n_images: int, n_features: int, seed: int) -> Floats:
    random = np.random.RandomState(seed)  # scikit-learn's generator
    return random.standard_normal((n_images, n_features)).T


_NOISE = _Noise()


def _scale(features: npt.NDArray[np.generic], noise: Floats, order: Integers, block: slice) -> Floats:
    """Scale the features of a block to unit deviation and add the noise: (n_block, len(order)) in this order.

    numpy adds up along contiguous memory pairwise. scikit-learn's columns are contiguous at this point, so rows
    that are contiguous here give the same sums to the last bit, and with them the same ties. Values are first brought
    below 1 by a power of two, which changes no digit: features whose deviation scikit-learn would take for 0 only
    because they are small are scaled like any other.
    """
    values = np.array(features[:, block].T, dtype=np.float64, order="C")
    n_images, scratch = values.shape[1], np.empty_like(values)
    low, high = values.min(axis=1, keepdims=True), values.max(axis=1, keepdims=True)
    largest = np.maximum(high, -low)
    factor = np.where(low < high, np.ldexp(1.0, np.minimum(-np.frexp(largest)[1], 1000)), 1.0)
    values *= factor
    np.subtract(values, np.add.reduce(values, axis=1, keepdims=True) / n_images, out=scratch)
    np.multiply(scratch, scratch, out=scratch)
    deviation = np.sqrt(np.add.reduce(scratch, axis=1, keepdims=True) / n_images)
    # constant but for rounding: left as it is
    deviation = np.where(deviation <= _ROUNDING * factor * np.minimum(largest, 1), factor, deviation)
    values /= deviation
    np.abs(values, out=scratch)
    size = 1e-10 * np.maximum(1.0, np.add.reduce(scratch, axis=1, keepdims=True) / n_images)
    np.multiply(noise[block], size, out=scratch)
    values += scratch
    return np.take(values, order, axis=1)
