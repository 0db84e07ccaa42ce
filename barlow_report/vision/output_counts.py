"""Whether the inspected model has as many outputs as the data have classes or labels, or one for two classes."""

from typing import TYPE_CHECKING

from barlow_report.errors import ModelError
from barlow_report.vision.models import LoadedModel

if TYPE_CHECKING:
    from barlow_report.config import OutputSetting

__all__ = ["check_each_output", "check_outputs"]


def check_outputs(model: LoadedModel, n_classes: int, *, setting: "OutputSetting | None" = None) -> None:
    """Raise a ModelError unless `model` has one output for each of the data's classes, or one for two classes.

    Args:
        model: The inspected model.
        n_classes: Classes of the data.
        setting: What the configuration says of its outputs.
    """
    if model.n_outputs == 1:
        _check_one(model, n_classes, setting)
    elif setting == "logits_binary":
        raise ModelError(
            f"{model.role}: {model.name} has {model.n_outputs} outputs, and 'output: logits_binary' is for models with "
            "one, the logit of the positive class. Set 'output: softmax' if each class has an output, or leave "
            "'output' out."
        )
    elif model.n_outputs != n_classes:
        raise ModelError(_other_number(model, n_classes))


def check_each_output(model: LoadedModel, n_labelled: int) -> None:
    """Raise a ModelError unless `model` has an output for each of the labels of a multi-label data set."""
    if model.n_outputs != n_labelled:
        raise ModelError(
            f"{model.role}: {model.name} has {model.n_outputs} outputs, the data have labels for {n_labelled}. List a "
            "column for each output in data.label_columns, in the order of the outputs (an empty column for one "
            "without labels), or its name in data.classes beside data.label_list."
        )


def _check_one(model: LoadedModel, n_classes: int, setting: "OutputSetting | None") -> None:
    found = f"{model.role}: {model.name} has one output, the data have {n_classes} classes"
    if n_classes != 2:
        raise ModelError(
            f"{found}, and one output tells two classes apart. Give it as many outputs as there are classes, or images "
            "of the two classes that it tells apart."
        )
    if setting in ("logits_binary", "probabilities"):
        return
    contradiction = "" if setting is None else f", and 'output: {setting}' needs an output for each class"
    advice = (
        "It is a linear layer's: set 'output: logits_binary' if it is the logit of the positive class."
        if model.ends_in_linear
        else "Set 'output: logits_binary' if it is the logit of the positive class, 'output: probabilities' if it is "
        "its probability, from 0 to 1."
    )
    raise ModelError(f"{found}{contradiction}. {advice} 'positive' names the class; default: the second one.")


def _other_number(model: LoadedModel, n_classes: int) -> str:
    background = (
        " One output more than classes is often a background class: name it there too, or let the model return the "
        "others alone."
        if model.n_outputs == n_classes + 1
        else ""
    )
    return (
        f"{model.role}: {model.name} has {model.n_outputs} outputs, the data have {n_classes} classes. List the "
        f"model's {model.n_outputs} classes in the order of its outputs in data.classes or data.class_file, or "
        f"correct the model's 'arguments'.{background}"
    )
