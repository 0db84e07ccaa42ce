"""What counts of failures can tell: intervals of rates, an exact test, and false-discovery control.

Rules, directions and error types are judged by the same functions, so that a verdict means the same everywhere.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, ndtri

__all__ = [
    "Interval",
    "adjust_p_values",
    "auroc_interval",
    "balanced_accuracy_interval",
    "exact_test",
    "smallest_p_value",
    "wilson_interval",
]

Floats = npt.NDArray[np.float64]


class Interval(NamedTuple):
    """Lower and upper ends, 0 to 1; NaN where nothing was counted."""

    low: Floats
    high: Floats


def wilson_interval(n_hits: npt.ArrayLike, n_trials: npt.ArrayLike, *, level: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion (Wilson, JASA 22, 1927).

    Args:
        n_hits: Hits, 0 to n_trials.
        n_trials: Trials; without any the interval has no value.
        level: Probability with which the interval covers the true proportion, 0 to 1.
    """
    hits, trials = np.broadcast_arrays(np.asarray(n_hits, dtype=np.float64), np.asarray(n_trials, dtype=np.float64))
    z = float(ndtri(0.5 + level / 2))
    n = np.where(trials > 0, trials, np.nan)
    center = (hits + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(hits * (n - hits) / n + z**2 / 4)
    # the ends are exactly 0 and 1 when every trial went one way; rounding would leave 1e-17
    low = np.where(hits == 0, np.minimum(center, 0.0), np.maximum(center - half, 0.0))
    high = np.where(hits == n, np.maximum(center, 1.0), np.minimum(center + half, 1.0))
    return Interval(low, high)


def exact_test(
    n_images: npt.ArrayLike,
    n_failures: npt.ArrayLike,
    *,
    n_group_images: npt.ArrayLike,
    n_group_failures: npt.ArrayLike,
) -> Floats:
    """One-sided exact test that a leaf fails more often than the rest of its group (Fisher; hypergeometric).

    Args:
        n_images: Held-out images in the leaf.
        n_failures: Failures among them.
        n_group_images: Held-out images in the group.
        n_group_failures: Failures among them.

    Returns:
        The probability of at least as many failures in the leaf if they fell on the group's images at random, 0 to
        1; NaN where the group has no held-out failure or no held-out success, so that nothing could be learned.
    """
    from scipy.stats import hypergeom  # a second and 60 MB, which building a site does without

    n, k, total, failures = np.broadcast_arrays(
        *(np.asarray(a, dtype=np.int64) for a in (n_images, n_failures, n_group_images, n_group_failures))
    )
    p_values = np.full(n.shape, np.nan)
    known = (failures > 0) & (failures < total)
    if known.any():
        p_values[known] = np.clip(hypergeom.sf(k[known] - 1, total[known], failures[known], n[known]), 0.0, 1.0)
    return p_values


def smallest_p_value(
    n_images: npt.ArrayLike, *, n_group_images: npt.ArrayLike, n_group_failures: npt.ArrayLike
) -> Floats:
    """The smallest p-value that `exact_test` can give a leaf, whatever fails in it: as many of its images as can.

    Args:
        n_images: Held-out images in the leaf.
        n_group_images: Held-out images in the group.
        n_group_failures: Failures among them.

    Returns:
        0 to 1; 1 where the leaf has no image, and where the group has no failure or no success: nothing can be learned.
    """
    n, total, failures = np.broadcast_arrays(
        *(np.asarray(a, dtype=np.float64) for a in (n_images, n_group_images, n_group_failures))
    )
    k = np.minimum(n, failures)
    p_values = np.exp(_log_choose(failures, k) + _log_choose(total - failures, n - k) - _log_choose(total, n))
    return np.where((failures > 0) & (failures < total), np.minimum(p_values, 1.0), 1.0)


def _log_choose(n: Floats, k: Floats) -> Floats:
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1), dtype=np.float64)


def adjust_p_values(p_values: npt.ArrayLike) -> Floats:
    """Benjamini–Hochberg q-values (JRSS B 57, 1995): the false-discovery rate at which each test would pass.

    Args:
        p_values: (n_tests,) 0 to 1; NaN is no test: it stays NaN and does not count.

    Returns:
        (n_tests,) 0 to 1, not below the p-values.
    """
    p = np.asarray(p_values, dtype=np.float64)
    q = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    scaled = p[order] * (len(order) / np.arange(1, len(order) + 1))
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q


def balanced_accuracy_interval(
    n_hits: tuple[npt.ArrayLike, npt.ArrayLike], n_trials: tuple[npt.ArrayLike, npt.ArrayLike], *, level: float = 0.95
) -> Interval:
    """Interval of the mean of two independent proportions, from the Wilson interval of each (MOVER).

    Zou and Donner, Statistics in Medicine 27, 2008; Newcombe's square-and-add rule. Unlike a normal approximation it
    is not empty where every trial went one way, and it stays within 0 and 1.

    Args:
        n_hits: Hits of the first and of the second kind, such as recognised failures and recognised successes.
        n_trials: Trials of each; where one of the two is 0 the interval has no value.
        level: As for `wilson_interval`.
    """
    rates, lows, highs = [], [], []
    for hits, trials in zip(n_hits, n_trials, strict=True):
        interval = wilson_interval(hits, trials, level=level)
        n = np.asarray(trials, dtype=np.float64)
        rates.append(np.asarray(hits, dtype=np.float64) / np.where(n > 0, n, np.nan))
        lows.append(interval.low)
        highs.append(interval.high)
    mean = (rates[0] + rates[1]) / 2
    below = np.hypot(rates[0] - lows[0], rates[1] - lows[1]) / 2
    above = np.hypot(highs[0] - rates[0], highs[1] - rates[1]) / 2
    return Interval(np.maximum(mean - below, 0.0), np.minimum(mean + above, 1.0))


_JUST = 1e-9  # 0 and 1 solve the equation themselves where the AUROC is 0 or 1


def auroc_interval(auroc: float, m: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Interval of an area under the ROC curve, 0 to 1.

    It holds every value theta with |AUROC - theta| <= z sqrt(V(theta)), V after Hanley and McNeil with both sample
    sizes at their mean in the numerator (Newcombe's method 5, Statistics in Medicine 25, 2006, 559-573).

    Args:
        auroc: As it was found, 0 to 1.
        m: Images of one kind, at least one.
        n: Images of the other, at least one.
        level: As for `wilson_interval`.
    """
    from scipy.optimize import brentq  # with scipy.stats

    z, more = float(ndtri(0.5 + level / 2)), (m + n) / 2 - 1

    def excess(theta: float) -> float:
        spread = 1 + more * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return float((auroc - theta) ** 2 - z**2 * theta * (1 - theta) * spread / (m * n))

    low = 0.0 if auroc <= 0 else float(brentq(excess, 0.0, min(auroc, 1 - _JUST)))
    high = 1.0 if auroc >= 1 else float(brentq(excess, max(auroc, _JUST), 1.0))
    return low, high
