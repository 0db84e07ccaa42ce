"""Tests and intervals of two failure rates, against published values, other programs and all cases counted out."""

import itertools

import numpy as np
import pytest
from scipy import optimize, stats

from barlow_report.lenses.changes.differences import (
    Outcomes,
    Rate,
    correlation_of,
    count_pairs,
    counted_rate,
    fisher_tails,
    join_rates,
    normal_tails,
    score_interval,
    swap_tails,
)


def _pairs(*, both_wrong: int, newly_right: int, newly_wrong: int, both_right: int) -> Outcomes:
    pairs = np.zeros((3, 3), dtype=np.int64)
    pairs[1, 1], pairs[1, 2], pairs[2, 1], pairs[2, 2] = both_right, newly_wrong, newly_right, both_wrong
    n = int(pairs.sum())
    return Outcomes(n_old=n, k_old=both_wrong + newly_right, n_new=n, k_new=both_wrong + newly_wrong, pairs=pairs)


# Newcombe, Interval estimation for the difference between independent proportions, Statistics in Medicine 17, 1998,
# table II, method 10; there first − second
@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_the_interval_for_other_images_is_newcombes(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    new, old = (counted_rate(n, k, level=0.95) for k, n in (first, second))
    found = join_rates(old, new, correlation=0.0)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.mark.parametrize("is_failure", [True, False])
def test_without_a_failure_or_a_right_image_the_interval_is_that_of_the_rate(*, is_failure: bool) -> None:
    """50 of 50 twice: ± z² / (n + z²), and were such a share of images to change, 50 alike are as rare as 2.5 %."""
    for n, half in ((50, 0.0713), (72, 0.0507), (73, 0.0500)):
        outcomes = _pairs(both_wrong=n * is_failure, newly_right=0, newly_wrong=0, both_right=n * (not is_failure))
        rate = counted_rate(n, n * is_failure, level=0.95)
        found = score_interval(n, 0, 0, level=0.95)
        expected = 3.841459 / (n + 3.841459)
        assert (found.low, found.high) == pytest.approx((-expected, expected))
        joined = join_rates(rate, rate, correlation=correlation_of(outcomes, level=0.95))
        assert (joined.low, joined.high) == pytest.approx((-expected, expected), rel=1e-4)
        assert found.high == pytest.approx(half, abs=5e-5)
        assert (found.high <= 0.05) == (n >= 73)  # from here on a mode is unchanged with ±5 points
        assert stats.binom.pmf(0, n, found.high) == pytest.approx(0.025, rel=0.1)


# Fagerland, Lydersen and Laake, Recommended tests and confidence intervals for paired binomial proportions, Statistics
# in Medicine 33, 2014: airway hyper-responsiveness before and after a transplant, and its exact test
def test_the_interval_and_the_test_for_pairs_are_the_published_ones() -> None:
    outcomes = _pairs(both_wrong=1, newly_right=1, newly_wrong=7, both_right=12)
    found = score_interval(21, 7, 1, level=0.95)
    assert outcomes.pairs is not None
    assert (round(found.difference, 3), round(found.low, 3), round(found.high, 3)) == (0.286, 0.026, 0.517)
    assert round(2 * swap_tails(outcomes.pairs)[0], 3) == 0.070


def _score(change: float, n: int, newly_wrong: int, newly_right: int) -> float:
    """The score statistic of a change, its nuisance parameter found by search: pairs fail by q + change, and by q."""

    def log_likelihood(q: float) -> float:
        rest = max(1 - 2 * q - change, 1e-300)
        shares = ((newly_wrong, q + change), (newly_right, q), (n - newly_wrong - newly_right, rest))
        return float(sum(k * np.log(max(share, 1e-300)) for k, share in shares))

    low, high = max(0.0, -change), (1 - change) / 2
    q = optimize.minimize_scalar(lambda q: -log_likelihood(q), bounds=(low, high), method="bounded").x
    return float((newly_wrong - newly_right - n * change) / np.sqrt(n * (2 * q + change - change**2)))


@pytest.mark.parametrize("counts", [(21, 7, 1), (50, 0, 0), (100, 20, 0), (100, 2, 9), (40, 1, 1), (300, 30, 25)])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
def test_the_ends_of_the_interval_for_pairs_are_the_changes_that_the_score_test_just_keeps(
    counts: tuple[int, int, int], level: float
) -> None:
    found, z = score_interval(*counts, level=level), stats.norm.ppf(0.5 + level / 2)
    assert _score(found.low, *counts) == pytest.approx(z, abs=0.01)
    assert _score(found.high, *counts) == pytest.approx(-z, abs=0.01)
    other = score_interval(counts[0], counts[2], counts[1], level=level)
    assert (other.low, other.high) == pytest.approx((-found.high, -found.low), abs=1e-9)


def test_the_interval_of_pairs_that_all_changed_ends_at_one() -> None:
    assert score_interval(10, 10, 0, level=0.95).high == 1.0
    assert score_interval(10, 0, 10, level=0.95).low == -1.0


@pytest.mark.parametrize(
    ("n", "newly_wrong", "newly_right"), [(50, 0.05, 0.0), (100, 0.02, 0.0), (100, 0.02, 0.06), (50, 0.1, 0.01)]
)
def test_the_interval_for_pairs_holds_the_change_where_few_differ(
    n: int, newly_wrong: float, newly_right: float
) -> None:
    """Every outcome counted out; Newcombe's interval holds the first two changes in 92 and 89 % where half fail."""
    shares, change, held = (newly_wrong, newly_right, 1 - newly_wrong - newly_right), newly_wrong - newly_right, 0.0
    for x in range(n + 1):
        for y in range(n + 1 - x):
            chance = stats.multinomial.pmf((x, y, n - x - y), n, shares)
            if chance > 1e-9:
                found = score_interval(n, x, y, level=0.95)
                held += chance * (found.low - 1e-9 <= change <= found.high + 1e-9)
    assert held >= 0.938


def test_the_correlation_for_an_interval_is_that_with_further_images_that_differ() -> None:
    outcomes = _pairs(both_wrong=25, newly_right=0, newly_wrong=0, both_right=25)
    assert correlation_of(outcomes) == 1.0
    extra = 3.841459 / 2
    assert correlation_of(outcomes, level=0.95) == pytest.approx(1 - 4 * extra / (50 + 2 * extra))


def test_as_it_was_seen_the_correlation_is_that_of_the_outcomes() -> None:
    random = np.random.default_rng(0)
    old = random.random(50) < 0.3
    new = np.where(random.random(50) < 0.5, old, random.random(50) < 0.4)
    every = np.ones(50, dtype=np.bool_)
    found = correlation_of(count_pairs(every, old, every, new))
    assert found == pytest.approx(np.corrcoef(old, new)[0, 1])


@pytest.mark.parametrize(("newly_wrong", "newly_right"), [(0, 0), (5, 0), (12, 3), (3, 12), (40, 40), (130, 90)])
def test_on_images_that_always_count_the_swap_test_is_mcnemars(newly_wrong: int, newly_right: int) -> None:
    outcomes = _pairs(both_wrong=7, newly_right=newly_right, newly_wrong=newly_wrong, both_right=30)
    assert outcomes.pairs is not None
    n = newly_wrong + newly_right
    expected = [stats.binomtest(k, n, alternative="greater").pvalue if n else 1.0 for k in (newly_wrong, newly_right)]
    assert swap_tails(outcomes.pairs) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(6))
def test_the_swap_test_counts_every_way_to_swap(seed: int) -> None:
    random = np.random.default_rng(seed)
    codes = random.integers(0, 3, (11, 2))
    (in_old, in_new), (wrong_old, wrong_new) = (codes > 0).T, (codes == 2).T
    pairs = count_pairs(in_old, wrong_old, in_new, wrong_new).pairs
    assert pairs is not None
    rate = (codes == 2).sum() / (codes > 0).sum()
    worth = np.array([0.0, -rate, 1 - rate])[codes]
    steps = worth[:, 1] - worth[:, 0]
    sums = np.array(list(itertools.product([1, -1], repeat=len(steps)))) @ steps
    expected = ((sums >= steps.sum() - 1e-9).mean(), (sums <= steps.sum() + 1e-9).mean())
    assert swap_tails(pairs) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("k_old", "n_old", "k_new", "n_new"), [(1, 4, 3, 4), (0, 10, 4, 30), (30, 60, 20, 80), (5, 5, 7, 7)]
)
def test_the_test_for_other_images_is_fishers(k_old: int, n_old: int, k_new: int, n_new: int) -> None:
    table = [[k_new, n_new - k_new], [k_old, n_old - k_old]]
    expected = [stats.fisher_exact(table, alternative=side).pvalue for side in ("greater", "less")]
    assert fisher_tails(Outcomes(n_old=n_old, k_old=k_old, n_new=n_new, k_new=k_new)) == pytest.approx(expected)


def test_fishers_tea_lady() -> None:
    assert fisher_tails(Outcomes(n_old=4, k_old=1, n_new=4, k_new=3))[0] == pytest.approx(17 / 70)


def test_an_interval_that_ends_at_zero_has_the_p_value_of_its_level() -> None:
    found = join_rates(Rate(rate=0.2, low=0.2, high=0.2), Rate(rate=0.3, low=0.2, high=0.4), correlation=0.0)
    assert normal_tails(found, level=0.95) == pytest.approx((0.025, 0.975))


def test_rates_that_are_known_without_doubt_and_equal_give_no_evidence() -> None:
    same = Rate(rate=1.0, low=1.0, high=1.0)
    found = join_rates(same, same, correlation=0.0)
    assert (found.low, found.high) == (0.0, 0.0)
    assert normal_tails(found, level=0.95) == pytest.approx((0.5, 0.5))
