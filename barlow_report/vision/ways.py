"""Ways: how an image went along a feature, step by step, and changes along other features that go alike.

A change along another feature is a control of a move only if both are the same treatment. So it takes as many steps as
the move of the same image, each as long, and after each step it is as far from where it started; the last step ends at
the move's length exactly, unless the borders of [0, 1] are in the way. Fewer and longer steps would make controls
weaker than moves: with two steps on CIFAR-10, whose model reacts to changes of any kind, of images that a move is to
break 4 points fewer failed after controls in four effects (tests/benchmarks/README.md).
"""

from dataclasses import dataclass

import torch

from barlow_report.vision.feature_gradients import FeatureGradients
from barlow_report.vision.gradients import norm, unit_steps

__all__ = ["SMALLEST", "Way", "change_along", "stretch", "wide"]

IS_THERE = 0.999
"""Share of a length from which on it counts as reached."""

SMALLEST = 1e-12
"""Lengths below are none."""

N_STRETCHES = 5
"""How often a change that the borders of [0, 1] have cut is made longer again."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Way:
    """The steps of B images, of S steps at most; row i belongs to image i.

    Attributes:
        sizes: Length of each step along the unit gradient, pixels in [0, 1], shape (B, S); 0 after the last one.
        distances: L2 distance from the start after each step, shape (B, S); 0 after the last one.
        n_steps: How many there were, integer, shape (B,).
    """

    sizes: torch.Tensor
    distances: torch.Tensor
    n_steps: torch.Tensor

    @classmethod
    def unmade(cls, n_images: int, n_steps: int, *, device: torch.device) -> "Way":
        """No steps yet, and room for `n_steps`."""
        return cls(
            sizes=torch.zeros(n_images, n_steps, device=device),
            distances=torch.zeros(n_images, n_steps, device=device),
            n_steps=torch.zeros(n_images, dtype=torch.int64, device=device),
        )

    def __getitem__(self, rows: torch.Tensor) -> "Way":
        return Way(sizes=self.sizes[rows], distances=self.distances[rows], n_steps=self.n_steps[rows])

    def add(self, rows: torch.Tensor, sizes: torch.Tensor, distances: torch.Tensor) -> None:
        """Note a further step of some images."""
        self.sizes[rows, self.n_steps[rows]] = sizes
        self.distances[rows, self.n_steps[rows]] = distances
        self.n_steps[rows] += 1

    def cut(self, rows: torch.Tensor, shares: torch.Tensor, distances: torch.Tensor) -> None:
        """Note that only a share of the last step of some images was gone, and how far that is from the start."""
        last = self.n_steps[rows] - 1
        self.sizes[rows, last] *= shares
        self.distances[rows, last] = distances

    def put(self, rows: torch.Tensor, other: "Way") -> None:
        """Replace the ways of some images by those of `other`, of as many steps at most."""
        for own, new in ((self.sizes, other.sizes), (self.distances, other.distances)):
            own[rows] = 0.0
            own[rows, : new.shape[1]] = new
        self.n_steps[rows] = other.n_steps


def change_along(
    gradients: FeatureGradients,
    start: torch.Tensor,
    ids: torch.Tensor,
    *,
    places: torch.Tensor,
    sign: torch.Tensor,
    way: Way,
    length: torch.Tensor,
) -> torch.Tensor:
    """Change images along features as others went, and to a length exactly; (B, C, H, W).

    Args:
        gradients: Of the features.
        start: Where to start from, float32 in [0, 1], shape (B, C, H, W), B at least 1.
        ids: The feature of each image, integer, shape (B,).
        places: Which image each is, ascending, shape (B,): those of one place are equal.
        sign: +1 to raise the feature, −1 to lower it, shape (B,).
        way: How to go; those of one place are equal.
        length: L2 distance to end at, pixels in [0, 1], at least 0, shape (B,).
    """
    images = start.clone()
    for i in range(int(way.n_steps.max())):
        rows = (way.n_steps > i).nonzero().flatten()
        if i == 0:
            _, gradient = gradients.shared_gradients(start[rows], ids[rows], places[rows])
        else:
            _, gradient = gradients.gradients(images[rows], ids[rows])
        own, step = start[rows], unit_steps(gradient).mul_(wide(sign[rows] * way.sizes[rows, i]))
        change = images[rows].sub_(own).add_(step)  # in place: fresh memory takes longer than sums
        change.add_(own).clamp_(0, 1).sub_(own)
        scale = wide(way.distances[rows, i]) / norm(change).clamp_min(SMALLEST)
        images[rows] = change.mul_(scale).add_(own).clamp_(0, 1)
    return stretch(start, images.sub_(start), length)


def stretch(images: torch.Tensor, change: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
    """Add a change, made as long as asked, to images in [0, 1], as far as the borders allow; (B, C, H, W).

    Clamping takes some of the length away; a little more of the change gives it back.
    """
    goal = wide(length)
    scale = goal / norm(change).clamp_min(SMALLEST)
    for _ in range(N_STRETCHES):
        found = norm((scale * change).add_(images).clamp_(0, 1).sub_(images))
        is_short = found < IS_THERE * goal
        if not bool(is_short.any()):
            break
        longer = (scale * goal / found.clamp_min(SMALLEST)).clamp_max(1 / SMALLEST)
        scale = torch.where(is_short, longer, scale)
    return (scale * change).add_(images).clamp_(0, 1)


def wide(values: torch.Tensor) -> torch.Tensor:
    """A value of each image, (B,), ready to be multiplied with the images, (B, 1, 1, 1)."""
    return values.view(-1, 1, 1, 1)
