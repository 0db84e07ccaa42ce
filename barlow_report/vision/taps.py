"""Taps: modules that do nothing, behind the inner tensors of a program, which has no modules that hooks could watch.

What finds the features and the map of an ordinary model, finds them there.
"""

import torch
from torch import nn

__all__ = ["TAPS", "LinearTap", "Program", "Tap", "tap_name"]

TAPS = "at"
"""Where the taps are: the value that the program calls `relu_3` is seen at the module `at.relu_3`."""


_TAKEN = frozenset(dir(nn.Module()))


def tap_name(value: str) -> str:
    """Return the name of the tap of a program's value: its own, unless a module already calls something so (`to`)."""
    return f"{value}_" if value in _TAKEN else value


class Tap(nn.Module):
    """Shows a tensor to the hooks of its border and returns it."""

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        """Return `value`."""
        return value


class LinearTap(nn.Module):
    """Shows input and output of a linear operation, as an `nn.Linear` does."""

    def forward(self, _: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        """Return `output`."""
        return output


class Program(nn.Module):
    """A program with taps; a model like any other.

    Attributes:
        size: Height and width that its input must have; None where they are free.
        n_per_call: Images that every call must have; None where their number is free.
        n_channels: Channels that its input must have; None where nothing says it.
    """

    size: tuple[int, int] | None = None
    n_per_call: int | None = None
    n_channels: int | None = None

    def keep(self, places: set[str]) -> None:
        """Show only the tensors at these modules from now on; the others cost memory."""
