"""Which images each failure mode has, what its conditions see in them, and which of them get a picture."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from barlow_report.tables import empty_table
from barlow_report.visuals.triptychs import choose_mode_pictures

__all__ = ["choose_pictures", "mode_images"]


def mode_images(
    features: np.ndarray, rules: pd.DataFrame, conditions: pd.DataFrame, *, members: Callable[[int], np.ndarray]
) -> pd.DataFrame:
    """Return the rows of table `mode_images`, by rule, position and image.

    Features are read a column of one group at a time, so memory is that of the result: 32 bytes a row.

    Args:
        features: (n_images, n_features); may be memory-mapped.
        rules: Table `rules`.
        conditions: Table `conditions`.
        members: Gives the ids of a group's images, ascending.
    """
    from barlow_report.rules import leaf_members  # scikit-learn takes a second

    modes = rules[rules["is_failure_mode"]]
    conditions_of = dict(tuple(conditions.sort_values("position").groupby("rule_id")))
    parts: list[pd.DataFrame] = []
    for group_id, rule_ids in modes.groupby("group_id")["rule_id"]:
        image_ids = members(int(str(group_id)))
        for rule_id in (rule_id for rule_id in rule_ids if rule_id in conditions_of):
            found = conditions_of[rule_id]
            inside = image_ids[leaf_members(features, found, image_ids=image_ids)]
            parts += [
                pd.DataFrame(
                    {
                        "rule_id": rule_id,
                        "position": position,
                        "image_id": inside,
                        "activation": features[inside, feature_id].astype(np.float64),
                    }
                )
                for position, feature_id in zip(found["position"], found["feature_id"], strict=True)
            ]
    if not parts:
        return empty_table("mode_images")
    return pd.concat(parts, ignore_index=True).sort_values(["rule_id", "position", "image_id"], ignore_index=True)


def choose_pictures(images: pd.DataFrame, is_failure: np.ndarray, *, n: int, seed: int) -> pd.DataFrame:
    """Return the images of table `mode_images` that get a picture, each once: at most `n` of each mode.

    Args:
        images: Table `mode_images`.
        is_failure: Shape (n_images,), bool: of all images of the run.
        n: Pictures of a mode at most.
        seed: The run's seed.
    """
    chosen = [
        choose_mode_pictures(ids, is_failure[ids], n=n, seed=seed, rule_id=int(str(rule_id)))
        for rule_id, ids in ((rule_id, found.unique()) for rule_id, found in images.groupby("rule_id")["image_id"])
    ]
    ids = np.unique(np.concatenate(chosen)) if chosen else np.zeros(0, dtype=np.int64)
    return pd.DataFrame({"image_id": ids.astype(np.int64)})
