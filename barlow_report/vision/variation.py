"""What to say of a model that does not give an image the same results each time, and why it may be so."""

from typing import Literal

from torch import nn

from barlow_report.errors import ModelError
from barlow_report.vision.models import LoadedModel

__all__ = ["Variation", "allow_or_refuse", "reasons_for_chance", "reasons_in_batch"]

Variation = Literal["random", "batch"]
"""With chance, or with the images beside it."""

N_NAMED = 3


def allow_or_refuse(model: LoadedModel, variation: Variation, *, seen: str, reasons: list[str]) -> str:
    """Return a sentence for readers of the report where the configuration allows that `model` varies.

    Args:
        model: The model.
        variation: With what it varies.
        seen: How its results differ.
        reasons: Why that may be.

    Raises:
        ModelError: The configuration does not allow it.
    """
    occasion = "when the same images run again" if variation == "random" else "when other images are in the batch"
    if model.allow_varying == variation:
        consequence = (
            "Another run would find other predictions, features and rules."
            if variation == "random"
            else "Other batches would give other predictions, features and rules."
        )
        role = model.role.replace("_", " ")
        return (
            f"The {role} does not give an image the same results each time: {occasion}, its {seen}. That was allowed "
            f"in the configuration. {consequence}"
        )
    said = f" Seen: {'; '.join(reasons)}." if reasons else ""
    advice = (
        "Switch off what is random in evaluation mode, as F.dropout(x, training=self.training) does, or set "
        "'allow_varying: random'"
        if variation == "random"
        else "Let it treat each image by itself in evaluation mode, with running statistics, or set "
        "'allow_varying: batch'"
    )
    raise ModelError(
        f"{model.role}: {model.name} gives the same image other results {occasion}: its {seen}.{said} "
        f"{advice} under {model.role!r}: then the report says so."
    )


def reasons_for_chance(module: nn.Module, *, draws: bool, changed: list[str]) -> list[str]:
    """Say why results may vary with chance.

    Args:
        module: The network.
        draws: It drew random numbers.
        changed: Names of its buffers that have changed.
    """
    return [
        *(["it draws random numbers"] if draws else []),
        *([f"it changes its own values while it runs ({_named(changed)})"] if changed else []),
        *(
            []
            if draws or changed
            else ["it may remember earlier images, count its calls, or have a source of random numbers of its own"]
        ),
        *_in_training_mode(module),
    ]


def reasons_in_batch(module: nn.Module) -> list[str]:
    """Say why results of an image may vary with the images beside it."""
    norms = [
        name
        for name, part in module.named_modules()
        if isinstance(part, nn.modules.batchnorm._NormBase)
        and not isinstance(part, nn.modules.instancenorm._InstanceNorm)
        and part.running_mean is None
    ]
    stated = [f"normalised by the batch, without running statistics: {_named(norms)}"] if norms else []
    found = [*stated, *_in_training_mode(module)]
    return found or ["it may compute something over the whole batch, such as x.mean(dim=0)"]


def _in_training_mode(module: nn.Module) -> list[str]:
    """Parts that stayed in training mode although they were told otherwise."""
    found = [f"{name} ({type(part).__name__})" for name, part in module.named_modules() if part.training and name]
    leaves = [name for name in found if "Dropout" in name or "Norm" in name or "Depth" in name]
    return [f"in training mode in spite of eval(): {_named(leaves or found)}"] if found else []


def _named(names: list[str]) -> str:
    more = f" and {len(names) - N_NAMED} more" if len(names) > N_NAMED else ""
    return f"{', '.join(names[:N_NAMED])}{more}"
