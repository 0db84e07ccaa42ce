"""Trees name features of the representation, number nodes depth first and count exactly."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from barlow_report.rules import metrics
from barlow_report.rules.trees import count_in_nodes, fit_tree, select_features


def test_features_are_selected_by_information_with_ties_by_id() -> None:
    information = np.array([0.1, 0.3, 0.1 + 1e-15, 0.0, 0.3, 0.2])
    assert select_features(information, n_selected=4).tolist() == [1, 4, 5, 0]
    assert select_features(information, n_selected=50).tolist() == [1, 4, 5, 0, 2, 3]


def test_a_stump_by_hand() -> None:
    features = np.zeros((8, 6), dtype=np.float32)
    features[:, 4] = [1, 2, 3, 4, 5, 6, 7, 8]
    failure = np.array([0, 0, 0, 0, 0, 1, 1, 1], dtype=np.bool_)
    tree = fit_tree(features, failure, feature_ids=np.array([4, 2]), max_depth=3, seed=0)
    assert tree.n_nodes == 3
    assert tree.feature_ids.tolist() == [4, -1, -1]
    assert tree.thresholds[0] == 5.5
    assert [tree.branch(node) for node in range(3)] == ["root", "le", "gt"]
    assert tree.leaf_ids.tolist() == [1, 2]
    leaves = tree.find_leaves(features)
    assert leaves.tolist() == [1, 1, 1, 1, 1, 2, 2, 2]
    n_images, n_failures = count_in_nodes(tree, leaves, failure)
    assert n_images.tolist() == [8, 5, 3]
    assert n_failures.tolist() == [3, 0, 3]


def test_rare_failures_weigh_as_much_as_common_successes() -> None:
    # Unweighted entropy would rather cut off the pure half of the successes than most of the failures.
    random = np.random.default_rng(0)
    failure = np.arange(1000) < 20
    features = np.stack([np.where(failure, random.random(1000) < 0.9, random.random(1000) < 0.2)], axis=1)
    tree = fit_tree(features.astype(np.float32), failure, feature_ids=np.array([0]), max_depth=1, seed=0)
    n_images, n_failures = count_in_nodes(tree, tree.find_leaves(features.astype(np.float32)), failure)
    assert n_failures[2] / n_images[2] > 3 * n_failures[0] / n_images[0]


def test_constant_features_give_no_split() -> None:
    tree = fit_tree(
        np.ones((10, 3), dtype=np.float32), np.arange(10) < 4, feature_ids=np.array([0, 2]), max_depth=2, seed=0
    )
    assert tree.n_nodes == 1
    assert tree.leaf_ids.tolist() == [0]
    assert tree.path(0) == [0]


@pytest.mark.parametrize("exponent", [-120, -60, -20, 60, 110])
def test_a_tree_depends_on_the_order_of_values_and_not_on_their_scale(exponent: int) -> None:
    random = np.random.default_rng(0)
    values = np.maximum(random.normal(size=(400, 6)), 0).astype(np.float32)
    failure = random.random(400) < np.where(values[:, 2] > 1, 0.8, 0.1)
    usual, scaled = (
        fit_tree(rows, failure, feature_ids=np.arange(6), max_depth=3, seed=0)
        for rows in (values, np.ldexp(values, exponent))
    )
    assert scaled.feature_ids.tolist() == usual.feature_ids.tolist()
    np.testing.assert_array_equal(scaled.thresholds, np.ldexp(usual.thresholds, exponent))


def test_images_on_the_threshold_go_to_le() -> None:
    features = np.array([[0.1], [0.1], [0.3], [0.3]], dtype=np.float32)
    tree = fit_tree(features, np.array([0, 0, 1, 1], np.bool_), feature_ids=np.array([0]), max_depth=1, seed=0)
    below = np.float32(tree.thresholds[0])
    at = np.array([[below], [np.nextafter(below, np.float32(1))], [np.nextafter(below, np.float32(0))]])
    expected = [1 if np.float64(value) <= tree.thresholds[0] else 2 for value in at[:, 0]]
    assert tree.find_leaves(at.astype(np.float32)).tolist() == expected


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(4, 200), st.integers(1, 8))
def test_any_tree_is_numbered_depth_first_and_its_counts_add_up(
    seed: int, max_depth: int, n_images: int, n_features: int
) -> None:
    random = np.random.default_rng(seed)
    features = np.round(random.standard_normal((n_images, n_features)), 1).astype(np.float32)
    failure = random.random(n_images) < 0.3
    failure[:2] = [True, False]
    ids = random.permutation(n_features)[: random.integers(1, n_features + 1)]
    tree = fit_tree(features, failure, feature_ids=ids, max_depth=max_depth, seed=seed)
    leaves = tree.find_leaves(features)
    n, k = count_in_nodes(tree, leaves, failure)
    assert (n[0], k[0]) == (n_images, failure.sum())
    assert set(leaves) == set(tree.leaf_ids)
    assert set(tree.feature_ids[tree.feature_ids >= 0]) <= set(ids)
    assert tree.depths.max() <= max_depth
    for node in range(tree.n_nodes):
        below = np.flatnonzero(tree.parent_ids == node)
        if tree.feature_ids[node] < 0:
            assert len(below) == 0
            assert np.isnan(tree.thresholds[node])
            continue
        assert tree.le_child_ids[node] == node + 1
        assert below.tolist() == [tree.le_child_ids[node], tree.gt_child_ids[node]]
        assert n[node] == n[below].sum()
        assert k[node] == k[below].sum()
        assert (tree.depths[below] == tree.depths[node] + 1).all()
    at_leaves = metrics.average_leaf_error_rate(n[tree.leaf_ids], k[tree.leaf_ids])
    assert at_leaves >= k[0] / n[0] - 1e-12
    assert metrics.subtree_average_leaf_error_rate(tree.parent_ids, n, k)[0] == pytest.approx(at_leaves)
    for leaf in tree.leaf_ids:
        inside = np.ones(n_images, dtype=np.bool_)
        path = tree.path(int(leaf))
        for above, node in pairwise(path):
            at_most = features[:, tree.feature_ids[above]].astype(np.float64) <= tree.thresholds[above]
            inside &= at_most if tree.branch(node) == "le" else ~at_most
        np.testing.assert_array_equal(inside, leaves == leaf)
