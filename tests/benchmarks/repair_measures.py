"""How much of a failure mode's gap a repair closes, and how that compares with another one; choices from a pool.

The gap of a mode is its failure rate less that of the rest of its class, under models trained without further images.
What a repair closes of it is the fall of the mode's failure rate against those models, not of the difference: to fail
more often elsewhere in the class closes nothing. All rates are of images that had no part in finding the mode.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Interval", "count_off", "ratio_of_closed", "share_closed"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_N_DRAWS = 2000


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate with the ends of its percentile interval; ends may be infinite."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f}–{self.high:.2f})".replace("-", "−")


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


def share_closed(before: Floats, after: Floats, rest: Floats, *, level: float = 0.95, seed: int = 0) -> Interval:
    """Return the share of the gap that a repair closes, with an interval over modes and seeds.

    Args:
        before: (n_modes, n_seeds) failure rates of the modes without further images.
        after: The same with them.
        rest: (n_modes, n_seeds) failure rates of the rest of the modes' classes, without further images.
        level: Of the interval.
        seed: Of the bootstrap.
    """
    return _interval(before - after, before - rest, level=level, seed=seed)


def ratio_of_closed(before: Floats, after: Floats, other: Floats, *, level: float = 0.95, seed: int = 0) -> Interval:
    """Return how many times as much of the gap one repair closes as another, with an interval over modes and seeds.

    Args:
        before: (n_modes, n_seeds) failure rates of the modes without further images.
        after: The same with the images of one repair.
        other: The same with those of the other.
        level: Of the interval.
        seed: Of the bootstrap.
    """
    return _interval(before - after, before - other, level=level, seed=seed)


def _interval(top: Floats, bottom: Floats, *, level: float, seed: int) -> Interval:
    """Ratio of the means of (n_modes, n_seeds), drawn again over modes and, independently of them, over seeds."""
    random = np.random.default_rng(seed)
    n_modes, n_seeds = top.shape
    draws = np.empty(_N_DRAWS)
    for i in range(_N_DRAWS):
        drawn = np.ix_(random.integers(n_modes, size=n_modes), random.integers(n_seeds, size=n_seeds))
        draws[i] = _ratio(top[drawn].mean(), bottom[drawn].mean())
    # of neighbouring draws, not between them: an infinite one would make the other end infinite as well
    low = np.quantile(draws, (1 - level) / 2, method="lower")
    high = np.quantile(draws, (1 + level) / 2, method="higher")
    return Interval(value=_ratio(top.mean(), bottom.mean()), low=float(low), high=float(high))


def _ratio(top: float, bottom: float) -> float:
    """Where the denominator closes nothing, the ratio is infinite if the other closes something, else 0."""
    if bottom > 0:
        return float(top / bottom)
    return float("inf") if top > 0 else 0.0
