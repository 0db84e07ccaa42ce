"""What a cue or a decoy truly does to the inspected model: scenes redrawn with it alone changed.

A failure mode says that failures go along with a feature, and changed images estimate what the feature does to them.
Scenes can be redrawn, so here the right answer is known: the change of the failure rate when the cue alone, or the
decoy alone, is drawn where it is missing, or left out where it is shown.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from barlow_report.demo.classes import CLASSES, SceneClass
from barlow_report.lenses.causes.tables import DIRECTIONS
from barlow_report.lenses.planted.comparing import MIN_AGREEMENT
from barlow_report.tables import check_table

__all__ = ["Kind", "measure_true_effects"]

Kind = Literal["cue", "decoy"]
Booleans = NDArray[np.bool_]
Members = Callable[[pd.DataFrame], Booleans]
Redraw = Callable[[Sequence[int], Kind], NDArray[np.int64]]


@dataclass(frozen=True, kw_only=True)
class _Images:
    """What is known of every image, each an array with one entry per image."""

    label: NDArray[np.int64]
    prediction: NDArray[np.int64]
    shows: Mapping[Kind, Booleans]


def measure_true_effects(
    *,
    classes: pd.DataFrame,
    images: pd.DataFrame,
    groups: pd.DataFrame,
    rules: pd.DataFrame,
    conditions: pd.DataFrame,
    scene_table: pd.DataFrame,
    members: Members,
    redraw: Redraw,
    cues_of: Collection[str],
    n_redrawn: int,
    scenes: Mapping[str, SceneClass] = CLASSES,
) -> pd.DataFrame:
    """Redraw scenes of the classes `cues_of`, and of every class whose decoys are drawn.

    Args:
        classes: Table `classes` of the run.
        images: Table `images`.
        groups: Table `groups`.
        rules: Table `rules`.
        conditions: Table `conditions`.
        scene_table: What `read_scene_table` returns for the images' folder.
        members: From rows of `conditions` to a mask (n_images,) of the images that meet them all.
        redraw: From image_ids, and what is changed in their scenes, to what the inspected model then predicts.
        cues_of: Names of the classes whose cue is drawn or left out.
        n_redrawn: Scenes for each direction, at most: the first ones.
        scenes: The demo's classes by name.

    Returns:
        Table `true_effects`.
    """
    known = scene_table.set_index("path").loc[images["path"]]
    facts = _Images(
        label=images["label"].to_numpy(dtype=np.int64),
        prediction=images["prediction"].to_numpy(dtype=np.int64),
        shows={
            "cue": known["cue_present"].to_numpy(dtype=np.bool_),
            "decoy": known["decoy_present"].to_numpy(dtype=np.bool_),
        },
    )
    verified = rules.loc[(rules["verdict"] == "verified") & rules["is_failure_mode"], ["rule_id", "group_id"]]
    of_labels = groups.loc[groups["grouping"] == "label", ["group_id", "class_id"]]
    tested = conditions.merge(verified.merge(of_labels, on="group_id"), on="rule_id").sort_values(
        ["rule_id", "position"]
    )
    rows: list[dict[str, object]] = []
    for class_id, name in zip(classes["class_id"], classes["name"], strict=True):
        of_class = tested[tested["class_id"] == class_id]
        own = facts.label == class_id
        for kind, thing in _things(scenes[str(name)], has_cue=name in cues_of):
            if facts.shows[kind][own].any():
                meant = _condition_about(kind, own, facts, of_class, members)
                effects = _effects(own, facts, kind, redraw, n_redrawn)
                rows += [{"class_id": class_id, "kind": kind, "name": thing, **meant, **effect} for effect in effects]
    columns = ["class_id", "kind", "name", "direction", "n_scenes", "n_failures", "n_failures_redrawn", "effect"]
    frame = pd.DataFrame(rows, columns=[*columns, "rule_id", "position", "agreement"])
    return check_table("true_effects", frame, where="the demo's true effects")


def _things(scene: SceneClass, *, has_cue: bool) -> Iterator[tuple[Kind, str]]:
    """The cue and the decoy of a class, each with its name."""
    if scene.cue is not None and has_cue:
        yield "cue", scene.cue
    if scene.decoy is not None:
        yield "decoy", scene.decoy.name


def _effects(own: Booleans, facts: _Images, kind: Kind, redraw: Redraw, n_redrawn: int) -> Iterator[dict[str, object]]:
    """Draw the thing in where it is missing, and leave it out where it is shown."""
    for direction in DIRECTIONS:
        is_repair = direction == "repair"
        image_ids = np.flatnonzero(own & (facts.shows[kind] != is_repair))[:n_redrawn]
        if not len(image_ids):
            continue
        labels = facts.label[image_ids]
        before = int((facts.prediction[image_ids] != labels).sum())
        after = int((redraw(image_ids.tolist(), kind) != labels).sum())
        yield {
            "direction": direction,
            "n_scenes": len(image_ids),
            "n_failures": before,
            "n_failures_redrawn": after,
            "effect": (before - after if is_repair else after - before) / len(image_ids),
        }


def _condition_about(
    kind: Kind, own: Booleans, facts: _Images, conditions: pd.DataFrame, members: Members
) -> dict[str, object]:
    """The condition of a verified rule that holds where the thing is missing, and agrees with nothing else better."""
    best: tuple[float, int, int] | None = None
    for i, row in enumerate(conditions.itertuples()):
        meets = members(conditions.iloc[i : i + 1])[own]
        agreements = {other: float((meets != shows[own]).mean()) for other, shows in facts.shows.items()}
        if agreements[kind] < max(*agreements.values(), MIN_AGREEMENT):
            continue
        if best is None or agreements[kind] > best[0]:
            best = (agreements[kind], int(row.rule_id), int(row.position))
    return dict(zip(("agreement", "rule_id", "position"), best or (None, None, None), strict=True))
