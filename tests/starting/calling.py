"""Calling `barlow-report init`, with models and images whose right preprocessing is known."""

from pathlib import Path

import numpy as np
import yaml
from PIL import Image
from typer.testing import CliRunner, Result

from barlow_report.cli import app

__all__ = ["PLUS_MINUS_ONE", "init", "values", "write_grey"]

PLUS_MINUS_ONE = """
import torch
from torch import nn


class Bright(nn.Module):
    # Right only for images that were normalised to ±1: the border between dark and bright is 0.
    def __init__(self):
        super().__init__()
        self.mix = nn.Conv2d(3, 2, 1)
        self.head = nn.Linear(2, 2)
        with torch.no_grad():
            self.mix.weight.copy_(torch.tensor([[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]])[..., None, None])
            self.mix.bias.zero_()
            self.head.weight.copy_(torch.tensor([[1.0, -1.0], [-1.0, 1.0]]))
            self.head.bias.zero_()

    def forward(self, x):
        return self.head(self.mix(x).relu().mean((2, 3)))


def bright():
    return Bright()


def grey():
    # The same for one channel.
    model = Bright()
    model.mix = nn.Conv2d(1, 2, 1)
    with torch.no_grad():
        model.mix.weight.copy_(torch.tensor([1.0, -1.0])[:, None, None, None])
        model.mix.bias.zero_()
    return model


def of_224_pixels():
    return nn.Sequential(nn.Conv2d(3, 4, 8, 8), nn.Sigmoid(), nn.Flatten(), nn.Linear(4 * 28 * 28, 2))


def of_three_classes():
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
"""


def init(*arguments: str, answers: str = "") -> Result:
    """Run the command with its options, and answers for its questions."""
    return CliRunner().invoke(app, ["init", *arguments], input=answers)


def values(path: str = "report.yaml") -> dict[str, object]:
    """Return what the configuration says that was written."""
    found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def write_grey(folder: Path, *, side: int = 24) -> None:
    """Images of two classes, one above and one below half of the brightness."""
    for label, value in (("bright", 150), ("dark", 122)):
        for index in range(24):
            path = folder / label / f"{index:02d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((side, side + index % 5, 3), value, dtype=np.uint8)).save(path)
