"""Evidence that uses every image: is the best of all cuts better than the best of all cuts on shuffled failures?

Cuts are found without a look at the failures, see `barlow_report.rules.cuts`. If the failures had nothing to do with
the features, any order of them on the images would be as likely as the one that was seen. So the score of the best cut
is compared with the score of the best cut after the failures were shuffled (Westfall and Young's max-T, 1993): the
share of shuffles that do as well is a p-value that counts the search over thousands of features, without a split.

**Score** of a cut with n of N images above it, k of F failures among them: (k − E)² / V · √s, where E = F·n/N and
V = n·(N − n)·F·(N − F) / (N²·(N − 1)) are mean and variance of k under shuffling, and s is the separation of the two
clusters, 1.5 where there are none (the cut is then Otsu's): of two cuts that explain about as much, the one that tells
images apart more clearly. Failures that are shuffled within strata add up E and V over the strata.

**How many shuffles.** Besag and Clifford (Biometrika 78, 1991): shuffling stops when h shuffles have done as well, and
p = h / (shuffles so far); if that does not happen within n, p = (1 + those that did) / (1 + n). Both are valid p-values
for any h; most groups without anything to find need some fifty shuffles instead of two thousand.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from barlow_report.rules.cuts import find_cuts

__all__ = [
    "Candidates",
    "Scorer",
    "find_candidates",
    "limit_block",
    "score_cuts",
    "sequential_p_value",
    "shuffle_within",
]

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

N_EXCEEDANCES = 20
"""Shuffling stops when so many shuffles have done as well."""

_FREE_SEPARATION = 1.5
_NO_VARIANCE = 1e-9  # a cut with all images on one side
_FIRST_BLOCK = 64
_LARGEST_BLOCK = 512
_CUTS_AT_A_TIME = 64
_BLOCK_VALUES = 2**24  # of one block of shuffles, 64 MiB


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidates:
    """One cut per feature that can be cut.

    Attributes:
        feature_ids: (n_cuts,) ascending.
        thresholds: (n_cuts,) an image is above where its value exceeds it.
        weights: (n_cuts,) square root of the separation.
        above: (n_images, n_cuts) 1 where the image is above the cut, else 0.
    """

    feature_ids: Integers
    thresholds: Floats
    weights: Floats
    above: Singles

    def of(self, images: Booleans | Integers) -> "Candidates":
        """The same cuts on some of the images."""
        return Candidates(
            feature_ids=self.feature_ids, thresholds=self.thresholds, weights=self.weights, above=self.above[images]
        )


def find_candidates(features: Singles) -> Candidates:
    """Cut every feature of some images once, at its natural cut, else at Otsu's.

    Args:
        features: (n_images, n_features) float32, finite.
    """
    cuts = find_cuts(features, feature_ids=np.arange(features.shape[1]))
    is_natural = cuts.separations > 0
    thresholds = np.where(is_natural, cuts.thresholds, cuts.middles)
    ids = np.flatnonzero(np.isfinite(thresholds))
    return Candidates(
        feature_ids=ids.astype(np.int64),
        thresholds=thresholds[ids],
        weights=np.sqrt(np.where(is_natural, cuts.separations, _FREE_SEPARATION)[ids]),
        above=cut_features(features, ids, thresholds[ids]),
    )


def cut_features(features: Singles, feature_ids: Integers, thresholds: Floats) -> Singles:
    """Return (n_images, n_cuts): 1 where an image is above the cut, compared as a tree compares."""
    # the largest float32 at most the threshold: the same comparison without a copy in double precision
    nearest = thresholds.astype(np.float32)
    below = np.where(nearest.astype(np.float64) > thresholds, np.nextafter(nearest, np.float32(-np.inf)), nearest)
    above = np.empty((len(features), len(feature_ids)), dtype=np.float32)
    for first in range(0, len(feature_ids), _CUTS_AT_A_TIME):
        part = slice(first, first + _CUTS_AT_A_TIME)
        above[:, part] = features[:, feature_ids[part]] > below[part]
    return above


class Scorer:
    """Scores every cut for any order of the failures within the strata.

    Args:
        candidates: The cuts, on the images of the test.
        failure: (n_images,) bool.
        strata: (n_images,) the stratum of each image, 0 and up; default: all images are one.

    Attributes:
        shares: (n_strata, n_cuts) the share of images above each cut.
        expected: (n_cuts,) mean of the failures above.
        factors: (n_cuts,) weight over the variance of the failures above; 0 where all images are on one side.
    """

    def __init__(self, candidates: Candidates, failure: Booleans, strata: Integers | None = None) -> None:
        self.candidates = candidates
        codes = np.zeros(len(failure), dtype=np.int64) if strata is None else strata
        n_strata, places = int(codes.max(initial=0)) + 1, np.arange(len(codes))
        sizes = np.bincount(codes, minlength=n_strata)[:, None].astype(np.float64)
        failures = np.bincount(codes[failure], minlength=n_strata)[:, None].astype(np.float64)
        ones = sparse.csr_array((np.ones(len(codes), dtype=np.float32), (codes, places)), shape=(n_strata, len(codes)))
        n_above = (ones @ candidates.above).astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            expected = failures * n_above / sizes
            variance = n_above * (sizes - n_above) * failures * (sizes - failures) / sizes**2 / (sizes - 1)
        self.shares = (n_above / np.maximum(sizes, 1)).astype(np.float32)
        self.expected = np.nan_to_num(expected).sum(axis=0).astype(np.float32)
        total = np.nan_to_num(variance, posinf=0.0).sum(axis=0)
        # a cut with all images on one side explains nothing
        self.factors = np.divide(
            candidates.weights, total, out=np.zeros_like(total), where=total > _NO_VARIANCE
        ).astype(np.float32)

    def count(self, outcomes: Singles) -> Singles:
        """Failures above each cut: (n_shuffles, n_cuts), whole numbers, for outcomes (n_shuffles, n_images)."""
        return outcomes @ self.candidates.above

    def score(self, outcomes: Singles) -> Singles:
        """Score of each cut, (n_shuffles, n_cuts): counts are exact, so equal counts have equal scores."""
        scores: Singles = (self.count(outcomes) - self.expected) ** 2 * self.factors
        return scores


def score_cuts(scorer: Scorer, failure: Booleans) -> Singles:
    """Score of each cut for the failures as they are: (n_cuts,)."""
    scores: Singles = scorer.score(failure.astype(np.float32)[None])[0]
    return scores


def shuffle_within(
    failure: Booleans, strata: Integers | None, *, n_shuffles: int, random: np.random.Generator
) -> Singles:
    """Return (n_shuffles, n_images): the failures in random order, within each stratum; 1 for a failure."""
    tiled = np.tile(failure.astype(np.float32), (n_shuffles, 1))
    if strata is None:
        return np.asarray(random.permuted(tiled, axis=1), dtype=np.float32)
    for code in np.unique(strata):
        places = np.flatnonzero(strata == code)
        tiled[:, places] = random.permuted(tiled[:, places], axis=1)
    return tiled


def limit_block(n_images: int) -> int:
    """How many shuffles of so many images to draw at a time, so that a large group needs no more memory."""
    return int(np.clip(_BLOCK_VALUES // max(n_images, 1), 1, _LARGEST_BLOCK))


def sequential_p_value(
    draw: Callable[[int], npt.NDArray[np.floating]],
    observed: float,
    *,
    n_shuffles: int,
    n_exceedances: int = N_EXCEEDANCES,
    largest_block: int = _LARGEST_BLOCK,
) -> float:
    """Share of shuffles that do as well, drawn until it is clear (Besag and Clifford, 1991).

    Args:
        draw: Returns the statistics of so many further shuffles.
        observed: The statistic of what was seen; a shuffle with the same value has done as well.
        n_shuffles: Largest number of shuffles.
        n_exceedances: Stop when so many have done as well.
        largest_block: How many to draw at a time at most.

    Returns:
        Above 0, at most 1.
    """
    n_drawn, n_hits, block = 0, 0, min(_FIRST_BLOCK, largest_block)
    while n_drawn < n_shuffles:
        hits = n_hits + np.cumsum(draw(min(block, n_shuffles - n_drawn)) >= observed)
        if hits[-1] >= n_exceedances:
            return n_exceedances / (n_drawn + int(np.searchsorted(hits, n_exceedances)) + 1)
        n_drawn, n_hits = n_drawn + len(hits), int(hits[-1])
        block = min(2 * block, largest_block)
    return (1 + n_hits) / (1 + n_shuffles)
