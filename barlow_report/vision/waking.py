"""Gradients for silent features: a feature behind a ReLU that is zero everywhere has no gradient until it wakes.

For one backward pass every ReLU lets a small part of the gradient through where it is closed, as a leaky one would;
what the network computes stays as it is (a straight-through estimate; Bengio, Léonard and Courville, arXiv 1308.3432).
Modules, functions and methods are all reached; exported programs are not, and their silent features stay silent.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

__all__ = ["Leaking"]

SLOPE = 0.1
"""What a closed ReLU lets through."""

_RELUS = (F.relu, F.relu_, torch.relu, torch.relu_, torch.Tensor.relu, torch.Tensor.relu_)


class Leaking(TorchFunctionMode):
    """Within `with Leaking():` gradients pass the closed ReLUs of whatever this thread runs."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func not in _RELUS:
            return func(*args, **(kwargs or {}))
        values: torch.Tensor = args[0]
        leaky = F.leaky_relu(values, SLOPE)
        return leaky + (values.clamp(min=0) - leaky).detach()
