"""Confusion matrices that can be counted by hand, and blocks of many classes."""

import numpy as np
import numpy.typing as npt
import pytest

from barlow_report.report.confusion import busiest_classes, confusion_block, order_by_likeness

Integers = npt.NDArray[np.int64]


def _images(counts: dict[tuple[int, int], int]) -> tuple[Integers, Integers]:
    pairs = np.array([pair for pair, n in counts.items() for _ in range(n)], dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def test_few_classes_are_counted_whole_and_those_that_are_confused_stand_together() -> None:
    counts = {(0, 0): 5, (0, 2): 4, (1, 1): 9, (1, 3): 1, (2, 2): 6, (2, 0): 3, (3, 3): 7, (3, 1): 2, (3, 0): 1}
    block = confusion_block(*_images(counts), n_classes=4)
    found = {
        (int(a), int(b)): int(block.counts[i, j])
        for i, a in enumerate(block.class_ids)
        for j, b in enumerate(block.class_ids)
        if block.counts[i, j]
    }
    assert found == counts
    order = block.class_ids.tolist()
    assert sorted([order[:2], order[2:]], key=min) in (
        [[0, 2], [1, 3]],
        [[2, 0], [1, 3]],
        [[0, 2], [3, 1]],
        [[2, 0], [3, 1]],
    )
    assert (block.n_failures, block.n_failures_shown) == (11, 11)
    assert dict(zip(order, block.n_images.tolist(), strict=True)) == {0: 9, 1: 10, 2: 9, 3: 10}
    assert block.n_elsewhere.tolist() == [0, 0, 0, 0]
    assert block.shares[order.index(0), order.index(2)] == pytest.approx(4 / 9)
    assert np.trace(block.shares) == 0


def test_of_many_classes_the_busiest_block_is_shown_and_the_rest_is_counted() -> None:
    busy = {(10, 11): 8, (11, 10): 4, (11, 12): 5, (3, 12): 2, (7, 8): 6, (12, 40): 3}
    right = {(c, c): 20 for c in range(50)}
    block = confusion_block(*_images(busy | right), n_classes=50, n_shown=4)
    assert sorted(block.class_ids.tolist()) == [10, 11, 12, 40]  # 12 brings 5 and 40 brings 3; 7 and 8 bring 3 each
    assert (block.n_failures, block.n_failures_shown) == (28, 20)
    assert block.n_images.sum() == 20 * 4 + 8 + 9 + 3
    label, prediction = _images({(10, 11): 1, (10, 30): 2})
    elsewhere = confusion_block(label, prediction, n_classes=50, n_shown=2)
    assert elsewhere.class_ids.tolist() == [10, 30]
    assert elsewhere.n_elsewhere.tolist() == [1, 0]


def test_a_block_goes_on_with_other_classes_where_nothing_more_is_confused_with_it() -> None:
    pairs, counts = np.array([[1, 2], [5, 6], [6, 5]]), np.array([9, 4, 3])
    assert busiest_classes(pairs, counts, n_classes=8, n_shown=4).tolist() == [1, 2, 5, 6]
    assert len(busiest_classes(pairs, counts, n_classes=8, n_shown=7)) == 7


def test_classes_without_any_confusion_have_an_order() -> None:
    assert sorted(order_by_likeness(np.diag([3, 4, 5]), np.array([3, 4, 5])).tolist()) == [0, 1, 2]
    block = confusion_block(np.arange(3), np.arange(3), n_classes=3)
    assert (block.n_failures, block.n_failures_shown) == (0, 0)
    assert order_by_likeness(np.eye(1, dtype=np.int64), np.ones(1, dtype=np.int64)).tolist() == [0]


def test_a_planted_block_of_a_thousand_classes_is_found_and_its_halves_stand_together() -> None:
    rng = np.random.default_rng(0)
    label = np.repeat(np.arange(1000), 20)
    prediction = np.where(rng.random(len(label)) < 0.1, rng.integers(0, 1000, len(label)), label)
    planted = rng.permutation(1000)[:20]
    for half in (planted[:10], planted[10:]):
        for class_id in half:
            prediction[np.flatnonzero(label == class_id)[:10]] = rng.choice(half, 10)
    block = confusion_block(label, prediction, n_classes=1000)
    assert len(set(block.class_ids.tolist()) & set(planted.tolist())) >= 19
    first = np.isin(block.class_ids, planted[:10])
    assert np.abs(np.diff(first.astype(int))).sum() <= 3
