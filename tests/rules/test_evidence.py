"""Intervals, exact test, q-values and verdicts against values computed by hand and by scipy."""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, false_discovery_control, fisher_exact

from barlow_report.rules.evidence import (
    adjust_p_values,
    adjust_within_families,
    exact_test,
    judge,
    smallest_p_value,
    wilson_interval,
)
from barlow_report.significance import balanced_accuracy_interval


def test_wilson_interval_of_the_textbook() -> None:
    # 15 of 148 at 95 % (Newcombe, Statistics in Medicine 17, 1998, table I)
    interval = wilson_interval(15, 148)
    assert interval.low == pytest.approx(0.0624, abs=5e-5)
    assert interval.high == pytest.approx(0.1605, abs=5e-5)


def test_wilson_interval_by_hand_for_one_of_two() -> None:
    z = 1.959963984540054
    half = z / (2 + z**2) * np.sqrt(0.5 + z**2 / 4)
    interval = wilson_interval(1, 2)
    assert interval.low == pytest.approx(0.5 - half, abs=1e-12)
    assert interval.high == pytest.approx(0.5 + half, abs=1e-12)


@given(st.integers(1, 3000), st.floats(0, 1), st.sampled_from([0.9, 0.95, 0.99]))
def test_wilson_interval_equals_scipy_and_holds_the_proportion(n: int, share: float, level: float) -> None:
    k = round(n * share)
    expected = binomtest(k, n).proportion_ci(confidence_level=level, method="wilson")
    interval = wilson_interval(k, n, level=level)
    assert interval.low == pytest.approx(expected.low, abs=1e-12)
    assert interval.high == pytest.approx(expected.high, abs=1e-12)
    assert 0 <= interval.low <= k / n <= interval.high <= 1


def test_wilson_interval_has_no_value_without_trials() -> None:
    interval = wilson_interval([0, 1], [0, 4])
    assert np.isnan(interval.low[0])
    assert np.isnan(interval.high[0])
    assert interval.low[1] > 0


def test_exact_test_by_hand() -> None:
    # 10 images, 4 failures, a leaf of 5 with 4 of them: C(4,4)·C(6,1) / C(10,5) = 6 / 252
    assert exact_test(5, 4, n_group_images=10, n_group_failures=4) == pytest.approx(6 / 252, abs=1e-15)
    # with 3 of them: (C(4,3)·C(6,2) + C(4,4)·C(6,1)) / C(10,5) = 66 / 252
    assert exact_test(5, 3, n_group_images=10, n_group_failures=4) == pytest.approx(66 / 252, abs=1e-15)


def test_exact_test_has_no_value_where_nothing_could_be_learned() -> None:
    p_values = exact_test([5, 5, 0, 0], [0, 5, 0, 0], n_group_images=[10, 10, 10, 0], n_group_failures=[0, 10, 4, 0])
    np.testing.assert_array_equal(np.isnan(p_values), [True, True, False, True])
    assert p_values[2] == 1.0


@settings(deadline=None, max_examples=100)
@given(st.integers(2, 120), st.data())
def test_exact_test_equals_sums_of_binomial_coefficients_and_fisher(total: int, data: st.DataObject) -> None:
    failures = data.draw(st.integers(1, total - 1))
    n = data.draw(st.integers(0, total))
    k = data.draw(st.integers(max(0, n - (total - failures)), min(n, failures)))
    ways = sum(comb(failures, i) * comb(total - failures, n - i) for i in range(k, min(n, failures) + 1))
    p_value = float(exact_test(n, k, n_group_images=total, n_group_failures=failures))
    assert p_value == pytest.approx(ways / comb(total, n), rel=1e-9)
    table = [[k, n - k], [failures - k, total - failures - n + k]]
    assert p_value == pytest.approx(fisher_exact(table, alternative="greater").pvalue, rel=1e-9)


def test_q_values_of_the_original_paper() -> None:
    # the 15 p-values of Benjamini and Hochberg (1995), section 3.2: four are significant at 5 %
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
    p_values += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000]
    q_values = adjust_p_values(p_values)
    assert (q_values <= 0.05).sum() == 4
    np.testing.assert_allclose(q_values[:4], [0.0015, 0.003, 0.0095, 0.035625])


@given(st.lists(st.floats(0, 1) | st.just(float("nan")), max_size=40))
def test_q_values_equal_scipy_and_leave_out_what_was_not_tested(p_values: list[float]) -> None:
    q_values, tested = adjust_p_values(p_values), ~np.isnan(np.array(p_values, dtype=float))
    assert np.isnan(q_values[~tested]).all()
    if tested.any():
        np.testing.assert_allclose(
            q_values[tested], false_discovery_control(np.array(p_values)[tested], method="bh"), atol=1e-12
        )


def test_families_are_adjusted_apart() -> None:
    # three tests by label: 0.01 · 3/1, min(0.03 · 3/2, 0.04 · 3/3), 0.04 · 3/3; by prediction one, which stays as it is
    p_values = [0.01, 0.02, 0.04, 0.03, np.nan, np.nan]
    families = ["label", "prediction", "label", "label", "column site", "prediction"]
    expected = [0.03, 0.02, 0.04, 0.04, np.nan, np.nan]
    np.testing.assert_allclose(adjust_within_families(p_values, families), expected, atol=1e-12)
    together = adjust_p_values(p_values)
    np.testing.assert_allclose(together, [0.04, 0.04, 0.04, 0.04, np.nan, np.nan], atol=1e-12)
    assert adjust_within_families([], []).shape == (0,)


def test_a_verdict_says_whether_there_is_a_difference_and_whether_it_is_as_large_as_asked_for() -> None:
    candidate = np.array([True, True, True, True, True, False])
    holds = np.array([True, False, True, False, True, True])
    q_values = np.array([0.05, 0.01, 0.051, 0.9, np.nan, 0.01])
    verdicts = judge(candidate, holds, q_values, max_q_value=0.05, in_sample=False)
    assert verdicts.tolist() == ["verified", "real_but_small", *["can_be_chance"] * 3, None]


def test_a_test_that_could_not_have_passed_says_nothing_about_the_rule() -> None:
    # 3 failures among 20 images: one leaf with 1 image (p 3/20 at best), one with 2 (3/190), and one without any
    smallest = smallest_p_value([1, 2, 0], n_group_images=20, n_group_failures=3)
    np.testing.assert_allclose(smallest, [3 / 20, 3 / 190, 1.0], rtol=1e-12)
    q_values = np.array([0.9, 0.9, np.nan])
    flags = np.ones(3, dtype=np.bool_)
    verdicts = judge(flags, flags, q_values, max_q_value=0.05, in_sample=False, smallest_p_values=smallest)
    assert verdicts.tolist() == ["too_few_images", "can_be_chance", "too_few_images"]
    at_limit = smallest_p_value([1], n_group_images=20, n_group_failures=1)  # 1/20 can pass
    one = np.ones(1, dtype=np.bool_)
    verdicts = judge(one, one, np.array([0.05]), max_q_value=0.05, in_sample=False, smallest_p_values=at_limit)
    assert verdicts.tolist() == ["verified"]


@given(total=st.integers(1, 40), data=st.data())
def test_the_smallest_p_value_is_that_of_the_worst_outcome(total: int, data: st.DataObject) -> None:
    n, failures = data.draw(st.integers(0, total)), data.draw(st.integers(0, total))
    outcomes = np.arange(max(0, n - (total - failures)), min(n, failures) + 1)
    p_values = exact_test(n, outcomes, n_group_images=total, n_group_failures=failures)
    expected = 1.0 if np.isnan(p_values).any() else p_values.min()
    found = smallest_p_value(n, n_group_images=total, n_group_failures=failures)
    assert float(found) == pytest.approx(expected, rel=1e-9)


def test_nothing_is_verified_in_sample() -> None:
    verdicts = judge(np.array([True, False]), np.array([True, True]), np.zeros(2), max_q_value=0.05, in_sample=True)
    assert verdicts.tolist() == ["in_sample_only", None]


def test_interval_of_a_balanced_accuracy_by_hand() -> None:
    # 9 of 10 and 40 of 50: the mean is 0.85; the distances of the Wilson ends are added at right angles
    first, second = wilson_interval(9, 10), wilson_interval(40, 50)
    interval = balanced_accuracy_interval((9, 40), (10, 50))
    assert interval.low == pytest.approx(0.85 - np.hypot(0.9 - first.low, 0.8 - second.low) / 2, abs=1e-12)
    assert interval.high == pytest.approx(0.85 + np.hypot(first.high - 0.9, second.high - 0.8) / 2, abs=1e-12)


def test_interval_of_a_balanced_accuracy_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    hits = rng.binomial(12, 0.7, 4000), rng.binomial(60, 0.9, 4000)
    interval = balanced_accuracy_interval(hits, (12, 60))
    covered = (interval.low <= 0.8) & (interval.high >= 0.8)
    assert 0.93 <= covered.mean() <= 0.98


def test_interval_of_a_balanced_accuracy_has_no_value_without_one_of_the_outcomes() -> None:
    interval = balanced_accuracy_interval(([3, 0], [5, 5]), ([3, 0], [5, 9]))
    assert interval.high[0] == 1.0
    assert 0 < interval.low[0] < 1
    assert np.isnan(interval.low[1])
    assert np.isnan(interval.high[1])
