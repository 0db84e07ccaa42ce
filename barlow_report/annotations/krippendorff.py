"""Krippendorff's alpha: agreement of any number of people, with answers missing, beyond chance.

alpha = 1 − observed disagreement / expected disagreement, from the coincidence matrix of the values given to
the same unit. 1 is perfect agreement, 0 what chance gives, below 0 systematic disagreement. Source:
K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011).
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

__all__ = ["Level", "alpha"]

Level = Literal["nominal", "ordinal", "interval"]


def alpha(units: Sequence[Sequence[float]], *, level: Level, values: Sequence[float] | None = None) -> float | None:
    """Return Krippendorff's alpha.

    Args:
        units: For each unit, the values it was given, one per person who answered; missing answers are left out.
        level: `nominal` (same or not), `ordinal` (ranks) or `interval` (differences).
        values: All values in their order; default: those that occur. Values nobody gave change nothing.

    Returns:
        Alpha, at most 1; None where it is not computable: no unit has two answers, or all answers are the same,
        so there is no disagreement that chance could have made.
    """
    paired = [unit for unit in units if len(unit) >= 2]
    domain = sorted({value for unit in paired for value in unit} | set(values or ()))
    if not paired:
        return None
    coincidences = _coincidences(paired, {value: i for i, value in enumerate(domain)})
    totals = coincidences.sum(axis=1)
    n = float(totals.sum())
    distances = _squared_distances(np.asarray(domain, dtype=float), totals, level)
    expected = float((np.outer(totals, totals) * distances).sum()) / (n - 1)
    if expected == 0:
        return None
    return 1.0 - float((coincidences * distances).sum()) / expected


def _coincidences(units: Sequence[Sequence[float]], index: Mapping[float, int]) -> np.ndarray:
    """Count ordered pairs of values within units, (V, V); each value of a unit of m weighs 1 / (m − 1) per pair."""
    counts = np.zeros((len(units), len(index)))
    for row, unit in enumerate(units):
        for value in unit:
            counts[row, index[value]] += 1
    weights = 1.0 / (counts.sum(axis=1) - 1)
    pairs = (counts * weights[:, None]).T @ counts
    pairs -= np.diag((counts * weights[:, None]).sum(axis=0))  # a value is not paired with itself
    return np.asarray(pairs)


def _squared_distances(values: np.ndarray, totals: np.ndarray, level: Level) -> np.ndarray:
    """Return the squared difference of each pair of values, (V, V)."""
    if level == "nominal":
        return 1.0 - np.eye(len(values))
    if level == "interval":
        return np.asarray((values[:, None] - values[None, :]) ** 2)
    below = np.cumsum(totals)
    first, second = np.meshgrid(np.arange(len(values)), np.arange(len(values)), indexing="ij")
    low, high = np.minimum(first, second), np.maximum(first, second)
    between = below[high] - below[low] + totals[low]  # sum of the totals from low to high, both included
    ranks = between - (totals[low] + totals[high]) / 2
    return np.asarray(np.where(first == second, 0.0, ranks**2))
