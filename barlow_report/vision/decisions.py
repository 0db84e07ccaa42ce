"""From what a model returns for an image to the prediction and its confidence: one way, wherever a model is asked.

A model with an output for each class predicts the class with the largest one. A model whose output decides by itself
whether an image is positive predicts the positive class where the probability reaches a threshold; one that is equal to
it counts as positive. The confidence is then the probability of what was predicted, p or 1 − p, and never a softmax.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from barlow_report.vision.outputs import OutputKind, class_confidences, confidences, summarise

__all__ = ["LARGEST", "Decided", "Decision", "Positive", "probabilities"]

Floats = npt.NDArray[np.float64]


class Decided(NamedTuple):
    """Of each image: class_id of the prediction, and its confidence, 0 to 1; both (n_images,)."""

    predictions: npt.NDArray[np.int64]
    confidences: Floats


@dataclass(frozen=True, kw_only=True)
class Positive:
    """How one output decides between two classes.

    Attributes:
        column: Which of the outputs it is.
        class_id: Of the positive class, 0 or 1.
        threshold: The probability from which on an image is positive, above 0 and at most 1.
    """

    column: int = 0
    class_id: int = 1
    threshold: float = 0.5

    def decide(self, probability: Floats) -> Decided:
        """Decide by the probability of the positive class, (n_images,)."""
        is_positive = probability >= self.threshold
        return Decided(
            predictions=np.where(is_positive, self.class_id, 1 - self.class_id).astype(np.int64),
            confidences=np.where(is_positive, probability, 1 - probability),
        )


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a model's outputs mean.

    Attributes:
        kind: What they are.
        positive: How one of them decides; None: the largest one does.
    """

    kind: OutputKind = "logits"
    positive: Positive | None = None

    def decide(self, outputs: Floats) -> Decided:
        """Return what follows from outputs (n_images, n_outputs), none of them NaN or +inf."""
        if self.positive is not None:
            return self.positive.decide(probabilities(outputs[:, self.positive.column], self.kind))
        # the first of equal ones, as in the pass
        return Decided(outputs.argmax(axis=1).astype(np.int64), confidences(summarise(outputs), self.kind))

    def confidences_in(self, outputs: Floats, class_ids: npt.NDArray[np.int64]) -> Floats:
        """Return how confident the model is that each image is of a given class, 0 to 1, (n_images,).

        Args:
            outputs: Shape (n_images, n_outputs), none of them NaN or +inf.
            class_ids: The class of each image, (n_images,).
        """
        if self.positive is None:
            return class_confidences(outputs, class_ids, self.kind)
        probability = probabilities(outputs[:, self.positive.column], self.kind)
        return np.where(class_ids == self.positive.class_id, probability, 1 - probability)

    def decide_summary(self, largest: npt.NDArray[np.int64], summary: npt.NDArray[np.void]) -> Decided:
        """Return what follows from what a pass keeps of the outputs.

        Args:
            largest: Which output is the largest, (n_images,).
            summary: See `outputs.summarise`, (n_images,); of the one output where one decides.
        """
        if self.positive is not None:
            return self.positive.decide(probabilities(summary["largest"], self.kind))
        return Decided(largest, confidences(summary, self.kind))

    @classmethod
    def from_info(cls, noted: Mapping[str, Any] | None) -> "Decision":
        """The decision that a run has noted as `outputs` in run.json; of an old run that of logits."""
        noted = noted or {}
        positive = noted.get("positive")
        return cls(
            kind=noted.get("kind", "logits"),
            positive=None
            if positive is None
            else Positive(**{key: positive[key] for key in ("column", "class_id", "threshold")}),
        )


LARGEST = Decision()
"""The class with the largest output, whatever outputs are; confidences are those of logits."""


def probabilities(values: Floats, kind: OutputKind) -> Floats:
    """Return the probability that each value of an output of its own stands for, 0 to 1.

    Args:
        values: Of one output.
        kind: "sigmoid_logits" or "probabilities".
    """
    if kind == "sigmoid_logits":
        found: Floats = np.exp(-np.logaddexp(0, -values))  # 1 / (1 + exp(-x)), which does not overflow
        return found
    return values.clip(0, 1)
