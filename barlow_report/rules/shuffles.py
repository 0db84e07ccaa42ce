"""Evidence that uses every image: is the best of all cuts better than the best of all cuts on shuffled failures?

Cuts are found without a look at the failures. If the failures had nothing to do with the features, any order of them on
the images would be as likely as the one that was seen. So the score of the best cut is compared with the score of the
best cut after the failures were shuffled (Westfall and Young's max-T, 1993): the share of shuffles that do as well is a
p-value that counts the search over thousands of features, without a split.

**Cuts** of a feature: its natural cut, where its values fall into two clusters (see `barlow_report.rules.cuts`), and
those that leave 15, 35, 65 and 85 % of the images at or below, as far as equal values allow.

**Score** of a cut with n of N images above it, k of F failures among them: (k − E)² / V · √s, where E = F·n/N and
V = n·(N − n)·F·(N − F) / (N²·(N − 1)) are mean and variance of k under shuffling, and s is the separation of the two
clusters at a natural cut and 1.5 at any other: of two cuts that explain about as much, the one that tells images apart
more clearly. Failures that are shuffled within strata add up E and V over the strata.

**How many shuffles.** Besag and Clifford (Biometrika 78, 1991): shuffling stops when h shuffles have done as well, and
p = h / (shuffles so far); if that does not happen within n, p = (1 + those that did) / (1 + n). Both are valid p-values
for any h; most groups without anything to find need some fifty shuffles instead of two thousand.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from barlow_report.rules.bits import Bits, best_scores, count_shared, pack, unpack
from barlow_report.rules.compilation import compile_kernel
from barlow_report.rules.cuts import find_cuts

__all__ = [
    "N_EXCEEDANCES",
    "Candidates",
    "Scorer",
    "cut_features",
    "find_candidates",
    "limit_block",
    "sequential_p_value",
    "shuffle",
    "split_draws",
]

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

N_EXCEEDANCES = 20
"""Shuffling stops when so many shuffles have done as well."""

_QUANTILES = (0.15, 0.35, 0.65, 0.85)
_FREE_SEPARATION = 1.5
_MIN_IMAGES = 3  # on each side of a cut
_NO_VARIANCE = 1e-9  # a cut with all images on one side
_FIRST_BLOCK, _LARGEST_BLOCK = 64, 512
_BLOCK_VALUES = 2**26  # of one block of shuffles, 64 MiB
_CUTS_AT_A_TIME = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidates:
    """The cuts of some images.

    Attributes:
        feature_ids: (n_cuts,) ascending; a feature has several cuts.
        thresholds: (n_cuts,) an image is above where its value exceeds it.
        weights: (n_cuts,) square root of the separation.
        above: (n_cuts, n_words) the images above each cut.
        n_images: Of which they are cuts.
    """

    feature_ids: Integers
    thresholds: Floats
    weights: Floats
    above: Bits
    n_images: int

    def is_above(self, column: int) -> Booleans:
        """(n_images,) True where an image is above a cut."""
        return unpack(self.above[column], n_images=self.n_images)


def find_candidates(features: Singles) -> Candidates:
    """Cut every feature of some images.

    Args:
        features: (n_images, n_features) float32, finite.
    """
    n_images, n_features = features.shape
    ids, thresholds, separations = [], [], []
    cuts = find_cuts(features, feature_ids=np.arange(n_features))
    natural = np.flatnonzero(cuts.separations > 0)
    ids.append(natural)
    thresholds.append(cuts.thresholds[natural])
    separations.append(cuts.separations[natural])
    for first in range(0, n_features, _CUTS_AT_A_TIME):
        ordered = np.sort(np.ascontiguousarray(features[:, first : first + _CUTS_AT_A_TIME].T), axis=1)
        for quantile in _QUANTILES:
            place = int(np.clip(round(quantile * n_images), _MIN_IMAGES, n_images - _MIN_IMAGES))
            if not _MIN_IMAGES <= place <= n_images - _MIN_IMAGES:
                continue
            below, above = ordered[:, place - 1].astype(np.float64), ordered[:, place].astype(np.float64)
            found = np.flatnonzero(below < above)
            ids.append(first + found)
            thresholds.append((below + above)[found] / 2)
            separations.append(np.full(len(found), _FREE_SEPARATION))
    feature_ids, cut_at, apart = np.concatenate(ids), np.concatenate(thresholds), np.concatenate(separations)
    order = np.lexsort((np.arange(len(feature_ids)), feature_ids))  # a feature's natural cut is its first
    feature_ids, cut_at = feature_ids[order].astype(np.int64), cut_at[order]
    return Candidates(
        feature_ids=feature_ids,
        thresholds=cut_at,
        weights=np.sqrt(apart[order]),
        above=cut_features(features, feature_ids, cut_at),
        n_images=n_images,
    )


def cut_features(features: Singles, feature_ids: Integers, thresholds: Floats) -> Bits:
    """Return the images above each cut, (n_cuts, n_words), compared as a tree compares."""
    # the largest float32 at most the threshold: the same comparison without a copy in double precision
    nearest = thresholds.astype(np.float32)
    below = np.where(nearest.astype(np.float64) > thresholds, np.nextafter(nearest, np.float32(-np.inf)), nearest)
    parts = [
        pack(np.ascontiguousarray((features[:, feature_ids[part]] > below[part]).T))
        for part in (slice(first, first + _CUTS_AT_A_TIME) for first in range(0, len(feature_ids), _CUTS_AT_A_TIME))
    ]
    return np.concatenate(parts) if parts else pack(np.empty((0, len(features)), dtype=np.bool_))


class Scorer:
    """Scores every cut for any order of the failures among some images, within strata of them.

    Args:
        candidates: The cuts.
        failure: (n_images,) bool.
        members: (n_images,) bool, the images of the test; default: all.
        strata: (n_images,) the stratum of each image; default: all are one.

    Attributes:
        factors: (n_cuts,) weight over the variance of the failures above; 0 where all images are on one side.
        n_images: All images, those that are no members as well.
    """

    def __init__(
        self,
        candidates: Candidates,
        failure: Booleans,
        *,
        members: Booleans | None = None,
        strata: Integers | None = None,
    ) -> None:
        self.candidates, self.n_images = candidates, len(failure)
        self._failure = failure
        inside = np.ones(len(failure), dtype=np.bool_) if members is None else members
        codes = np.zeros(len(failure), dtype=np.int64) if strata is None else strata
        self._places = [np.flatnonzero(inside & (codes == code)) for code in np.unique(codes[inside])]
        expected, variance = np.zeros(len(candidates.weights)), np.zeros(len(candidates.weights))
        for places in self._places:
            size, n_failures = len(places), int(failure[places].sum())
            n_above = count_shared(candidates.above, pack(_mark(places, len(failure))[None]))[0]
            expected += n_failures * n_above / size
            if size > 1:
                spread = n_failures * (size - n_failures) / size**2 / (size - 1)
                variance += n_above * (size - n_above) * spread
        self._expected = expected.astype(np.float32)
        self.factors = np.divide(
            candidates.weights, variance, out=np.zeros_like(variance), where=variance > _NO_VARIANCE
        ).astype(np.float32)
        self._seen = count_shared(candidates.above, pack((failure & inside)[None]))[0]

    @property
    def scores(self) -> Singles:
        """Score of each cut for the failures as they are: (n_cuts,)."""
        distance = self._seen.astype(np.float32) - self._expected
        scores: Singles = distance * distance * self.factors
        return scores

    @property
    def fails_above(self) -> Booleans:
        """(n_cuts,) True where more failures are above a cut than expected."""
        return np.asarray(self._seen > self._expected)

    def draw(self, n_shuffles: int, *, random: np.random.Generator) -> Singles:
        """Score of the best cut after each of so many further shuffles: (n_shuffles,)."""
        shuffled = shuffle(self._failure, self._places, n_shuffles=n_shuffles, random=random)
        return best_scores(self.candidates.above, pack(shuffled), self._expected, self.factors)


def shuffle(failure: Booleans, strata: list[Integers], *, n_shuffles: int, random: np.random.Generator) -> Booleans:
    """Return (n_shuffles, n_images): the failures in random order within each stratum, none outside of them.

    Args:
        failure: (n_images,) bool.
        strata: The places of the images of each stratum.
        n_shuffles: How many orders.
        random: Where they come from.
    """
    shuffled = np.zeros((n_shuffles, len(failure)), dtype=np.bool_)
    for places in strata:
        n_failures = int(failure[places].sum())
        _choose(places.copy(), random.random((n_shuffles, n_failures)), shuffled)
    return shuffled


@compile_kernel
def _choose(places: Integers, numbers: Floats, shuffled: Booleans) -> None:
    """Mark as many places in each row as there are random numbers in [0, 1), all sets of places alike (Fisher–Yates).

    Each row goes on from the order that the one before has left, which does not matter to what is drawn.
    """
    for row in range(numbers.shape[0]):
        for i in range(numbers.shape[1]):
            j = i + int(numbers[row, i] * (len(places) - i))
            places[i], places[j] = places[j], places[i]
            shuffled[row, places[i]] = True


def sequential_p_value(
    draw: Callable[[int], npt.NDArray[np.floating]],
    observed: float,
    *,
    n_shuffles: int,
    n_images: int = 1,
    n_exceedances: int = N_EXCEEDANCES,
) -> float:
    """Share of shuffles that do as well, drawn until it is clear (Besag and Clifford, 1991).

    Args:
        draw: Returns the statistics of so many further shuffles.
        observed: The statistic of what was seen; a shuffle with the same value has done as well.
        n_shuffles: Largest number of shuffles.
        n_images: That are shuffled: of many, fewer shuffles are drawn at a time.
        n_exceedances: Stop when so many have done as well.

    Returns:
        Above 0, at most 1.
    """
    n_drawn, n_hits, block = 0, 0, min(_FIRST_BLOCK, limit_block(n_images))
    while n_drawn < n_shuffles:
        hits = n_hits + np.cumsum(draw(min(block, n_shuffles - n_drawn)) >= observed)
        if hits[-1] >= n_exceedances:
            return n_exceedances / (n_drawn + int(np.searchsorted(hits, n_exceedances)) + 1)
        n_drawn, n_hits = n_drawn + len(hits), int(hits[-1])
        block = min(2 * block, limit_block(n_images))
    return (1 + n_hits) / (1 + n_shuffles)


def _mark(places: Integers, n_images: int) -> Booleans:
    marked = np.zeros(n_images, dtype=np.bool_)
    marked[places] = True
    return marked


def limit_block(n_images: int) -> int:
    """How many shuffles of so many images to draw at a time, so that a large group needs no more memory."""
    return int(np.clip(_BLOCK_VALUES // max(n_images, 1), 1, _LARGEST_BLOCK))


def split_draws(n: int, *, n_images: int) -> list[int]:
    """Divide `n` shuffles or draws of so many images into blocks that fit into memory."""
    size = min(256, limit_block(n_images))
    return [min(size, n - first) for first in range(0, n, size)]
