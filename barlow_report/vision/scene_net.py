"""The demo's network: four convolutions, small enough to ship, with a map that still shows where things are."""

import torch
from torch import nn

__all__ = ["SceneNet", "scene_net"]

N_CLASSES = 15


class SceneNet(nn.Module):
    """layers (B, 96, 8, 8) of images (B, 3, 64, 64) -> pool -> flatten (B, 96) -> head (B, n_classes)."""

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _block(3, 24, kernel=5, stride=2),
            _block(24, 48, kernel=3, stride=2),
            _block(48, 96, kernel=3, stride=2),
            _block(96, 96, kernel=3, stride=1),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(96, n_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (B, n_classes)."""
        logits: torch.Tensor = self.head(self.pool(self.layers(images)).flatten(1))
        return logits


def _block(n_in: int, n_out: int, *, kernel: int, stride: int) -> nn.Sequential:
    convolution = nn.Conv2d(n_in, n_out, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(n_out), nn.ReLU())


def scene_net(n_classes: int = N_CLASSES) -> SceneNet:
    """Return the network without trained weights."""
    return SceneNet(n_classes)
