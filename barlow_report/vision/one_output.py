"""What the only output of a binary classifier is, as the configuration says, checked against all of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from barlow_report.errors import ModelError
from barlow_report.formatting import counted
from barlow_report.vision.outputs import SIGN_TOLERANCE, OutputKind

if TYPE_CHECKING:
    from barlow_report.config import OutputSetting

__all__ = ["check_one_output", "describe_one_output"]

Floats = npt.NDArray[np.float64]


def check_one_output(
    values: Floats, setting: "OutputSetting", *, is_linear: bool, model: str, names: Sequence[str]
) -> OutputKind:
    """Return what one output of all images is, as `setting` says.

    Args:
        values: (n_images,).
        setting: "probabilities", "logits_binary" or "sigmoid"; the latter two are logits.
        is_linear: It is that of a linear layer, and so may have any value.
        model: Names the model in errors.
        names: Of the images, for errors.

    Raises:
        ModelError: The values contradict it.
    """
    is_share = (values >= -SIGN_TOLERANCE) & (values <= 1 + SIGN_TOLERANCE)
    where = f"{model}: 'output: {setting}' contradicts the output"
    logits = "logits_binary" if setting == "probabilities" else setting
    if setting == "probabilities":
        if not is_share.all():
            first = int(is_share.argmin())
            raise ModelError(
                f"{where} of {(~is_share).sum()} of {counted(len(values), 'image')}: that of {names[first]} is "
                f"{values[first]:.4g}, expected is a probability from 0 to 1. Set 'output: {logits}' if it is a logit."
            )
        return "probabilities"
    if len(values) and not is_linear and ((values >= 0) & (values <= 1)).all():
        raise ModelError(
            f"{where} of all {counted(len(values), 'image')}, which lies between 0 and 1, as after a sigmoid; that of "
            f"{names[0]} is {values[0]:.4g}. Set 'output: probabilities', or let the model return the logit."
        )
    return "sigmoid_logits"


def describe_one_output(kind: OutputKind, *, positive: str, negative: str) -> str:
    """Return sentences for readers of the report; the threshold is another matter."""
    taken = (
        f"as the logit of {positive!r}, as configured: p, its probability, is the sigmoid of it"
        if kind == "sigmoid_logits"
        else f"as the probability p of {positive!r}, as configured"
    )
    return (
        f"The inspected model's output was taken {taken}. The confidence of the prediction {positive!r} is p, that of "
        f"{negative!r} is 1 − p."
    )
