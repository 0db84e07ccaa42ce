"""What a model must return, one tensor (B, n_outputs) or (B,), and what to do where it returns something else.

A tensor in a structure is named by `output_key` of the configuration, never guessed. Other advice is a few lines to put
beside the model. They are a subclass, so that the names of the weights stay as they are in the file, and copies of the
model for other threads work.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from barlow_report.errors import ModelError

__all__ = ["as_table", "has_values", "select_output"]

_NAMES = ("logits", "out", "output", "outputs", "pred", "preds", "prediction", "predictions", "scores", "class_logits")
"""What libraries call the logits, in the order in which they are looked for."""

N_SHOWN = 6
_BRACKETS = ".[]'"


def as_table(output: Any, *, n_images: int, where: str) -> torch.Tensor:
    """Return what a model gave for `n_images` images as a tensor (n_images, n_outputs).

    Further dimensions of length 1, as convolutions leave them, are dropped. One number per image is one output.

    Raises:
        ModelError: It is none; the message says how to get one.
    """
    if not isinstance(output, torch.Tensor):
        raise ModelError(f"{where}: {_describe_structure(output, n_images=n_images)}")
    shape = tuple(output.shape)
    is_table = shape[:1] == (n_images,) and output.numel() == n_images * max(shape[1:], default=1)
    if is_table and output.numel() and output.dtype.is_floating_point:
        return output.reshape(n_images, -1)
    found = f"{where}: the model returns shape {shape} for {n_images} images, expected ({n_images}, n_classes)"
    if shape[:1] != (n_images,) or not output.numel():
        raise ModelError(f"{found}: one row of logits per image.")
    if not output.dtype.is_floating_point:
        raise ModelError(
            f"{found} of floating-point logits, and found {output.dtype}. Return the logits that these numbers were "
            "made of; predictions alone go into data.manifest, column 'prediction'."
        )
    if len(shape) == 4:
        raise ModelError(
            f"{found}: an output for each of {shape[2]} × {shape[3]} positions is a segmentation or a map, not a "
            "classification. Where the logits are its mean over the positions, say so:"
            f"{_subclass('return super().forward(images).mean(dim=(2, 3))')}"
        )
    raise ModelError(
        f"{found}: it is not known which of its dimensions are classes. Choose in a subclass, such as"
        f"{_subclass('return super().forward(images)[:, 0]')}"
    )


def select_output(module: nn.Module, key: str | int, *, where: str) -> None:
    """Let a network return one part of what it returns; the names of its modules stay.

    Args:
        module: The network; changed in place.
        key: Key of a mapping, name of a field, or position.
        where: Names the model in errors.
    """
    module.register_forward_hook(_Selection(key, where))


class _Selection:
    """A hook that replaces an output by a part of it; an object, so that copies of a network have it, too."""

    def __init__(self, key: str | int, where: str) -> None:
        self.key = key
        self.where = where

    def __call__(self, _module: nn.Module, _inputs: Any, output: Any) -> Any:
        found = dict(_keyed(output))
        if self.key in found:
            return found[self.key]
        if isinstance(self.key, int) and isinstance(output, tuple | list) and -len(output) <= self.key < len(output):
            return output[self.key]
        known = f"has {', '.join(map(repr, found))}" if found else "has no parts"
        raise ModelError(
            f"{self.where}: output_key is {self.key!r}, and what the model returns ({type(output).__name__}) {known}."
        )


def has_values(output: torch.Tensor) -> bool:
    """Whether each row can be ranked: no NaN, no +inf, and not -inf alone, which stands for a class that cannot be."""
    return not bool(output.isnan().any()) and bool(output.amax(dim=1).isfinite().all())


def _describe_structure(output: Any, *, n_images: int) -> str:
    kind = type(output).__name__
    fields = _fields(output)
    if not fields:
        return f"the model returns {kind}, expected one tensor of logits (B, n_classes)."
    shown = ", ".join(f"{access} {_describe(value)}" for access, value in fields[:N_SHOWN])
    fitting = [access for access, value in fields if _is_table(value, n_images)]
    named = [access for access in fitting if access.strip(".[]'") in _NAMES]
    chosen = next(iter([*named, *fitting]), None)
    if chosen is None:
        return f"the model returns {kind} ({shown}), expected one tensor of logits (B, n_classes)."
    return (
        f"the model returns {kind} ({shown}), expected one tensor of logits (B, n_classes). Say which of them tells "
        f"the classes apart: output_key: {chosen.strip(_BRACKETS)}."
    )


def _keyed(output: Any) -> list[tuple[str | int, Any]]:
    """What a structure holds, by what `output_key` may be."""
    if isinstance(output, Mapping):
        return list(output.items())
    if isinstance(output, tuple | list) and not hasattr(output, "_fields"):
        return list(enumerate(output))
    return [(access.removeprefix("."), value) for access, value in _fields(output)]


def _fields(output: Any) -> list[tuple[str, Any]]:
    """What a structure holds, and how to get at each."""
    if dataclasses.is_dataclass(output) and not isinstance(output, type):
        return [(f".{item.name}", getattr(output, item.name)) for item in dataclasses.fields(output)]
    if isinstance(output, Mapping):
        return [(f"[{key!r}]", value) for key, value in output.items()]
    if isinstance(output, tuple) and hasattr(output, "_fields"):
        return [(f".{name}", value) for name, value in zip(output._fields, output, strict=True)]
    if isinstance(output, tuple | list):
        return [(f"[{position}]", value) for position, value in enumerate(output)]
    if hasattr(output, "__dict__"):
        return [(f".{name}", value) for name, value in vars(output).items() if isinstance(value, torch.Tensor)]
    return []


def _describe(value: Any) -> str:
    return str(tuple(value.shape)) if isinstance(value, torch.Tensor) else type(value).__name__


def _is_table(value: Any, n_images: int) -> bool:
    return isinstance(value, torch.Tensor) and value.ndim == 2 and value.shape[0] == n_images and value.shape[1] > 1


def _subclass(*lines: str) -> str:
    body = "".join(f"\n            {line}" for line in lines)
    return f"\n    class Classifier(TheModel):\n        def forward(self, images):{body}"
