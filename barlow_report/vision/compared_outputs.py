"""What follows from the outputs of a model that is compared with the inspected one: predictions and confidences."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from barlow_report.errors import ModelError
from barlow_report.vision.class_names import some
from barlow_report.vision.configured_outputs import check_setting
from barlow_report.vision.decisions import Decided, Positive, probabilities
from barlow_report.vision.one_output import check_one_output
from barlow_report.vision.outputs import confidences, count_ties, decide_kind
from barlow_report.vision.predicting import Answers

if TYPE_CHECKING:
    from barlow_report.config import ModelConfig

__all__ = ["check_decision", "decide_answers"]


def check_decision(spec: "ModelConfig", *, n_outputs: int, class_names: Sequence[str], where: str) -> None:
    """Raise a ModelError where what a configuration says of a model's decisions does not fit it.

    Args:
        spec: The configuration.
        n_outputs: Of the model: one for each class, or one for two.
        class_names: The classes.
        where: Names the model in errors.
    """
    if n_outputs > 1 and (spec.positive is not None or spec.threshold is not None):
        raise ModelError(
            f"{where}: 'positive' and 'threshold' are for models with one output, and it has one for each class. Leave "
            "them out."
        )
    if spec.chosen_by is not None:
        raise ModelError(
            f"{where}: 'threshold: {spec.chosen_by}' is chosen for the inspected model only. Set 'threshold' to a "
            "number."
        )
    if isinstance(spec.threshold, dict):
        raise ModelError(f"{where}: 'threshold' is a mapping, and the model has one output. Set it to a number.")
    if spec.positive is not None and spec.positive not in class_names:
        raise ModelError(f"{where}: 'positive' is {spec.positive!r}, expected one of the classes: {some(class_names)}.")


def decide_answers(
    answers: Answers,
    labels: npt.NDArray[np.int64],
    *,
    spec: "ModelConfig",
    n_outputs: int,
    is_linear: bool,
    class_names: Sequence[str],
    names: Sequence[str],
    where: str,
) -> Decided:
    """Return what follows from what is kept of a model's outputs.

    Args:
        answers: For all images.
        labels: (n_images,) class_id of each image.
        spec: Says what the outputs are, as far as it is configured.
        n_outputs: Of the model: one for each class, or one for two.
        is_linear: The outputs are those of a linear layer.
        class_names: The classes.
        names: Of the images, for errors.
        where: Names the model in errors.

    Raises:
        ModelError: The outputs contradict the configuration, or tell no classes apart.
    """
    if n_outputs == 1:
        return _decide_one(answers, spec=spec, is_linear=is_linear, class_names=class_names, names=names, where=where)
    summary = answers.outputs
    if spec.output is None:
        kind = decide_kind(summary, is_linear=is_linear, model=where, names=names)
    else:
        kind = check_setting(summary, spec.output, is_linear=is_linear, model=where, names=names)
    ties = count_ties(summary["n_largest"] > 1, labels, class_names=class_names)
    if ties is not None and ties.are_too_many:
        raise ModelError(f"{where}: {ties.refusal}")
    return Decided(answers.largest, confidences(summary, kind))


def _decide_one(
    answers: Answers,
    *,
    spec: "ModelConfig",
    is_linear: bool,
    class_names: Sequence[str],
    names: Sequence[str],
    where: str,
) -> Decided:
    positive = class_names[1] if spec.positive is None else spec.positive
    values = answers.outputs["largest"]
    kind = check_one_output(values, spec.output or "logits_binary", is_linear=is_linear, model=where, names=names)
    threshold = 0.5 if spec.threshold is None else spec.threshold
    if isinstance(threshold, str | dict):
        raise LookupError("the threshold is no number")  # unreachable: `check_decision` refused it
    decides = Positive(class_id=list(class_names).index(positive), threshold=threshold)
    return decides.decide(probabilities(values, kind))
