"""Natural cuts lie between clusters, wherever the failures are; the paper's cut is taken where it explains more."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.mixture import GaussianMixture

from barlow_report.config import RulesConfig
from barlow_report.rules import explain_failures
from barlow_report.rules.cuts import find_cuts
from barlow_report.rules.natural_tree import fit_natural_tree
from barlow_report.rules.trees import count_in_nodes, fit_tree

Rows = npt.NDArray[np.float32]


def two_clusters(
    random: np.random.Generator, *, n: int, share: float, distance: float
) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """Return values (n,) of two normal clusters of one width, and which are of the upper one."""
    upper = random.random(n) < share
    return (random.normal(size=n) + distance * upper).astype(np.float32), upper


def test_a_cut_by_hand() -> None:
    # {0, 1, 2} and {10, 11, 12, 13}: any other cut mixes them
    features = np.array([[10, 7], [0, 7], [12, 7], [1, 7], [13, 7], [2, 7], [11, 7]], dtype=np.float32)
    cuts = find_cuts(features, feature_ids=np.array([1, 0]))
    assert cuts.feature_ids.tolist() == [0, 1]
    assert cuts.thresholds[0] == 6.0
    assert np.isnan(cuts.thresholds[1])
    # means 1 and 11.5, variances 2/3 and 5/4, each with 0.05² of the variance of all
    floor = 0.0025 * features[:, 0].var()
    assert cuts.separations[0] == pytest.approx(10.5 / np.sqrt((2 / 3 + 5 / 4 + 2 * floor) / 2))
    assert cuts.separations[1] == 0


def test_the_cut_is_near_the_one_of_a_fitted_mixture() -> None:
    random = np.random.default_rng(1)
    for share in (0.2, 0.5, 0.7):
        values, _ = two_clusters(random, n=600, share=share, distance=6)
        cuts = find_cuts(values[:, None], feature_ids=np.array([0]))
        mixture = GaussianMixture(2, random_state=0).fit(values[:, None])
        grid = np.linspace(0, 6, 601)
        labels = mixture.predict(grid[:, None])
        boundary = grid[np.flatnonzero(np.diff(labels))[0]]
        assert cuts.thresholds[0] == pytest.approx(boundary, abs=0.4)
        assert cuts.separations[0] == pytest.approx(6, rel=0.15)


def test_one_cluster_has_no_natural_cut() -> None:
    random = np.random.default_rng(2)
    cuts = find_cuts(random.normal(size=(400, 30)).astype(np.float32), feature_ids=np.arange(30))
    assert (cuts.separations > 0).mean() < 0.1


def test_few_outliers_are_no_cluster() -> None:
    values = np.random.default_rng(3).normal(size=(200, 1)).astype(np.float32)
    values[:4] = 50
    assert not find_cuts(values, feature_ids=np.array([0])).thresholds[0] > 5


def test_noisy_failures_do_not_move_the_threshold() -> None:
    random = np.random.default_rng(4)
    natural, free = [], []
    for _ in range(20):
        values, upper = two_clusters(random, n=80, share=0.4, distance=8)
        failure = random.random(80) < np.where(upper, 0.6, 0.2)
        rows = values[:, None]
        tree = fit_natural_tree(rows, failure, cuts=find_cuts(rows, feature_ids=np.array([0])), max_depth=1, seed=0)
        natural.append((tree.find_leaves(rows) == 2) == upper)
        tree = fit_tree(rows, failure, feature_ids=np.array([0]), max_depth=1, seed=0)
        free.append((tree.find_leaves(rows) == 2) == upper)
    assert np.mean(natural) > 0.99
    assert np.mean(free) < np.mean(natural) - 0.02


def test_without_clusters_the_tree_is_the_papers() -> None:
    random = np.random.default_rng(5)
    features = random.normal(size=(300, 6)).astype(np.float32)
    failure = random.random(300) < np.where(features[:, 2] > 0.8, 0.9, 0.1)
    cuts = find_cuts(features, feature_ids=np.arange(6))
    assert (cuts.separations == 0).all()
    natural = fit_natural_tree(features, failure, cuts=cuts, max_depth=1, seed=0)
    papers = fit_tree(features, failure, feature_ids=np.arange(6), max_depth=1, seed=0)
    assert natural.feature_ids.tolist() == papers.feature_ids.tolist() == [2, -1, -1]
    assert natural.thresholds[0] == papers.thresholds[0]


def test_a_cut_far_from_the_clusters_is_taken_where_it_explains_much_more() -> None:
    random = np.random.default_rng(6)
    values, _ = two_clusters(random, n=500, share=0.5, distance=6)
    failure = values > np.quantile(values, 0.9)
    tree = fit_natural_tree(
        values[:, None], failure, cuts=find_cuts(values[:, None], feature_ids=np.array([0])), max_depth=1, seed=0
    )
    n_images, n_failures = count_in_nodes(tree, tree.find_leaves(values[:, None]), failure)
    assert n_images.tolist() == [500, 450, 50]
    assert n_failures.tolist() == [50, 0, 50]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), max_depth=st.integers(1, 4), n_values=st.sampled_from([1, 2, 3, 50]))
def test_trees_are_well_formed(seed: int, max_depth: int, n_values: int) -> None:
    random = np.random.default_rng(seed)
    features = random.integers(0, n_values, (60, 8)).astype(np.float32)
    failure = random.random(60) < 0.3
    failure[:2] = [False, True]
    ids = random.permutation(8)[:5]
    tree = fit_natural_tree(
        features, failure, cuts=find_cuts(features, feature_ids=ids), max_depth=max_depth, seed=seed
    )
    assert tree.depths.max() <= max_depth
    inner = tree.feature_ids >= 0
    assert set(tree.feature_ids[inner]) <= set(ids)
    assert np.isfinite(tree.thresholds[inner]).all()
    assert (tree.le_child_ids[inner] == np.flatnonzero(inner) + 1).all()
    n_images, n_failures = count_in_nodes(tree, tree.find_leaves(features), failure)
    assert (n_images > 0).all()
    assert n_images[tree.leaf_ids].sum() == 60
    assert n_failures[tree.leaf_ids].sum() == failure.sum()


def test_the_setting_decides_and_auto_follows_the_held_out_share() -> None:
    random = np.random.default_rng(7)
    values, upper = two_clusters(random, n=100, share=0.5, distance=8)
    features = np.stack([values, random.normal(size=100).astype(np.float32)], axis=1)
    labels = np.zeros(100, dtype=np.int64)
    failures = (random.random(100) < np.where(upper, 0.6, 0.3)).astype(np.int64)

    def threshold(**options: object) -> float:
        chosen = RulesConfig.model_validate({"groupings": ("label",), "evidence": "held_out"} | options)
        return float(explain_failures(features, labels, failures, settings=chosen).conditions["threshold"].iloc[0])

    assert threshold() == threshold(thresholds="natural") != threshold(thresholds="entropy")
    assert threshold(held_out_fraction=0.0) == threshold(held_out_fraction=0.0, thresholds="entropy")
    assert threshold(held_out_fraction=0.0) != threshold(held_out_fraction=0.0, thresholds="natural")
