"""How often intervals for two models on the same images hold the change: those of the product, and Newcombe's.

    python -m tests.benchmarks.pair_intervals

*Every image counts for both models*: Tango's interval is looked up for every outcome, and each counts with its
probability; Newcombe's method 10 for pairs is drawn. *Images can be out under one model*, as in a group by prediction:
the interval that joins both rates is drawn, from all shares below.
"""

import argparse
import itertools
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from scipy import stats

from barlow_report.lenses.changes.differences import (
    Difference,
    Outcomes,
    correlation_of,
    counted_rate,
    join_rates,
    score_interval,
)

Floats = npt.NDArray[np.float64]

_FLIPS = ((0, 0), (0, 0.02), (0.01, 0.01), (0, 0.05), (0.02, 0.06), (0.05, 0.05), (0.01, 0.1), (0.1, 0.2), (0, 0.2))
_ONE_MORE = (0.2, 0.2)
_RATES = (0.1, 0.3, 0.5)
_OUT = ((0, 0.5), (0.05, 0.5), (0.05, 1), (0.2, 0.5), (0.2, 0.9))
"""Shares of images that are out under one of both models, and of failures among these."""


def _score_held(n: int) -> Callable[[float, float], float]:
    """How often Tango's interval holds the change, by the shares that fail under the new and the old model alone."""
    counts = np.array([(x, y) for x in range(n + 1) for y in range(n + 1 - x)])
    found = [score_interval(n, int(x), int(y), level=0.95) for x, y in counts]
    low, high = (np.array([getattr(each, end) for each in found]) for end in ("low", "high"))

    def held(newly_wrong: float, newly_right: float) -> float:
        rest = n - counts.sum(axis=1)
        shares = (newly_wrong, newly_right, 1 - newly_wrong - newly_right)
        chances = stats.multinomial.pmf(np.column_stack([counts, rest]), n, shares)
        change = newly_wrong - newly_right
        return float(chances[(low <= change + 1e-9) & (change - 1e-9 <= high)].sum())

    return held


def _newcombe(pairs: npt.NDArray[np.int64]) -> Difference:
    """Newcombe's method 10: the correlation, if positive, less a correction for continuity."""
    (right, newly_wrong), (newly_right, wrong) = pairs[1:, 1:]
    n = int(pairs.sum())
    old, new = (counted_rate(n, int(k), level=0.95) for k in (wrong + newly_right, wrong + newly_wrong))
    shared = float(wrong * right - newly_wrong * newly_right)
    spread = n**2 * np.sqrt(old.rate * (1 - old.rate) * new.rate * (1 - new.rate))
    correlation = (max(shared - n / 2, 0.0) if shared > 0 else shared) / spread if spread else 0.0
    return join_rates(old, new, correlation=correlation)


def _joined(pairs: npt.NDArray[np.int64]) -> Difference:
    """The product's interval where images can be out."""
    counts = [(int(rates[1:].sum()), int(rates[2].sum())) for rates in (pairs, pairs.T)]
    (n_old, k_old), (n_new, k_new) = counts
    outcomes = Outcomes(n_old=n_old, k_old=k_old, n_new=n_new, k_new=k_new, pairs=pairs)
    old, new = (counted_rate(n, k, level=0.95) for n, k in counts)
    return join_rates(old, new, correlation=correlation_of(outcomes, level=0.95))


def _drawn(shares: Floats, n: int, interval: Callable[..., Difference], *, n_draws: int, seed: int) -> float:
    """How often an interval holds the change, from draws of n images with (3, 3) shares of outcomes."""
    tables = np.random.default_rng(seed).multinomial(n, shares.ravel(), size=n_draws).reshape(-1, 3, 3)
    change = shares[:, 2].sum() / shares[:, 1:].sum() - shares[2].sum() / shares[1:].sum()
    found = [interval(table) for table in tables if table[1:].any() and table[:, 1:].any()]
    return float(np.mean([each.low - 1e-9 <= change <= each.high + 1e-9 for each in found]))


def _shares(rate: float, flips: tuple[float, float], left: tuple[float, float], came: tuple[float, float]) -> Floats:
    """(3, 3) shares of images that are out, right or wrong under the old and the new model."""
    newly_right, newly_wrong = flips
    found = np.zeros((3, 3))
    found[1:, 1:] = [[1 - rate - newly_wrong, newly_wrong], [newly_right, rate - newly_right]]
    found *= 1 - left[0] - came[0]
    found[1:, 0] = left[0] * np.array([1 - left[1], left[1]])
    found[0, 1:] = came[0] * np.array([1 - came[1], came[1]])
    return found


def _pair_lines(n_draws: int) -> Iterator[str]:
    yield "| every image counts for both | designs | Tango: lowest, mean | Newcombe: lowest, mean |"
    yield "| --- | --- | --- | --- |"
    for n in (30, 50, 100, 300):
        held, found = _score_held(n), []
        for rate, flips in itertools.product(_RATES, (*_FLIPS, _ONE_MORE)):
            if flips[0] <= rate:
                shares = _shares(rate, flips, (0, 0), (0, 0))
                drawn = _drawn(shares, n, _newcombe, n_draws=n_draws, seed=n)
                found.append((held(flips[1], flips[0]), drawn))
        cells = " | ".join(f"{values.min():.1%}, {values.mean():.1%}" for values in np.array(found).T)
        yield f"| {n} images | {len(found)} | {cells} |"


def _out_lines(n_draws: int) -> Iterator[str]:
    yield "| images can be out | designs | joined: lowest, mean |"
    yield "| --- | --- | --- |"
    for n in (40, 80, 200):
        designs = itertools.product((0.2, 0.5), ((0, 0), (0, 0.04), (0.03, 0.03)), _OUT, _OUT[:4])
        found = np.array([_drawn(_shares(*design), n, _joined, n_draws=n_draws, seed=n) for design in designs])
        yield f"| {n} images | {len(found)} | {found.min():.1%}, {found.mean():.1%} |"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=2000)
    n_draws = parser.parse_args().draws
    for lines in (_pair_lines, _out_lines):
        for line in lines(n_draws):
            print(line, flush=True)
        print(flush=True)


if __name__ == "__main__":
    main()
