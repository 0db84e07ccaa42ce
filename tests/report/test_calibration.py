"""How far confidences can be relied on, by hand and by another implementation."""

import math

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from barlow_report.report.calibration import N_BINS, calibration_of


def test_the_calibration_error_of_four_bins_by_hand() -> None:
    confidence = np.array([0.2, 0.25, 0.6, 0.7, 0.7, 0.9, 1.0, math.nan])
    is_right = np.array([False, True, True, True, False, True, True, True])
    found = calibration_of(confidence, is_right, n_bins=4)
    assert found is not None
    assert [(b.low, b.high, b.right.k, b.right.n) for b in found.bins] == [
        (0.0, 0.25, 1, 2),  # an image on an edge is in the lower bin
        (0.5, 0.75, 2, 3),
        (0.75, 1.0, 2, 2),
    ]
    by_hand = (2 * abs(1 / 2 - 0.225) + 3 * abs(2 / 3 - 2 / 3) + 2 * abs(1 - 0.95)) / 7
    assert found.error == pytest.approx(by_hand)
    assert found.n_images == 7
    assert found.mean_confidence == pytest.approx(4.35 / 7)
    assert (found.right.k, found.right.n) == (5, 7)


def test_thresholds_count_the_sure_images_and_the_wrong_ones_among_them() -> None:
    found = calibration_of([0.4, 0.5, 0.85, 0.9, 0.95, 0.999], [False, False, True, False, True, True])
    assert found is not None
    assert [(t.confidence, t.images.k, t.failures.k, t.failures.n) for t in found.thresholds] == [
        (0.5, 5, 2, 5),
        (0.8, 4, 1, 4),
        (0.9, 3, 1, 3),
        (0.95, 2, 0, 2),
        (0.99, 1, 0, 1),
    ]
    assert found.thresholds[0].failures.low == pytest.approx(0.1176, abs=1e-4)  # Wilson, 2 of 5


def test_bins_and_error_agree_with_another_implementation() -> None:
    rng = np.random.default_rng(1)
    confidence = rng.beta(6, 2, 20_000)
    is_right = rng.random(20_000) < confidence**1.5
    found = calibration_of(confidence, is_right)
    assert found is not None
    right, sure = calibration_curve(is_right, confidence, n_bins=N_BINS, strategy="uniform")
    assert [b.right.value for b in found.bins] == pytest.approx(right.tolist())
    assert [b.mean_confidence for b in found.bins] == pytest.approx(sure.tolist())
    n = np.histogram(confidence, bins=N_BINS, range=(0, 1))[0]
    assert found.error == pytest.approx(np.average(np.abs(right - sure), weights=n[n > 0]))


def test_the_error_of_a_calibrated_model_is_about_what_chance_gives() -> None:
    rng = np.random.default_rng(2)
    confidence = rng.uniform(0.5, 1, 600)
    errors = [calibration_of(confidence, rng.random(600) < confidence) for _ in range(300)]
    mean = np.mean([found.error for found in errors if found])
    assert errors[0] is not None
    assert errors[0].error_by_chance == pytest.approx(mean, rel=0.15)


@pytest.mark.parametrize("confidence", [[], [math.nan, math.nan]])
def test_without_confidences_there_is_nothing_to_say(confidence: list[float]) -> None:
    assert calibration_of(confidence, [True] * len(confidence)) is None


def test_a_model_that_is_always_sure_has_one_bin() -> None:
    found = calibration_of(np.ones(50), np.arange(50) < 40)
    assert found is not None
    assert len(found.bins) == 1
    assert found.error == pytest.approx(0.2)
    assert found.error_by_chance == pytest.approx(0, abs=1e-9)
