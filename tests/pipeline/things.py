"""Scenes with several things, and a model with an output for each whose failures are known.

A scene holds a red patch, a blue patch, a green mark, or several of them. The model's outputs see the mean colours of
the image; the one for red misses it beside a green mark.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from PIL import Image

__all__ = ["THINGS", "scores", "write_things"]

THINGS = ("red patch", "blue patch", "mark")

NETWORK = """
import torch
from torch import nn


class Things(nn.Module):
    def __init__(self, change="logits"):
        super().__init__()
        self.mix = nn.Conv2d(3, 4, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(4, 3)
        self.change = change
        with torch.no_grad():
            self.mix.weight.zero_()
            self.mix.bias.copy_(torch.tensor([0.0, 0.0, 0.0, -1.0]))
            for channel in range(3):
                self.mix.weight[channel, channel] = 1.0
            red, blue, mark = [30.0, -60.0, 0.0, 0.0], [0.0, 0.0, 30.0, 0.0], [0.0, 30.0, 0.0, 0.0]
            self.head.weight.copy_(torch.tensor([red, blue, mark]))
            self.head.bias.copy_(torch.tensor([-2.0, -5.7, -3.6]))

    def forward(self, x):
        logits = self.head(self.pool(torch.relu(self.mix(x))).flatten(1))
        if self.change == "softmax":
            return logits.softmax(dim=1)
        return logits.sigmoid() if self.change == "probabilities" else logits


def things(change="logits"):
    return Things(change)
"""


def draw(rng: np.random.Generator, present: dict[str, bool]) -> Image.Image:
    """Draw a scene of 24 × 24 pixels."""
    pixels = rng.uniform(0.0, 0.1, (24, 24, 3))
    for channel, thing, columns in ((0, "red patch", (0, 12)), (2, "blue patch", (12, 24))):
        if present[thing]:
            top = int(rng.integers(0, 3))
            pixels[top : top + 11, columns[0] : columns[1], channel] += rng.uniform(0.55, 0.85)
    if present["mark"]:
        left = int(rng.integers(0, 13))
        pixels[14:23, left : left + 11, 1] += 0.8
    return Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8))


def write_things(folder: Path, *, n: int = 160, seed: int = 0, settings: dict[str, Any] | None = None) -> Path:
    """Write scenes, their labels, the network and a configuration below `folder`; return the configuration's path.

    Of every tenth scene it is not known whether it holds a blue patch. The output for blue misses faint ones.
    """
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for index in range(n):
        present = {thing: bool(rng.random() < share) for thing, share in zip(THINGS, (0.5, 0.4, 0.35), strict=True)}
        draw(rng, present).save(folder / f"images/{index:04d}.png")
        row: dict[str, Any] = {
            "path": f"images/{index:04d}.png",
            **{name: str(int(has)) for name, has in present.items()},
        }
        if index % 10 == 0:
            row["blue patch"] = ""
        rows.append(row)
    pd.DataFrame(rows).to_csv(folder / "labels.csv", index=False)
    (folder / "network.py").write_text(NETWORK)
    config = {
        "name": "things",
        "data": {"manifest": "labels.csv", "label_columns": list(THINGS)},
        "inspected_model": {"factory": "network.py:things", "output": "sigmoid"},
        "extraction": {"batch_size": 16, "shard_size": 50, "n_workers": 2},
        "visuals": {"n_images": 4, "n_gallery": 4, "attack": {"n_steps": 5, "batch_size": 4}},
        **(settings or {}),
    }
    path = folder / "things.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def scores(folder: Path) -> np.ndarray:
    """The logits of all scenes, computed without the product: (n_images, 3)."""
    found = []
    for path in sorted((folder / "images").iterdir()):
        pixels = np.asarray(Image.open(path), dtype=np.float64) / 255
        red, green, blue = pixels.mean(axis=(0, 1))
        found.append([30 * red - 60 * green - 2, 30 * blue - 5.7, 30 * green - 3.6])
    return np.array(found)
