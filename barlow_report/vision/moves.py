"""Moves: the smallest change of an image that brings one feature to a target, and changes along others as long.

A move follows the L2-normalised gradient of the feature, up or down, and clamps the pixels to [0, 1]. A step is about
as long as the gradient says that the target is away, within limits, so that few are enough; between the last two images
the first point that reaches the target is found by interpolation. A change along another feature has a
length instead of a target: its last step ends at that length exactly, unless the borders of [0, 1] are in the way.

Gradients are of the feature model alone. Rows of several experiments go together, and those that are done are left out
(`feature_gradients.py`).

METHOD ("Causes") has steps of one length. With such steps, a quarter of the largest change each, the scores on scenes
with known effects were the same (tests/benchmarks/causes.py), ways were 7 % shorter, and CIFAR-10 took three times as
long. Controls take two steps, and find no target; the first one shares a forward pass with all controls of its image.
How many steps they take hardly matters on these scenes (with one, effects differ by 0.2 points on average), but on
CIFAR-10, where the model reacts to changes of any kind: of images that a move is to break, 3 points fewer fail after
controls of one step, which would take a third less time, and in four such effects 4 points more after six: effects of
this direction are a few points too large.
"""

from dataclasses import dataclass

import torch

from barlow_report.vision.feature_gradients import FeatureGradients
from barlow_report.vision.gradients import norm, unit_steps
from barlow_report.vision.models import LoadedModel

__all__ = ["FeatureMoves", "Moved", "stretch"]

AIM = 1.2
"""A step is so many times as long as the gradient says that the target is away: what it overshoots is found again."""

SHORTEST = 0.25
"""Shortest step of a move, against its longest: the way to a target that flattens out must end."""

EXTRA_STEPS = 1.5
"""A row may take so many times the steps that its limit needs on a straight line: ways bend."""

N_TRIES = 3
"""How often a point between two steps is tried, to find where the target is reached."""

MARGIN = 0.01
"""How far beyond the interpolated point, as a share of the step: it shall reach the target."""

IS_THERE = 0.999
"""Share of a length from which on it counts as reached."""

SMALLEST = 1e-12
"""Lengths below are none."""

N_STRETCHES = 5
"""How often a change that the borders of [0, 1] have cut is made longer again."""


@dataclass(frozen=True, kw_only=True)
class Moved:
    """Row i belongs to image i.

    Attributes:
        images: What the images have become, float32 in [0, 1], shape (B, C, H, W).
        activation_before: Of the feature on the image it started from, float32, shape (B,).
        activation: Of the feature on `images`, float32, shape (B,).
        length: L2 distance from the image it started from, pixels in [0, 1], shape (B,).
        is_reached: The target is reached; bool, shape (B,).
    """

    images: torch.Tensor
    activation_before: torch.Tensor
    activation: torch.Tensor
    length: torch.Tensor
    is_reached: torch.Tensor


class FeatureMoves:
    """Moves along features of one model; prepares the model once for many calls."""

    def __init__(self, model: LoadedModel, *, batch_size: int) -> None:
        self._gradients = FeatureGradients(model, batch_size=batch_size)
        self.device = model.device

    def towards(
        self,
        images: torch.Tensor,
        feature_ids: torch.Tensor,
        *,
        sign: torch.Tensor,
        target: torch.Tensor,
        limit: torch.Tensor,
        step: torch.Tensor,
    ) -> Moved:
        """Move each image until its feature reaches the target, or the change its limit.

        Args:
            images: Where to start from, float32 in [0, 1], shape (B, C, H, W), B at least 1.
            feature_ids: The feature of each image, integer, shape (B,).
            sign: +1 to raise the feature, −1 to lower it, shape (B,).
            target: The activation to reach, shape (B,).
            limit: Largest L2 distance from the image, pixels in [0, 1], at least 0, shape (B,).
            step: Longest step, above 0, shape (B,).
        """
        start, ids, sign, target, limit, step = (
            values.to(self.device) for values in (images, feature_ids, sign, target, limit, step)
        )
        began, gradient = self._gradients.gradients(start, ids)
        images, before = start.clone(), start.clone()
        found, found_before = began.clone(), began.clone()
        is_reached = sign * (began - target) >= 0
        goes_on = ~is_reached & (limit > 0)
        most = torch.ceil(EXTRA_STEPS * limit / step)
        n_done = 0
        while bool(goes_on.any()):
            rows = goes_on.nonzero().flatten()
            size = _step_size(target[rows] - found[rows], gradient[rows], step[rows])
            before[rows], found_before[rows] = images[rows], found[rows]
            images[rows] = _within(
                images[rows] + _wide(sign[rows] * size) * unit_steps(gradient[rows]), start[rows], limit[rows]
            )
            found[rows], gradient[rows] = self._gradients.gradients(images[rows], ids[rows])
            is_reached = sign * (found - target) >= 0
            n_done += 1
            goes_on &= ~is_reached & (n_done < most) & (norm(images - before).flatten() > 0)
        rows = (is_reached & (found_before != found)).nonzero().flatten()
        if len(rows):
            images[rows], found[rows] = self._between(
                (before[rows], images[rows]), (found_before[rows], found[rows]), ids[rows], sign[rows], target[rows]
            )
        return Moved(
            images=images,
            activation_before=began,
            activation=found,
            length=norm(images - start).flatten(),
            is_reached=is_reached,
        )

    def _between(
        self,
        ends: tuple[torch.Tensor, torch.Tensor],
        values: tuple[torch.Tensor, torch.Tensor],
        ids: torch.Tensor,
        sign: torch.Tensor,
        target: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """About the first point between two images at which the target is reached, and the activation there."""
        low, high = torch.zeros_like(target), torch.ones_like(target)
        value_low, value_high = values
        for _ in range(N_TRIES):
            share = ((target - value_low) / (value_high - value_low)).nan_to_num(nan=1.0).clamp(0, 1)
            middle = (low + share * (high - low) + MARGIN).clamp(max=high)
            value = self._gradients.activations(ends[0] + _wide(middle) * (ends[1] - ends[0]), ids)
            is_there = sign * (value - target) >= 0
            low, value_low = torch.where(is_there, low, middle), torch.where(is_there, value_low, value)
            high, value_high = torch.where(is_there, middle, high), torch.where(is_there, value, value_high)
        return torch.where(_wide(high == 1), ends[1], ends[0] + _wide(high) * (ends[1] - ends[0])), value_high

    def along(
        self,
        images: torch.Tensor,
        feature_ids: torch.Tensor,
        *,
        places: torch.Tensor,
        sign: torch.Tensor,
        length: torch.Tensor,
        n_steps: int,
    ) -> torch.Tensor:
        """Change each image along a feature as far as its length, if the borders of [0, 1] allow; (B, C, H, W).

        Args:
            images: Where to start from, float32 in [0, 1], shape (B, C, H, W).
            feature_ids: The feature of each image, integer, shape (B,).
            places: Which image each is, ascending, shape (B,): those of one place are equal.
            sign: +1 to raise the feature, −1 to lower it, shape (B,).
            length: L2 distance to go, pixels in [0, 1], at least 0, shape (B,).
            n_steps: In so many steps.
        """
        start, ids, sign, length = (values.to(self.device) for values in (images, feature_ids, sign, length))
        images = start
        _, gradient = self._gradients.shared_gradients(images, ids, places)
        for i in range(n_steps):
            if i:
                _, gradient = self._gradients.gradients(images, ids)
            way = _wide(sign) * unit_steps(gradient)
            change = images - start
            images = (start + change + _wide(_to_sphere(change, way, length * (i + 1) / n_steps)) * way).clamp(0, 1)
        return stretch(start, images - start, length)


def _step_size(missing: torch.Tensor, gradient: torch.Tensor, longest: torch.Tensor) -> torch.Tensor:
    """How far the target is away by the gradient, within limits; shape (B,)."""
    needed = AIM * missing.abs() / norm(gradient).flatten().clamp_min(SMALLEST)
    return torch.minimum(torch.maximum(needed, SHORTEST * longest), longest)


def _to_sphere(change: torch.Tensor, way: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
    """How far to go from a change along a unit vector until the change has a length, at least 0; shape (B,)."""
    along = (change * way).sum(dim=(1, 2, 3))
    inside = along.square() + length.square() - change.square().sum(dim=(1, 2, 3))
    return (inside.clamp_min(0).sqrt() - along).clamp_min(0)


def _within(images: torch.Tensor, start: torch.Tensor, limit: torch.Tensor) -> torch.Tensor:
    """Clamp to [0, 1], and bring back what is further than the limit: between two images in [0, 1]."""
    change = images.clamp(0, 1) - start
    return start + change * (_wide(limit) / norm(change).clamp_min(SMALLEST)).clamp_max(1)


def stretch(images: torch.Tensor, change: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
    """Add a change, made as long as asked, to images in [0, 1], as far as the borders allow; (B, C, H, W).

    Clamping takes some of the length away; a little more of the change gives it back.
    """
    goal = _wide(length)
    scale = goal / norm(change).clamp_min(SMALLEST)
    for _ in range(N_STRETCHES):
        found = norm((images + scale * change).clamp(0, 1) - images)
        longer = (scale * goal / found.clamp_min(SMALLEST)).clamp_max(1 / SMALLEST)
        scale = torch.where(found < IS_THERE * goal, longer, scale)
    return (images + scale * change).clamp(0, 1)


def _wide(values: torch.Tensor) -> torch.Tensor:
    return values.view(-1, 1, 1, 1)
