"""Ten small networks with random weights for images of 32 × 32 pixels; `wide` has 6 million weights, 25 MB."""

import torch
from torch import nn

__all__ = ["KINDS", "make"]

KINDS = ("plain", "residual", "depthwise", "dense", "mixed", "squeezed", "tokens", "mixer", "wide", "strided")


class _Around(nn.Module):
    """Adds or appends what a part computes to what went in."""

    def __init__(self, part: nn.Module, *, appends: bool = False) -> None:
        super().__init__()
        self.part, self.appends = part, appends

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        found = self.part(images)
        return torch.cat([images, found], dim=1) if self.appends else images + found


class _Beside(nn.Module):
    def __init__(self, *parts: nn.Module) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.cat([part(images) for part in self.parts], dim=1)


class _Gate(nn.Module):
    def __init__(self, n: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(n, 4, 1), nn.ReLU(), nn.Conv2d(4, n, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images * torch.sigmoid(self.inner(images))


class _Swapped(nn.Module):
    """Runs a part over the places instead of the channels of a sequence."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        swapped: torch.Tensor = self.part(tokens.transpose(1, 2))
        return swapped.transpose(1, 2)


class _Patches(nn.Module):
    def __init__(self, width: int, *parts: nn.Module) -> None:
        super().__init__()
        self.cut = nn.Conv2d(3, width, 8, stride=8)
        self.parts = nn.Sequential(*parts)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        tokens: torch.Tensor = self.parts(self.cut(images).flatten(2).transpose(1, 2))
        return tokens.mean(dim=1)


def make(kind: str, seed: int, n_classes: int = 10) -> nn.Module:
    """Return a network of a kind whose weights depend on `seed`."""
    torch.manual_seed(seed)
    first = [nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16), nn.ReLU()]
    last = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    if kind == "wide":
        return nn.Sequential(nn.Flatten(), nn.Linear(3072, 2048), nn.ReLU(), nn.Linear(2048, n_classes))
    if kind in ("tokens", "mixer"):
        part = nn.Sequential(nn.LayerNorm(16), nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))
        other = (
            nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, dropout=0.0)
            if kind == "tokens"
            else _Around(_Swapped(nn.Linear(16, 16)))
        )
        return nn.Sequential(_Patches(16, other, _Around(part)), nn.Linear(16, n_classes))
    body = {
        "plain": [nn.Conv2d(16, 32, 3, padding=1), nn.ReLU()],
        "residual": [_Around(nn.Conv2d(16, 16, 3, padding=1)), nn.ReLU()],
        "depthwise": [nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.Conv2d(16, 32, 1), nn.ReLU6()],
        "dense": [_Around(nn.Conv2d(16, 8, 3, padding=1), appends=True), nn.ReLU()],
        "mixed": [_Beside(nn.Conv2d(16, 8, 1), nn.Conv2d(16, 8, 5, padding=2)), nn.ReLU()],
        "squeezed": [nn.Conv2d(16, 16, 3, padding=1), _Gate(16), nn.SiLU()],
        "strided": [nn.Conv2d(16, 32, 3, stride=2), nn.LeakyReLU(), nn.Conv2d(32, 32, 3), nn.LeakyReLU()],
    }[kind]
    width = {"plain": 32, "depthwise": 32, "dense": 24, "strided": 32}.get(kind, 16)
    return nn.Sequential(*first, *body, *last, nn.Linear(width, n_classes))
