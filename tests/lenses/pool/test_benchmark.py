"""The parts of the measured quality that can be computed by hand."""

import pandas as pd
import pytest

from tests.benchmarks.pool_quality import calibration, mean_precision


def test_precision_is_a_mean_over_modes_of_the_same_number_of_images() -> None:
    quality = pd.DataFrame(
        {
            "rule_id": [0, 1, 0],
            "known": "labels",
            "choice": "ranked",
            "k": [10, 10, 20],
            "n_images": [10, 10, 20],
            "n_mode_failures": [5, 1, 8],
            "precision": [0.6, 0.2, 0.5],
        }
    )
    found = mean_precision(quality)
    assert found["precision", "ranked"].tolist() == pytest.approx([0.4, 0.5])
    assert found["of_mode", "ranked"].tolist() == pytest.approx([0.3, 0.4])
    assert found["n_modes", ""].tolist() == [2, 1]


def test_calibration_compares_probabilities_with_what_fails() -> None:
    images = pd.DataFrame({"pool_image_id": [1, 2, 3, 4], "label": [0, 0, 1, 1], "prediction": [1, 0, 0, 1]})
    candidates = pd.DataFrame({"pool_image_id": [1, 2, 3, 4], "probability": [0.1, 0.15, 0.9, 1.0]})
    found = calibration(candidates, images)
    assert found.index.tolist() == ["from 0%", "from 80%", "all"]
    assert found["fails"].tolist() == [0.5, 0.5, 0.5]
    assert found["probability"].tolist() == pytest.approx([0.125, 0.95, 0.5375])
    assert found["n"].tolist() == [2, 2, 4]
