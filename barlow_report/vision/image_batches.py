"""The images of several experiments, those of one size together: rows of one batch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from barlow_report.vision.bands import Content
from barlow_report.vision.outcomes import Task
from barlow_report.vision.preprocessing import to_tensor

if TYPE_CHECKING:
    from barlow_report.config import PreprocessingConfig

__all__ = ["ImageBatch", "few_at_once", "image_batches"]

PIXELS_TOGETHER = 2**22
"""Pixels of all changed images that are worked on at once, about."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageBatch:
    """Images of one size.

    Attributes:
        task: Which task each image is of, (B,).
        place: Which of the task's images it is, (B,).
        labels: Their class_ids, (B,).
        originals: As they were decoded, B of them.
        inputs: What the feature model gets of them, float32 in [0, 1], (B, C, H, W).
    """

    task: npt.NDArray[np.int64]
    place: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    originals: list[Content]
    inputs: torch.Tensor

    @property
    def n_together(self) -> int:
        """How many changed images are worked on at once: memory grows with the images, and not with their versions."""
        return max(PIXELS_TOGETHER // (self.inputs.shape[2] * self.inputs.shape[3]), 1)

    def of_task(self, values: Sequence[float]) -> torch.Tensor:
        """A value of each task, for each image, float32, (B,)."""
        return torch.tensor(values, dtype=torch.float32)[torch.from_numpy(self.task)]

    def rows_of(self, task: int) -> npt.NDArray[np.int64]:
        """The images of a task."""
        return np.flatnonzero(self.task == task)


def image_batches(tasks: Sequence[Task], preprocessing: "PreprocessingConfig") -> list[ImageBatch]:
    """The images of all tasks, a batch for each size."""
    rows = [(i, place, image) for i, task in enumerate(tasks) for place, image in enumerate(task.images)]
    labels = np.concatenate([task.labels for task in tasks])
    inputs = [to_tensor(image, preprocessing) for _, _, image in rows]
    sizes = sorted({tuple(tensor.shape) for tensor in inputs})
    found = []
    for size in sizes:
        own = [k for k, tensor in enumerate(inputs) if tuple(tensor.shape) == size]
        found.append(
            ImageBatch(
                task=np.array([rows[k][0] for k in own]),
                place=np.array([rows[k][1] for k in own]),
                labels=labels[own],
                originals=[rows[k][2] for k in own],
                inputs=torch.stack([inputs[k] for k in own]).float(),
            )
        )
    return found


def few_at_once(tasks: Sequence[Task], preprocessing: "PreprocessingConfig") -> Iterator[list[Task]]:
    """Split tasks into parts whose images have about `PIXELS_TOGETHER` pixels at most, or into single tasks."""
    part: list[Task] = []
    n_pixels = 0
    for task in tasks:
        _, height, width = to_tensor(task.images[0], preprocessing).shape
        own = len(task.images) * height * width
        if part and n_pixels + own > PIXELS_TOGETHER:
            yield part
            part, n_pixels = [], 0
        part.append(task)
        n_pixels += own
    if part:
        yield part
