"""Compare the verified failure modes of a run with those that the demo planted.

The analysis never sees the cue. Here, after it, the held-out images of each class say whether a rule that was
found is about the cue: whether being in the rule's leaf and lacking the cue are the same thing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from barlow_report.demo.classes import CLASSES, SceneClass
from barlow_report.errors import DataError
from barlow_report.tables import check_table

__all__ = ["MIN_AGREEMENT", "compare_with_planted"]

MIN_AGREEMENT = 0.9
"""Share of a class's held-out images for which leaf and missing cue must agree to count as found."""

Members = Callable[[int], NDArray[np.bool_]]


@dataclass(frozen=True, kw_only=True)
class _Images:
    """What is known of every image, each an array with one entry per image."""

    label: NDArray[np.int64]
    prediction: NDArray[np.int64]
    is_held_out: NDArray[np.bool_]
    shows_cue: NDArray[np.bool_]


@dataclass(frozen=True)
class _Mode:
    """A verified failure mode of a group."""

    rule_id: int
    grouping: str
    rank: int


def compare_with_planted(
    *,
    classes: pd.DataFrame,
    images: pd.DataFrame,
    splits: pd.DataFrame,
    groups: pd.DataFrame,
    rules: pd.DataFrame,
    scene_table: pd.DataFrame,
    members: Members,
    directions: pd.DataFrame | None = None,
    scenes: Mapping[str, SceneClass] = CLASSES,
) -> pd.DataFrame:
    """Say for every class of the demo what became of its planted failure mode.

    A class with a cue is looked at in the group of its own label. In a class without one every verified failure
    mode is a false alarm, with one exception: images predicted as the partner of a planted class hold that class's
    planted failures, so a mode there whose held-out failures mostly lack the partner's cue is none.

    Args:
        classes: Table `classes` of the run.
        images: Table `images`.
        splits: Table `splits`.
        groups: Table `groups`.
        rules: Table `rules`.
        scene_table: What `read_scene_table` returns for the images' folder.
        members: From a rule_id to a mask (n_images,) of the images that satisfy its conditions, in any group.
        directions: Table `directions`, where the run has it.
        scenes: The demo's classes by name.

    Returns:
        Table `planted`, one row per class of the run.

    Raises:
        DataError: An image or a class of the run is not one of the demo's.
    """
    names = {int(class_id): str(name) for class_id, name in zip(classes["class_id"], classes["name"], strict=True)}
    unknown = sorted(set(names.values()) - set(scenes))
    if unknown:
        raise DataError(f"the demo has no class {unknown[0]!r}; expected classes among {', '.join(scenes)}.")
    facts = _image_facts(images, splits, scene_table)
    modes = _verified_modes(groups, rules)
    ids = {name: class_id for class_id, name in names.items()}
    rows = []
    for class_id, name in names.items():
        scene, found = scenes[name], modes.get(class_id, [])
        if scene.cue is None:
            partner = ids.get(scene.partner) if scene.partner is not None else None
            row = _unplanted_row(found, facts, members, class_id=class_id, partner=partner)
        else:
            row = _planted_row(found, facts, members, class_id=class_id)
        own = facts.is_held_out & (facts.label == class_id)
        n_with_cue = int((own & facts.shows_cue).sum()) if scene.cue is not None else 0
        rows.append(
            {
                "class_id": class_id,
                "cue": scene.cue or "",
                "n_images": int(own.sum()),
                "n_with_cue": n_with_cue,
                "cue_correlation": None if scene.cue is None else _cue_correlation(directions, facts, own),
                **row,
            }
        )
    return check_table("planted", pd.DataFrame(rows), where="the demo's planted failure modes")


def _cue_correlation(directions: pd.DataFrame | None, facts: _Images, own: NDArray[np.bool_]) -> float | None:
    """Spearman's correlation of decision value and shown cue; with half of the cues it is at most 0.87."""
    if directions is None:
        return None
    chosen = directions[directions["image_id"].isin(np.flatnonzero(own))]
    shown = facts.shows_cue[chosen["image_id"].to_numpy()]
    if shown.all() or not shown.any() or chosen["decision_value"].nunique() < 2:
        return None
    return float(np.corrcoef(chosen["decision_value"].rank(), pd.Series(shown).rank())[0, 1])


def _planted_row(found: list[_Mode], facts: _Images, members: Members, *, class_id: int) -> dict[str, object]:
    own = facts.is_held_out & (facts.label == class_id)
    best: tuple[float, int] | None = None
    for mode in found:
        if mode.grouping == "label" and own.any():
            agreement = float((members(mode.rule_id)[own] == ~facts.shows_cue[own]).mean())
            if best is None or agreement > best[0]:
                best = (agreement, mode.rule_id)
    if best is None:
        return {"rule_id": None, "agreement": None, "n_verified": len(found), "outcome": "missed"}
    outcome = "found" if best[0] >= MIN_AGREEMENT else "other_cue"
    return {"rule_id": best[1], "agreement": best[0], "n_verified": len(found), "outcome": outcome}


def _unplanted_row(
    found: list[_Mode], facts: _Images, members: Members, *, class_id: int, partner: int | None
) -> dict[str, object]:
    taken = facts.is_held_out & (facts.prediction == class_id) & (facts.label != class_id)
    planted = taken & (facts.label == partner) & ~facts.shows_cue if partner is not None else np.zeros_like(taken)
    alarms = [mode for mode in found if not _is_planted(mode, members, failures=taken, planted=planted)]
    if not alarms:
        return {"rule_id": None, "agreement": None, "n_verified": 0, "outcome": "correctly_silent"}
    first = min(alarms, key=lambda mode: (mode.rank, mode.rule_id))
    return {"rule_id": first.rule_id, "agreement": None, "n_verified": len(alarms), "outcome": "false_alarm"}


def _is_planted(mode: _Mode, members: Members, *, failures: NDArray[np.bool_], planted: NDArray[np.bool_]) -> bool:
    """Whether more than half of the failures in the leaf of a group by prediction are the partner's planted ones."""
    if mode.grouping != "prediction":
        return False
    leaf = members(mode.rule_id)
    return bool(2 * (leaf & planted).sum() > (leaf & failures).sum())


def _image_facts(images: pd.DataFrame, splits: pd.DataFrame, scene_table: pd.DataFrame) -> _Images:
    shows_cue = images["path"].map(scene_table.set_index("path")["cue_present"])
    if shows_cue.isna().any():
        path = images.loc[shows_cue.isna(), "path"].iloc[0]
        raise DataError(f"{path}: not in the table of the demo's scenes. Draw the scenes again.")
    split = images["image_id"].map(splits.set_index("image_id")["split"])
    return _Images(
        label=images["label"].to_numpy(dtype=np.int64),
        prediction=images["prediction"].to_numpy(dtype=np.int64),
        is_held_out=(split == "held_out").to_numpy(dtype=np.bool_),
        shows_cue=shows_cue.to_numpy(dtype=np.bool_),
    )


def _verified_modes(groups: pd.DataFrame, rules: pd.DataFrame) -> dict[int, list[_Mode]]:
    """Return the verified failure modes by the class that defines their group, in order of rule_id."""
    verified = rules[(rules["verdict"] == "verified") & rules["is_failure_mode"]]
    merged = verified.merge(groups[["group_id", "grouping", "class_id"]], on="group_id").dropna(subset=["class_id"])
    modes: dict[int, list[_Mode]] = {}
    for row in merged.sort_values("rule_id").to_dict("records"):
        mode = _Mode(int(row["rule_id"]), str(row["grouping"]), int(row["rank"]))
        modes.setdefault(int(row["class_id"]), []).append(mode)
    return modes
