"""Moves: the smallest change of an image that brings one feature to a target.

A move follows the L2-normalised gradient of the feature, up or down, and clamps the pixels to [0, 1]. A step is about
as long as the gradient says that the target is away, within limits, so that few are enough; between the last two images
the first point that reaches the target is found by interpolation. How an image went is kept: its controls go alike
(`ways.py`).

Gradients are of the feature model alone. Where the hardware computes in bfloat16 they are found with it, as in the
feature attack; whether a target is reached, and what is reported, is computed in float32. Rows of several experiments
go together, and those that are done are left out (`feature_gradients.py`).

METHOD ("Causes") has short steps of one length. Longest steps of a twelfth of the largest change lead to ways that are
10 % shorter on CIFAR-10 than those of a third, with nearly three times as many steps; on scenes with known effects a
third tells causes from decoys a little better than a quarter (tests/benchmarks/causes.py).
"""

from dataclasses import dataclass

import torch

from barlow_report.vision.acceleration import Precision
from barlow_report.vision.feature_gradients import FeatureGradients
from barlow_report.vision.gradients import norm, unit_steps
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.ways import SMALLEST, Way, change_along, wide

__all__ = ["FeatureMoves", "Moved"]

AIM = 1.5
"""A step is so many times as long as the gradient says that the target is away: what it overshoots is found again."""

SHORTEST = 0.25
"""Shortest step of a move, against its longest: the way to a target that flattens out must end."""

EXTRA_STEPS = 1.5
"""A row may take so many times the steps that its limit needs on a straight line: ways bend."""

N_TRIES = 2
"""How often a point between two steps is tried, to find where the target is reached."""

MARGIN = 0.01
"""How far beyond the interpolated point, as a share of the step: it shall reach the target."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Moved:
    """Row i belongs to image i.

    Attributes:
        images: What the images have become, float32 in [0, 1], shape (B, C, H, W).
        activation_before: Of the feature on the image it started from, float32, shape (B,).
        activation: Of the feature on `images`, float32, shape (B,).
        length: L2 distance from the image it started from, pixels in [0, 1], shape (B,).
        is_reached: The target is reached; bool, shape (B,).
        way: The steps that led there.
    """

    images: torch.Tensor
    activation_before: torch.Tensor
    activation: torch.Tensor
    length: torch.Tensor
    is_reached: torch.Tensor
    way: Way

    def put(self, rows: torch.Tensor, other: "Moved") -> None:
        """Replace some rows, but for the activations before, by those of `other`."""
        for name in ("images", "activation", "length", "is_reached"):
            getattr(self, name)[rows] = getattr(other, name)
        self.way.put(rows, other.way)


@dataclass(kw_only=True, eq=False)
class _Walk:
    """Images on their way, (B, ...): what is wanted of them, where they are, and where they were a step before."""

    start: torch.Tensor
    ids: torch.Tensor
    sign: torch.Tensor
    target: torch.Tensor
    limit: torch.Tensor
    longest: torch.Tensor
    images: torch.Tensor
    before: torch.Tensor
    found: torch.Tensor
    found_before: torch.Tensor
    way: Way

    @property
    def is_reached(self) -> torch.Tensor:
        """Whether the activations found reach the targets, (B,)."""
        return self.sign * (self.found - self.target) >= 0


class FeatureMoves:
    """Moves along features of one model; prepares the model once for many calls."""

    def __init__(self, model: LoadedModel, *, batch_size: int, precision: Precision = "float32") -> None:
        self._gradients = FeatureGradients(model, batch_size=batch_size, precision=precision)
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
        began = self._gradients.activations(start, ids)
        most = torch.ceil(EXTRA_STEPS * limit / step).long()
        walk = _Walk(
            start=start,
            ids=ids,
            sign=sign,
            target=target,
            limit=limit,
            longest=step,
            images=start.clone(),
            before=start.clone(),
            found=began.clone(),
            found_before=began.clone(),
            way=Way.unmade(len(start), int(most.max()), device=self.device),
        )
        goes_on = ~walk.is_reached & (limit > 0)
        self._walk(walk, goes_on, most, is_exact=False)
        if self._gradients.is_rounded:
            # A target that seemed to be reached may be missed by what was rounded; the rest of the way is exact.
            seemed = walk.is_reached
            walk.found = self._gradients.activations(walk.images, ids)
            self._walk(walk, seemed & ~walk.is_reached & (walk.way.n_steps < most), most, is_exact=True)
        rows = (walk.is_reached & (walk.way.n_steps > 0)).nonzero().flatten()
        if len(rows):
            self._stop_at_target(walk, rows)
        return Moved(
            images=walk.images,
            activation_before=began,
            activation=walk.found,
            length=norm(walk.images - start).flatten(),
            is_reached=walk.is_reached,
            way=walk.way,
        )

    def _walk(self, walk: _Walk, goes_on: torch.Tensor, most: torch.Tensor, *, is_exact: bool) -> None:
        """Take steps, at most so many in all, with those images that go on, until they are there or stuck."""
        rows = goes_on.nonzero().flatten()
        if not len(rows):
            return
        gradient = torch.zeros_like(walk.images)
        _, gradient[rows] = self._gradients.gradients(walk.images[rows], walk.ids[rows], is_exact=is_exact)
        while len(rows):
            start, limit, found = walk.start[rows], walk.limit[rows], walk.found[rows]
            size = _step_size(walk.target[rows] - found, gradient[rows], walk.longest[rows])
            walk.before[rows], walk.found_before[rows] = walk.images[rows], found
            step = wide(walk.sign[rows] * size) * unit_steps(gradient[rows])
            walk.images[rows] = _within(walk.images[rows] + step, start, limit)
            is_moved = norm(walk.images[rows] - walk.before[rows]).flatten() > 0
            walk.way.add(rows, size, norm(walk.images[rows] - start).flatten())
            walk.found[rows], gradient[rows] = self._gradients.gradients(
                walk.images[rows], walk.ids[rows], is_exact=is_exact
            )
            rows = rows[~walk.is_reached[rows] & (walk.way.n_steps < most)[rows] & is_moved]

    def _stop_at_target(self, walk: _Walk, rows: torch.Tensor) -> None:
        """Bring images that went beyond their target back to about the first point at which it is reached."""
        ids, sign, target = walk.ids[rows], walk.sign[rows], walk.target[rows]
        before, after = walk.before[rows], walk.images[rows]
        low, high = torch.zeros_like(target), torch.ones_like(target)
        value_low, value_high = walk.found_before[rows], walk.found[rows]
        for _ in range(N_TRIES):
            share = ((target - value_low) / (value_high - value_low)).nan_to_num(nan=1.0).clamp(0, 1)
            middle = (low + share * (high - low) + MARGIN).clamp(max=high)
            value = self._gradients.activations(before + wide(middle) * (after - before), ids)
            is_there = sign * (value - target) >= 0
            low, value_low = torch.where(is_there, low, middle), torch.where(is_there, value_low, value)
            high, value_high = torch.where(is_there, middle, high), torch.where(is_there, value, value_high)
        walk.images[rows] = torch.where(wide(high == 1), after, before + wide(high) * (after - before))
        walk.found[rows] = value_high
        walk.way.cut(rows, high, norm(walk.images[rows] - walk.start[rows]).flatten())

    def along(
        self,
        images: torch.Tensor,
        feature_ids: torch.Tensor,
        *,
        places: torch.Tensor,
        sign: torch.Tensor,
        way: Way,
        length: torch.Tensor,
    ) -> torch.Tensor:
        """Change each image along a feature as another move went; see `change_along`."""
        start, ids, places, sign, length = (
            values.to(self.device) for values in (images, feature_ids, places, sign, length)
        )
        return change_along(self._gradients, start, ids, places=places, sign=sign, way=way, length=length)


def _step_size(missing: torch.Tensor, gradient: torch.Tensor, longest: torch.Tensor) -> torch.Tensor:
    """How far the target is away by the gradient, within limits; shape (B,)."""
    needed = AIM * missing.abs() / norm(gradient).flatten().clamp_min(SMALLEST)
    return torch.minimum(torch.maximum(needed, SHORTEST * longest), longest)


def _within(images: torch.Tensor, start: torch.Tensor, limit: torch.Tensor) -> torch.Tensor:
    """Clamp to [0, 1], and bring back what is further than the limit: between two images in [0, 1]."""
    change = images.clamp(0, 1) - start
    return start + change * (wide(limit) / norm(change).clamp_min(SMALLEST)).clamp_max(1)
