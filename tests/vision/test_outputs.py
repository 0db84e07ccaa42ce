"""What a classifier's outputs are, the confidences that follow, and ties."""

import numpy as np
import pytest

from barlow_report.errors import ModelError
from barlow_report.vision.outputs import (
    OutputKind,
    Ties,
    confidences,
    count_ties,
    decide_kind,
    describe_kind,
    summarise,
)

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
        (SOFTMAX.round(2), "probabilities", SOFTMAX.round(2)),
        ((100 * SOFTMAX).round(), "percentages", SOFTMAX.round(2)),
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
    assert kind == "logits" or describe_kind(summarise(outputs), kind, is_linear=False) is not None
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


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        (LOGITS, None),
        (np.log(SOFTMAX), None),
        (LOGITS - LOGITS.min(), "are never negative"),
        (100 * SIGMOID, "are never negative"),
        (np.log(SIGMOID), "are never positive"),
        (np.tanh(LOGITS), "lie between −1 and 1"),
    ],
)
def test_logits_that_may_be_something_else_are_told(outputs: np.ndarray, words: str | None) -> None:
    summary = summarise(outputs)
    said = describe_kind(summary, kind_of(outputs), is_linear=False)
    assert (said is None and words is None) or (words or "") in (said or "")
    assert describe_kind(summary, "logits", is_linear=True) is None


def ties(n_tied: int, *, n_others: int = 0, n: int = 100) -> Ties | None:
    """Of n red and n blue images, the first `n_tied` red and `n_others` blue ones."""
    labels = np.repeat([0, 1], n)
    is_tied = np.zeros(2 * n, dtype=bool)
    is_tied[:n_tied] = is_tied[n : n + n_others] = True
    return count_ties(is_tied, labels, class_names=["red", "blue"])


def test_ties_are_counted_and_told_with_the_class_that_has_most() -> None:
    assert ties(0) is None
    found = ties(3, n_others=2)
    assert found is not None
    assert (found.n_tied, found.are_too_many) == (5, False)
    assert found.assumption.startswith(
        "5 of 200 images have several largest outputs, 3 of 100 images of class 'red' among them"
    )


@pytest.mark.parametrize(
    ("n_tied", "n_others", "n", "are_too_many"),
    [(10, 10, 100, False), (11, 10, 100, True), (4, 0, 20, False), (51, 0, 100, True), (2, 2, 3, False)],
)
def test_so_many_ties_that_they_would_make_failures_are_too_many(
    n_tied: int, n_others: int, n: int, are_too_many: bool
) -> None:
    found = ties(n_tied, n_others=n_others, n=n)
    assert found is not None
    assert found.are_too_many == are_too_many
