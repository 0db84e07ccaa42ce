"""Measures against values computed by hand, and what must hold for any tree."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barlow_report.rules import metrics

# syringe, grouped by prediction, standard ResNet-50: the two leaves of its tree
SYRINGE_IMAGES, SYRINGE_FAILURES = np.array([395, 1011]), np.array([139, 145])


def test_syringe() -> None:
    n, k = SYRINGE_IMAGES, SYRINGE_FAILURES
    assert metrics.base_error_rate(n.sum(), k.sum()) == pytest.approx(0.2020, abs=5e-5)
    assert metrics.error_rate(n, k)[0] == pytest.approx(0.3519, abs=5e-5)
    assert metrics.error_coverage(k, k.sum())[0] == pytest.approx(0.4894, abs=5e-5)
    assert metrics.importance_value(n, k, k.sum())[0] == pytest.approx(0.1722, abs=5e-5)
    assert metrics.average_leaf_error_rate(n, k) == pytest.approx(0.2455, abs=5e-5)


def test_syringe_as_fractions() -> None:
    n, k = SYRINGE_IMAGES, SYRINGE_FAILURES
    assert metrics.base_error_rate(n.sum(), k.sum()) == 284 / 1406
    assert metrics.error_rate(n, k)[0] == 139 / 395
    assert metrics.error_coverage(k, k.sum())[0] == 139 / 284
    assert metrics.average_leaf_error_rate(n, k) == pytest.approx((139**2 / 395 + 145**2 / 1011) / 284, abs=1e-15)


def test_the_other_leaf_of_a_stump_follows_from_the_first() -> None:
    n, k = SYRINGE_IMAGES, SYRINGE_FAILURES
    base, rate, coverage = 284 / 1406, 139 / 395, 139 / 284
    expected = (1 - coverage) * base / (1 - coverage * base / rate)
    assert metrics.error_rate(n, k)[1] == pytest.approx(expected, abs=1e-12)


def test_a_tree_of_depth_two_by_hand() -> None:
    # root 100/40 -> le 60/10, gt 40/30 -> le 20/20, gt 20/10
    parents = np.array([-1, 0, 0, 2, 2])
    n, k = np.array([100, 60, 40, 20, 20]), np.array([40, 10, 30, 20, 10])
    leaves = [1, 3, 4]
    assert metrics.average_leaf_error_rate(n[leaves], k[leaves]) == pytest.approx((100 / 60 + 20 + 5) / 40)
    subtrees = metrics.subtree_average_leaf_error_rate(parents, n, k)
    np.testing.assert_allclose(subtrees, [(100 / 60 + 25) / 40, 1 / 6, 25 / 30, 1.0, 0.5])
    # the inner node's own rate is 30/40: another quantity under another name
    assert metrics.error_rate(n, k)[2] == 0.75


def test_nothing_to_divide_by_gives_no_value() -> None:
    assert np.isnan(metrics.base_error_rate(0, 0))
    assert np.isnan(metrics.error_rate([0, 4], [0, 1])[0])
    assert np.isnan(metrics.error_coverage(0, 0))
    assert np.isnan(metrics.importance_value(0, 0, 5))
    assert np.isnan(metrics.importance_value(5, 0, 0))
    assert np.isnan(metrics.average_leaf_error_rate([5, 5], [0, 0]))
    assert metrics.average_leaf_error_rate([4, 0], [2, 0]) == 0.5
    subtrees = metrics.subtree_average_leaf_error_rate(np.array([-1, 0, 0]), [4, 4, 0], [2, 2, 0])
    np.testing.assert_array_equal(subtrees, [0.5, 0.5, np.nan])


def test_a_rate_that_equals_the_limit_on_paper_passes() -> None:
    assert 0.3 < 0.2 + 0.1
    modes = metrics.is_failure_mode([0.3, 0.29, 0.3, np.nan], [0.2, 0.9, 0.19, 1.0], base_rate=0.2, rho=0.1, tau=0.2)
    np.testing.assert_array_equal(modes, [True, False, False, False])


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 500), st.floats(0, 1)), min_size=1, max_size=16))
def test_coverages_sum_to_one_and_the_average_leaf_rate_is_at_least_the_base_rate(
    leaves: list[tuple[int, float]],
) -> None:
    n = np.array([size for size, _ in leaves])
    k = np.array([round(size * share) for size, share in leaves])
    base = float(metrics.base_error_rate(n.sum(), k.sum()))
    if k.sum() == 0:
        assert np.isnan(metrics.average_leaf_error_rate(n, k))
        return
    assert metrics.error_coverage(k, k.sum()).sum() == pytest.approx(1)
    assert metrics.average_leaf_error_rate(n, k) >= base - 1e-12
    assert metrics.importance_value(n, k, k.sum()).sum() == pytest.approx(metrics.average_leaf_error_rate(n, k))
    assert metrics.average_leaf_error_rate(n, k) <= 1 + 1e-12


def test_the_gain_by_chance_is_the_mean_over_all_ways_to_place_the_failures() -> None:
    n_images, n_failures, leaves = 7, 3, (range(2), range(2, 4), range(4, 7), range(0))
    gains = [
        metrics.average_leaf_error_rate(
            [len(leaf) for leaf in leaves], [len(set(leaf) & set(failures)) for leaf in leaves]
        )
        - n_failures / n_images
        for failures in itertools.combinations(range(n_images), n_failures)
    ]
    assert min(gains) >= -1e-15
    assert metrics.gain_by_chance([len(leaf) for leaf in leaves], n_failures) == pytest.approx(np.mean(gains))


def test_nothing_is_gained_by_chance_where_no_gain_can_be_measured() -> None:
    assert np.isnan(metrics.gain_by_chance([5, 5], 0))
    assert np.isnan(metrics.gain_by_chance([1], 1))
    assert metrics.gain_by_chance([5], 2) == 0
