"""Which words fit what activates a feature, and whether the best of them fits better than one would by chance.

After Oikarinen and Weng, "CLIP-Dissect: Automatic Description of Neuron Representations in Deep Vision Networks"
(ICLR 2023, arXiv 2204.10965), which scores a word by its similarity to the images that activate a neuron most. Two
things differ. Only images of one group are compared, since a name belongs to a feature in a group: what all its images
share says nothing about the feature. And words are scored by how much closer they are to the most activating images
than to the group's other images, in standard deviations, so that random choices of as many images say what the best of
all words reaches by chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["FeatureWords", "Picks", "best_words", "most_activating", "n_most_activating", "random_picks"]

Floats = npt.NDArray[np.floating]
Integers = npt.NDArray[np.int64]

MIN_PICKED = 5
"""Images that must be compared with at least three times as many others, so that anything is said."""

_WORDS_AT_A_TIME = 512


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureWords:
    """What was found for each of some features of a group.

    Attributes:
        words: (n_features, n_best) positions of the best words, the best first.
        scores: (n_features, n_best) their scores, in standard deviations of the group.
        p_value: (n_features,) share of random choices whose best word is at least as good as the feature's.
        chance_score: The score that the best of all words exceeds in one of twenty random choices.
    """

    words: Integers
    scores: npt.NDArray[np.float64]
    p_value: npt.NDArray[np.float64]
    chance_score: float


Picks = npt.NDArray[np.bool_]
"""(n_choices, n_images): which images each choice has; all choices have equally many."""


def n_most_activating(n_images: int, *, most: int) -> int:
    """Return how many images of a group are compared with its others; 0 where there are too few.

    Args:
        n_images: Images of the group.
        most: The number asked for.
    """
    n = min(most, n_images // 4)
    return n if n >= MIN_PICKED else 0


def most_activating(activations: Floats, *, n: int) -> Picks:
    """Return the `n` images that activate each feature most, (n_features, n_images); of equal ones the first.

    Args:
        activations: (n_images, n_features).
        n: How many.
    """
    order = np.argsort(-np.asarray(activations, dtype=np.float64), axis=0, kind="stable")[:n]
    picks = np.zeros((activations.shape[1], len(activations)), dtype=np.bool_)
    np.put_along_axis(picks, order.T, values=True, axis=1)
    return picks


def random_picks(n_images: int, *, n: int, n_draws: int, seed: Sequence[int]) -> Picks:
    """Return `n_draws` random choices of `n` different images, (n_draws, n_images)."""
    random = np.random.default_rng(seed)
    picks = np.zeros((n_draws, n_images), dtype=np.bool_)
    for row in picks:
        row[random.choice(n_images, n, replace=False)] = True
    return picks


def best_words(
    images: Floats,
    words: Floats,
    *,
    picks: Picks,
    by_chance: Picks,
    n_best: int,
) -> FeatureWords:
    """Return the words that fit chosen images best.

    The score of a word is the mean cosine of its caption with the chosen images, less the mean over all images, divided
    by the standard deviation over all images; an image's cosines are first taken relative to its mean over all words,
    as some images are close to every text. A word that is equally close to all images has a score of 0.

    Args:
        images: (n_images, n_dimensions) embeddings of length 1, of one group.
        words: (n_words, n_dimensions) embeddings of length 1; may be memory-mapped.
        picks: (n_features, n_images) the images that each feature chooses.
        by_chance: (n_draws, n_images) as many images, chosen at random.
        n_best: Words to return, at most all.

    Raises:
        ValueError: Choices differ in how many images they have.
    """
    sizes = {int(n) for n in np.concatenate([picks, by_chance]).sum(axis=1)}
    if len(sizes) != 1:
        raise ValueError(f"expected choices of equally many images, found {sorted(sizes)}")
    weights = np.concatenate([picks, by_chance]).astype(np.float32) / sizes.pop()
    centre = np.mean(words, axis=0, dtype=np.float64)
    n_features, n_best = len(picks), min(n_best, len(words))
    chance = np.full(len(by_chance), -np.inf)
    best = np.zeros((n_features, 0), dtype=np.int64)
    scores = np.zeros((n_features, 0))
    for start in range(0, len(words), _WORDS_AT_A_TIME):
        part = words[start : start + _WORDS_AT_A_TIME]
        found = weights @ _standardised(images @ (part - centre).T.astype(np.float32))
        chance = np.maximum(chance, found[n_features:].max(axis=1))
        ids = np.broadcast_to(np.arange(start, start + len(part)), (n_features, len(part)))
        best, scores = _best_of(
            np.concatenate([best, ids], axis=1), np.concatenate([scores, found[:n_features]], axis=1), n=n_best
        )
    # Rounded: whether a choice of the same images is as good does not hang on the order of a sum.
    is_as_good = np.round(chance, 5)[None, :] >= np.round(scores[:, :1], 5)
    return FeatureWords(
        words=best,
        scores=scores,
        p_value=(1 + is_as_good.sum(axis=1)) / (1 + len(chance)),
        chance_score=float(np.quantile(chance, 0.95, method="higher")),
    )


def _standardised(cosines: Floats) -> npt.NDArray[np.float32]:
    """Each column less its mean and by its standard deviation; 0 where it does not vary."""
    values = np.asarray(cosines, dtype=np.float64)
    values = values - values.mean(axis=0)
    deviation = values.std(axis=0)
    is_constant = deviation < 1e-6
    found = values / np.where(is_constant, 1.0, deviation)
    found[:, is_constant] = 0.0
    scores: npt.NDArray[np.float32] = found.astype(np.float32)
    return scores


def _best_of(ids: Integers, scores: npt.NDArray[np.float64], *, n: int) -> tuple[Integers, npt.NDArray[np.float64]]:
    """The `n` best columns of each row, the best first, of equal ones the first."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    return np.take_along_axis(ids, order, axis=1), np.take_along_axis(scores, order, axis=1)
