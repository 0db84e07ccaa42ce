"""Feature attack: gradient ascent on one feature, starting from a natural image (Singla et al., CVPR 2021).

Each step adds the L2-normalised gradient times the step size, then clamps the pixels to [0, 1] and brings the result
back to the radius, an L2 distance from the image. A hundred long steps amplify a difference in the last digit to
another image, so every pass has the same number of rows (`gradients.py`).

The published settings have no limit that binds and take a thousand steps of one length. Then all images of a feature
become one saturated texture, which on small images shows that the feature is strong, but not of what. The default
radius is a root mean square of 0.1 over the pixels: it grows with the square root of their number, so a change is as
visible at 32 as at 224 pixels (5.5 and 39 in L2). Images stay recognisable, their differences remain, and what the
feature looks for is drawn into them. The value was chosen on CIFAR-10 by looking, and by the table that
tests/benchmarks/feature_attack.py prints: at 0.05 little is to be seen yet, from 0.15 on the images of a feature grow
alike. Within a radius, 20 steps do as well as 50; without one, steps that begin long and get shorter arrive in 50
at the activation of the published thousand.

Where the hardware computes in bfloat16 the way is found with it, which costs a digit of the gradient's direction and
no activation; what is reported is always computed in float32.

The strongest image on the way is kept, not the last one, and a pair that no step improved gets a shorter first step
by a line search. Two cases cannot be improved and say so by equal activations before and after: a feature whose
gradient is zero on the image and around it, and an image on which the activation is already at a maximum.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from barlow_report.vision.acceleration import AcceleratedModel, accelerate, guide_precision
from barlow_report.vision.gradients import (
    MAX_ROWS_ON_CPU,
    activation,
    activation_and_gradient,
    largest,
    largest_change,
    norm,
    passes,
    rows_per_pass,
    smooth_noise,
    unit_steps,
)
from barlow_report.vision.memory import MemoryLimit, within_memory
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.workers import run_passes

if TYPE_CHECKING:
    from barlow_report.config import AttackConfig

__all__ = ["AttackResult", "FeatureAttack", "attack_features", "pairs_for"]

N_HALVINGS = 16
"""The line search's shortest step is the step size divided by 2 to this power."""

PUSH = 0.1
"""Root mean square, in pixels of [0, 1], of the perturbation that gets a feature with zero gradient going."""


@dataclass(frozen=True, kw_only=True)
class AttackResult:
    """Row i belongs to the pair of image i and feature i.

    Attributes:
        images: The strongest image found, float32 in [0, 1], shape (B, C, H, W).
        activation: Of the feature on the image it started from, float32, shape (B,).
        attacked_activation: Of the feature on `images`, at least `activation`, float32, shape (B,).
    """

    images: torch.Tensor
    activation: torch.Tensor
    attacked_activation: torch.Tensor


class FeatureAttack:
    """The attack on features of one model; prepares the model once for many calls."""

    def __init__(self, model: LoadedModel, settings: "AttackConfig") -> None:
        self.model = model
        self.settings = settings
        self._limit = MemoryLimit()
        self._exact = accelerate(model)
        precision = guide_precision(settings.precision, model.device)
        self._guide = self._exact if precision == "float32" else accelerate(model, precision=precision)

    @property
    def n_pairs(self) -> int:
        """How many pairs to give at once, at least, so that every core has work."""
        return pairs_for(self.settings, self.model.device)

    def run(self, images: torch.Tensor, feature_ids: torch.Tensor | npt.NDArray[np.int64]) -> AttackResult:
        """Change each image so that its feature is activated as strongly as possible.

        Args:
            images: Where to start from, float in [0, 1], shape (B, C, H, W).
            feature_ids: The feature of each image, integer, shape (B,).

        Raises:
            ValueError: Not one feature per image, or a feature that the model does not have.
        """
        ids = torch.as_tensor(feature_ids, dtype=torch.int64, device=self.model.device)
        if ids.shape != images.shape[:1]:
            raise ValueError(
                f"found {tuple(ids.shape)} feature ids for {images.shape[0]} images, expected one per image"
            )
        start = images.detach().to(device=self.model.device, dtype=torch.float32)
        if ids.numel() == 0:
            empty = torch.zeros(0, device=self.model.device)
            return AttackResult(images=start, activation=empty, attacked_activation=empty)
        if int(ids.min()) < 0 or int(ids.max()) >= self.model.n_features:
            raise ValueError(f"found a feature id outside of 0 to {self.model.n_features - 1}")
        size = (images.shape[2], images.shape[3])
        results = within_memory(
            lambda n_rows: run_passes(
                (self._guide, self._exact),
                lambda own, part: _attack_batch(own, start[part], ids[part], settings=self.settings),
                passes(len(ids), n_rows, device=self.model.device),
            ),
            rows_per_pass(self.model.device, batch_size=self.settings.batch_size, size=size),
            limit=self._limit,
            what=f"feature attack on {self.model.device}",
        )
        return AttackResult(
            images=torch.cat([result.images for result in results])[: len(ids)],
            activation=torch.cat([result.activation for result in results])[: len(ids)],
            attacked_activation=torch.cat([result.attacked_activation for result in results])[: len(ids)],
        )


def attack_features(
    model: LoadedModel,
    images: torch.Tensor,
    feature_ids: torch.Tensor | npt.NDArray[np.int64],
    *,
    settings: "AttackConfig",
) -> AttackResult:
    """Attack features of `model` once; see `FeatureAttack.run`."""
    return FeatureAttack(model, settings).run(images, feature_ids)


def pairs_for(settings: "AttackConfig", device: torch.device) -> int:
    """Return how many pairs to give at once to an attack on `device`, at least, so that every core has work."""
    if device.type != "cpu":
        return settings.batch_size
    return max(settings.batch_size, MAX_ROWS_ON_CPU * torch.get_num_threads())


def _attack_batch(
    models: tuple[LoadedModel, ...], start: torch.Tensor, ids: torch.Tensor, *, settings: "AttackConfig"
) -> AttackResult:
    """Let the first model guide the way, and measure its ends with the second; perhaps the same one."""
    guide, exact = models
    if isinstance(guide, AcceleratedModel):
        start = start.contiguous(memory_format=guide.memory_format)
    radius = _radius(settings, start)
    found, gradient = activation_and_gradient(guide, start, ids)
    before = found if guide is exact else activation(exact, start, ids)
    images, best, best_images = start, found, start
    for step in range(settings.n_steps):
        size = _step_size(settings, step)
        push = PUSH * smooth_noise(step, start) if bool(_is_zero(gradient).any()) else None
        images = _step(images, start, gradient, size=size, radius=radius, push=push)
        if step + 1 < settings.n_steps:
            found, gradient = activation_and_gradient(guide, images, ids)
        else:
            found = activation(guide, images, ids)
        best, best_images = _keep_better(best, best_images, found, images)
    if guide is not exact:
        best = activation(exact, best_images, ids)
    is_flat = best <= before
    if bool(is_flat.any()):
        found, found_images = _search_line(exact, start, ids, before, settings)
        best = torch.where(is_flat, found, best)
        best_images = torch.where(is_flat.view(-1, 1, 1, 1), found_images, best_images)
    return AttackResult(images=best_images, activation=before, attacked_activation=best)


def _radius(settings: "AttackConfig", images: torch.Tensor) -> float | None:
    """The largest L2 distance from images (B, C, H, W); None for no limit."""
    if settings.radius == "auto":
        return largest_change(images)
    return None if settings.radius == "none" else settings.radius


def _step_size(settings: "AttackConfig", step: int) -> float:
    """Length of a step, counted from 0."""
    if settings.schedule == "constant":
        return settings.step_size
    return settings.step_size * (1 - step / settings.n_steps)


def _step(
    images: torch.Tensor,
    start: torch.Tensor,
    gradient: torch.Tensor,
    *,
    size: float,
    radius: float | None,
    push: torch.Tensor | None = None,
) -> torch.Tensor:
    """Move along the gradient, or by `push` (C, H, W) where it is zero, and back into the limits."""
    change = size * unit_steps(gradient)
    if push is not None:
        change = torch.where(_is_zero(gradient), push, change)
    images = (images + change).clamp(0, 1)
    if radius is None:
        return images
    change = images - start
    # Between two images in [0, 1], so the result is in [0, 1] too.
    return start + change * (radius / norm(change).clamp_min(radius))


def _is_zero(gradient: torch.Tensor) -> torch.Tensor:
    return largest(gradient) == 0


def _keep_better(
    best: torch.Tensor, best_images: torch.Tensor, found: torch.Tensor, images: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    is_better = found > best
    return torch.where(is_better, found, best), torch.where(is_better.view(-1, 1, 1, 1), images, best_images)


def _search_line(
    model: LoadedModel, start: torch.Tensor, ids: torch.Tensor, before: torch.Tensor, settings: "AttackConfig"
) -> tuple[torch.Tensor, torch.Tensor]:
    """Try half of the first step, a quarter and so on; the best length wins."""
    _, gradient = activation_and_gradient(model, start, ids)
    best, best_images = before, start
    for halving in range(1, N_HALVINGS + 1):
        images = _step(start, start, gradient, size=settings.step_size / 2**halving, radius=_radius(settings, start))
        best, best_images = _keep_better(best, best_images, activation(model, images, ids), images)
    return best, best_images
