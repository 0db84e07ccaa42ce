"""How much of a failure mode's gap a repair closes, and how that compares with another one; choices from a pool.

The gap of a mode is its failure rate less that of the rest of its class, under models trained without further images.
What a repair closes of it is the fall of the mode's failure rate against those models, not of the difference: to fail
more often elsewhere in the class closes nothing. All rates are of images that had no part in finding the mode.

Means over modes and seeds come first, then ratios, so that a mode counts by its gap. Intervals are those of a bootstrap
over what one can draw again: splits, and in each of them its modes and, independently, its seeds. A seed draws batches
and images in random order. Differences between splits are in the interval because models and modes differ between them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

__all__ = ["Interval", "count_off", "difference_of_closed", "ratio_of_closed", "share_closed"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_N_DRAWS = 2000
_LEVEL = 0.95
_NOTHING = 1e-12
_MANY = 100  # a ratio as large says that what it is over is hardly told from nothing


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate with the ends of its percentile interval; ends may be infinite."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        value, low, high = (_written(number, digits=2) for number in (self.value, self.low, self.high))
        if self.value >= _MANY:
            return f"at least {low}"
        return f"{value} ({low} or more)" if self.high >= _MANY else f"{value} ({low} to {high})"

    @property
    def percent(self) -> str:
        """The same, of a share, in %."""
        value, low, high = (_written(100 * number, digits=0) for number in (self.value, self.low, self.high))
        return f"{value} % ({low} to {high})"


def count_off(rankings: Sequence[Integers], n: int) -> list[tuple[int, int]]:
    """Take the best of each ranking in turn, until `n` are taken or none is left; nothing is taken twice.

    Returns:
        (place of the ranking, candidate), in the order in which they are taken.
    """
    taken: dict[int, int] = {}
    waiting = [iter(ranking.tolist()) for ranking in rankings]
    while len(taken) < n:
        n_before = len(taken)
        for place, ranking in enumerate(waiting):
            best = next((candidate for candidate in ranking if candidate not in taken), None)
            if best is not None and len(taken) < n:
                taken[best] = place
        if len(taken) == n_before:
            break
    return [(place, candidate) for candidate, place in taken.items()]


def share_closed(before: Floats, after: Floats, rest: Floats, splits: Integers) -> Interval:
    """Return the share of the gap that a repair closes.

    Args:
        before: (n_modes, n_seeds) failure rates of the modes without further images.
        after: The same with them.
        rest: (n_modes, n_seeds) failure rates of the rest of the modes' classes, without further images.
        splits: (n_modes,) the split of each mode.
    """
    return _interval(before - after, before - rest, splits)


def ratio_of_closed(before: Floats, after: Floats, other: Floats, splits: Integers) -> Interval:
    """Return how many times as much of the gap one repair closes as another.

    Args:
        before: (n_modes, n_seeds) failure rates of the modes without further images.
        after: The same with the images of one repair.
        other: The same with those of the other.
        splits: (n_modes,) the split of each mode.
    """
    return _interval(before - after, before - other, splits)


def difference_of_closed(before: Floats, after: Floats, other: Floats, rest: Floats, splits: Integers) -> Interval:
    """Return how much more of the gap one repair closes than another.

    Args:
        before: (n_modes, n_seeds) failure rates of the modes without further images.
        after: The same with the images of one repair.
        other: The same with those of the other.
        rest: (n_modes, n_seeds) failure rates of the rest of the modes' classes, without further images.
        splits: (n_modes,) the split of each mode.
    """
    return _interval(other - after, before - rest, splits)


def _interval(top: Floats, bottom: Floats, splits: Integers) -> Interval:
    """Ratio of the means of (n_modes, n_seeds), whose modes are in the order of their splits."""
    weights = _weights(tuple(np.unique(splits, return_counts=True)[1].tolist()), top.shape[1])
    draws = _ratios(*(np.tensordot(weights, of, axes=2) for of in (top, bottom)))
    # of neighbouring draws, not between them: an infinite one would make the other end infinite as well
    low = np.quantile(draws, (1 - _LEVEL) / 2, method="lower")
    high = np.quantile(draws, (1 + _LEVEL) / 2, method="higher")
    value = _ratios(top.mean(keepdims=True), bottom.mean(keepdims=True))
    return Interval(value=value.item(), low=float(low), high=float(high))


@cache
def _weights(n_modes: tuple[int, ...], n_seeds: int) -> Floats:
    """(n_draws, n_modes, n_seeds): how much each counts when splits, and their modes and seeds, are drawn again."""
    random = np.random.default_rng(0)
    counts = np.zeros((_N_DRAWS, sum(n_modes), n_seeds))
    starts = np.cumsum((0, *n_modes))
    for of_draw in counts:
        for split in random.integers(len(n_modes), size=len(n_modes)):
            n = n_modes[split]
            modes = np.bincount(random.integers(n, size=n), minlength=n)
            seeds = np.bincount(random.integers(n_seeds, size=n_seeds), minlength=n_seeds)
            of_draw[starts[split] : starts[split + 1]] += np.outer(modes, seeds)
    weights: Floats = counts / counts.sum(axis=(1, 2), keepdims=True)
    return weights


def _ratios(top: Floats, bottom: Floats) -> Floats:
    """Where the denominator closes nothing, the ratio is infinite if the other closes something, else 0."""
    closes = bottom > _NOTHING
    ratios: Floats = np.where(closes, top / np.where(closes, bottom, 1), np.where(top > _NOTHING, np.inf, 0))
    return ratios


def _written(number: float, *, digits: int) -> str:
    if np.isinf(number):
        return "∞"
    return f"{round(number, digits) + 0.0:.{digits}f}".replace("-", "−")
