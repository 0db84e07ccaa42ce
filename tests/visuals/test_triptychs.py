"""Which images are shown, and how activations are counted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from barlow_report.visuals.histograms import histograms, is_sparse
from barlow_report.visuals.triptychs import choose_gallery, most_activating


def test_the_most_activating_images_come_first_and_ties_by_id() -> None:
    activations = np.array([0.5, 2.0, 0.5, 3.0, 2.0], dtype=np.float32)
    ids = np.array([10, 11, 12, 13, 14])
    assert most_activating(activations, ids, n=4).tolist() == [13, 11, 14, 10]
    assert most_activating(activations, ids, n=99).tolist() == [13, 11, 14, 10, 12]


def test_galleries_hold_failures_and_successes_once_each() -> None:
    ids = np.arange(100, 120)
    failed = ids % 4 == 0
    gallery = choose_gallery(ids, failed, n=6, seed=1, rule_id=7)
    assert gallery["is_failure"].tolist() == [True] * 5 + [False] * 6
    assert not gallery["image_id"].duplicated().any()
    assert (gallery["image_id"] % 4 == 0).tolist() == gallery["is_failure"].tolist()
    assert gallery["rank"].tolist() == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 6]


def test_galleries_depend_on_seed_and_rule_only() -> None:
    ids, failed = np.arange(50), np.arange(50) % 2 == 0
    draws = [
        choose_gallery(ids, failed, n=5, seed=s, rule_id=r)["image_id"].tolist()
        for s, r in [(0, 0), (0, 0), (1, 0), (0, 1)]
    ]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]
    assert draws[0] != draws[3]


def test_galleries_of_a_leaf_without_images_are_empty() -> None:
    nobody = np.zeros(0, dtype=np.int64)
    assert choose_gallery(nobody, nobody.astype(bool), n=5, seed=0, rule_id=0).empty


@given(
    hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=30), elements=st.floats(-5, 5, width=32)),
    st.integers(0, 2**31),
)
def test_histograms_count_every_image_once(features: np.ndarray, seed: int) -> None:
    failed = np.random.default_rng(seed).random(len(features)) < 0.5
    table = histograms(features, failed, feature_ids=range(features.shape[1]), n_bins=7)
    by_feature = table.groupby("feature_id")
    assert (by_feature["n_images"].sum() == len(features)).all()
    assert (by_feature["n_failures"].sum() == failed.sum()).all()
    assert np.array_equal(by_feature["low"].min(), features.min(axis=0).astype(float))
    assert np.array_equal(by_feature["high"].max(), features.max(axis=0).astype(float))


def test_histograms_agree_with_numpy() -> None:
    rng = np.random.default_rng(3)
    features, failed = rng.normal(size=(5000, 3)), rng.random(5000) < 0.3
    table = histograms(features, failed, feature_ids=[2], n_bins=40)
    counts, edges = np.histogram(features[:, 2], bins=40)
    assert table["n_images"].tolist() == counts.tolist()
    assert table["n_failures"].tolist() == np.histogram(features[failed, 2], bins=edges)[0].tolist()
    assert table["low"].to_numpy() == pytest.approx(edges[:-1])


def test_a_constant_feature_has_one_bin() -> None:
    table = histograms(np.ones((4, 1)), np.array([True, False, False, False]), feature_ids=[0])
    assert table[["low", "high", "n_images", "n_failures"]].to_numpy().tolist() == [[1.0, 1.0, 4, 1]]


def test_a_silent_feature_has_its_silence_in_a_bin_of_its_own() -> None:
    values = np.array([0, 0, 0, 0.1, 0.5, 0.5, 0.9, 1.0], dtype=np.float32)[:, None]
    failed = np.array([True, True, False, False, True, False, False, True])
    table = histograms(values, failed, feature_ids=[0], n_bins=2)
    assert table[["low", "high", "n_images", "n_failures"]].to_numpy().tolist() == [
        [0.0, 0.0, 3, 2], [0.0, 0.5, 1, 0], [0.5, 1.0, 4, 2]
    ]  # fmt: skip
    assert table["position"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(("n_lowest", "n", "expected"), [(1, 2, False), (2, 20, True), (2, 21, False), (5, 5, False)])
def test_a_feature_is_sparse_from_a_tenth_of_equal_lowest_values_on(n_lowest: int, n: int, expected: bool) -> None:
    assert bool(is_sparse(n_lowest, n)) is expected


def test_no_features_give_no_rows() -> None:
    assert histograms(np.ones((4, 1)), np.zeros(4, dtype=bool), feature_ids=[]).empty
