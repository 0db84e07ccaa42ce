"""Images of a pool that are nearly the same as analysed ones."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from barlow_report.config.further import NO_LABEL
from barlow_report.lenses.pool.candidates import Images, Mode, Predictors
from barlow_report.lenses.pool.nearness import MIN_FEATURES, NEARNESS, Near, near_radius

N_FEATURES = 32


def mode(*, threshold: float = 0.0, branch: str = "gt") -> Mode:
    return Mode(
        rule_id=1,
        class_ids=np.array([1]),
        taken_for=np.array([2]),
        conditions=pd.DataFrame({"feature_id": [0], "branch": [branch], "threshold": [threshold]}),
        predictors=Predictors(has_confidence=False),
    )


def pool(features: np.ndarray, **columns: Any) -> Images:
    n = len(features)
    values: dict[str, Any] = {
        "labels": np.full(n, 1),
        "predictions": np.full(n, 2),
        "confidences": np.full(n, np.nan),
        "digests": np.arange(n).astype("S32"),
        "rows": np.arange(n),
    }
    return Images(features=features, **(values | columns))


@pytest.fixture
def analysed() -> np.ndarray:
    features = np.random.default_rng(0).normal(size=(400, N_FEATURES)).astype(np.float32)
    features[:, 0] = np.where(np.arange(400) % 2 == 0, 1.0, -1.0)  # every other one meets the rule
    return features


def near(analysed: np.ndarray, **changes: Any) -> Near:
    labels, predictions = np.full(len(analysed), 1), np.full(len(analysed), 2)
    return Near(analysed, changes.get("labels", labels), predictions, [changes.get("mode", mode())], seed=0)


def test_the_radius_is_a_quarter_of_the_usual_distance_to_the_next_image() -> None:
    grid = np.zeros((200, MIN_FEATURES))
    grid[:, 3] = np.arange(200) * 4.0  # the next one is 4 away
    assert near_radius(grid, seed=0) == pytest.approx(NEARNESS * 4.0)


def test_of_few_features_or_images_that_are_all_alike_nothing_is_said(analysed: np.ndarray) -> None:
    assert near_radius(analysed[:, : MIN_FEATURES - 1], seed=0) == 0
    assert near_radius(np.ones((50, N_FEATURES)), seed=0) == 0
    assert near_radius(analysed[:1], seed=0) == 0
    row = np.random.default_rng(0).random(N_FEATURES, dtype=np.float32) * 1000
    alike = near(np.tile(row, (50, 1)))
    assert not alike.find(pool(np.tile(row, (3, 1)))).any()


def test_an_image_is_near_up_to_the_radius_and_no_further(analysed: np.ndarray) -> None:
    found = near(analysed)
    way = np.zeros(N_FEATURES, dtype=np.float32)
    way[5] = found.radius
    moved = np.stack([analysed[0], analysed[0] + 0.99 * way, analysed[0] + 1.01 * way])
    assert found.find(pool(moved)).tolist() == [True, True, False]


def test_all_that_exact_distances_find_is_found(analysed: np.ndarray) -> None:
    random = np.random.default_rng(1)
    chosen = random.integers(200, size=3000) * 2
    steps = random.normal(size=(3000, N_FEATURES))
    steps[:, 0] = 0
    found = near(analysed)
    lengths = random.uniform(0.5, 1.5, size=(3000, 1)) * found.radius
    features = analysed[chosen] + steps / np.linalg.norm(steps, axis=1, keepdims=True) * lengths
    exact = np.linalg.norm(features[:, None] - analysed[None], axis=2).min(axis=1) <= found.radius
    assert 1000 < exact.sum() < 2000
    assert found.find(pool(features)).tolist() == exact.tolist()


def test_other_images_of_the_same_kind_are_not_near(analysed: np.ndarray) -> None:
    others = np.random.default_rng(2).normal(size=(2000, N_FEATURES))
    others[:, 0] = 1.0
    assert not near(analysed).find(pool(others)).any()


def test_only_what_would_be_a_candidate_is_compared(analysed: np.ndarray) -> None:
    copies = analysed[:4]  # the second and the fourth do not meet the rule
    found = near(analysed)
    assert found.find(pool(copies)).tolist() == [True, False, True, False]
    unlabelled = pool(copies, labels=np.full(4, NO_LABEL), predictions=np.array([2, 2, 0, 1]))
    assert found.find(unlabelled).tolist() == [True, False, False, False]
    assert found.find(pool(copies, labels=np.full(4, 2))).tolist() == [False] * 4


def test_a_neighbour_just_beyond_the_threshold_is_one_as_well(analysed: np.ndarray) -> None:
    below = near(analysed, mode=mode(threshold=1.0 + 1e-3))  # what was analysed lies just below it
    copy = analysed[:1].copy()
    copy[0, 0] += 2e-3
    assert below.find(pool(copy)).tolist() == [True]


def test_analysed_images_of_other_classes_are_no_neighbours_unless_they_are_taken_for_one(analysed: np.ndarray) -> None:
    labels = np.full(len(analysed), 0)
    assert near(analysed, labels=labels).find(pool(analysed[:1])).tolist() == [True]  # taken for class 2
    far = Near(analysed, labels, np.full(len(analysed), 0), [mode()], seed=0)
    assert far.find(pool(analysed[:1])).tolist() == [False]
