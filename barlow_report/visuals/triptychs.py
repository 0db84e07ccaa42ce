"""Which images a report shows: the most activating ones of a triptych, and the galleries of a rule."""

import numpy as np
import pandas as pd

__all__ = ["choose_gallery", "most_activating"]


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
