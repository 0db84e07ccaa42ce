"""Moves: the smallest change of an image that brings one feature to a target, and changes of the same length.

Each step adds the L2-normalised gradient of the feature, up or down, and clamps the pixels to [0, 1]. A row with a
target stops where the feature reaches it, between two steps found by halving; a row without one goes on to its length
exactly. Gradients are of the feature model alone. Steps are short against the limit, so that the way bends as the
gradient does and the change stays small; a move that meets the borders of [0, 1] takes more of them.

METHOD: "Causes". Like feature attacks, all pairs of a pass have the same number of rows (`gradients.py`), so a pair's
result does not depend on its neighbours.
"""

import math
from dataclasses import dataclass

import torch

from barlow_report.vision.acceleration import AcceleratedModel, accelerate
from barlow_report.vision.gradients import (
    activation,
    activation_and_gradient,
    largest,
    norm,
    passes,
    rows_per_pass,
    unit_steps,
)
from barlow_report.vision.memory import MemoryLimit, within_memory
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.waking import Leaking
from barlow_report.vision.workers import run_passes

__all__ = ["FeatureMoves", "Moved", "add_noise"]

N_HALVINGS = 5
"""How often the last step is halved to find where the target is reached: to 3 % of a step."""

EXTRA_STEPS = 1.5
"""A row may take so many times the steps that its limit needs on a straight line: ways bend."""

IS_THERE = 0.999
"""Share of a length from which on it counts as reached; what is missing is then scaled."""


@dataclass(frozen=True, kw_only=True)
class Moved:
    """Row i belongs to image i.

    Attributes:
        images: What the images have become, float32 in [0, 1], shape (B, 3, H, W).
        activation_before: Of the feature on the image it started from, float32, shape (B,).
        activation: Of the feature on `images`, float32, shape (B,).
        length: L2 distance from the image it started from, pixels in [0, 1], shape (B,).
        is_reached: The target is reached, or without one the length; bool, shape (B,).
    """

    images: torch.Tensor
    activation_before: torch.Tensor
    activation: torch.Tensor
    length: torch.Tensor
    is_reached: torch.Tensor


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """One pass: images (B, 3, H, W); the others (B,). `sign` is +1 up, −1 down; a target of NaN is none."""

    start: torch.Tensor
    ids: torch.Tensor
    sign: torch.Tensor
    target: torch.Tensor
    limit: torch.Tensor


class FeatureMoves:
    """Moves along features of one model; prepares the model once for many calls."""

    def __init__(self, model: LoadedModel, *, batch_size: int) -> None:
        self.model = model
        self.batch_size = batch_size
        self._model = accelerate(model)
        self._limit = MemoryLimit()

    def run(
        self,
        images: torch.Tensor,
        feature_ids: torch.Tensor,
        *,
        sign: torch.Tensor,
        target: torch.Tensor,
        limit: torch.Tensor,
        n_steps: int,
    ) -> Moved:
        """Move each image until its feature reaches the target, or the change its limit.

        Args:
            images: Where to start from, float in [0, 1], shape (B, 3, H, W), B at least 1.
            feature_ids: The feature of each image, integer, shape (B,).
            sign: +1 to raise the feature, −1 to lower it, shape (B,).
            target: The activation to reach; NaN: none, the change gets the length `limit`; shape (B,).
            limit: Largest L2 distance from the image, pixels in [0, 1], at least 0, shape (B,).
            n_steps: A step is this part of the limit.
        """
        device = self.model.device
        n = len(images)

        def move(models: tuple[LoadedModel, ...], part: torch.Tensor) -> Moved:
            rows = _Rows(
                start=images[part].to(device=device, dtype=torch.float32),
                ids=feature_ids[part].to(device=device, dtype=torch.int64),
                sign=sign[part].to(device=device, dtype=torch.float32),
                target=target[part].to(device=device, dtype=torch.float32),
                limit=limit[part].to(device=device, dtype=torch.float32),
            )
            return _move(models[0], rows, n_steps)

        found = within_memory(
            lambda n_rows: run_passes((self._model,), move, passes(n, n_rows)),
            rows_per_pass(device, batch_size=self.batch_size, size=(images.shape[2], images.shape[3])),
            limit=self._limit,
            what=f"moves along features on {device}",
        )
        return Moved(
            images=torch.cat([part.images for part in found])[:n],
            activation_before=torch.cat([part.activation_before for part in found])[:n],
            activation=torch.cat([part.activation for part in found])[:n],
            length=torch.cat([part.length for part in found])[:n],
            is_reached=torch.cat([part.is_reached for part in found])[:n],
        )


def _move(model: LoadedModel, rows: _Rows, n_steps: int) -> Moved:
    start = rows.start
    if isinstance(model, AcceleratedModel):
        start = start.contiguous(memory_format=model.memory_format)
    has_target = ~rows.target.isnan()
    step = _wide(rows.limit / n_steps * rows.sign)
    began, gradient = _gradient(model, start, rows.ids)
    images, before = start, start
    is_done = torch.where(has_target, rows.sign * (began - rows.target) >= 0, rows.limit == 0)
    for _ in range(math.ceil(EXTRA_STEPS * n_steps)):
        if bool(is_done.all()):
            break
        stepped = _within(images + step * unit_steps(gradient), start, rows.limit)
        before = torch.where(_wide(is_done), before, images)
        images = torch.where(_wide(is_done), images, stepped)
        is_done = is_done | (~has_target & (norm(images - start).flatten() >= IS_THERE * rows.limit))
        if bool(is_done.all()):
            break
        found, gradient = _gradient(model, images, rows.ids)
        is_done = is_done | (has_target & (rows.sign * (found - rows.target) >= 0))
    is_reached = is_done
    if bool((is_reached & has_target).any()):
        images = _between(model, rows, before, images, is_reached & has_target)
    images = torch.where(_wide(has_target), images, _scaled(images, start, rows.limit))
    return Moved(
        images=images.contiguous(),
        activation_before=began,
        activation=activation(model, images, rows.ids),
        length=norm(images - start).flatten(),
        is_reached=is_reached,
    )


def _gradient(model: LoadedModel, images: torch.Tensor, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Activations and gradients; of silent features those that would wake them, see `waking.py`."""
    found, gradient = activation_and_gradient(model, images, ids)
    is_silent = largest(gradient) == 0
    if bool(is_silent.any()):
        with Leaking():
            gradient = torch.where(is_silent, activation_and_gradient(model, images, ids)[1], gradient)
    return found, gradient


def _between(
    model: LoadedModel, rows: _Rows, before: torch.Tensor, after: torch.Tensor, applies: torch.Tensor
) -> torch.Tensor:
    """The first point between two images at which the target is reached, about; `after` where `applies` is false."""
    low, high = torch.zeros_like(rows.limit), torch.ones_like(rows.limit)
    for _ in range(N_HALVINGS):
        middle = (low + high) / 2
        found = activation(model, before + _wide(middle) * (after - before), rows.ids)
        is_there = rows.sign * (found - rows.target) >= 0
        low, high = torch.where(is_there, low, middle), torch.where(is_there, middle, high)
    share = torch.where(applies, high, torch.ones_like(high))
    return torch.where(_wide(share == 1), after, before + _wide(share) * (after - before))


def _within(images: torch.Tensor, start: torch.Tensor, limit: torch.Tensor) -> torch.Tensor:
    """Clamp to [0, 1], and bring back what is further than the limit: between two images in [0, 1]."""
    change = images.clamp(0, 1) - start
    length = norm(change)
    return start + change * (_wide(limit) / length.clamp_min(1e-12)).clamp_max(1)


def _scaled(images: torch.Tensor, start: torch.Tensor, limit: torch.Tensor) -> torch.Tensor:
    """Bring changes that are nearly as long as the limit to exactly that length."""
    change = images - start
    length = norm(change)
    factor = torch.where(length >= IS_THERE * _wide(limit), _wide(limit) / length.clamp_min(1e-12), 1.0)
    return (start + change * factor).clamp(0, 1)


def add_noise(images: torch.Tensor, *, length: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Add Gaussian noise of a given L2 length to images (B, 3, H, W), as far as the borders of [0, 1] allow.

    Args:
        images: float32 in [0, 1].
        length: L2 distance of the results from the images, shape (B,).
        generator: On the processor, so that the noise is the same on every device.
    """
    noise = torch.randn(images.shape, generator=generator).to(images.device)
    goal = _wide(length.to(images.device))
    scale = goal / norm(noise)
    changed = images
    for _ in range(N_HALVINGS):  # clamping takes some of the length away; a little more noise gives it back
        changed = (images + scale * noise).clamp(0, 1)
        scale = scale * goal / norm(changed - images).clamp_min(1e-12)
    return changed


def _wide(values: torch.Tensor) -> torch.Tensor:
    return values.view(-1, 1, 1, 1)
