"""The inspected models of the measured repair: layers that stay as they are, and a small network that is trained.

All trainings of a split start from one trained network and take as many steps. Batches are drawn with weights, as
torch's WeightedRandomSampler does; a further image counts as often as the recipe says. What a repair is measured
against is the same training without further images.
"""

import copy
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tests.benchmarks.repairs.images import Images, scene_layers

__all__ = ["RECIPES", "Recipe", "probabilities", "trained", "untrained"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained.

    Attributes:
        n_first: Steps of the first training, which gives the inspected model.
        n_further: Steps of each training that starts from it.
        learning_rate: Of the first training, at its highest.
        further_rate: Of those that start from it.
        times: How often a further image counts; an image to train on counts once.
        batch_size: Images of a step.
    """

    n_first: int
    n_further: int
    learning_rate: float
    further_rate: float
    times: float = 1.0
    batch_size: int = 64


RECIPES = {
    "cifar10": Recipe(n_first=400, n_further=150, learning_rate=3e-3, further_rate=1e-3, times=5),
    "signed": Recipe(n_first=200, n_further=100, learning_rate=1e-3, further_rate=1e-3, times=1),
    "twins": Recipe(n_first=200, n_further=100, learning_rate=1e-3, further_rate=1e-3, times=1),
}
"""Of CIFAR-10, `times` is the largest of 1, 5 and 20 with which 400 further images left no more failing in all, on
images that measure nothing here."""


def untrained(data: str, n_classes: int, *, seed: int) -> nn.Sequential:
    """Return the part that is trained, from inputs (b, channels, height, width) to logits; of scenes as the demo's."""
    if data != "cifar10":
        return nn.Sequential(*scene_layers()[2:]).train()
    torch.manual_seed(seed)
    return nn.Sequential(
        _block(64, 64, stride=2),
        _block(64, 96, stride=1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(96, n_classes),
    )


def _block(n_in: int, n_out: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU())


def trained(
    start: Network,
    images: Images,
    ids: Integers,
    weights: Floats,
    *,
    n_steps: int,
    learning_rate: float,
    batch_size: int,
    seed: int,
) -> Network:
    """Return a copy of a network after further training.

    Args:
        start: Stays as it is.
        images: All images.
        ids: Of those to train on, (n,).
        weights: How often each is drawn, (n,), relative to the others.
        n_steps: Batches.
        learning_rate: At its highest; it rises over a tenth of the steps and falls to 0.
        batch_size: Images of each.
        seed: Of the draws.
    """
    model = copy.deepcopy(start).train().requires_grad_(requires_grad=True)
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=learning_rate, total_steps=n_steps, pct_start=0.1)
    share = weights / weights.sum()
    n_views = images.inputs.shape[1]
    for _ in range(n_steps):
        drawn = random.choice(ids, size=batch_size, p=share)
        views = random.integers(n_views, size=batch_size)
        x = torch.from_numpy(images.inputs[drawn, views]).float()
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), torch.from_numpy(images.labels[drawn]))
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return model.eval()


def probabilities(model: nn.Module, images: Images, ids: Integers) -> npt.NDArray[np.float32]:
    """Return the probabilities (n, n_classes) of images, as they are."""
    found = []
    with torch.inference_mode():
        for first in range(0, len(ids), 500):
            x = torch.from_numpy(images.inputs[ids[first : first + 500], 0]).float()
            found.append(model(x).softmax(1).numpy())
    return np.concatenate(found)
