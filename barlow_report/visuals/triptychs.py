"""Which images a report shows: the most activating ones, those along a feature's distribution, and galleries."""

import numpy as np
import pandas as pd

__all__ = [
    "QUANTILES",
    "choose_gallery",
    "choose_mode_pictures",
    "choose_pool",
    "images_at_quantiles",
    "most_activating",
]

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.95)
"""Where images along a feature's distribution are taken from; the top is in the triptychs."""

_POOL_SIZE = 2000
_N_PER_QUANTILE = 2


def most_activating(activations: np.ndarray, image_ids: np.ndarray, *, n: int) -> np.ndarray:
    """Return the ids of the `n` images with the highest activation, highest first, ties by id.

    Args:
        activations: Shape (n_images,), of one feature.
        image_ids: Shape (n_images,), ascending.
        n: How many at most.
    """
    order = np.argsort(-activations.astype(np.float64), kind="stable")[:n]
    chosen: np.ndarray = image_ids[order]
    return chosen


def choose_pool(n_images: int, *, seed: int) -> np.ndarray:
    """Draw the image ids that pictures along distributions are taken from, ascending, at most 2,000 of them.

    All features share them, so that the number of pictures stays bounded however many features there are.
    """
    drawn: np.ndarray = np.sort(np.random.default_rng([seed, 2000]).permutation(n_images)[:_POOL_SIZE])
    return drawn


def images_at_quantiles(activations: np.ndarray, image_ids: np.ndarray) -> pd.DataFrame:
    """Choose two images at each of the `QUANTILES` of one feature, ties by id, no image twice.

    Args:
        activations: Shape (n_images,), of one feature; at least one image.
        image_ids: Shape (n_images,), ascending.

    Returns:
        Columns position, quantile, rank, image_id, activation; fewer rows where images run out.
    """
    order = np.argsort(activations.astype(np.float64), kind="stable")
    rows: list[tuple[int, float, int, int, float]] = []
    taken = 0  # positions in `order` below this one have been shown
    for position, quantile in enumerate(QUANTILES):
        start = max(taken, min(round(quantile * (len(order) - 1)), len(order) - _N_PER_QUANTILE))
        chosen = order[start : start + _N_PER_QUANTILE]
        taken = start + len(chosen)
        rows += [
            (position, quantile, rank, int(image_ids[i]), float(activations[i])) for rank, i in enumerate(chosen, 1)
        ]
    return pd.DataFrame(rows, columns=["position", "quantile", "rank", "image_id", "activation"])


def choose_gallery(image_ids: np.ndarray, is_failure: np.ndarray, *, n: int, seed: int, rule_id: int) -> pd.DataFrame:
    """Draw at most `n` failures and `n` successes of a rule, each image once.

    The draw depends on the seed and the rule only, so that adding a rule does not change the others' galleries.

    Args:
        image_ids: Shape (n_images,): the images in the rule's leaf.
        is_failure: Shape (n_images,), bool.
        n: Images per gallery at most.
        seed: The run's seed.
        rule_id: The rule.

    Returns:
        Columns rule_id, image_id, is_failure, rank.
    """
    galleries = []
    for failure in (True, False):
        draw = _drawn(image_ids[is_failure == failure], failure, seed=seed, rule_id=rule_id)[:n]
        galleries.append(
            pd.DataFrame(
                {"rule_id": rule_id, "image_id": draw, "is_failure": failure, "rank": np.arange(1, len(draw) + 1)}
            )
        )
    return pd.concat(galleries, ignore_index=True)


def choose_mode_pictures(
    image_ids: np.ndarray, is_failure: np.ndarray, *, n: int, seed: int, rule_id: int
) -> np.ndarray:
    """Draw which images of a failure mode get a picture: at most `n`, three failures to a success where there are more.

    The first of each draw are those of `choose_gallery`, which have a picture anyway.

    Args:
        image_ids: Shape (n_images,): the images of the mode.
        is_failure: Shape (n_images,), bool.
        n: How many at most.
        seed: The run's seed.
        rule_id: The rule.
    """
    failures, successes = (
        _drawn(image_ids[is_failure == failure], failure, seed=seed, rule_id=rule_id) for failure in (True, False)
    )
    n_successes = min(len(successes), max(n - len(failures), n // 4))
    return np.concatenate([failures[: n - n_successes], successes[:n_successes]])


def _drawn(pool: np.ndarray, failure: bool, *, seed: int, rule_id: int) -> np.ndarray:
    """All of `pool` in the order of a draw that depends on the seed and the rule only."""
    return np.random.default_rng([seed, rule_id, int(failure)]).permutation(pool)
