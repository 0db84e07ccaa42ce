"""What a classifier's outputs are, and what follows from them: the prediction, its confidence, and ties.

Most classifiers return logits, and the confidence is the softmax of the largest one. Some end in a softmax or in a
sigmoid for each class; then the largest output is the confidence itself, and a softmax of it would be wrong: of 0.9
and 0.1 it makes 0.69. Nothing in a network's definition tells them apart for certain, so what is known of every image's
outputs is kept until all images are there, and the kind is decided once:

* The output of a linear layer is logits, whatever its values.
* Outputs from 0 to 1 that add up to 1 for every image are probabilities; adding up to 100, percentages.
* Outputs from 0 to 1 for every image are scores, each of its own: sigmoids.
* Everything else is logits. So are logarithms of probabilities: their softmax is the probabilities. Where the values
  are those that other things have always, the report says what was assumed.

Where several outputs are the largest, the prediction is the first of these classes, which is arbitrary. Such images are
counted. A report on many of them would be a report on the order of the classes: a group of images is a failure mode
when it fails 10 points more often than others, so it is refused where ties alone could make one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from barlow_report.errors import ModelError

__all__ = [
    "SUMMARY",
    "TIES_ADVICE",
    "OutputKind",
    "Ties",
    "class_confidences",
    "confidences",
    "count_ties",
    "decide_kind",
    "describe_kind",
    "summarise",
]

OutputKind = Literal["logits", "probabilities", "percentages", "scores", "log_probabilities", "sigmoid_logits"]
"""The last two are never decided, only configured; see `configured_outputs`."""

SUMMARY = np.dtype([("lowest", "f8"), ("largest", "f8"), ("total", "f8"), ("softmax", "f8"), ("n_largest", "i8")])
"""Of one image's outputs: the lowest, the largest, their sum, the softmax of the largest, and how many are as large."""

TOLERANCE = 0.05
"""How far a sum of probabilities may be from 1: half precision, and ten of them rounded to two digits, are allowed."""

SIGN_TOLERANCE = 1e-6
"""How far below 0 a probability may come out of rounding, relative to the sum."""

CONTRADICTION = 0.9
"""Share of the images from which on a sum of 1 is no accident, so that the others contradict it."""

MAX_TIED = 0.1
"""Share of all images that may have ties: the margin by which a failure mode stands out."""

MAX_TIED_IN_CLASS = 0.5
"""The same within a class of `MIN_CLASS` images and more."""

MIN_CLASS = 10
"""Fewer images than these are not judged."""

TIES_ADVICE = "The outputs are saturated or rounded: use logits, from before the sigmoid or softmax, in float32."


def summarise(outputs: npt.NDArray[np.float64]) -> npt.NDArray[np.void]:
    """Return what is to be kept of outputs (n_images, n_outputs), of dtype `SUMMARY`, shape (n_images,).

    No value is NaN or +inf, and at least one of each image is finite.
    """
    summary = np.zeros(len(outputs), dtype=SUMMARY)
    if len(outputs):
        largest = outputs.max(axis=1, keepdims=True)
        summary["lowest"] = outputs.min(axis=1)
        summary["largest"] = largest[:, 0]
        summary["total"] = outputs.sum(axis=1)
        summary["softmax"] = 1 / np.exp(outputs - largest).sum(axis=1)
        summary["n_largest"] = (outputs == largest).sum(axis=1)
    return summary


def decide_kind(summary: npt.NDArray[np.void], *, is_linear: bool, model: str, names: Sequence[str]) -> OutputKind:
    """Return what the outputs of all images are.

    Args:
        summary: Of all images; see `summarise`.
        is_linear: The outputs are those of a linear layer.
        model: Names the model in errors.
        names: Of the images, for errors.

    Raises:
        ModelError: Nearly all images have probabilities or percentages and some have not.
    """
    if is_linear or not len(summary):
        return "logits"
    for kind, total in (("probabilities", 1.0), ("percentages", 100.0)):
        is_such = (summary["lowest"] >= -SIGN_TOLERANCE * total) & (
            np.abs(summary["total"] - total) <= TOLERANCE * total
        )
        if is_such.all():
            return kind  # type: ignore[return-value]
        if is_such.mean() >= CONTRADICTION:
            raise ModelError(
                f"{model}: the outputs add up to {total:g} for {is_such.sum()} of {len(summary)} images, as {kind} do, "
                f"but to {summary['total'][is_such.argmin()]:.4g} for {names[int(is_such.argmin())]}. Let the model "
                "return logits, from before the softmax."
            )
    return "scores" if (summary["lowest"] >= 0).all() and (summary["largest"] <= 1).all() else "logits"


def confidences(summary: npt.NDArray[np.void], kind: OutputKind) -> npt.NDArray[np.float64]:
    """Return the confidence of each image's prediction, 0 to 1, shape (n_images,)."""
    if kind == "logits":
        return summary["softmax"].copy()
    found: npt.NDArray[np.float64]
    if kind == "log_probabilities":
        found = np.exp(summary["largest"].clip(max=0))
        return found
    if kind == "sigmoid_logits":
        found = np.exp(-np.logaddexp(0, -summary["largest"]))  # 1 / (1 + exp(-x)), which does not overflow
        return found
    found = summary["largest"] / (100 if kind == "percentages" else 1)
    return found.clip(0, 1)


def class_confidences(
    outputs: npt.NDArray[np.float64], class_ids: npt.NDArray[np.int64], kind: OutputKind
) -> npt.NDArray[np.float64]:
    """Return the confidence that one class of each image would have as its prediction, 0 to 1, shape (n_images,).

    Args:
        outputs: Shape (n_images, n_outputs), see `summarise`.
        class_ids: The class of each image; one without an output has a confidence of 0.
        kind: What the outputs are.
    """
    has_output = (class_ids >= 0) & (class_ids < outputs.shape[1])
    chosen = outputs[np.arange(len(outputs)), np.where(has_output, class_ids, 0)]
    summary = summarise(outputs)
    summary["softmax"] *= np.exp(chosen - summary["largest"])
    summary["largest"] = chosen
    return np.where(has_output, confidences(summary, kind), 0.0)


def describe_kind(summary: npt.NDArray[np.void], kind: OutputKind, *, is_linear: bool) -> str | None:
    """Return a sentence for readers of the report; None for what are logits beyond doubt.

    Args:
        summary: Of all images.
        kind: What `decide_kind` made of it.
        is_linear: The outputs are those of a linear layer.
    """
    if kind == "logits":
        return None if is_linear else _describe_doubt(summary)
    return {
        "probabilities": "The inspected model's outputs lie between 0 and 1 and add up to 1 for every image. They were "
        "taken as probabilities: the confidence of a prediction is its output.",
        "percentages": "The inspected model's outputs lie between 0 and 100 and add up to 100 for every image. They "
        "were taken as probabilities in percent: the confidence of a prediction is its output divided by 100.",
        "scores": "The inspected model's outputs lie between 0 and 1 for every image and do not add up to 1. They were "
        "taken as a score of its own for each class, as a sigmoid gives it: the prediction is the class with the "
        "largest score, its confidence is that score.",
    }[kind]


def _describe_doubt(summary: npt.NDArray[np.void]) -> str | None:
    """Values that logits may have, and which other things have always."""
    if not len(summary):
        return None
    lowest, largest = summary["lowest"].min(), summary["largest"].max()
    log_total = summary["largest"] - np.log(summary["softmax"])
    if np.abs(log_total).max() <= TOLERANCE:
        return None  # logarithms of probabilities, whose softmax is right
    if lowest >= 0:
        seen = "are never negative"
    elif largest <= 0:
        seen = "are never positive"
    elif lowest >= -1 and largest <= 1:
        seen = "lie between −1 and 1"
    else:
        return None
    return (
        f"The inspected model's outputs {seen}. They were taken as logits: the confidence of a prediction is the "
        "softmax of the outputs, which means little if they are something else. The predictions do not depend on it."
    )


@dataclass(frozen=True, kw_only=True)
class Ties:
    """Images with several largest outputs.

    Attributes:
        n_tied: How many there are.
        found: How many of how many, and of which class most, in words.
        are_too_many: Failures would follow from the order of the classes.
    """

    n_tied: int
    found: str
    are_too_many: bool

    @property
    def assumption(self) -> str:
        """A sentence for readers of the report."""
        return f"{self.found}: the first of the tied classes was taken as the prediction, which is arbitrary."

    @property
    def refusal(self) -> str:
        """What an error says."""
        return (
            f"{self.found}. Their predictions would be the first of these classes, by the order of the classes alone. "
            f"{TIES_ADVICE}"
        )


def count_ties(
    is_tied: npt.NDArray[np.bool_], labels: npt.NDArray[np.int64], *, class_names: Sequence[str]
) -> Ties | None:
    """Return what is to be told about ties; None where there are none.

    Args:
        is_tied: Whether several outputs of an image are the largest, shape (n_images,).
        labels: class_id of each image.
        class_names: By class_id.
    """
    n_tied = int(is_tied.sum())
    if not n_tied:
        return None
    tied = np.bincount(labels[is_tied], minlength=len(class_names))
    sizes = np.bincount(labels, minlength=len(class_names))
    worst = int(np.where(sizes >= min(MIN_CLASS, sizes.max()), tied / np.maximum(sizes, 1), 0).argmax())
    is_class_lost = sizes[worst] >= MIN_CLASS and tied[worst] > MAX_TIED_IN_CLASS * sizes[worst]
    return Ties(
        n_tied=n_tied,
        found=f"{n_tied} of {len(labels)} images have several largest outputs, {tied[worst]} of {sizes[worst]} images "
        f"of class {class_names[worst]!r} among them",
        are_too_many=bool(is_class_lost or (len(labels) >= MIN_CLASS and n_tied > MAX_TIED * len(labels))),
    )
