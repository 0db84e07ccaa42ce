"""From a comparison to its tables."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from barlow_report.lenses.changes.comparing import ComparedMode, Comparison, Judged
from barlow_report.lenses.changes.counting import Side
from barlow_report.lenses.changes.remarks import remarks
from barlow_report.lenses.changes.repairs import repair_of
from barlow_report.lenses.changes.results import RunResults
from barlow_report.lenses.changes.states import row_of
from barlow_report.lenses.changes.tables import TABLES
from barlow_report.tables import check_table, empty_table

__all__ = ["as_table", "comparison_tables"]


def comparison_tables(comparison: Comparison, *, is_repair: bool = False) -> dict[str, pd.DataFrame]:
    """Return the tables of a comparison by name, in the order of their rows on disk.

    Args:
        comparison: Two runs.
        is_repair: Whether the later one's model was made to repair the failure modes of the earlier one.
    """
    class_ids = {name: class_id for class_id, name in enumerate(comparison.pair.new.class_names)}
    found: dict[str, Sequence[Mapping[str, Any]]] = {
        "changes": [_run_row(comparison) | {"is_repair": is_repair}],
        "mode_changes": [
            _mode_row(mode, class_ids) | {"repair": _repair(mode, comparison.delta) if is_repair else None}
            for mode in comparison.modes
        ],
        "mode_change_conditions": [
            {"mode_name": mode.name, **row}
            for mode in comparison.modes
            for row in mode.mode.conditions.drop(columns="rule_id").to_dict("records")
        ],
        "class_changes": [
            {"class_name": name, "class_id": class_ids.get(name), **_judged(judged)}
            for name, judged in comparison.classes.items()
        ],
        "flipped_images": _flipped_rows(comparison),
        "change_remarks": [{"topic": topic, "text": text} for topic, text in remarks(comparison).items()],
        "mode_names": [
            {"rule_id": rule_id, "mode_name": name, "is_inherited": is_inherited}
            for rule_id, (name, is_inherited) in sorted(comparison.names_of_new().items())
        ],
    }
    return {name: as_table(name, rows) for name, rows in found.items()}


def as_table(name: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return rows as a checked table."""
    if not rows:
        return empty_table(name)
    columns = next(table for table in TABLES if table.name == name).columns
    kinds = {column.name: column.dtype for column in columns}
    frame = pd.DataFrame({key: pd.Series([row[key] for row in rows], dtype=kind) for key, kind in kinds.items()})
    return check_table(name, frame, where="a comparison")


def _judged(judged: Judged) -> dict[str, Any]:
    return row_of(judged.found, q_value=judged.q_value, state=judged.state)


def _run_row(comparison: Comparison) -> dict[str, Any]:
    pair, settings = comparison.pair, comparison.pair.new.settings
    sides: tuple[Side, Side] = ("old", "new")
    return {
        **{f"{key}_{side}": value for side in sides for key, value in _of_run(pair.run(side)).items()},
        "n_matched": pair.matching.n_matched,
        "n_relabelled": pair.matching.n_relabelled,
        "kind": pair.matching.kind,
        "delta": comparison.delta,
        "max_q_value": settings.max_q_value,
        "confidence_level": settings.confidence_level,
        "n_tested": comparison.n_tested,
        **_judged(comparison.whole),
    }


def _of_run(run: RunResults) -> dict[str, Any]:
    settings = run.settings
    shown = {
        "rho": settings.rho,
        "tau": settings.tau,
        "evidence": settings.evidence_kind,
        "held_out_fraction": settings.held_out_fraction,
        "seed": run.seed,
    }
    return {
        "name": run.name,
        "run_id": run.info.get("run_id"),
        "created_at": run.info.get("created_at"),
        "inspected_sha256": run.sha256("inspected"),
        "feature_sha256": run.sha256("feature"),
        "settings": json.dumps(shown),
        "n_run_images": run.n_images,
    }


def _mode_row(mode: ComparedMode, class_ids: Mapping[str, int]) -> dict[str, Any]:
    identity = mode.mode.identity
    is_of_class = len(identity.classes) == 1 and identity.grouping in ("label", "prediction")
    return {
        "mode_name": mode.name,
        "rule_id_old": None if mode.old is None else mode.old.rule_id,
        "rule_id_new": None if mode.new is None else mode.new.rule_id,
        "grouping": identity.grouping,
        "class_id": class_ids.get(identity.classes[0]) if is_of_class else None,
        "group_name": identity.group_name,
        "found_in": _found_in(mode),
        "matched_by": None if mode.same is None else mode.same.matched_by,
        "overlap": np.nan if mode.same is None else mode.same.overlap,
        "tested_rule": mode.tested_rule,
        **_judged(mode.judged),
    }


def _found_in(mode: ComparedMode) -> str:
    return "new" if mode.old is None else "old" if mode.new is None else "both"


def _repair(mode: ComparedMode, delta: float) -> str | None:
    judged, nan = mode.judged, float("nan")
    ends = (nan, nan) if judged.found.change is None else (judged.found.change.low, judged.found.change.high)
    return repair_of(judged.state, found_in=_found_in(mode), low=ends[0], high=ends[1], delta=delta)


def _flipped_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """The images that one model alone gets wrong, in the order of the new run."""
    pair, matching = comparison.pair, comparison.pair.matching
    if not matching.is_paired:
        return []
    was_wrong, is_wrong = pair.old.is_failure[matching.old_ids], pair.new.is_failure[matching.new_ids]
    names: dict[int, list[str]] = defaultdict(list)
    for mode in comparison.modes:
        for place in mode.places[was_wrong[mode.places] != is_wrong[mode.places]]:
            names[int(place)].append(mode.name)
    digests = pair.new.tables["contents"]["digest"].to_numpy()
    confidence = pair.old.tables["images"]["confidence"].to_numpy(dtype=np.float64)
    return [
        {
            "image_id": new_id,
            "digest": digests[new_id],
            "label": pair.new.labels[new_id],
            "prediction_old": pair.old.class_names[pair.old.predictions[old_id]],
            "prediction_new": pair.new.predictions[new_id],
            "confidence_old": confidence[old_id],
            "direction": "newly_wrong" if is_wrong[place] else "newly_right",
            "mode_names": " ".join(names[place]),
        }
        for place, (old_id, new_id) in enumerate(zip(matching.old_ids, matching.new_ids, strict=True))
        if was_wrong[place] != is_wrong[place]
    ]
