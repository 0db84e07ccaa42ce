"""The failure modes that further images can be in: verified ones of groups of images that are labelled as a class."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.run_folder import Run

__all__ = ["LABEL_GROUPINGS", "LabelMode", "verified_label_modes"]

LABEL_GROUPINGS = ("label", "unions_by_label")
"""The groupings whose groups are all images of a class, or of several."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelMode:
    """A verified failure mode.

    Attributes:
        rule: Its row of table `rules`.
        group_name: Of its group.
        class_ids: The classes of its group.
        own_class: The class that its group is of; None for several.
        conditions: Its rows of table `conditions`, by position.
    """

    rule: pd.Series
    group_name: str
    class_ids: npt.NDArray[np.int64]
    own_class: int | None
    conditions: pd.DataFrame

    @property
    def rule_id(self) -> int:
        """Of its rule."""
        return int(self.rule["rule_id"])


def verified_label_modes(run: Run) -> Iterator[LabelMode]:
    """Yield them in the order of their rules."""
    groups = run.read_table("groups").set_index("group_id")
    classes = run.read_table("group_classes").sort_values(["group_id", "position"])
    conditions = run.read_table("conditions").sort_values(["rule_id", "position"])
    rules = run.read_table("rules").sort_values("rule_id")
    chosen = (rules["verdict"] == "verified") & rules["group_id"].map(groups["grouping"]).isin(LABEL_GROUPINGS)
    for _, rule in rules[chosen].iterrows():
        own = groups.loc[rule["group_id"], "class_id"]
        class_ids = classes.loc[classes["group_id"] == rule["group_id"], "class_id"] if pd.isna(own) else [own]
        yield LabelMode(
            rule=rule,
            group_name=str(groups.loc[rule["group_id"], "name"]),
            class_ids=np.asarray(class_ids, dtype=np.int64),
            own_class=None if pd.isna(own) else int(own),
            conditions=conditions[conditions["rule_id"] == rule["rule_id"]],
        )
