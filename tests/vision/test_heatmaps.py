"""Heatmaps are in [0, 1] whatever the channel."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from barlow_report.vision.heatmaps import heatmap, resize_heatmap


def test_a_channel_is_scaled_by_its_smallest_and_largest_value() -> None:
    assert heatmap(torch.tensor([[1.0, 2.0], [3.0, 5.0]])).tolist() == [[0.0, 0.25], [0.5, 1.0]]


@pytest.mark.parametrize("value", [0.0, 3.0, np.nan, np.inf])
def test_a_dead_channel_gives_zeros(value: float) -> None:
    assert heatmap(np.full((3, 3), value)).tolist() == np.zeros((3, 3)).tolist()


@given(arrays.arrays(np.float32, arrays.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.floats(width=32)))
def test_a_heatmap_and_its_enlargement_stay_in_zero_to_one(channel: np.ndarray) -> None:
    small = heatmap(channel)
    large = resize_heatmap(small)
    assert small.dtype == large.dtype == np.float32
    assert small.shape == channel.shape
    assert large.shape == (56, 56)
    for values in (small, large):
        assert np.isfinite(values).all()
        assert values.min() >= 0
        assert values.max() <= 1


def test_enlarging_interpolates_between_positions() -> None:
    large = resize_heatmap(np.array([[0.0, 1.0]], dtype=np.float32), 4)
    assert large.tolist() == [[0.0, 0.25, 0.75, 1.0]] * 4
