"""Changes for a made-up run: every state occurs, with a mode of the old run alone, flipped images and a history."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from barlow_report.lenses.changes.repairs import repair_of
from barlow_report.lenses.changes.tables import HISTORY_TABLES, STATES, TABLES
from barlow_report.report.source import ReportSource
from barlow_report.significance import wilson_interval
from barlow_report.tables import check_table, empty_table

__all__ = ["with_changes"]

_N = 100
_DELTA = 0.05
_ENDS = ("low", "high")
_FAILURES = {  # of the old and of the new model among _N images
    "worse": (20, 45),
    "better": (50, 20),
    "unchanged": (40, 41),
    "undecided": (40, 46),
    "new": (10, 50),
    "gone": (50, 8),
}


def with_changes(
    source: ReportSource,
    *,
    states: tuple[str, ...] = STATES,
    kind: str = "same_images",
    n_releases: int = 0,
    is_repair: bool = False,
) -> ReportSource:
    """Return the source with tables of changes.

    Args:
        source: A made-up run.
        states: Of the verified modes, over and over; those that are `gone` are in the old run only.
        kind: See the table `changes`.
        n_releases: Of a history, at least 2; 0: there is none.
        is_repair: Whether the new model was made to repair the old run's failure modes.
    """
    rules, groups = source.tables["rules"], source.tables["groups"].set_index("group_id")
    conditions = source.tables["conditions"]
    verified = rules[rules["verdict"] == "verified"]
    found: dict[str, list[dict[str, Any]]] = {table.name: [] for table in TABLES}
    for number, rule in enumerate(verified.itertuples()):
        state, group = states[number % len(states)], groups.loc[rule.group_id]
        name = f"mode-{number}-without-f{number}-abcd"
        found_in = {"new": "new", "gone": "old"}.get(state, "both")
        compared = _compared(state, is_paired=kind == "same_images")
        ends = [np.nan if compared[f"difference_{end}"] is None else compared[f"difference_{end}"] for end in _ENDS]
        repair = repair_of(state, found_in=found_in, low=ends[0], high=ends[1], delta=_DELTA)
        found["mode_changes"].append(
            {
                "mode_name": name,
                "rule_id_old": None if found_in == "new" else number,
                "rule_id_new": None if found_in == "old" else rule.rule_id,
                "grouping": group["grouping"],
                "class_id": group["class_id"],
                "group_name": group["name"],
                "found_in": found_in,
                "matched_by": "identity" if found_in == "both" else None,
                "overlap": 0.9 if found_in == "both" else None,
                "tested_rule": "new" if found_in == "new" else "old",
                "repair": repair if is_repair else None,
                **compared,
            }
        )
        for row in conditions[conditions["rule_id"] == rule.rule_id].itertuples(index=False):
            found["mode_change_conditions"].append({**row._asdict(), "mode_name": name})
        if found_in != "old":
            found["mode_names"].append({"rule_id": rule.rule_id, "mode_name": name, "is_inherited": found_in == "both"})
    names = [row["mode_name"] for row in found["mode_changes"]]
    for place, row in enumerate(source.tables["classes"].itertuples()):
        found["class_changes"].append(
            {
                "class_name": row.name,
                "class_id": row.class_id,
                **_compared(STATES[place % 4], is_paired=kind == "same_images"),
            }
        )
    found["changes"].append(_overall(source, kind=kind) | {"is_repair": is_repair})
    if kind == "same_images":
        found["flipped_images"] = _flipped(source, names)
    found["change_remarks"].append({"topic": "settings", "text": "ρ was <b>0.1</b> and is 0.2."})
    _add_history(found, n_releases)
    tables = {
        table.name: check_table(table.name, pd.DataFrame(found[table.name], columns=table.column_names), where="test")
        if found[table.name]
        else empty_table(table.name)
        for table in TABLES
        if n_releases or table.name not in HISTORY_TABLES
    }
    return replace(source, tables={**source.tables, **tables}, lenses=source.lenses)


def _compared(state: str, *, is_paired: bool) -> dict[str, Any]:
    columns = next(table for table in TABLES if table.name == "class_changes").column_names[2:]
    row: dict[str, Any] = {**dict.fromkeys(columns), "state": state}
    if state == "not_comparable":
        return {**row, "reason": "the new run has no activations of feature <i>22</i>"}
    old, new = _FAILURES[state]
    (low_old, low_new), (high_old, high_new) = (ends.tolist() for ends in wilson_interval([old, new], [_N, _N]))
    difference = (new - old) / _N
    half = 0.03 if state == "unchanged" else 0.1
    return {
        **row,
        "n_images_old": _N,
        "n_failures_old": old,
        "n_images_new": _N,
        "n_failures_new": new,
        "error_rate_old": old / _N,
        "error_rate_old_low": low_old,
        "error_rate_old_high": high_old,
        "error_rate_new": new / _N,
        "error_rate_new_low": low_new,
        "error_rate_new_high": high_new,
        "difference": difference,
        "difference_low": difference - half,
        "difference_high": difference + half,
        "n_newly_wrong": max(new - old, 0) + 2 if is_paired else None,
        "n_newly_right": max(old - new, 0) + 2 if is_paired else None,
        "p_value": 0.5 if abs(difference) < 0.1 else 0.0004,
        "q_value": 0.6 if abs(difference) < 0.1 else 0.002,
        "test": "mcnemar" if is_paired else "fisher",
    }


def _overall(source: ReportSource, *, kind: str) -> dict[str, Any]:
    n_images = len(source.tables["images"])
    of_run = {"run_id": "0" * 16, "inspected_sha256": "ab" * 32, "feature_sha256": "cd" * 32}
    both = {
        **of_run,
        "created_at": "2026-10-01T00:00:00Z",
        "settings": '{"evidence": "shuffles"}',
        "n_run_images": n_images,
    }
    return {
        **{f"{key}_{run}": value for run in ("old", "new") for key, value in both.items()},
        "name_old": "release-1",
        "name_new": "synthetic",
        "n_matched": n_images if kind == "same_images" else 0,
        "n_relabelled": 0,
        "kind": kind,
        "delta": _DELTA,
        "max_q_value": 0.05,
        "confidence_level": 0.95,
        "n_tested": 12,
        **_compared("worse", is_paired=kind == "same_images"),
    }


def _flipped(source: ReportSource, names: list[str]) -> list[dict[str, Any]]:
    images, classes = source.tables["images"], source.tables["classes"]["name"].tolist()
    digests = source.tables["contents"].set_index("image_id")["digest"]
    rows = []
    for place, image in enumerate(images.iloc[::7].itertuples()):
        is_wrong = image.label != image.prediction
        other = (image.label + 1) % len(classes)
        rows.append(
            {
                "image_id": image.image_id,
                "digest": digests[image.image_id],
                "label": image.label,
                "prediction_old": classes[image.label if is_wrong else other],
                "prediction_new": image.prediction,
                "confidence_old": 0.5 + place % 50 / 100,
                "direction": "newly_wrong" if is_wrong else "newly_right",
                "mode_names": " ".join(names[place % len(names) :][:2]) if names else "",
            }
        )
    return rows


def _add_history(found: dict[str, list[dict[str, Any]]], n_releases: int) -> None:
    for release in range(n_releases):
        n_failures = 30 + 5 * release
        low, high = (float(end) for end in wilson_interval(n_failures, _N))
        counted = {
            "release": release,
            "n_images": _N,
            "n_failures": n_failures,
            "error_rate": n_failures / _N,
            "error_rate_low": low,
            "error_rate_high": high,
            "state": None if release == 0 else "undecided",
        }
        found["releases"].append(
            {
                **counted,
                "name": f"release-{release}",
                "run_id": None,
                "created_at": f"2026-0{1 + release % 9}-01T00:00:00Z",
            }
        )
        for mode in found["mode_changes"]:
            found["release_modes"].append(
                {
                    **counted,
                    "mode_name": mode["mode_name"],
                    "grouping": mode["grouping"],
                    "group_name": mode["group_name"],
                    "rule_id": mode["rule_id_new"],
                    "reason": None,
                }
            )
