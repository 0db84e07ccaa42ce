"""Which leaves images fall in."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from barlow_report.run_folder import Run
from barlow_report.stages.members import GroupMembers
from barlow_report.tables import empty_table

__all__ = ["leaves_of_failures"]


def leaves_of_failures(run: Run) -> pd.DataFrame:
    """Return which leaves the failures of a run fall in: columns rule_id and image_id, fitted and held-out images.

    An image is in one leaf of each of its groups that has a tree.
    """
    parts = list(_leaves(run))
    if not parts:
        return pd.DataFrame({"rule_id": pd.Series(dtype="int64"), "image_id": pd.Series(dtype="int64")})
    return pd.concat(parts, ignore_index=True)


def _leaves(run: Run) -> Iterator[pd.DataFrame]:
    from barlow_report.rules import leaf_members  # scikit-learn takes a second

    images = run.read_table("images")
    is_failure = (images["label"] != images["prediction"]).to_numpy()
    members_of = GroupMembers(run)
    conditions = dict(tuple(run.read_table("conditions").groupby("rule_id")))
    rules = dict(tuple(run.read_table("rules").groupby("group_id")["rule_id"]))
    features = run.features()
    for group_id in run.read_table("groups")["group_id"]:
        if group_id not in rules:
            continue
        members = members_of(group_id)
        failures = members[is_failure[members]]
        for rule_id in rules[group_id]:
            rows = conditions.get(rule_id, empty_table("conditions"))
            inside = failures[leaf_members(features, rows, image_ids=failures)]
            yield pd.DataFrame({"rule_id": np.full(len(inside), rule_id), "image_id": inside})
