"""Activations and gradients of any number of (image, feature) rows, by all cores, in passes of a fixed number of rows.

Activations are computed in float32. Gradients show a way, and may come from a guide in bfloat16, as in the feature
attack (`attack.py`).

What comes of a row does not depend on the others (`gradients.py`), so callers may put rows of several experiments
together and leave out those that are done: passes stay full. A silent feature, behind a closed ReLU, has no gradient
of its own; it gets the one that would wake it (`waking.py`), in passes of silent rows alone, because those cost twice.
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from barlow_report.vision.acceleration import Precision, accelerate
from barlow_report.vision.gradients import (
    activation,
    activation_and_gradient,
    activations_and_gradients,
    largest,
    passes,
    rows_per_pass,
)
from barlow_report.vision.memory import MemoryLimit, within_memory
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.waking import Leaking
from barlow_report.vision.workers import Workers

__all__ = ["FeatureGradients"]

Result = TypeVar("Result")
EXACT, GUIDE = 0, 1
"""Which model is asked."""

Rows = tuple[torch.Tensor, torch.Tensor]
"""Images (B, C, H, W) and feature ids (B,)."""


class FeatureGradients:
    """Gradients of the features of one model; prepares the model once for many calls."""

    def __init__(self, model: LoadedModel, *, batch_size: int, precision: Precision = "float32") -> None:
        self.device = model.device
        self.is_rounded = precision != "float32"
        self._batch_size = batch_size
        self._limit = MemoryLimit()
        exact = accelerate(model)
        self._workers = Workers(exact, accelerate(model, precision=precision) if self.is_rounded else exact)

    def activations(self, images: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """The activation of each row, (n,).

        Args:
            images: (n, C, H, W), on the model's device; n may be 0.
            ids: The feature of each, (n,).
        """
        if not len(ids):
            return images.new_zeros(0)
        rows = torch.arange(len(ids), device=self.device)
        return torch.cat(self._map(activation, images, ids, rows, EXACT))[: len(ids)]

    def gradients(
        self, images: torch.Tensor, ids: torch.Tensor, *, is_exact: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The activation (n,) and the gradient (n, C, H, W) of each row, of the guide or exactly; see `activations`."""
        found, gradient = images.new_zeros(len(ids)), torch.zeros_like(images)
        every, which = torch.ones_like(ids, dtype=torch.bool), EXACT if is_exact else GUIDE
        self._fill(found, gradient, images, ids, every, activation_and_gradient, which)
        self._fill(found, gradient, images, ids, largest(gradient).flatten() == 0, _waking_gradient, which)
        return found, gradient

    def shared_gradients(
        self, images: torch.Tensor, ids: torch.Tensor, places: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As `gradients`, for rows of equal images: on a processor each image goes forward once for all its features.

        Other devices do many rows at once, and would wait for passes of few images.

        Args:
            images: Of the rows, (n, C, H, W), on the model's device, n at least 1.
            ids: The feature of each, (n,).
            places: Which image each is of, ascending; rows of one place have equal images, (n,).
        """
        if self.device.type != "cpu":
            return self.gradients(images, ids)
        _, number, counts = torch.unique_consecutive(places, return_inverse=True, return_counts=True)
        first = counts.cumsum(0) - counts
        column = torch.arange(len(ids)) - first[number]
        table = ids[first][:, None].repeat(1, int(counts.max()))  # where there are fewer, the first one again
        table[number, column] = ids
        parts = self._map(activations_and_gradients, images[first], table, torch.arange(len(first)), GUIDE)
        found, gradient = (torch.cat(each)[number, column] for each in zip(*parts, strict=True))
        self._fill(found, gradient, images, ids, largest(gradient).flatten() == 0, _waking_gradient, GUIDE)
        return found, gradient

    def _fill(
        self,
        found: torch.Tensor,
        gradient: torch.Tensor,
        images: torch.Tensor,
        ids: torch.Tensor,
        which: torch.Tensor,
        function: Callable[[LoadedModel, torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]],
        model: int,
    ) -> None:
        rows = which.nonzero().flatten()
        if not len(rows):
            return
        parts = self._map(function, images, ids, rows, model)
        found[rows] = torch.cat([part[0] for part in parts])[: len(rows)]
        gradient[rows] = torch.cat([part[1] for part in parts])[: len(rows)]

    def _map(
        self,
        function: Callable[[LoadedModel, torch.Tensor, torch.Tensor], Result],
        images: torch.Tensor,
        ids: torch.Tensor,
        rows: torch.Tensor,
        model: int,
    ) -> list[Result]:
        """`function` of some rows, at least one, pass by pass; `ids` has one feature for each row, or several."""

        def parts(n_rows: int) -> Iterator[Rows]:
            for part in passes(len(rows), n_rows, device=self.device):
                yield images[rows[part]], ids[rows[part]]

        return within_memory(
            lambda n_rows: self._workers.map(lambda own, part: function(own[model], *part), parts(n_rows)),
            rows_per_pass(self.device, batch_size=self._batch_size, size=(images.shape[2], images.shape[3])),
            limit=self._limit,
            what=f"moves along features on {self.device}",
        )


def _waking_gradient(model: LoadedModel, images: torch.Tensor, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    with Leaking():
        return activation_and_gradient(model, images, ids)
