"""Causes for a made-up run: every verdict occurs."""

from dataclasses import replace
from typing import Any

import pandas as pd

from barlow_report.lenses.causes.tables import DIRECTIONS, TABLES
from barlow_report.report.source import ReportSource
from barlow_report.tables import check_table, empty_table

__all__ = ["with_causes"]

_N = 20
_KINDS = ("causal", "weak", "undecided", "not_tested")


def with_causes(source: ReportSource, *, kinds: tuple[str, ...] = _KINDS) -> ReportSource:
    """Return the source with tables of causes; `kinds` are the verdicts of verified rules, over and over."""
    rules, conditions = source.tables["rules"], source.tables["conditions"]
    verified = rules.loc[rules["verdict"] == "verified", "rule_id"].tolist()
    images = source.tables["galleries"]
    found: dict[str, list[dict[str, Any]]] = {table.name: [] for table in TABLES}
    for number, rule_id in enumerate(verified):
        kind = kinds[number % len(kinds)]
        for condition in conditions[conditions["rule_id"] == rule_id].itertuples():
            for direction in DIRECTIONS:
                key = {"rule_id": rule_id, "position": condition.position, "direction": direction}
                found["causes"].append(_effect(key, kind, condition.feature_id))
                if kind != "not_tested":
                    _add_details(found, key, images)
    tables = {
        table.name: check_table(table.name, pd.DataFrame(found[table.name], columns=table.column_names), where="test")
        if found[table.name]
        else empty_table(table.name)
        for table in TABLES
    }
    return replace(source, tables={**source.tables, **tables}, lenses=source.lenses)


def _effect(key: dict[str, Any], kind: str, feature_id: int) -> dict[str, Any]:
    counts = dict.fromkeys(("n_images", "n_reached", "n_failures_before", "n_failures_moved", "n_failures_noise"), 0)
    row = {**key, "feature_id": feature_id, **counts, "verdict": kind, "reason": None}
    numbers = [column.name for column in TABLES[0].columns if column.type == "float"]
    if kind == "not_tested":
        return {**row, **dict.fromkeys(numbers, float("nan")), "reason": "3 images can be changed, and 10 are needed"}
    effect = {"causal": 0.4, "weak": 0.0, "undecided": 0.15}[kind]
    before, moved = (12, 12 - int(effect * _N)) if key["direction"] == "repair" else (2, 2 + int(effect * _N))
    return {
        **row,
        "n_images": _N,
        "n_reached": _N - 1,
        "n_failures_before": before,
        "n_failures_moved": moved,
        "n_failures_noise": before,
        "target": 0.5,
        "radius": 3.0,
        "mean_length": 1.5,
        "control_rate": before / _N,
        "control_rate_low": before / _N - 0.1,
        "control_rate_high": before / _N + 0.1,
        "effect": effect,
        "effect_low": effect - 0.08,
        "effect_high": effect + 0.08,
        "confidence_effect": effect * 0.8,
        "confidence_effect_low": effect * 0.8 - 0.06,
        "confidence_effect_high": effect * 0.8 + 0.06,
        "p_images": 0.0005 if kind == "causal" else 0.2,
        "p_features": 0.001 if kind == "causal" else 0.15,
        "p_value": 0.001 if kind == "causal" else 0.2,
        "q_value": 0.002 if kind == "causal" else 0.25,
        "specificity": effect / 2,
        "specificity_low": effect / 2 - 0.1,
        "specificity_high": effect / 2 + 0.1,
    }


def _add_details(found: dict[str, list[dict[str, Any]]], key: dict[str, Any], images: pd.DataFrame) -> None:
    for i, dose in enumerate((0.0, 0.25, 0.5, 0.75, 1.0)):
        row = {**key, "dose": dose, "n_images": _N, "n_failures_moved": 12 - 2 * i, "n_failures_control": 12}
        found["cause_doses"].append(row)
    for feature_id in (0, 1):
        row = {
            **key,
            "kind": "other",
            "feature_id": feature_id,
            "n_images": _N,
            "n_failures": 12 if key["direction"] == "repair" else 2,
        }
        found["cause_controls"].append(row)
    for rank, image in enumerate(images.head(2).itertuples(), start=1):
        found["cause_pairs"].append(
            {
                **key,
                "rank": rank,
                "image_id": image.image_id,
                "prediction_before": 0,
                "prediction_after": 1,
                "confidence_before": 0.7,
                "confidence_after": 0.6,
                "activation_before": 0.1,
                "activation_after": 0.5,
                "length": 1.5,
                "is_reached": rank == 1,
                "gain": 3.2,
                "before": image.thumbnail,
                "after": image.thumbnail,
                "difference": image.thumbnail,
            }
        )
