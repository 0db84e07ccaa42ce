"""A chosen threshold is the best there is, by hand and by scikit-learn's measures."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from barlow_report.thresholds import Measure, choose_threshold

MEASURES: dict[Measure, object] = {"balanced_accuracy": balanced_accuracy_score, "f1": f1_score}


def test_by_hand() -> None:
    # at 0.7: two of three positives, no negative; at 0.3: all positives, one of three negatives; the lower of both
    labels = np.array([False, False, True, False, True, True])
    scores = np.array([0.1, 0.2, 0.4, 0.6, 0.8, 0.9])
    found = choose_threshold(labels, scores, maximises="balanced_accuracy")
    assert found is not None
    assert (found.threshold, found.value, found.n_images) == pytest.approx((0.3, 5 / 6, 6))
    found = choose_threshold(labels, scores, maximises="f1")  # 2·3 / (2·3 + 1) against 2·2 / (2·2 + 1)
    assert found is not None
    assert (found.threshold, found.value) == pytest.approx((0.3, 6 / 7))


@pytest.mark.parametrize("maximises", MEASURES)
@pytest.mark.parametrize("seed", range(8))
def test_no_threshold_does_better_by_scikit_learn(maximises: Measure, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.random(150) < rng.uniform(0.05, 0.9)
    labels[:2] = [True, False]
    scores = (rng.normal(size=150) + labels).round(seed % 3)  # with many equal ones
    scores = 1 / (1 + np.exp(-scores))
    measure = MEASURES[maximises]
    found = choose_threshold(labels, scores, maximises=maximises)
    assert found is not None
    assert found.value == pytest.approx(measure(labels, scores >= found.threshold))  # type: ignore[operator]
    cuts = np.unique(scores)[1:]
    assert found.value == pytest.approx(max(measure(labels, scores >= cut) for cut in cuts))  # type: ignore[operator]
    assert np.abs(scores - found.threshold).min() > 0


def test_of_equally_good_thresholds_the_one_nearest_to_a_half_is_taken() -> None:
    labels = np.array([False, True, False, True])
    scores = np.array([0.1, 0.2, 0.7, 0.9])  # 0.15 and 0.8 are equally good
    found = choose_threshold(labels, scores, maximises="balanced_accuracy")
    assert found is not None
    assert (found.threshold, found.value) == pytest.approx((0.8, 0.75))
    far = choose_threshold(labels, np.array([0.1, 0.5, 0.6, 0.9]), maximises="balanced_accuracy")  # 0.3 and 0.75
    assert far is not None
    assert far.threshold == pytest.approx(0.3)


def test_neighbouring_numbers_are_told_apart() -> None:
    low = 0.5
    high = float(np.nextafter(low, 1))
    found = choose_threshold(np.array([False, True]), np.array([low, high]), maximises="f1")
    assert found is not None
    assert (found.threshold, found.value) == (high, 1.0)


@pytest.mark.parametrize(
    ("labels", "scores"),
    [([True, True], [0.1, 0.2]), ([False, False], [0.1, 0.2]), ([True, False], [0.5, 0.5]), ([], [])],
)
def test_nothing_is_chosen_where_there_is_nothing_to_choose(labels: list[bool], scores: list[float]) -> None:
    assert choose_threshold(np.array(labels, dtype=bool), np.array(scores), maximises="f1") is None
