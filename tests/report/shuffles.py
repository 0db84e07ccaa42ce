"""A made-up run as it looks when rules are tested by shuffles of all images and nothing is held out."""

import dataclasses
from typing import Literal

import pandas as pd
import pytest

from barlow_report.config import RulesConfig
from barlow_report.report.source import ReportSource
from barlow_report.tables import check_table

__all__ = ["Shuffled", "with_shuffles"]


class Shuffled(RulesConfig):
    """The settings of such a run."""

    evidence: Literal["held_out", "shuffles"] = "shuffles"


def with_shuffles(source: ReportSource, patch: pytest.MonkeyPatch) -> ReportSource:
    """Return an ordinary run whose rules were fitted on all images, and judged by counts over all images."""
    patch.setattr("barlow_report.report.catalog.RulesConfig", Shuffled)
    changed = {name: _pooled(source.tables[name]) for name in ("groups", "nodes", "rules")}
    changed["splits"] = source.tables["splits"].assign(split="fit")
    checked = {name: check_table(name, frame, where=name) for name, frame in changed.items()}
    return dataclasses.replace(source, tables={**source.tables, **checked})


def _pooled(table: pd.DataFrame) -> pd.DataFrame:
    """Count both parts together, for the fit and for the evidence."""
    counts = {name: table[name] + table[f"{name}_held_out"] for name in ("n_images", "n_failures")}
    table = table.assign(**counts, **{f"{name}_held_out": values for name, values in counts.items()})
    for rate in {"base_error_rate", "error_rate"} & set(table.columns):
        if rate == "error_rate" or "grouping" in table.columns:
            table[rate] = counts["n_failures"] / counts["n_images"].where(counts["n_images"] > 0)
    return table
