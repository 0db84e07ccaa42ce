"""Projected gradient descent: the change of an image, within a radius, that raises the loss most.

Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks" (2018, arXiv 1706.06083).
"""

import torch
import torch.nn.functional as F
from torch import nn

from barlow_report.training_config import AdversaryConfig

__all__ = ["perturb"]


def perturb(
    model: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    *,
    adversary: AdversaryConfig,
    radius: float,
    loss_scale: float = 1.0,
) -> torch.Tensor:
    """Return images (B, C, H, W) in [0, 1] within `radius` of the given ones that `model` gets wrong more often.

    Args:
        model: Takes images in [0, 1] and returns logits; its mode is left as it is.
        images: float32 in [0, 1], shape (B, C, H, W).
        labels: int64, shape (B,).
        adversary: Norm, number of steps, and step size relative to its radius.
        radius: The radius in use, which a warm-up makes smaller than the adversary's; 0 gives the images back.
        loss_scale: Of the loss, where small gradients would vanish in float16; their direction does not depend on it.
    """
    if radius <= 0:
        return images
    step = adversary.step * radius / adversary.radius
    changed = images
    for _ in range(adversary.n_steps):
        changed = changed.detach().requires_grad_()
        with torch.enable_grad():
            loss = F.cross_entropy(model(changed), labels, reduction="sum")
            (gradient,) = torch.autograd.grad(loss * loss_scale, changed)
        moved = changed.detach() + step * _direction(gradient, adversary.norm)
        changed = _project(moved, images, norm=adversary.norm, radius=radius)
    return changed.detach()


def _direction(gradient: torch.Tensor, norm: str) -> torch.Tensor:
    return gradient.sign() if norm == "linf" else gradient / _length(gradient).clamp_min(1e-12)


def _project(changed: torch.Tensor, images: torch.Tensor, *, norm: str, radius: float) -> torch.Tensor:
    """The nearest images in the ball; clamping to [0, 1] afterwards only brings them nearer to `images`."""
    change = changed - images
    is_linf = norm == "linf"
    change = change.clamp(-radius, radius) if is_linf else change * (radius / _length(change).clamp_min(radius))
    return (images + change).clamp(0, 1)


def _length(change: torch.Tensor) -> torch.Tensor:
    length: torch.Tensor = change.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    return length
