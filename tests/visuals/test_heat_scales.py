"""Heatmaps of a row on one scale."""

import numpy as np
import pytest

from barlow_report.visuals.heat_scales import row_scale, to_scale


def test_a_weak_map_is_dark_beside_a_strong_one() -> None:
    scale = row_scale([0.0, 1.0], [4.0, 2.0])
    assert scale == (0.0, 4.0)
    own = np.array([[0.0, 0.5, 1.0]])  # each map from its own lowest to its own highest value
    assert to_scale(own, low=0.0, high=4.0, scale=scale).tolist() == [[0.0, 0.5, 1.0]]
    assert to_scale(own, low=1.0, high=2.0, scale=scale).tolist() == [[0.25, 0.375, 0.5]]


def test_a_scale_begins_below_zero_only_where_a_map_does() -> None:
    assert row_scale([0.5, 1.0], [2.0, 3.0]) == (0.0, 3.0)
    assert row_scale([-1.0, 0.0], [1.0, 3.0]) == (-1.0, 3.0)
    assert to_scale(np.array([[0.0, 1.0]]), low=-1.0, high=1.0, scale=(-1.0, 3.0)).tolist() == [[0.0, 0.5]]


@pytest.mark.parametrize("level", [0.0, -2.0])
def test_maps_without_any_response_show_nothing(level: float) -> None:
    scale = row_scale([level], [level])
    assert to_scale(np.zeros((2, 2)), low=level, high=level, scale=scale).tolist() == [[0.0, 0.0], [0.0, 0.0]]
