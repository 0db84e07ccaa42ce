"""What a classifier's outputs are as the configuration says (`inspected_model.output`), checked against all of them.

A setting is believed where the values allow it, and never corrected silently: outputs that are something else are an
error, because every confidence would be wrong. Tolerances are those of `outputs`. Two contradictions are known only
where the outputs are not those of a linear layer, because a linear layer may give any values: outputs that are
probabilities already, and outputs that are logarithms of probabilities where sigmoids are configured. Logarithms of
probabilities as `softmax` are no contradiction: their softmax is the probabilities.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from barlow_report.errors import ModelError
from barlow_report.vision.outputs import SIGN_TOLERANCE, TOLERANCE, OutputKind

if TYPE_CHECKING:
    from barlow_report.config import OutputSetting

__all__ = ["check_setting", "describe_setting"]

_KINDS: "dict[OutputSetting, OutputKind]" = {
    "softmax": "logits",
    "probabilities": "probabilities",
    "log_probabilities": "log_probabilities",
    "sigmoid": "sigmoid_logits",
}

_OTHERWISE = "Set 'output: softmax' if these are logits, or leave 'output' out: it is then decided from the outputs."


def check_setting(
    summary: npt.NDArray[np.void], setting: "OutputSetting", *, is_linear: bool, model: str, names: Sequence[str]
) -> OutputKind:
    """Return what the outputs of all images are, as `setting` says.

    Args:
        summary: Of all images; see `outputs.summarise`.
        setting: As configured.
        is_linear: The outputs are those of a linear layer.
        model: Names the model in errors.
        names: Of the images, for errors.

    Raises:
        ModelError: The outputs contradict it.
    """
    if len(summary):
        where = f"{model}: 'output: {setting}' contradicts the outputs"
        if setting == "probabilities":
            _require_probabilities(summary, where=where, names=names)
        elif setting == "log_probabilities":
            _require_log_probabilities(summary, where=where, names=names)
        elif not is_linear:
            _refuse_finished(summary, setting, where=where, names=names)
    return _KINDS[setting]


def describe_setting(setting: "OutputSetting") -> str:
    """Return a sentence for readers of the report."""
    return {
        "softmax": "The inspected model's outputs were taken as logits, as configured: the confidence of a prediction "
        "is the softmax of the outputs.",
        "probabilities": "The inspected model's outputs were taken as probabilities, as configured: the confidence of "
        "a prediction is its output.",
        "log_probabilities": "The inspected model's outputs were taken as logarithms of probabilities, as configured: "
        "the confidence of a prediction is the exponential of its output.",
        "sigmoid": "The inspected model's outputs were taken as logits of a sigmoid for each class, as configured: the "
        "prediction is the class with the largest output, its confidence is the sigmoid of that output.",
    }[setting]


def _require_probabilities(summary: npt.NDArray[np.void], *, where: str, names: Sequence[str]) -> None:
    is_outside = (summary["lowest"] < -SIGN_TOLERANCE) | (summary["largest"] > 1 + TOLERANCE)
    is_wrong = is_outside | (np.abs(summary["total"] - 1) > TOLERANCE)
    if not is_wrong.any():
        return
    if is_outside.any():
        first = int(is_outside.argmax())
        lowest, largest = summary["lowest"][first], summary["largest"][first]
        found = f"have a value of {lowest if lowest < -SIGN_TOLERANCE else largest:.4g}"
    else:
        first = int(is_wrong.argmax())
        found = f"add up to {summary['total'][first]:.4g}"
    raise ModelError(
        f"{where} of {is_wrong.sum()} of {len(summary)} images: those of {names[first]} {found}, expected are values "
        f"from 0 to 1 that add up to 1. {_OTHERWISE}"
    )


def _require_log_probabilities(summary: npt.NDArray[np.void], *, where: str, names: Sequence[str]) -> None:
    log_total = _log_total(summary)
    is_positive = summary["largest"] > TOLERANCE
    is_wrong = is_positive | (np.abs(log_total) > TOLERANCE)
    if not is_wrong.any():
        return
    first = int((is_positive if is_positive.any() else is_wrong).argmax())
    found = (
        f"have a value of {summary['largest'][first]:.4g}"
        if is_positive.any()
        else f"have exponentials that add up to {np.exp(log_total[first]):.4g}"
    )
    raise ModelError(
        f"{where} of {is_wrong.sum()} of {len(summary)} images: those of {names[first]} {found}, expected are values "
        f"up to 0 whose exponentials add up to 1. {_OTHERWISE}"
    )


def _refuse_finished(
    summary: npt.NDArray[np.void], setting: "OutputSetting", *, where: str, names: Sequence[str]
) -> None:
    """Refuse what has been through a softmax or a sigmoid already, where logits are configured."""
    lowest, largest, total = summary["lowest"].min(), summary["largest"].max(), summary["total"]
    first = f"those of {names[0]} have a largest value of {summary['largest'][0]:.4g} and add up to {total[0]:.4g}"
    counted = f"{where} of all {len(summary)} images"
    if lowest >= -SIGN_TOLERANCE and (np.abs(total - 1) <= TOLERANCE).all():
        raise ModelError(
            f"{counted}, which are probabilities already: they lie between 0 and 1 and add up to 1; {first}. Set "
            "'output: probabilities', or let the model return logits."
        )
    if lowest >= -SIGN_TOLERANCE * 100 and (np.abs(total - 100) <= TOLERANCE * 100).all():
        raise ModelError(
            f"{counted}, which are percentages already: they are not negative and add up to 100; {first}. Leave "
            "'output' out, or let the model return logits."
        )
    if setting == "sigmoid" and lowest >= 0 and largest <= 1:
        raise ModelError(
            f"{counted}, which lie between 0 and 1, as after a sigmoid; {first}. Leave 'output' out, or let the model "
            "return logits."
        )
    if setting == "sigmoid" and (np.abs(_log_total(summary)) <= TOLERANCE).all():
        raise ModelError(
            f"{counted}, which are logarithms of probabilities: their exponentials add up to 1; those of {names[0]} "
            f"have a largest value of {summary['largest'][0]:.4g}. Set 'output: log_probabilities'."
        )


def _log_total(summary: npt.NDArray[np.void]) -> npt.NDArray[np.float64]:
    """Log-sum-exp of each image's outputs."""
    found: npt.NDArray[np.float64] = summary["largest"] - np.log(summary["softmax"])
    return found
