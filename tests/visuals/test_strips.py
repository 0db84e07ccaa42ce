"""What is counted and chosen along a condition: bins that end at the threshold, and the images closest to it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from barlow_report.visuals.strips import bins_at_threshold, choose_successes, images_at_threshold


def test_bins_end_at_the_threshold_and_are_counted_as_by_hand() -> None:
    activations = np.array([0.0, 1.0, 2.0, 2.5, 4.0], dtype=np.float32)
    failed = np.array([True, False, True, False, True])
    table = bins_at_threshold(activations, failed, threshold=2.0, n_bins=4)
    assert table["low"].tolist() == [0.0, 1.0, 2.0, 3.0]
    assert table["high"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert table["n_images"].tolist() == [2, 1, 1, 1]  # an image at the threshold is below it
    assert table["n_failures"].tolist() == [1, 1, 0, 1]


@given(
    hnp.arrays(np.float32, st.integers(0, 40), elements=st.floats(-5, 5, width=32)),
    st.floats(-6, 6),
    st.integers(1, 30),
)
def test_each_side_of_the_threshold_holds_the_images_that_the_condition_finds(
    activations: np.ndarray, threshold: float, n_bins: int
) -> None:
    failed = np.arange(len(activations)) % 3 == 0
    table = bins_at_threshold(activations, failed, threshold=threshold, n_bins=n_bins)
    below = activations.astype(np.float64) <= threshold
    for side, chosen in ((table["high"] <= threshold, below), (table["high"] > threshold, ~below)):
        assert table[side]["n_images"].sum() == chosen.sum()
        assert table[side]["n_failures"].sum() == (chosen & failed).sum()
    if len(table):
        low, high = activations.astype(np.float64).min(), activations.astype(np.float64).max()
        assert table["low"].iloc[0] == low or low >= threshold
        assert table["high"].iloc[-1] == high or high <= threshold


def test_the_outermost_bins_reach_no_further_than_the_images() -> None:
    activations = np.array([0.0, 0.1, 1.9], dtype=np.float64)
    table = bins_at_threshold(activations, np.array([True, False, False]), threshold=0.9, n_bins=10)
    assert (table["low"].iloc[0], table["high"].iloc[-1]) == (0.0, 1.9)  # bins of 0.19 do not divide 0.9
    assert table["n_images"].tolist() == [2, *[0] * (len(table) - 2), 1]
    equal = bins_at_threshold(np.full(3, 0.5), np.ones(3, dtype=np.bool_), threshold=0.5)
    assert equal[["n_images", "n_failures"]].to_numpy().tolist() == [[3, 3]]
    assert (equal["low"] < equal["high"]).all()


def test_silent_images_are_counted_apart_on_their_side_of_the_threshold() -> None:
    activations = np.array([0.0, 0.0, 0.0, 0.2, 0.3, 0.9])
    failed = np.array([True, False, False, True, False, False])
    table = bins_at_threshold(activations, failed, threshold=0.25, n_bins=2)
    assert table["bin"].tolist() == list(range(len(table)))
    assert table[["low", "high", "n_images", "n_failures"]].to_numpy().tolist()[0] == [0.0, 0.0, 3, 1]
    assert (table["low"].iloc[1], table["high"].iloc[1]) == (0.2, 0.25)
    assert table.loc[table["high"] <= 0.25, "n_images"].sum() == 4
    beyond = bins_at_threshold(activations, failed, threshold=-0.1, n_bins=2)
    assert (beyond["low"] < beyond["high"]).all()  # all images are above: the lowest are not shown before the line


def test_images_closest_to_the_threshold_come_first_on_each_side_and_ties_by_id() -> None:
    activations = np.array([0.1, 0.4, 0.5, 0.6, 0.6, 0.9], dtype=np.float32)
    ids = np.array([3, 5, 8, 9, 11, 20])
    found = images_at_threshold(activations, ids, threshold=0.5, n=2)
    assert found["place"].tolist() == ["below", "below", "above", "above"]
    assert found["rank"].tolist() == [1, 2, 1, 2]
    assert found["image_id"].tolist() == [8, 5, 9, 11]


def test_successes_of_the_other_side_depend_on_seed_and_rule_only() -> None:
    ids, activations = np.arange(30), np.linspace(0, 1, 30)
    draws = [
        choose_successes(activations, ids, n=5, seed=s, rule_id=r)["image_id"].tolist()
        for s, r in [(0, 0), (0, 0), (1, 0), (0, 1)]
    ]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]
    assert draws[0] != draws[3]
    assert len(set(draws[0])) == 5
