"""How features are distributed over the images of the groups whose rules use them."""

from collections.abc import Callable, Sequence
from itertools import groupby

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.tables import empty_table
from barlow_report.visuals.histograms import histograms
from barlow_report.visuals.triptychs import images_at_quantiles

__all__ = ["histograms_of_groups", "quantiles_of_groups"]

Members = Callable[[int], npt.NDArray[np.int64]]
"""Returns the ids of the images of a group, ascending."""


def histograms_of_groups(
    features: np.ndarray, is_failure: npt.NDArray[np.bool_], pairs: Sequence[tuple[int, int]], members: Members
) -> pd.DataFrame:
    """Return the rows of table `group_histograms`.

    Args:
        features: (n_images, n_features); may be memory-mapped.
        is_failure: (n_images,).
        pairs: Ids of groups and features, ascending.
        members: Of a group.
    """
    found = [empty_table("group_histograms")]
    for group_id, of_group in groupby(pairs, key=lambda pair: pair[0]):
        ids = members(group_id)
        for _, feature_id in of_group:  # column by column: a group may hold half of all images
            column = features[ids, feature_id][:, None]
            rows = histograms(column, is_failure[ids], feature_ids=[0])
            found.append(rows.assign(group_id=group_id, feature_id=feature_id))
    return pd.concat(found, ignore_index=True)


def quantiles_of_groups(
    features: np.ndarray, rules: pd.DataFrame, conditions: pd.DataFrame, members: Members
) -> pd.DataFrame:
    """Return the rows of table `group_quantiles` without their thumbnails; `rules` and `conditions` are the tables."""
    uses = conditions[["rule_id", "feature_id"]].merge(rules[["rule_id", "group_id", "is_failure_mode"]], on="rule_id")
    modes = uses[uses["is_failure_mode"]]
    others = uses[~uses["feature_id"].isin(modes["feature_id"])].sort_values("rule_id").drop_duplicates("feature_id")
    pairs = pd.concat([modes, others])[["group_id", "feature_id"]].drop_duplicates()
    found = [empty_table("group_quantiles").drop(columns="thumbnail")]
    for group_id, feature_ids in pairs.sort_values(["group_id", "feature_id"]).groupby("group_id")["feature_id"]:
        ids = members(int(str(group_id)))
        for feature_id in feature_ids:
            rows = images_at_quantiles(features[ids, feature_id], ids)
            found.append(rows.assign(group_id=int(str(group_id)), feature_id=feature_id))
    return pd.concat(found, ignore_index=True)
