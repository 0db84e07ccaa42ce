"""Compare what was planted to change between two releases of the demo with what the comparison of their runs says.

A cue that only the earlier model relied on is repaired, one that only this model relies on is new. The failure modes of
such a class by label should be better or worse. Those by prediction of its partner, for which its images are taken, may
not say the opposite: the images that are called so are others in each run, so there may be nothing to compare. All
others should be as they were.
"""

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from barlow_report.demo.classes import CLASSES, SceneClass
from barlow_report.tables import check_table

__all__ = ["EXPECTED", "compare_changes"]

EXPECTED: Mapping[str, frozenset[str]] = {
    "repaired": frozenset({"better", "gone"}),
    "new": frozenset({"worse", "new"}),
    "kept": frozenset({"unchanged", "undecided"}),
    "none": frozenset({"unchanged", "undecided"}),
}
"""What the comparison should say of a failure mode by label, by what was planted to become of its cue."""

_NO_STATEMENT = frozenset({"undecided", "not_comparable"})


def compare_changes(
    *,
    classes: pd.DataFrame,
    images: pd.DataFrame,
    scene_table: pd.DataFrame,
    earlier: Collection[str],
    relies_on: Collection[str],
    mode_changes: pd.DataFrame | None = None,
    flipped_images: pd.DataFrame | None = None,
    scenes: Mapping[str, SceneClass] = CLASSES,
) -> pd.DataFrame:
    """Say of every class of the demo what became of its cue, and whether the comparison says the same.

    Args:
        classes: Table `classes` of the later release's run.
        images: Table `images`.
        scene_table: What `read_scene_table` returns for the images' folder.
        earlier: Names of the classes whose cue the earlier model relies on.
        relies_on: Names of the classes whose cue this model relies on.
        mode_changes: Table `mode_changes`; None: the run was not compared.
        flipped_images: Table `flipped_images`, where the run was compared.
        scenes: The demo's classes by name.

    Returns:
        Table `planted_changes`, one row per class of the run.
    """
    shows_cue = scene_table.set_index("path")["cue_present"].reindex(images["path"]).to_numpy(dtype=np.bool_)
    label, is_failure = images["label"], (images["label"] != images["prediction"]).to_numpy()
    failed_before = None if flipped_images is None else _failed_before(images["image_id"], is_failure, flipped_images)
    rows = []
    for class_id, name in zip(classes["class_id"], classes["name"], strict=True):
        change = _change(name, earlier, relies_on)
        lacking = (label == class_id).to_numpy() & ~shows_cue if change != "none" else np.zeros(len(images), np.bool_)
        expected_by_prediction = _change(scenes[name].partner, earlier, relies_on)
        states = {grouping: _states(mode_changes, grouping, class_id) for grouping in ("label", "prediction")}
        is_told = EXPECTED[change].issuperset(states["label"]) and (
            EXPECTED[expected_by_prediction] | _NO_STATEMENT
        ).issuperset(states["prediction"])
        if change in ("repaired", "new"):
            is_told &= bool(states["label"])
        rows.append(
            {
                "class_id": class_id,
                "cue": "" if change == "none" else scenes[name].cue,
                "change": change,
                "n_lacking": int(lacking.sum()),
                "n_failures_old": None if failed_before is None else int((lacking & failed_before).sum()),
                "n_failures_new": int((lacking & is_failure).sum()),
                "states_label": " ".join(states["label"]),
                "states_prediction": " ".join(states["prediction"]),
                "outcome": "not_compared" if mode_changes is None else "as_planted" if is_told else "differs",
            }
        )
    return check_table("planted_changes", pd.DataFrame(rows), where="what the demo planted to change")


def _change(name: str | None, earlier: Collection[str], relies_on: Collection[str]) -> str:
    was, is_still = name in earlier, name in relies_on
    return ("none", "new", "repaired", "kept")[2 * was + is_still]


def _states(mode_changes: pd.DataFrame | None, grouping: str, class_id: int) -> list[str]:
    if mode_changes is None:
        return []
    chosen = (mode_changes["grouping"] == grouping) & (mode_changes["class_id"] == class_id)
    return [str(state) for state in mode_changes.loc[chosen.fillna(value=False), "state"]]


def _failed_before(image_ids: pd.Series, is_failure: np.ndarray, flipped: pd.DataFrame) -> np.ndarray:
    """Which images the earlier model gets wrong: those that this one does, but for the flipped ones."""
    direction = image_ids.map(flipped.set_index("image_id")["direction"])
    failed: np.ndarray = np.where(direction.isna().to_numpy(), is_failure, (direction == "newly_right").to_numpy())
    return failed
