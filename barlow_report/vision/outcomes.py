"""What is done to images in an experiment, and what comes of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from barlow_report.vision.bands import Content

__all__ = ["DOSES", "Change", "Outcome", "Task", "empty_outcome"]

DOSES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of the way at which the inspected model is asked."""

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is done to images: bring a feature to a target, within an L2 radius.

    Attributes:
        feature_id: The feature.
        sign: +1 raises it, −1 lowers it.
        target: The activation to reach.
        radius: Largest L2 length of the change, pixels in [0, 1]; None: `largest_change` of `gradients.py`.
        share: The radius is not larger than what so many of the images need, 0 to 1; None: only `radius` counts.
        controls: Other features, (n_controls,), at least one.
        class_controls: Features with a similar weight for the class, (n_class_controls,), perhaps none; each image has
            one of them as a control.
        seed: Of the noise.
    """

    feature_id: int
    sign: int
    target: float
    radius: float | None
    share: float | None
    controls: Integers
    class_controls: Integers
    seed: int


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is done to which images.

    Attributes:
        images: As they were decoded, at least one.
        labels: class_id of each, (n,).
        change: What is done to each.
        reference: The images that `change.share` is of, if others than these.
    """

    images: Sequence[Content]
    labels: Integers
    change: Change
    reference: Sequence[Content] | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of it; row i belongs to image i, predictions are class ids.

    Attributes:
        before: Of the unchanged image, (n,).
        moved: After each dose of the move, (n, n_doses).
        controls: After a whole change along each control feature, (n, n_controls).
        control_doses: After each dose of the change along one of them, another for each image, (n, n_doses).
        class_controls: After a whole change along a feature with a similar weight, another for each image, (n,); −1
            where there are none.
        class_control_ids: That feature, (n,); −1 where there are none.
        noise: After Gaussian noise, (n,).
        confidence_before: Of the prediction, 0 to 1, (n,).
        confidence_moved: The same after the whole move.
        in_label_moved: Confidence in the label after the whole move, 0 to 1, (n,).
        in_label_controls: The same after a whole change along each control feature, (n, n_controls).
        activation_before: Of the feature, (n,).
        activation_moved: The same after the whole move.
        length: L2 length of the move, which is that of its controls, (n,).
        limit: The longest one that was allowed, (n,).
        is_reached: The target was reached, (n,).
        images: Before the move, (n,) of arrays (H, W, C) in [0, 1].
        moved_images: After it.
    """

    before: Integers
    moved: Integers
    controls: Integers
    control_doses: Integers
    class_controls: Integers
    class_control_ids: Integers
    noise: Integers
    confidence_before: Floats
    confidence_moved: Floats
    in_label_moved: Floats
    in_label_controls: Floats
    activation_before: Floats
    activation_moved: Floats
    length: Floats
    limit: Floats
    is_reached: npt.NDArray[np.bool_]
    images: list[npt.NDArray[np.float32]]
    moved_images: list[npt.NDArray[np.float32]]


def empty_outcome(task: Task) -> Outcome:
    """Arrays of the right shapes, to be filled."""
    n, n_doses, change = len(task.images), len(DOSES), task.change

    def integers(*shape: int) -> Integers:
        return np.full((n, *shape), -1, dtype=np.int64)

    return Outcome(
        before=integers(),
        moved=integers(n_doses),
        controls=integers(len(change.controls)),
        control_doses=integers(n_doses),
        class_controls=integers(),
        class_control_ids=integers(),
        noise=integers(),
        **{
            name: np.zeros(n)
            for name in (
                "confidence_before",
                "confidence_moved",
                "in_label_moved",
                "activation_before",
                "activation_moved",
                "length",
                "limit",
            )
        },
        in_label_controls=np.zeros((n, len(change.controls))),
        is_reached=np.zeros(n, dtype=np.bool_),
        images=[np.zeros((0, 0, 3), dtype=np.float32)] * n,
        moved_images=[np.zeros((0, 0, 3), dtype=np.float32)] * n,
    )
