"""What outputs are as configured: their confidences, and values that contradict the setting."""

import numpy as np
import pytest
import torch

from barlow_report.config import OutputSetting
from barlow_report.errors import ModelError
from barlow_report.vision.configured_outputs import check_setting, describe_setting
from barlow_report.vision.outputs import OutputKind, class_confidences, confidences, summarise

LOGITS = torch.from_numpy(np.random.default_rng(0).normal(size=(40, 3)) * 3)
SOFTMAX, LOG_SOFTMAX, SIGMOID = LOGITS.softmax(dim=1), LOGITS.log_softmax(dim=1), LOGITS.sigmoid()
NAMES = [f"{i}.png" for i in range(40)]


def kind_of(outputs: torch.Tensor, setting: OutputSetting, *, is_linear: bool = False) -> OutputKind:
    summary = summarise(outputs.double().numpy())
    return check_setting(summary, setting, is_linear=is_linear, model="toy", names=NAMES)


@pytest.mark.parametrize(
    ("outputs", "setting", "expected"),
    [
        (LOGITS, "softmax", SOFTMAX),
        (LOG_SOFTMAX, "softmax", SOFTMAX),
        (SOFTMAX, "probabilities", SOFTMAX),
        (SOFTMAX.half(), "probabilities", SOFTMAX),
        (LOG_SOFTMAX, "log_probabilities", SOFTMAX),
        (LOG_SOFTMAX.bfloat16(), "log_probabilities", SOFTMAX),
        (torch.eye(3).log().repeat(4, 1), "log_probabilities", torch.ones(12, 3)),
        (LOGITS, "sigmoid", SIGMOID),
        (1000 * LOGITS, "sigmoid", (1000 * LOGITS).sigmoid()),
    ],
)
def test_the_confidence_is_what_the_setting_says(
    outputs: torch.Tensor, setting: OutputSetting, expected: torch.Tensor
) -> None:
    found = confidences(summarise(outputs.double().numpy()), kind_of(outputs, setting))
    tolerance = 1e-12 if outputs.dtype == torch.float64 else 2e-2
    assert np.allclose(found, expected.amax(dim=1).numpy(), rtol=0, atol=tolerance)
    assert "as configured" in describe_setting(setting)


def test_confidences_by_hand() -> None:
    summary = summarise(np.log([[3.0, 1 / 3], [1.0, 0.25]]))
    assert confidences(summary, "sigmoid_logits") == pytest.approx([3 / 4, 1 / 2])
    assert confidences(summarise(np.log([[0.8, 0.2]])), "log_probabilities") == pytest.approx([0.8])
    assert confidences(summary, "logits") == pytest.approx([0.9, 0.8])


@pytest.mark.parametrize(
    ("outputs", "kind", "expected"),
    [
        (LOGITS, "logits", SOFTMAX),
        (SOFTMAX, "probabilities", SOFTMAX),
        (100 * SOFTMAX, "percentages", SOFTMAX),
        (SIGMOID, "scores", SIGMOID),
        (LOGITS, "sigmoid_logits", SIGMOID),
        (LOG_SOFTMAX, "log_probabilities", SOFTMAX),
    ],
)
def test_the_confidence_in_each_class_is_what_outputs_say_of_it(
    outputs: torch.Tensor, kind: OutputKind, expected: torch.Tensor
) -> None:
    values = outputs.numpy()
    for class_id in range(3):
        found = class_confidences(values, np.full(40, class_id), kind)
        assert found == pytest.approx(expected[:, class_id].numpy(), abs=1e-12)
    own = class_confidences(values, values.argmax(axis=1), kind)
    assert own == pytest.approx(confidences(summarise(values), kind), abs=1e-12)


def test_a_class_without_an_output_has_no_confidence() -> None:
    assert class_confidences(LOGITS.numpy()[:3], np.array([3, -1, 0]), "logits")[:2].tolist() == [0.0, 0.0]
    impossible = np.array([[0.0, -np.inf]])
    assert class_confidences(impossible, np.array([1]), "logits").tolist() == [0.0]


@pytest.mark.parametrize("setting", ["softmax", "sigmoid"])
def test_a_linear_layer_may_give_any_logits(setting: OutputSetting) -> None:
    for outputs in (SOFTMAX, SIGMOID, 100 * SOFTMAX, LOG_SOFTMAX):
        kind_of(outputs, setting, is_linear=True)


def replaced(outputs: torch.Tensor, row: list[float]) -> torch.Tensor:
    """The outputs, with other ones for image 7."""
    outputs = outputs.clone()
    outputs[7] = torch.tensor(row)
    return outputs


@pytest.mark.parametrize("is_linear", [False, True])
@pytest.mark.parametrize(
    ("outputs", "setting", "words"),
    [
        (replaced(SOFTMAX, [1.5, -0.5, 0.0]), "probabilities", "1 of 40 images: those of 7.png have a value of -0.5,"),
        (replaced(SOFTMAX, [0.5, 0.3, 0.9]), "probabilities", "1 of 40 images: those of 7.png add up to 1.7,"),
        (100 * SOFTMAX, "probabilities", "40 of 40 images: those of 0.png have a value of"),
        (SIGMOID, "probabilities", "add up to"),
        (replaced(LOG_SOFTMAX, [0.5, -1.0, -2.0]), "log_probabilities", "1 of 40 .* 7.png have a value of 0.5,"),
        (
            replaced(LOG_SOFTMAX, [0.0, 0.0, -torch.inf]),
            "log_probabilities",
            "1 of 40 images: those of 7.png have exponentials that add up to 2,",
        ),
        (SOFTMAX, "log_probabilities", "40 of 40 images: those of 0.png have a value of"),
    ],
)
def test_values_that_contradict_the_setting_are_an_error(
    outputs: torch.Tensor, setting: OutputSetting, words: str, *, is_linear: bool
) -> None:
    with pytest.raises(ModelError, match=f"toy: 'output: {setting}' contradicts.* {words}.*Set 'output: softmax' if"):
        kind_of(outputs, setting, is_linear=is_linear)


@pytest.mark.parametrize(
    ("outputs", "setting", "words"),
    [
        (SOFTMAX, "softmax", "all 40 images, which are probabilities already.*0.png.*Set 'output: probabilities'"),
        (SOFTMAX, "sigmoid", "all 40 images, which are probabilities already.*0.png.*Set 'output: probabilities'"),
        (100 * SOFTMAX, "softmax", "which are percentages already.*Leave 'output' out"),
        (SIGMOID, "sigmoid", "lie between 0 and 1, as after a sigmoid.*Leave 'output' out"),
        (LOG_SOFTMAX, "sigmoid", "logarithms of probabilities.*Set 'output: log_probabilities'"),
    ],
)
def test_outputs_that_are_no_logits_any_more_are_an_error(
    outputs: torch.Tensor, setting: OutputSetting, words: str
) -> None:
    with pytest.raises(ModelError, match=words):
        kind_of(outputs, setting)


def test_no_images_contradict_nothing() -> None:
    assert kind_of(torch.zeros((0, 3)), "probabilities") == "probabilities"
