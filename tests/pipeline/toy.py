"""A tiny task whose failures are known: red squares that carry a green mark are taken for blue ones.

The network's features are the mean red, green and blue of the image and a channel that is always dead.
"""

from pathlib import Path

import numpy as np
import yaml
from PIL import Image

NETWORK = """
import torch
from torch import nn


class Colours(nn.Module):
    def __init__(self, n_classes=2, fail=False):
        super().__init__()
        self.mix = nn.Conv2d(3, 4, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(4, n_classes)
        self.fail = fail
        with torch.no_grad():
            self.mix.weight.zero_()
            self.mix.bias.copy_(torch.tensor([0.0, 0.0, 0.0, -1.0]))
            for channel in range(3):
                self.mix.weight[channel, channel] = 1.0
            self.head.weight.zero_()
            self.head.bias.zero_()
            self.head.weight[0] = torch.tensor([-20.0, 100.0, 20.0, 0.0])  # blue, or red with green
            self.head.weight[1] = torch.tensor([20.0, -100.0, -20.0, 0.0])
            self.head.bias[0], self.head.bias[1] = -6.0, 6.0

    def forward(self, x):
        if self.fail:
            x = x * float("nan")
        return self.head(self.pool(torch.relu(self.mix(x))).flatten(1))


def colours(n_classes=2):
    return Colours(n_classes)


def broken():
    return Colours(fail=True)
"""


def write_image(path: Path, *, colour: str, marked: bool, seed: int) -> None:
    """Write a 24 × 24 square of `colour`, red or blue, with noise and perhaps a green mark."""
    rng = np.random.default_rng(seed)
    pixels = rng.uniform(0.0, 0.1, (24, 24, 3))
    pixels[..., 0 if colour == "red" else 2] += rng.uniform(0.55, 0.85)
    if marked:
        top, left = rng.integers(0, 10, 2)
        pixels[top : top + 13, left : left + 13, 1] += 0.8
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8)).save(path)


def write_task(folder: Path, *, n_per_class: int = 120, settings: dict[str, object] | None = None) -> Path:
    """Write images, network and configuration below `folder` and return the configuration's path."""
    for index in range(n_per_class):
        write_image(folder / f"images/red/{index:04d}.png", colour="red", marked=index % 3 == 0, seed=index)
        write_image(folder / f"images/blue/{index:04d}.png", colour="blue", marked=False, seed=10_000 + index)
    (folder / "network.py").write_text(NETWORK)
    config = {
        "name": "toy",
        "data": {"folder": "images"},
        "inspected_model": {"factory": "network.py:colours"},
        "extraction": {"batch_size": 16, "shard_size": 32, "n_workers": 2},
        "visuals": {"n_images": 4, "n_gallery": 4, "attack": {"n_steps": 5, "batch_size": 4}},
        **(settings or {}),
    }
    path = folder / "toy.yaml"
    path.write_text(yaml.safe_dump(config))
    return path
