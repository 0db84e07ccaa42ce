"""Which joint modes are shown in full, and the images that tell a reader what their features respond to."""

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["N_EXAMPLES", "N_FEATURES", "choose_examples", "real_groups", "shown_groups", "verified_groups"]

N_FEATURES = 6
"""Features of a joint mode that are shown with pictures."""

N_EXAMPLES = 3
"""Pictures of each of them."""


def real_groups(joint_modes: pd.DataFrame) -> set[int]:
    """Return the groups whose joint mode is more than chance, large or small; see table `joint_modes`."""
    is_real = joint_modes["verdict"].isin(["verified", "real_but_small"])
    return set(joint_modes.loc[is_real, "group_id"].tolist())


def verified_groups(rules: pd.DataFrame) -> set[int]:
    """Return the groups in which a rule is verified; see table `rules`."""
    return set(rules.loc[rules["verdict"] == "verified", "group_id"].tolist())


def shown_groups(joint_modes: pd.DataFrame, rules: pd.DataFrame) -> set[int]:
    """Return the groups whose joint mode is shown in full: it is more than chance, and no rule is verified there."""
    return real_groups(joint_modes) - verified_groups(rules)


def choose_examples(
    features: npt.NDArray[np.floating], members: npt.NDArray[np.int64], feature_ids: list[int]
) -> pd.DataFrame:
    """Choose the images of a group that activate some features most.

    Args:
        features: (n_images, n_features); may be memory-mapped.
        members: (n_members,) ids of the images of the group, ascending.
        feature_ids: The features.

    Returns:
        Columns feature_id, rank, image_id and activation; of images with the same activation, the lower id first.
    """
    n = min(N_EXAMPLES, len(members))
    values = np.stack([features[members, feature_id] for feature_id in feature_ids], axis=1)
    order = np.argsort(-values, axis=0, kind="stable")[:n]
    return pd.DataFrame(
        {
            "feature_id": np.repeat(feature_ids, n),
            "rank": np.tile(np.arange(1, n + 1), len(feature_ids)),
            "image_id": members[order].T.ravel(),
            "activation": np.take_along_axis(values, order, axis=0).T.ravel().astype(np.float64),
        }
    )
