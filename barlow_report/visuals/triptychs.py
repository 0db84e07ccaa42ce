"""Which images a report shows: the most activating ones of a triptych, and the galleries of a rule."""

import numpy as np
import pandas as pd

__all__ = ["choose_gallery", "histogram", "most_activating"]


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
        pool = image_ids[is_failure == failure]
        draw = np.random.default_rng([seed, rule_id, int(failure)]).permutation(pool)[:n]
        galleries.append(
            pd.DataFrame(
                {"rule_id": rule_id, "image_id": draw, "is_failure": failure, "rank": np.arange(1, len(draw) + 1)}
            )
        )
    return pd.concat(galleries, ignore_index=True)


def histogram(activations: np.ndarray, is_failure: np.ndarray, *, feature_id: int, n_bins: int = 40) -> pd.DataFrame:
    """Count images and failures in equal bins of one feature's activation.

    A constant feature gives one bin of width 0. The last bin includes its upper edge.

    Args:
        activations: Shape (n_images,).
        is_failure: Shape (n_images,), bool.
        feature_id: Written into the rows.
        n_bins: Number of bins.

    Returns:
        The rows of table `histograms` for this feature.
    """
    values = activations.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    edges = np.linspace(low, high, n_bins + 1) if high > low else np.array([low, high])
    # np.histogram refuses a range of width 0, and would put everything in the last of its bins anyway
    if high > low:
        n_images = np.histogram(values, bins=edges)[0]
        n_failures = np.histogram(values[is_failure], bins=edges)[0]
    else:
        n_images, n_failures = np.array([len(values)]), np.array([int(is_failure.sum())])
    return pd.DataFrame(
        {
            "feature_id": feature_id,
            "position": np.arange(len(n_images)),
            "low": edges[:-1],
            "high": edges[1:],
            "n_images": n_images,
            "n_failures": n_failures,
        }
    )
