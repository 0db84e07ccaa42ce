"""What feature attacks and moves share: activations of single features, their gradients, steps along them, and rows.

All (feature, image) pairs of a batch share one forward and one backward pass: the gradient of the sum of their
activations is, image by image, the gradient of each. Libraries choose their algorithm by the number of rows, so every
pass has the same number of rows, the last one filled up: then a pair's result does not depend on its neighbours.
"""

import math

import torch
import torch.nn.functional as F

from barlow_report.vision.models import LoadedModel

__all__ = [
    "LARGEST_CHANGE",
    "MAX_ROWS_ON_CPU",
    "activation",
    "activation_and_gradient",
    "activations_and_gradients",
    "largest",
    "largest_change",
    "norm",
    "passes",
    "rows_per_pass",
    "smooth_noise",
    "unit_steps",
]

LARGEST_CHANGE = 0.1
"""Root mean square over the pixels, in [0, 1], of the largest change of an image where no radius is given."""

MAX_ROWS_ON_CPU = 32
"""Rows per pass on a processor, at most: larger batches gain little there and waste more when filled up."""

PIXELS_PER_PASS = 2**17
"""Pixels per pass on a processor, about, for the sake of its memory and caches; at least four images."""

PUSH_GRID = 8
"""Smooth noise is this many random colours in each direction, blurred: fine noise wakes fewer features."""


def rows_per_pass(device: torch.device, *, batch_size: int, size: tuple[int, int]) -> int:
    """How many images of `size` (height, width) go through the model at once."""
    if device.type != "cpu":
        return batch_size
    return min(batch_size, MAX_ROWS_ON_CPU, max(4, PIXELS_PER_PASS // (size[0] * size[1])))


def largest_change(images: torch.Tensor) -> float:
    """The L2 length of the largest change of each of some images (B, C, H, W) where no radius is given."""
    return LARGEST_CHANGE * math.sqrt(images[0].numel())


def passes(n: int, n_rows: int, *, device: torch.device | None = None) -> tuple[torch.Tensor, ...]:
    """Split `n` images, at least 1, into passes of exactly `n_rows`; the first images fill up the last one."""
    return torch.split(torch.arange(-(-n // n_rows) * n_rows, device=device) % n, n_rows)


def activation_and_gradient(
    model: LoadedModel, images: torch.Tensor, ids: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The activations (B,) and their gradients (B, C, H, W), with zeros where a gradient is not finite."""
    with torch.enable_grad():
        images = images.detach().requires_grad_()
        found = _select(model, images, ids)
        (gradient,) = torch.autograd.grad(found.sum(), images)
    return found.detach(), gradient.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)


def activations_and_gradients(
    model: LoadedModel, images: torch.Tensor, ids: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same for K features of each image, `ids` (B, K): (B, K) and (B, K, C, H, W), with one forward pass."""
    with torch.enable_grad():
        images = images.detach().requires_grad_()
        found = model.features(images)[1].gather(1, ids)
        sums = found.sum(dim=0)
        gradients = [torch.autograd.grad(each, images, retain_graph=True)[0] for each in sums]
    return found.detach(), torch.stack(gradients, dim=1).nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)


def activation(model: LoadedModel, images: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """The activation of one feature of each image, (B,)."""
    with torch.no_grad():
        return _select(model, images, ids)


def _select(model: LoadedModel, images: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    _, features, _ = model.features(images)
    return features.gather(1, ids[:, None]).squeeze(1)


def unit_steps(gradient: torch.Tensor) -> torch.Tensor:
    """Gradients (B, C, H, W) at length 1; zero where they are zero."""
    scale = largest(gradient)
    # Scaled first: the squares of a tiny gradient would vanish.
    scaled = gradient / torch.where(scale > 0, scale, 1)
    return scaled / norm(scaled).clamp_min(1)


def smooth_noise(step: int, images: torch.Tensor) -> torch.Tensor:
    """A perturbation (C, H, W) of root mean square 1, to get features with zero gradient going.

    It depends on the step and the size alone, so that batches cannot change results.
    """
    generator = torch.Generator().manual_seed(step)
    coarse = torch.randn(1, images.shape[1], PUSH_GRID, PUSH_GRID, generator=generator)
    smooth = F.interpolate(coarse, size=images.shape[2:], mode="bilinear", align_corners=False)[0]
    return (smooth / smooth.square().mean().sqrt()).to(images.device)


def largest(images: torch.Tensor) -> torch.Tensor:
    """The largest absolute value of each image, shape (B, 1, 1, 1)."""
    return images.abs().amax(dim=(1, 2, 3), keepdim=True)


def norm(images: torch.Tensor) -> torch.Tensor:
    """L2 norm of each image, shape (B, 1, 1, 1)."""
    return images.square().sum(dim=(1, 2, 3), keepdim=True).sqrt()
