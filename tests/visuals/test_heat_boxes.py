"""Boxes around where a feature is strong, by hand."""

import numpy as np

from barlow_report.visuals.heat_boxes import strong_box


def test_the_box_holds_what_hangs_together_with_the_strongest_cell_and_is_half_as_strong() -> None:
    values = np.zeros((4, 5))
    values[1, 1], values[2, 2] = 8.0, 4.0  # touch at a corner; exactly half
    values[1, 2] = 3.9  # too weak, and inside of the box all the same
    values[3, 4] = 7.0  # strong, and elsewhere
    assert strong_box(values) == (1 / 5, 1 / 4, 3 / 5, 3 / 4)


def test_one_cell_and_a_whole_map() -> None:
    assert strong_box(np.array([[1.0]])) == (0.0, 0.0, 1.0, 1.0)
    assert strong_box(np.full((3, 3), 2.0)) == (0.0, 0.0, 1.0, 1.0)


def test_a_map_without_anything_above_zero_has_no_box() -> None:
    assert strong_box(np.zeros((3, 3))) is None
    assert strong_box(np.full((3, 3), -1.0)) is None
