"""What a classifier's outputs are, the confidences that follow, and ties."""

import numpy as np
import pytest

from barlow_report.errors import ModelError
from barlow_report.vision.outputs import OutputKind, confidences, count_ties, decide_kind, describe_kind, summarise

LOGITS = np.random.default_rng(0).normal(size=(40, 3)) * 3
SOFTMAX = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
SIGMOID = 1 / (1 + np.exp(-LOGITS))
NAMES = [f"{i}.png" for i in range(len(LOGITS))]


def kind_of(outputs: np.ndarray, *, is_linear: bool = False) -> OutputKind:
    return decide_kind(summarise(outputs), is_linear=is_linear, model="toy", names=NAMES)


@pytest.mark.parametrize(
    ("outputs", "kind", "confidence"),
    [
        (LOGITS, "logits", SOFTMAX),
        (np.log(SOFTMAX), "logits", SOFTMAX),
        (SOFTMAX, "probabilities", SOFTMAX),
        (SOFTMAX.astype(np.float16), "probabilities", SOFTMAX),
        (SOFTMAX.clip(1e-3, 1 - 1e-3), "probabilities", SOFTMAX),
        (SOFTMAX - 1e-8, "probabilities", SOFTMAX),
        (np.eye(3)[LOGITS.argmax(axis=1)], "probabilities", np.ones((40, 3))),
        (100 * SOFTMAX, "percentages", SOFTMAX),
        (SIGMOID, "scores", SIGMOID),
        (LOGITS - LOGITS.min(), "logits", SOFTMAX),
        (np.where(LOGITS < 0, -np.inf, LOGITS), "logits", None),
    ],
)
def test_the_confidence_is_what_the_outputs_say(
    outputs: np.ndarray, kind: OutputKind, confidence: np.ndarray | None
) -> None:
    outputs = outputs.astype(np.float64)
    outputs[(outputs == -np.inf).all(axis=1)] = 0
    assert kind_of(outputs) == kind
    assert (describe_kind(kind) is None) == (kind == "logits")
    found = confidences(summarise(outputs), kind)
    assert (found.min() >= 0, found.max() <= 1) == (True, True)
    if confidence is not None:
        assert np.allclose(found, confidence.max(axis=1), atol=2e-3)


def test_what_a_linear_layer_gives_is_logits_whatever_its_values() -> None:
    for outputs in (SOFTMAX, SIGMOID, 100 * SOFTMAX):
        assert kind_of(outputs, is_linear=True) == "logits"


def test_logits_between_0_and_1_in_part_are_no_scores() -> None:
    outputs = SIGMOID.copy()
    outputs[-1, 0] = 1.2
    assert kind_of(outputs) == "logits"


def test_probabilities_that_end_half_way_are_an_error() -> None:
    outputs = SOFTMAX.copy()
    outputs[7] = 0
    with pytest.raises(ModelError, match=r"toy: the outputs add up to 1 for 39 of 40 images.* but to 0 for 7.png"):
        kind_of(outputs)


def test_logits_of_any_size_give_a_confidence_of_at_least_one_in_three() -> None:
    rng = np.random.default_rng(1)
    rows = rng.choice([-1.0, 0.0, 1.0], (500, 3)) * 10.0 ** rng.integers(-30, 30, (500, 3))
    found = confidences(summarise(rows), "logits")
    assert ((found >= 1 / 3 - 1e-12) & (found <= 1)).all()


def ties(n_tied: int, *, n_others: int = 0) -> str | None:
    """Of 100 red and 100 blue images, the first `n_tied` red and `n_others` blue ones."""
    labels = np.repeat([0, 1], 100)
    is_tied = np.zeros(200, dtype=bool)
    is_tied[:n_tied] = is_tied[100 : 100 + n_others] = True
    found = count_ties(is_tied, labels, class_names=["red", "blue"], where="toy", advice="Return logits.")
    return None if found is None else found.words


def test_ties_are_counted_and_told_with_the_class_that_has_most() -> None:
    assert ties(0) is None
    words = ties(3, n_others=2)
    assert words is not None
    assert words.startswith("5 of 200 images have several largest outputs, 3 of 100 images of 'red' among them")


@pytest.mark.parametrize(("n_tied", "n_others"), [(11, 10), (51, 0)])
def test_so_many_ties_that_they_would_make_failures_are_refused(n_tied: int, n_others: int) -> None:
    with pytest.raises(ModelError, match=r"toy: .*by the order of the classes alone. Return logits."):
        ties(n_tied, n_others=n_others)
