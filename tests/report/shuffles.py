"""A made-up run as it looks when rules are tested by shuffles of all images and nothing is held out."""

import dataclasses

import numpy as np
import pandas as pd

from barlow_report.report.source import ReportSource
from barlow_report.tables import check_table

__all__ = ["with_shuffles"]

SHRINKAGE = 0.9
"""Of the error rates as seen, in the estimates."""


def with_shuffles(source: ReportSource) -> ReportSource:
    """Return an ordinary run whose rules were found on all images, tested by shuffles, and given estimated rates."""
    changed = {name: _pooled(source.tables[name]) for name in ("groups", "nodes", "rules")}
    changed["rules"] = _estimated(changed["rules"], changed["groups"].set_index("group_id"))
    changed["groups"] = changed["groups"].assign(noise_floor=np.nan)
    changed["splits"] = source.tables["splits"].assign(split="fit")
    checked = {name: check_table(name, frame, where=name) for name, frame in changed.items()}
    config = source.info["config"]
    info = dict(source.info) | {"config": config | {"rules": config["rules"] | {"evidence": "shuffles"}}}
    return dataclasses.replace(source, info=info, tables={**source.tables, **checked})


def _pooled(table: pd.DataFrame) -> pd.DataFrame:
    """Count both parts as fitted ones."""
    counts = {name: table[name] + table[f"{name}_held_out"] for name in ("n_images", "n_failures")}
    table = table.assign(**counts, n_images_held_out=0, n_failures_held_out=0)
    for rate in {"base_error_rate", "error_rate"} & set(table.columns):
        if rate == "error_rate" or "grouping" in table.columns:
            table[rate] = counts["n_failures"] / counts["n_images"].where(counts["n_images"] > 0)
    return table


def _estimated(rules: pd.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
    """Estimate rates in place of counting them; every third mode of a group by prediction is not specific."""
    of_group = groups.loc[rules["group_id"]]
    rates = rules["error_rate"].to_numpy() * SHRINKAGE
    coverage = np.minimum(rates * rules["n_images"].to_numpy() / of_group["n_failures"].to_numpy(), 1.0)
    by_prediction = (of_group["grouping"] == "prediction").to_numpy()
    alike = by_prediction & rules["is_failure_mode"].to_numpy() & (rules["rule_id"].to_numpy() % 3 == 0)
    return rules.assign(
        base_error_rate=of_group["base_error_rate"].to_numpy(),
        base_error_rate_held_out=of_group["base_error_rate"].to_numpy(),
        error_rate_held_out=rates,
        error_rate_held_out_low=rates * 0.8,
        error_rate_held_out_high=np.minimum(rates * 1.2, 1.0),
        error_coverage_held_out=coverage,
        error_coverage_held_out_low=coverage * 0.8,
        error_coverage_held_out_high=np.minimum(coverage * 1.2, 1.0),
        importance_value_held_out=rates * coverage,
        p_value_baseline=np.where(by_prediction & rules["is_failure_mode"], np.where(alike, 0.6, 0.001), np.nan),
        verdict=np.where(alike, "not_of_class", rules["verdict"]),
    )
