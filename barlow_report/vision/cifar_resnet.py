"""Residual networks for images of 32 pixels, with the layer names of the `robustness` library's CIFAR models.

He et al., "Deep Residual Learning for Image Recognition" (2016, arXiv 1512.03385), in the form that is usual for
CIFAR: a first convolution of 3 pixels without stride or pooling, then four stages. Weights that were saved by that
library load into them; `weights` then also says mean and standard deviation.
"""

import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["resnet18", "resnet34", "resnet50"]

WIDTHS = (64, 128, 256, 512)


class _Basic(nn.Module):
    expansion = 1

    def __init__(self, n_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = _shortcut(n_in, width, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(out + self.shortcut(x))


class _Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, n_in: int, width: int, stride: int) -> None:
        super().__init__()
        n_out = self.expansion * width
        self.conv1 = nn.Conv2d(n_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, n_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(n_out)
        self.shortcut = _shortcut(n_in, n_out, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))
        return F.relu(self.bn3(self.conv3(out)) + self.shortcut(x))


def _shortcut(n_in: int, n_out: int, stride: int) -> nn.Sequential:
    if n_in == n_out and stride == 1:
        return nn.Sequential()
    return nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False), nn.BatchNorm2d(n_out))


class _ResNet(nn.Module):
    """Features are the mean over the positions of `layer4`."""

    def __init__(self, block: type[_Basic | _Bottleneck], n_blocks: tuple[int, ...], n_classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTHS[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        n_in = WIDTHS[0]
        for stage, (width, n) in enumerate(zip(WIDTHS, n_blocks, strict=True), 1):
            blocks = []
            for index in range(n):
                blocks.append(block(n_in, width, 2 if stage > 1 and index == 0 else 1))
                n_in = block.expansion * width
            self.add_module(f"layer{stage}", nn.Sequential(*blocks))
        self.linear = nn.Linear(n_in, n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        for stage in range(1, len(WIDTHS) + 1):
            x = self.get_submodule(f"layer{stage}")(x)
        logits: torch.Tensor = self.linear(x.mean(dim=(2, 3)))
        return logits


def resnet18(n_classes: int = 10) -> nn.Module:
    """Return a network of 18 layers with random weights, for images (B, 3, 32, 32)."""
    return _ResNet(_Basic, (2, 2, 2, 2), n_classes)


def resnet34(n_classes: int = 10) -> nn.Module:
    """Return a network of 34 layers; see `resnet18`."""
    return _ResNet(_Basic, (3, 4, 6, 3), n_classes)


def resnet50(n_classes: int = 10) -> nn.Module:
    """Return a network of 50 layers, as the published CIFAR models are; see `resnet18`."""
    return _ResNet(_Bottleneck, (3, 4, 6, 3), n_classes)
