"""The images of each group of a run."""

import numpy as np
import numpy.typing as npt

from barlow_report.run_folder import Run

__all__ = ["GroupMembers"]


class GroupMembers:
    """Gives the ids of a group's images: those of its class by label or prediction, or those of `memberships`."""

    def __init__(self, run: Run) -> None:
        images, groups = run.read_table("images"), run.read_table("groups")
        by_class = groups[groups["class_id"].notna()]
        self._keys = {name: images[name].to_numpy(dtype=np.int64) for name in ("label", "prediction")}
        self._classes = {group.group_id: (group.grouping, group.class_id) for group in by_class.itertuples()}
        self._others = dict(tuple(run.read_table("memberships").groupby("group_id")["image_id"]))

    def __call__(self, group_id: int) -> npt.NDArray[np.int64]:
        """The ids of the images of a group, ascending."""
        if group_id in self._classes:
            grouping, class_id = self._classes[group_id]
            return np.flatnonzero(self._keys[grouping] == class_id)
        return np.sort(self._others[group_id].to_numpy(dtype=np.int64))
