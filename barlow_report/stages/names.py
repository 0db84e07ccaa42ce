"""The names that people gave, as they apply to the groups that the run has now."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from barlow_report.run_folder import Run
from barlow_report.stages.asking import feature_model, group_keys
from barlow_report.tables import ANSWER_TABLES

__all__ = ["current_tables"]


def current_tables(run: Run, tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the tables of names as they apply to the groups that the run has now.

    Names of another feature model and of groups that are no longer there are left out. What individual people
    answered is left out altogether: the site has no use for it.
    """
    others = {name: frame for name, frame in tables.items() if name not in ANSWER_TABLES}
    if "feature_names" not in tables:
        return others
    names = tables["feature_names"]
    names = names[names["feature_model"] == feature_model(run.info)]
    now = {key: group_id for group_id, key in group_keys(tables["groups"]).items()}
    then = group_keys(names.drop(columns="name").rename(columns={"group_name": "name"}))
    moved = {old: now.get(key) for old, key in then.items()}
    for name, frame in (("feature_names", names), ("name_variants", tables["name_variants"])):
        is_there = [moved.get(group_id) is not None for group_id in frame["group_id"]]
        kept = frame[np.array(is_there, dtype=bool)]  # an empty list would choose no column
        others[name] = kept.assign(group_id=[moved[group_id] for group_id in kept["group_id"]])
    if len(names):
        others["study_figures"] = tables["study_figures"]
    return others
