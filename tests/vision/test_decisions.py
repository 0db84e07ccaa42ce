"""One output decides between two classes: predictions, confidences, and values that contradict the setting."""

import numpy as np
import pytest
import torch
from torch import nn

from barlow_report.config import OutputSetting
from barlow_report.errors import ModelError
from barlow_report.vision.decisions import LARGEST, Decision, Positive, probabilities
from barlow_report.vision.one_output import check_one_output, describe_one_output
from barlow_report.vision.output_counts import check_outputs
from barlow_report.vision.outputs import confidences, summarise
from tests.vision.toys import ColourNet, wrap

LOGITS = np.random.default_rng(0).normal(size=50) * 4
NAMES = [f"{i}.png" for i in range(50)]


def test_the_probability_decides_and_is_the_confidence() -> None:
    decision = Decision(kind="sigmoid_logits", positive=Positive(threshold=0.75))
    found = decision.decide(np.log([[3.0], [2.9], [1 / 9]]))  # p: 0.75, 2.9 / 3.9, 0.1
    assert found.predictions.tolist() == [1, 0, 0]
    assert found.confidences == pytest.approx([0.75, 1 / 3.9, 0.9])
    turned = Decision(kind="probabilities", positive=Positive(class_id=0)).decide(np.array([[0.5], [0.25], [1.0]]))
    assert turned.predictions.tolist() == [0, 1, 0]
    assert turned.confidences.tolist() == [0.5, 0.75, 1.0]


def test_one_of_several_outputs_decides() -> None:
    outputs = np.array([[9.0, -1.0], [-9.0, 1.0]])
    found = Decision(kind="sigmoid_logits", positive=Positive(column=1)).decide(outputs)
    assert found.predictions.tolist() == [0, 1]
    assert found.confidences == pytest.approx(torch.tensor([1.0, 1.0]).sigmoid().tolist())


def test_one_logit_is_as_two_of_which_one_is_zero() -> None:
    one = Decision(kind="sigmoid_logits", positive=Positive()).decide(LOGITS[:, None])
    two = LARGEST.decide(np.column_stack([np.zeros(50), LOGITS]))
    assert one.predictions.tolist() == two.predictions.tolist()
    assert one.confidences == pytest.approx(two.confidences)


def test_the_largest_output_decides_as_in_the_pass() -> None:
    outputs = np.random.default_rng(1).normal(size=(20, 3))
    found = LARGEST.decide(outputs)
    assert found.predictions.tolist() == outputs.argmax(axis=1).tolist()
    assert found.confidences.tolist() == confidences(summarise(outputs), "logits").tolist()


def test_sigmoids_do_not_overflow() -> None:
    found = probabilities(np.array([-np.inf, -1000.0, 0.0, 1000.0]), "sigmoid_logits")
    assert found.tolist() == [0.0, 0.0, 0.5, 1.0]


def test_what_a_run_has_noted_is_read_again() -> None:
    noted = {"column": 0, "class_id": 0, "threshold": 0.3, "maximises": "f1", "value": 0.9, "n_images": 4}
    found = Decision.from_info({"kind": "sigmoid_logits", "n_tied": 0, "positive": noted})
    assert found == Decision(kind="sigmoid_logits", positive=Positive(class_id=0, threshold=0.3))
    assert Decision.from_info({"kind": "scores", "n_tied": 0}) == Decision(kind="scores")
    assert Decision.from_info(None) == LARGEST


def kind_of(values: np.ndarray, setting: OutputSetting, *, is_linear: bool = False) -> str:
    return check_one_output(values, setting, is_linear=is_linear, model="toy", names=NAMES)


def test_one_output_is_what_the_setting_says() -> None:
    shares = probabilities(LOGITS, "sigmoid_logits")
    assert kind_of(LOGITS, "logits_binary") == "sigmoid_logits"
    assert kind_of(shares, "probabilities", is_linear=True) == "probabilities"
    assert kind_of(shares, "logits_binary", is_linear=True) == "sigmoid_logits"
    assert "logit of 'cat'" in describe_one_output("sigmoid_logits", positive="cat", negative="dog")
    described = describe_one_output("probabilities", positive="cat", negative="dog")
    assert (
        "probability p of 'cat', as configured. The confidence of the prediction 'cat' is p, that of 'dog'" in described
    )


def test_the_confidence_in_a_class_of_two_is_the_probability_or_the_rest() -> None:
    outputs = np.log([[3.0], [1.0], [1 / 3]])  # sigmoids of 3/4, 1/2 and 1/4
    for positive_id in (0, 1):
        decision = Decision(kind="sigmoid_logits", positive=Positive(class_id=positive_id, threshold=0.9))
        found = decision.confidences_in(outputs, np.array([positive_id, positive_id, 1 - positive_id]))
        assert found == pytest.approx([3 / 4, 1 / 2, 3 / 4])
    assert Decision().confidences_in(np.log([[3.0, 1.0]]), np.array([1])) == pytest.approx([1 / 4])


def test_values_that_contradict_it_are_an_error() -> None:
    shares = probabilities(LOGITS, "sigmoid_logits")
    with pytest.raises(ModelError, match=r"all 50 images, which lies between 0 and 1.*Set 'output: probabilities'"):
        kind_of(shares, "logits_binary")
    shares[7] = 1.5
    with pytest.raises(ModelError, match=r"1 of 50 images: that of 7.png is 1.5,.*Set 'output: logits_binary'"):
        kind_of(shares, "probabilities")
    shares[7] = -0.01
    with pytest.raises(ModelError, match=r"that of 7.png is -0.01"):
        kind_of(shares, "probabilities")


class One(ColourNet):
    """The red logit alone."""

    def __init__(self, *, has_sigmoid: bool = False) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 1)
        self.has_sigmoid = has_sigmoid

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logit = super().forward(x)
        return logit.sigmoid() if self.has_sigmoid else logit


@pytest.mark.parametrize(
    ("net", "n_classes", "setting", "words"),
    [
        (
            One(),
            2,
            None,
            "has one output, the data have 2 classes. It is a linear layer's: set 'output: logits_binary'",
        ),
        (One(has_sigmoid=True), 2, None, "'output: logits_binary' if .* logit .*'output: probabilities' if .* from 0"),
        (One(), 2, "softmax", "classes, and 'output: softmax' needs an output for each class. .* 'output: logits_bin"),
        (One(), 2, "sigmoid", "'output: sigmoid' needs an output for each class"),
        (One(), 3, "logits_binary", "has one output, the data have 3 classes, and one output tells two classes apart"),
        (ColourNet(), 3, "logits_binary", "has 3 outputs, and 'output: logits_binary' is .* Set 'output: softmax'"),
        (ColourNet(), 2, "probabilities", "has 3 outputs, the data have 2 classes"),
    ],
)
def test_a_number_of_outputs_that_does_not_fit_says_what_to_set(
    net: nn.Module, n_classes: int, setting: OutputSetting | None, words: str
) -> None:
    with pytest.raises(ModelError, match=words):
        check_outputs(wrap(net), n_classes, setting=setting)


def test_one_output_for_two_classes_fits() -> None:
    check_outputs(wrap(One()), 2, setting="logits_binary")
    check_outputs(wrap(One(has_sigmoid=True)), 2, setting="probabilities")
    check_outputs(wrap(ColourNet()), 3, setting="probabilities")
