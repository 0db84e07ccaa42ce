"""Columns of tables that several modules make: rates with intervals, limits of failure modes, stacked arrays."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from barlow_report.config import RulesConfig
from barlow_report.rules import metrics
from barlow_report.rules.evidence import wilson_interval
from barlow_report.tables import TABLES

__all__ = ["ENDS", "Rates", "are_failure_modes", "in_order", "stack", "with_interval"]

Floats = npt.NDArray[np.float64]
Rates = dict[str, Floats]

ENDS = ("", "_low", "_high")
"""How the names of a rate's columns end: of the rate, and of the ends of its interval."""


def are_failure_modes(rate: Floats, coverage: Floats, base: Floats, settings: RulesConfig) -> npt.NDArray[np.bool_]:
    """Tell whether rates and coverages reach the limits of the settings."""
    return metrics.is_failure_mode(rate, coverage, base_rate=base, rho=settings.rho, tau=settings.tau)


def with_interval(
    name: str, hits: npt.NDArray[np.int64], trials: npt.NDArray[np.int64], settings: RulesConfig
) -> Rates:
    """Return the three columns of a rate that was counted, with Wilson's interval."""
    interval = wilson_interval(hits, trials, level=settings.confidence_level)
    return {
        f"{name}_held_out": metrics.error_rate(trials, hits),
        f"{name}_held_out_low": interval.low,
        f"{name}_held_out_high": interval.high,
    }


def stack(name: str, columns: dict[str, Any]) -> pd.DataFrame:
    """Make a table of columns that are arrays, or lists with one array per group."""
    return in_order(
        name, pd.DataFrame({k: np.concatenate(v) if isinstance(v, list) else v for k, v in columns.items()})
    )


def in_order(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Put the columns of a table into the order of its schema."""
    return table[TABLES[name].column_names]
