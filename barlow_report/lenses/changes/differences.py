"""Two failure rates and what counts can tell about their difference, new − old.

**Pairs.** Each image is out, right or wrong under either model; it is out where it does not belong to the group, as an
image that a model does not call *dog* is out of the images called dog. If nothing had changed, an image's two outcomes
could be swapped. With r the failure rate of both models together, an image contributes u = 1 − r where it is wrong, −r
where it is right, 0 where it is out, and D = Σ (u_new − u_old) has, given how many images differ and how, a
distribution that is known exactly: that is the *swap test*. Where no image is ever out it is McNemar's exact test.

**Others.** Fisher's exact test, each side by itself.

**Intervals.** Other images: Newcombe's method 10 (Statistics in Medicine 17, 1998, 873–890), the Wilson interval of
each rate, joined by square-and-add (MOVER, Zou and Donner 2008). Pairs: Tango's score interval (Statistics in Medicine
17, 1998, 891–908), which Fagerland, Lydersen and Laake recommend (Statistics in Medicine 33, 2014, 2850–2875). It holds
all changes δ that the score test does not refuse: of n images of which x fail under the new model alone and y under the
old, those with (x − y − nδ)² ≤ z² n (2π + δ(1 − δ)), π the most likely share of images that fail under the old model
alone, if δ were true. Newcombe's own interval for pairs is too narrow where few differ: of 100 images of which half
fail, and 2 % more under the new model, it holds the change in 89 % of samples, Tango's in 98 %, and in each of 116
designs of 30 to 300 images in 94 % or more. Where no pair differs it is ± z² / (n + z²), of 50 images ±7.1 points: had
the models differed in 7.1 % of such images, all in one direction, 50 pairs alike would still come about with 2.5 %, (1
− 0.071)⁵⁰. So with ±5 points it takes 73 images to say *unchanged*.

Where an image can be out there is no such interval, and rates that are estimates are no counts. Then both rates are
joined with their correlation, seen with z² / 2 further images that fail under each model alone: where no pair differs
the interval is then as wide as Tango's or up to a quarter wider. It held the change in 95 % of samples or more in each
of 360 designs, 40 to 200 images of which up to a fifth are out under one model (tests/benchmarks/pair_intervals.py).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from barlow_report.significance import wilson_interval

__all__ = [
    "Difference",
    "Outcomes",
    "Rate",
    "correlation_of",
    "count_pairs",
    "counted_rate",
    "fisher_tails",
    "join_rates",
    "normal_tails",
    "score_interval",
    "swap_tails",
]

Booleans = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

OUT, RIGHT, WRONG = 0, 1, 2
_TIE = 1e-9  # statistics that are equal on paper
_EXACT = 1e-12
_SPREADS = 9.0  # standard deviations of a binomial beyond which nothing counts


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A failure rate with its interval, 0 to 1; NaN without images."""

    rate: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Difference:
    """New − old with its interval, −1 to 1."""

    difference: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcomes:
    """What was counted.

    Attributes:
        n_old, k_old: Images counted for the old model, failures among them.
        n_new, k_new: The same for the new model.
        pairs: (3, 3) images by their outcome under the old and the new model: out, right, wrong; None for other images.
    """

    n_old: int
    k_old: int
    n_new: int
    k_new: int
    pairs: Integers | None = None

    @property
    def n_newly_wrong(self) -> int | None:
        """Images that only the new model gets wrong."""
        return None if self.pairs is None else int(self.pairs[:WRONG, WRONG].sum())

    @property
    def n_newly_right(self) -> int | None:
        """Images that only the old model gets wrong."""
        return None if self.pairs is None else int(self.pairs[WRONG, :WRONG].sum())

    @property
    def none_changed(self) -> bool:
        """Whether the same images are counted for both models, and each has the same outcome."""
        return self.pairs is not None and int(self.pairs.sum()) == int(np.trace(self.pairs))


def count_pairs(in_old: Booleans, wrong_old: Booleans, in_new: Booleans, wrong_new: Booleans) -> Outcomes:
    """Count pairs: (n_images,) each, whether an image belongs to the group of a model, and is wrong under it."""
    codes = np.where(in_old, RIGHT + wrong_old, OUT) * 3 + np.where(in_new, RIGHT + wrong_new, OUT)
    pairs = np.bincount(codes, minlength=9).reshape(3, 3).astype(np.int64)
    return Outcomes(
        n_old=int(pairs[RIGHT:].sum()),
        k_old=int(pairs[WRONG].sum()),
        n_new=int(pairs[:, RIGHT:].sum()),
        k_new=int(pairs[:, WRONG].sum()),
        pairs=pairs,
    )


def counted_rate(n_images: int, n_failures: int, *, level: float) -> Rate:
    """The share of failures with its Wilson interval."""
    ends = wilson_interval(n_failures, n_images, level=level)
    return Rate(rate=n_failures / n_images if n_images else float("nan"), low=float(ends.low), high=float(ends.high))


def swap_tails(pairs: Integers) -> tuple[float, float]:
    """One-sided exact p-values: that the new model is not worse, and that it is not better.

    Args:
        pairs: See `Outcomes`.
    """
    from scipy.stats import binom  # a second and 60 MB, which building a site does without

    n = int(pairs[RIGHT:].sum() + pairs[:, RIGHT:].sum())
    rate = float(pairs[WRONG].sum() + pairs[:, WRONG].sum()) / n if n else 0.0
    steps = {(RIGHT, WRONG): 1.0, (OUT, WRONG): 1 - rate, (OUT, RIGHT): -rate}
    kinds = [(step, int(pairs[i, j]), int(pairs[j, i])) for (i, j), step in steps.items()]
    kinds = sorted((kind for kind in kinds if kind[0] and sum(kind[1:])), key=lambda kind: -sum(kind[1:]))
    if not kinds:
        return 1.0, 1.0
    seen = sum(step * (more - less) for step, more, less in kinds)
    sums, chances = np.zeros(1), np.ones(1)
    for step, *counts in kinds[1:]:
        values, weights = _steps(sum(counts))
        sums, chances = (sums[:, None] + step * values).ravel(), (chances[:, None] * weights).ravel()
    step, size = abs(kinds[0][0]), sum(kinds[0][1:])  # steps to both sides are as likely

    def tail(at_least: float) -> float:
        needed = np.ceil(((at_least - sums - _TIE) / step + size) / 2)
        return float(min(chances @ binom.sf(needed - 1, size, 0.5), 1.0))

    return tail(seen), tail(-seen)


def _steps(size: int) -> tuple[Floats, Floats]:
    """The values of 2X − size for X binomial with half, and their probabilities."""
    from scipy.stats import binom

    half = _SPREADS * np.sqrt(size) / 2
    counts = np.arange(max(int(size / 2 - half), 0), min(int(size / 2 + half) + 1, size) + 1)
    return (2 * counts - size).astype(np.float64), binom.pmf(counts, size, 0.5)


def fisher_tails(outcomes: Outcomes) -> tuple[float, float]:
    """Fisher's exact test of each side: p-values that the new model is not worse, and that it is not better."""
    from scipy.stats import hypergeom

    total, wrong = outcomes.n_old + outcomes.n_new, outcomes.k_old + outcomes.k_new
    worse = hypergeom.sf(outcomes.k_new - 1, total, wrong, outcomes.n_new)
    better = hypergeom.cdf(outcomes.k_new, total, wrong, outcomes.n_new)
    return float(min(worse, 1.0)), float(min(better, 1.0))


def correlation_of(outcomes: Outcomes, *, level: float | None = None) -> float:
    """Correlation of both rates, −1 to 1; 0 for other images. Where every image counts for both it is their φ.

    Args:
        outcomes: With images for both models.
        level: Of an interval that it is for, 0 to 1: z² / 2 images that fail under each model alone are added, since
            that none was seen does not say that there is none. None: as it was seen.
    """
    if outcomes.pairs is None or not (outcomes.n_old and outcomes.n_new):
        return 0.0
    pairs = outcomes.pairs.astype(np.float64)
    if level is not None:
        pairs[[RIGHT, WRONG], [WRONG, RIGHT]] += _quantile(level) ** 2 / 2
    n_old, n_new = pairs[RIGHT:].sum(), pairs[:, RIGHT:].sum()
    old, new = pairs[WRONG].sum() / n_old, pairs[:, WRONG].sum() / n_new
    spread = np.sqrt(n_old * old * (1 - old) * n_new * new * (1 - new))
    if spread == 0:
        return 0.0
    shared = float(np.array([0.0, -old, 1 - old]) @ pairs @ np.array([0.0, -new, 1 - new]))
    return float(np.clip(shared / spread, -1.0, 1.0))


def score_interval(n_pairs: int, n_newly_wrong: int, n_newly_right: int, *, level: float) -> Difference:
    """Tango's score interval of the difference of two rates of the same images, all of which count for both models.

    Args:
        n_pairs: Images, 1 at least.
        n_newly_wrong: Of these, images that fail under the new model alone.
        n_newly_right: Images that fail under the old model alone.
        level: Of the interval, 0 to 1.
    """
    z, seen = _quantile(level), (n_newly_wrong - n_newly_right) / n_pairs

    def is_refused(change: float) -> bool:
        b = (2 * n_pairs - n_newly_wrong + n_newly_right) * change - n_newly_wrong - n_newly_right
        root = math.sqrt(max(b**2 + 8 * n_pairs * n_newly_right * change * (1 - change), 0.0))
        variance = n_pairs * ((root - b) / (2 * n_pairs) + change * (1 - change))
        return (n_newly_wrong - n_newly_right - n_pairs * change) ** 2 > z**2 * variance

    low, high = (_last_kept(seen, end, is_refused) for end in (-1.0, 1.0))
    return Difference(difference=seen, low=low, high=high)


def _last_kept(kept: float, end: float, is_refused: Callable[[float], bool]) -> float:
    """The value furthest from one that is kept that is not refused, on the way to an end; found by halves."""
    if not is_refused(end):
        return end
    while abs(end - kept) > _EXACT:
        middle = (kept + end) / 2
        kept, end = (kept, middle) if is_refused(middle) else (middle, end)
    return kept


def _quantile(level: float) -> float:
    """z: the quantile of the normal distribution that a two-sided interval of a level takes."""
    return float(ndtri(0.5 + level / 2))


def join_rates(old: Rate, new: Rate, *, correlation: float) -> Difference:
    """Square-and-add: the interval of new − old from those of both rates and their correlation."""
    below = _join(new.rate - new.low, old.high - old.rate, correlation)
    above = _join(new.high - new.rate, old.rate - old.low, correlation)
    difference = new.rate - old.rate
    return Difference(difference=difference, low=max(difference - below, -1.0), high=min(difference + above, 1.0))


def _join(first: float, second: float, correlation: float) -> float:
    return float(np.sqrt(max(first**2 - 2 * correlation * first * second + second**2, 0.0)))


def normal_tails(found: Difference, *, level: float) -> tuple[float, float]:
    """Approximate one-sided p-values: the interval's ends, taken as those of normal distributions."""
    z, d = _quantile(level), found.difference
    below, above = d - found.low, found.high - d
    with np.errstate(divide="ignore", invalid="ignore"):
        worse, better = (np.nan_to_num(np.divide(x, half), nan=0.0) for x, half in ((d, below), (-d, above)))
    return float(ndtr(-z * worse)), float(ndtr(-z * better))
