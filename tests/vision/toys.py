"""Models whose features and activations are known on paper, and images to feed them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from barlow_report.config import PreprocessingConfig
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.wrapping import wrap_model

CPU = torch.device("cpu")


class ColourNet(nn.Module):
    """Features are the image's mean red, green, blue and max(blue − 0.5, 0); the map is each pixel's.

    Logits: red, green, blue. So a red image is of class 0, with the feature vector (1, 0, 0, 0).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(4, 3, bias=False)
        with torch.no_grad():
            self.conv.weight[:] = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]]).view(4, 3, 1, 1)
            self.conv.bias[:] = torch.tensor([0.0, 0, 0, -0.5])  # type: ignore[index]
            self.fc.weight[:] = torch.eye(3, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.fc(self.pool(self.relu(self.conv(x))).flatten(1))
        return logits


class AnyChannels(nn.Module):
    """Takes any number of channels; its only feature is their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(1, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.fc(x.mean(dim=(1, 2, 3))[:, None])
        return logits


class Net(nn.Module):
    """Convolution to 6 channels, then `pool` to a vector, then a linear layer; all weights random but fixed."""

    def __init__(self, pool: Callable[[torch.Tensor], torch.Tensor], *, n_features: int = 6) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 6, 3)
        self.pool = pool
        self.fc = nn.Linear(n_features, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.fc(self.pool(self.conv(x)))
        return logits


def rectified_mean(x: torch.Tensor) -> torch.Tensor:
    """A pooling that no module shows."""
    return F.relu(x).mean(dim=(2, 3))


def wrap(
    module: nn.Module,
    *,
    size: int = 8,
    feature_module: str | None = None,
    map_module: str | None = None,
    preprocessing: PreprocessingConfig | None = None,
) -> LoadedModel:
    """`module` as a loaded model for images of `size` pixels."""
    return wrap_model(
        module,
        preprocessing=preprocessing or PreprocessingConfig(resize=(size, size)),
        device=CPU,
        role="feature_model",
        name="toy",
        feature_module=feature_module,
        map_module=map_module,
    )


def n_hooks(module: nn.Module) -> int:
    """Hooks left anywhere in `module`."""
    return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in module.modules())


def save_colour(path: Path, colour: tuple[int, int, int], *, size: tuple[int, int] = (8, 8)) -> Path:
    """Write a lossless image of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, format="PNG")
    return path


def noise_image(seed: int, *, size: tuple[int, int] = (8, 8)) -> Image.Image:
    """A random RGB image of (width, height)."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)
