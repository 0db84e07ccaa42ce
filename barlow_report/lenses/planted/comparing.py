"""Compare the verified failure modes of a run, and its error types, with what the demo planted.

The analysis never sees the cue. Here, after it, the images of each class that the rules were not fitted on, or all
where none was held out, say whether a rule that was found is about the cue: whether being in the rule's leaf and
lacking the cue are the same thing. Where label noise was
planted instead, they say the same of the leaf and the noise, and the error types of its images say whether it was
recognised.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from barlow_report.demo.classes import CLASSES, LabelNoise, SceneClass
from barlow_report.errors import DataError
from barlow_report.tables import check_table

__all__ = ["MIN_AGREEMENT", "compare_with_planted"]

MIN_AGREEMENT = 0.9
"""Share of a class's judged images for which leaf and missing cue must agree to count as found."""

_LABEL_NOISE = ("overlapping", "multi_label")

Members = Callable[[int], NDArray[np.bool_]]


@dataclass(frozen=True, kw_only=True)
class _Images:
    """What is known of every image, each an array with one entry per image."""

    label: NDArray[np.int64]
    prediction: NDArray[np.int64]
    is_judged: NDArray[np.bool_]
    shows_cue: NDArray[np.bool_]
    has_noise: NDArray[np.bool_]
    error_type: NDArray[np.object_] | None


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
    relies_on: Collection[str],
    directions: pd.DataFrame | None = None,
    error_types: pd.DataFrame | None = None,
    scenes: Mapping[str, SceneClass] = CLASSES,
) -> pd.DataFrame:
    """Say for every class of the demo what became of its planted failure mode.

    A class with a cue that the model relies on, or with label noise, is looked at in the group of its own label. In a
    class without either every verified failure mode is a false alarm, with one exception: images predicted as the
    partner of a planted class hold that class's planted failures, so a mode there whose judged failures mostly lack the
    partner's cue is none.

    Args:
        classes: Table `classes` of the run.
        images: Table `images`.
        splits: Table `splits`.
        groups: Table `groups`.
        rules: Table `rules`.
        scene_table: What `read_scene_table` returns for the images' folder.
        members: From a rule_id to a mask (n_images,) of the images that satisfy its conditions, in any group.
        relies_on: Names of the classes whose cue the inspected model relies on.
        directions: Table `directions`, where the run has it.
        error_types: Table `error_types`, where the run has it.
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
    facts = _image_facts(images, splits, scene_table, error_types)
    modes = _verified_modes(groups, rules)
    ids = {name: class_id for class_id, name in names.items()}
    rows = []
    for class_id, name in names.items():
        scene, found = scenes[name], modes.get(class_id, [])
        cue = scene.cue if name in relies_on else None
        own = facts.is_judged & (facts.label == class_id)
        noise = scene.label_noise if (facts.has_noise & (facts.label == class_id)).any() else None
        if cue is not None:
            row = _planted_row(found, own, members, expected=~facts.shows_cue)
        elif noise is not None:
            row = _planted_row(found, own, members, expected=facts.has_noise)
        else:
            partner = ids.get(scene.partner) if scene.partner is not None and scene.partner in relies_on else None
            row = _unplanted_row(found, facts, members, class_id=class_id, partner=partner)
        rows.append(
            {
                "class_id": class_id,
                "cue": cue or "",
                "n_images": int(own.sum()),
                "n_with_cue": int((own & facts.shows_cue).sum()) if cue is not None else 0,
                "cue_correlation": None if cue is None else _cue_correlation(directions, facts, own),
                **row,
                **_noise_row(facts, noise, class_id=class_id, other=None if noise is None else ids.get(noise.other)),
            }
        )
    return check_table("planted", pd.DataFrame(rows), where="the demo's planted failure modes")


def _noise_row(facts: _Images, noise: LabelNoise | None, *, class_id: int, other: int | None) -> dict[str, object]:
    """How much label noise was planted in a class, and of how many failures the error type says so."""
    own = facts.label == class_id
    planted, is_failure = own & facts.has_noise, facts.prediction != facts.label
    row: dict[str, object] = {
        "label_noise": "" if noise is None else noise.error_type,
        "noise_sign": "" if noise is None else noise.sign,
        "noise_class_id": other,
        "n_noise": int(planted.sum()),
        "n_noise_failures": int((planted & is_failure).sum()),
        "n_noise_recognised": None,
        "n_noise_false": None,
    }
    if facts.error_type is not None:
        recognised = planted & (facts.error_type == row["label_noise"])
        false = own & is_failure & ~facts.has_noise & np.isin(facts.error_type.astype(str), _LABEL_NOISE)
        row |= {"n_noise_recognised": int(recognised.sum()), "n_noise_false": int(false.sum())}
    return row


def _cue_correlation(directions: pd.DataFrame | None, facts: _Images, own: NDArray[np.bool_]) -> float | None:
    """Spearman's correlation of decision value and shown cue; with half of the cues it is at most 0.87."""
    if directions is None:
        return None
    chosen = directions[directions["image_id"].isin(np.flatnonzero(own))]
    if chosen["is_held_out"].any():
        chosen = chosen[chosen["is_held_out"]]
    shown = facts.shows_cue[chosen["image_id"].to_numpy()]
    if shown.all() or not shown.any() or chosen["decision_value"].nunique() < 2:
        return None
    return float(np.corrcoef(chosen["decision_value"].rank(), pd.Series(shown).rank())[0, 1])


def _planted_row(
    found: list[_Mode], own: NDArray[np.bool_], members: Members, *, expected: NDArray[np.bool_]
) -> dict[str, object]:
    """What became of a planted failure mode, of which the leaf should hold the images `expected` among `own`."""
    best: tuple[float, int] | None = None
    for mode in found:
        if mode.grouping == "label" and own.any():
            agreement = float((members(mode.rule_id)[own] == expected[own]).mean())
            if best is None or agreement > best[0]:
                best = (agreement, mode.rule_id)
    if best is None:
        return {"rule_id": None, "agreement": None, "n_verified": len(found), "outcome": "missed"}
    outcome = "found" if best[0] >= MIN_AGREEMENT else "other_cue"
    return {"rule_id": best[1], "agreement": best[0], "n_verified": len(found), "outcome": outcome}


def _unplanted_row(
    found: list[_Mode], facts: _Images, members: Members, *, class_id: int, partner: int | None
) -> dict[str, object]:
    taken = facts.is_judged & (facts.prediction == class_id) & (facts.label != class_id)
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


def _image_facts(
    images: pd.DataFrame, splits: pd.DataFrame, scene_table: pd.DataFrame, error_types: pd.DataFrame | None
) -> _Images:
    scenes = scene_table.set_index("path").reindex(images["path"])
    if scenes["cue_present"].isna().any():
        path = scenes.index[scenes["cue_present"].isna()][0]
        raise DataError(f"{path}: not in the table of the demo's scenes. Draw the scenes again.")
    split = images["image_id"].map(splits.set_index("image_id")["split"])
    is_held_out = (split == "held_out").to_numpy(dtype=np.bool_)
    types = None
    if error_types is not None:
        types = images["image_id"].map(error_types.set_index("image_id")["error_type"]).to_numpy(dtype=object)
    return _Images(
        label=images["label"].to_numpy(dtype=np.int64),
        prediction=images["prediction"].to_numpy(dtype=np.int64),
        is_judged=is_held_out if is_held_out.any() else np.ones(len(images), dtype=np.bool_),
        shows_cue=scenes["cue_present"].to_numpy(dtype=np.bool_),
        has_noise=(scenes["label_noise"] != "").to_numpy(dtype=np.bool_),
        error_type=types,
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
