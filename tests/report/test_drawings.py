"""Where the boxes of a tree and the bars of a histogram go."""

from dataclasses import replace

import pytest

from barlow_report.report.histogram import draw_histogram
from barlow_report.report.picture_records import HistogramBin
from barlow_report.report.records import Estimate, Group, Measures, Node, Share
from barlow_report.report.tree import N_SHADES, draw_tree, shade
from tests.report.test_words import RULE

NONE = Share(0, 0)


def _node(node_id: int, parent: int | None, branch: str, depth: int, k: int, n: int, split: int | None = None) -> Node:
    return Node(
        node_id=node_id,
        parent_id=parent,
        branch=branch,
        depth=depth,
        feature_id=split,
        threshold=None if split is None else 0.5,
        error=Share(k, n),
        error_held_out=NONE,
    )


def _group(*nodes: Node) -> Group:
    return Group(
        group_id=0,
        grouping="label",
        class_id=0,
        name="mug",
        status="fitted",
        base=nodes[0].error if nodes else NONE,
        base_held_out=NONE,
        is_split=False,
        average_leaf_error_rate=None,
        average_leaf_error_rate_held_out=None,
        noise_floor=None,
        nodes=nodes,
        rules=(),
    )


def test_leaves_stand_below_one_another_and_parents_in_the_middle() -> None:
    drawing = draw_tree(
        _group(
            _node(0, None, "root", 0, 10, 100, split=3),
            _node(1, 0, "le", 1, 8, 40, split=4),
            _node(2, 1, "le", 2, 7, 10),
            _node(3, 1, "gt", 2, 1, 30),
            _node(4, 0, "gt", 1, 2, 60),
        )
    )
    assert drawing is not None
    boxes = {box.node.node_id: box for box in drawing.nodes}
    assert boxes[2].y < boxes[3].y < boxes[4].y
    assert boxes[1].y == (boxes[2].y + boxes[3].y) // 2
    assert boxes[0].x < boxes[1].x < boxes[2].x
    for box in drawing.nodes:
        assert 0 <= box.x <= drawing.width - drawing.node_width
        assert 0 <= box.y <= drawing.height - drawing.node_height


def test_the_filling_is_the_share_of_the_failures_and_stands_on_the_floor_of_the_box() -> None:
    drawing = draw_tree(
        _group(_node(0, None, "root", 0, 10, 100, split=3), _node(1, 0, "le", 1, 8, 40), _node(2, 0, "gt", 1, 2, 60))
    )
    assert drawing is not None
    for box, coverage in zip(drawing.nodes, (1.0, 0.8, 0.2), strict=True):
        assert abs(box.fill_height - coverage * drawing.node_height) < 0.1
        assert abs(box.fill_y + box.fill_height - box.y - drawing.node_height) < 0.1


def test_lines_are_as_thick_as_their_share_of_images_and_say_the_condition() -> None:
    drawing = draw_tree(
        _group(_node(0, None, "root", 0, 10, 100, split=3), _node(1, 0, "le", 1, 8, 40), _node(2, 0, "gt", 1, 2, 60))
    )
    assert drawing is not None
    thin, thick = drawing.edges
    assert thin.width < thick.width
    assert (thin.condition, thick.condition) == ("≤ 0.5", "> 0.5")
    assert thin.feature == "feature 3"


def test_boxes_show_counts_of_held_out_images_where_some_were_held_out() -> None:
    nodes = (_node(0, None, "root", 0, 10, 100, split=3), _node(1, 0, "le", 1, 8, 40), _node(2, 0, "gt", 1, 2, 60))
    held_out = [Share(5, 50), Share(3, 30), Share(2, 20)]
    counted = [replace(node, error_held_out=share) for node, share in zip(nodes, held_out, strict=True)]
    group = replace(_group(*counted), is_split=True, base_held_out=Share(5, 50))
    drawing = draw_tree(group)
    assert drawing is not None
    assert [box.error for box in drawing.nodes] == held_out
    assert [box.coverage.value for box in drawing.nodes] == [1.0, 0.6, 0.4]
    assert drawing.nodes[1].source == "3/30 held-out images"
    assert drawing.edges[0].width > drawing.edges[1].width
    assert "held-out images" in drawing.note


def test_leaves_show_estimates_and_boxes_above_them_say_that_they_are_as_seen() -> None:
    root, inner, first, second, last = (
        _node(0, None, "root", 0, 10, 100, split=3),
        _node(1, 0, "le", 1, 8, 40, split=4),
        _node(2, 1, "le", 2, 7, 10),
        _node(3, 1, "gt", 2, 1, 30),
        _node(4, 0, "gt", 1, 2, 60),
    )
    estimate = Estimate(value=0.5, low=0.4, high=0.6)
    measures = Measures(base=root.error, error=estimate, coverage=estimate, importance_value=0.25)
    rules = tuple(replace(RULE, node_id=node.node_id, held_out=measures) for node in (first, second, last))
    drawing = draw_tree(replace(_group(root, inner, first, second, last), rules=rules))
    assert drawing is not None
    boxes = {box.node.node_id: box for box in drawing.nodes}
    assert (boxes[0].error, boxes[0].source) == (root.error, "10/100 images")
    assert (boxes[1].error, boxes[1].source) == (inner.error, "8/40 images, as seen")
    assert (boxes[2].error, boxes[2].source) == (estimate, "40–60\u202f%, estimated")
    assert boxes[2].n_images == 10
    assert boxes[2].shade == shade(0.5)


def test_a_group_without_nodes_has_no_drawing() -> None:
    assert draw_tree(_group()) is None


def test_the_ramp_has_a_colour_for_every_rate() -> None:
    assert shade(None) == shade(0.0) == 0
    assert shade(1.0) == N_SHADES - 1
    assert [shade(i / 100) for i in range(101)] == sorted(shade(i / 100) for i in range(101))


def test_the_highest_bar_fills_the_height_and_thresholds_outside_are_left_out() -> None:
    bins = [
        HistogramBin(low=0.0, high=0.5, n_images=10, n_failures=4),
        HistogramBin(low=0.5, high=1.0, n_images=5, n_failures=5),
    ]
    drawing = draw_histogram(bins, thresholds=[(0.25, 0.25), (7.0, 7.0), (0.25, 0.25)])
    assert drawing is not None
    assert drawing.bars[0].height == drawing.floor - drawing.top
    assert drawing.bars[1].failures_height == drawing.bars[1].height
    assert [mark.label for mark in drawing.marks] == ["0.25"]
    printed = draw_histogram(bins, thresholds=[(0.25, 0.0)])
    assert printed is not None
    assert [(mark.label, mark.x) for mark in printed.marks] == [("0", drawing.marks[0].x)]


def test_a_threshold_without_room_for_its_number_is_a_line_only() -> None:
    bins = [HistogramBin(low=0.0, high=1.0, n_images=10, n_failures=4)]
    drawing = draw_histogram(bins, thresholds=[(v, v) for v in (0.005, 0.02, 0.5, 0.52, 0.99)])
    assert drawing is not None
    assert [mark.anchor for mark in drawing.marks] == ["", "start", "end", "start", "end"]


def test_a_feature_that_never_varies_has_a_histogram() -> None:
    drawing = draw_histogram([HistogramBin(low=0.0, high=0.0, n_images=0, n_failures=0)], thresholds=[(0.0, 0.0)])
    assert drawing is not None
    assert drawing.n_highest == 1


def test_no_bins_no_histogram() -> None:
    assert draw_histogram([], thresholds=[(1.0, 1.0)]) is None


def test_images_at_exactly_the_lowest_activation_stand_apart_and_do_not_flatten_the_others() -> None:
    bins = [
        HistogramBin(low=0.0, high=0.0, n_images=90, n_failures=30),
        HistogramBin(low=0.0, high=0.5, n_images=10, n_failures=5),
        HistogramBin(low=0.5, high=1.0, n_images=4, n_failures=0),
    ]
    drawing = draw_histogram(bins, thresholds=[(0.0, 0.0), (0.5, 0.5)])
    assert drawing is not None
    assert drawing.apart is not None
    assert drawing.apart.is_cut
    assert (drawing.apart.value, drawing.apart.images) == ("0", "90 images, 30 failures")
    assert drawing.n_highest == 10
    bar, first = drawing.apart.bar, drawing.bars[0]
    assert bar.x + bar.width < first.x == drawing.marks[0].x
    assert bar.failures_height == pytest.approx(bar.height / 3, abs=0.1)
    assert 0 < bar.y < first.y == drawing.top
    assert first.height == drawing.floor - drawing.top
    between = draw_histogram(
        [bins[0], HistogramBin(low=0.2, high=1.0, n_images=9, n_failures=0)], thresholds=[(0.1, 0.0)]
    )
    assert between is not None
    assert [(mark.label, mark.x) for mark in between.marks] == [("0", between.bars[0].x)]
    few = draw_histogram([HistogramBin(low=0.0, high=0.0, n_images=10, n_failures=0), *bins[1:]], thresholds=[])
    assert few is not None
    assert few.apart is not None
    assert not few.apart.is_cut
    assert few.apart.bar.height == few.bars[0].height
