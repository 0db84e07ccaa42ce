"""What pages of groups show along the conditions of failure modes: histograms, and images beside the thresholds."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.tables import empty_table
from barlow_report.visuals.strips import bins_at_threshold, choose_successes, images_at_threshold

__all__ = ["along_conditions"]


def along_conditions(
    features: np.ndarray,
    is_failure: npt.NDArray[np.bool_],
    *,
    rules: pd.DataFrame,
    conditions: pd.DataFrame,
    members: Callable[[int], npt.NDArray[np.int64]],
    n_images: int,
    n_successes: int,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of tables `strips` and `strip_images`, the latter without their thumbnails.

    Args:
        features: (n_images, n_features); may be memory-mapped.
        is_failure: (n_images,).
        rules: Table `rules`; only failure modes are looked at.
        conditions: Table `conditions`.
        members: Returns the ids of the images of a group, ascending.
        n_images: How many images on each side of a threshold at most.
        n_successes: How many successes on the other side of the last condition at most.
        seed: The run's seed.
    """
    from barlow_report.rules import meets  # scikit-learn takes a second

    strips = [empty_table("strips")]
    images = [empty_table("strip_images").drop(columns="thumbnail")]
    modes = rules[rules["is_failure_mode"]]
    paths = dict(tuple(conditions.sort_values("position").groupby("rule_id")))
    for group_id, rule_ids in modes.groupby("group_id")["rule_id"]:
        group = members(group_id)
        for rule_id in rule_ids:
            for condition, ids, activations in _steps(features, group, paths.get(rule_id, empty_table("conditions"))):
                at, key = condition.threshold, {"rule_id": rule_id, "position": condition.position}
                strips.append(bins_at_threshold(activations, is_failure[ids], threshold=at).assign(**key))
                found = [images_at_threshold(activations, ids, threshold=at, n=n_images)]
                if condition.position == paths[rule_id]["position"].iloc[-1]:
                    other = ~is_failure[ids] & ~meets(activations, branch=condition.branch, threshold=at)
                    found.append(
                        choose_successes(activations[other], ids[other], n=n_successes, seed=seed, rule_id=rule_id)
                    )
                images += [part.assign(**key) for part in found]
    return pd.concat(strips, ignore_index=True), pd.concat(images, ignore_index=True)


def _steps(
    features: np.ndarray, group: npt.NDArray[np.int64], path: pd.DataFrame
) -> Iterator[tuple[Any, npt.NDArray[np.int64], npt.NDArray[np.float32]]]:
    """Each condition of a rule, the images that meet those before it, and their activations as trees compare them."""
    from barlow_report.rules import meets

    ids = group
    for condition in path.itertuples():
        activations = features[ids, condition.feature_id].astype(np.float32)
        yield condition, ids, activations
        ids = ids[meets(activations, branch=condition.branch, threshold=condition.threshold)]
