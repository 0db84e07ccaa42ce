"""What a configuration may say of how a model that is compared decides."""

from typing import Any

import pytest

from barlow_report.config import ModelConfig
from barlow_report.errors import ModelError
from barlow_report.vision.compared_outputs import check_decision


@pytest.mark.parametrize(
    ("settings", "n_outputs", "words"),
    [
        ({"threshold": {"dog": 0.5}}, 1, "'threshold' is a mapping, and the model has one output. Set it to a number."),
        ({"threshold": "f1"}, 1, "'threshold: f1' is chosen for the inspected model only"),
        ({"threshold": 0.4}, 2, "are for models with one output, and it has one for each class"),
        ({"positive": "bird"}, 1, "'positive' is 'bird', expected one of the classes: 'cat', 'dog'"),
    ],
)
def test_a_decision_that_does_not_fit_the_model_is_refused(
    settings: dict[str, Any], n_outputs: int, words: str
) -> None:
    spec = ModelConfig(factory="a:b", output="probabilities", **settings)
    with pytest.raises(ModelError, match=f"^model a: .*{words}"):
        check_decision(spec, n_outputs=n_outputs, class_names=("cat", "dog"), where="model a")


def test_a_number_fits_a_model_with_one_output() -> None:
    spec = ModelConfig(factory="a:b", output="probabilities", threshold=0.4, positive="cat")
    check_decision(spec, n_outputs=1, class_names=("cat", "dog"), where="model a")
