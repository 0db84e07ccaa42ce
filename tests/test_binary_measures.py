"""Measures of a binary question, by hand and by scikit-learn."""

import math

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

from barlow_report.binary_measures import BinaryMeasures, measure
from barlow_report.significance import auroc_interval, balanced_accuracy_interval, wilson_interval


def measured(labels: list[int], numbers: list[float], *, threshold: float = 0.5) -> BinaryMeasures:
    values = np.array(numbers, dtype=np.float64)
    return measure(np.array(labels, dtype=bool), values >= threshold, values, level=0.95)


def test_by_hand() -> None:
    found = measured([1, 1, 1, 0, 0, 0, 0], [0.9, 0.5, 0.2, 0.6, 0.5, 0.1, 0.0])
    assert (found.n_images, found.n_positive, found.n_negative) == (7, 3, 4)
    assert (found.n_recognised, found.n_rejected) == (2, 2)
    assert found.balanced_accuracy.value == pytest.approx((2 / 3 + 2 / 4) / 2)
    assert found.f1.value == pytest.approx(2 * 2 / (2 * 2 + 2 + 1))
    # of 3 · 4 pairs: 0.9 is above 4; 0.5 above 2 and equal to one; 0.2 above 2
    assert found.auroc.value == pytest.approx((4 + 2.5 + 2) / 12)
    low, high = wilson_interval(2, 5)
    assert found.f1[1:] == pytest.approx((2 * low / (1 + low), 2 * high / (1 + high)))
    assert found.balanced_accuracy[1:] == pytest.approx(balanced_accuracy_interval((2, 2), (3, 4)))
    assert found.auroc[1:] == pytest.approx(auroc_interval(8.5 / 12, 3, 4))


@pytest.mark.parametrize("seed", range(6))
def test_measures_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.random(300) < rng.uniform(0.03, 0.9)
    labels[:2] = [True, False]
    numbers = (rng.normal(size=300) + labels).round(seed % 3)  # with many equal ones
    is_predicted = numbers >= 0.5
    found = measure(labels, is_predicted, numbers, level=0.95)
    assert found.balanced_accuracy.value == pytest.approx(balanced_accuracy_score(labels, is_predicted))
    assert found.f1.value == pytest.approx(f1_score(labels, is_predicted))
    assert found.auroc.value == pytest.approx(roc_auc_score(labels, numbers))
    for value, low, high in (found.balanced_accuracy, found.f1, found.auroc):
        assert 0 <= low <= value <= high <= 1


def test_the_interval_of_f1_covers_it_as_often_as_it_should() -> None:
    rng = np.random.default_rng(0)
    counts = rng.multinomial(200, [0.25, 0.1, 0.05, 0.6], size=4000)  # right, missed, taken for it, neither
    truth = 2 * 0.25 / (2 * 0.25 + 0.15)
    either = counts[:, :3].sum(axis=1)
    shares = wilson_interval(counts[:, 0], either)
    low, high = 2 * shares.low / (1 + shares.low), 2 * shares.high / (1 + shares.high)
    assert np.mean((low <= truth) & (truth <= high)) == pytest.approx(0.95, abs=0.012)


def test_what_nothing_defines_is_not_a_number() -> None:
    negative = measured([0, 0], [0.1, 0.2])
    assert all(math.isnan(part) for part in (*negative.balanced_accuracy, *negative.f1, *negative.auroc))
    taken = measured([0, 0], [0.1, 0.9])
    assert taken.f1.value == 0
    assert math.isnan(taken.auroc.value)
    positive = measured([1, 1], [0.1, 0.9])
    assert positive.f1.value == pytest.approx(2 / 3)
    assert math.isnan(positive.balanced_accuracy.value)
    assert math.isnan(measured([], []).f1.value)


def test_logits_of_zero_are_the_lowest() -> None:
    assert measured([1, 0], [0.0, -math.inf]).auroc.value == 1
