"""The threshold from which on an image counts as positive, where it is chosen and not given.

The choice sees labels and probabilities, never features. Where failure modes are tested by shuffling failures among the
images of a group, it is made on all images, and the test stays exact: if the features have nothing to do with how the
model judges the images of a group, they have nothing to do with its failures either, which are a function of labels
and probabilities alone, whatever the threshold. Where images are held out, it is made on the others, and the split must
not depend on the failures, which are not known before.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

__all__ = ["Chosen", "Measure", "choose_threshold"]

Measure = Literal["balanced_accuracy", "f1"]
"""What a threshold maximises."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A threshold and what it reaches on the images that it was chosen on.

    Attributes:
        threshold: Of the probability, above 0 and at most 1; an image at or above it is positive.
        value: Of the measure, 0 to 1.
        n_images: Images that it was chosen on.
    """

    threshold: float
    value: float
    n_images: int


def choose_threshold(
    is_positive: npt.NDArray[np.bool_], probabilities: npt.NDArray[np.float64], *, maximises: Measure
) -> Chosen | None:
    """Return the threshold with the largest balanced accuracy or F1.

    It lies midway between two neighbouring probabilities, so that rounding moves no image across it. Of equally good
    ones, the one nearest to 0.5 is taken, of equally near ones the lower. Thresholds that would take all images for one
    class are not tried.

    Args:
        is_positive: The labels, (n_images,).
        probabilities: Of the positive class, 0 to 1, (n_images,).
        maximises: The measure: the mean of the recalls of both classes, or the harmonic mean of precision and recall.

    Returns:
        None where there is nothing to choose: one class has no images, or all probabilities are equal.
    """
    values, place = np.unique(probabilities, return_inverse=True)
    n_positive, n_negative = int(is_positive.sum()), int((~is_positive).sum())
    if len(values) < 2 or not n_positive or not n_negative:
        return None
    # of the images at or above each value but the lowest
    true = n_positive - np.cumsum(np.bincount(place[is_positive], minlength=len(values)))[:-1]
    false = n_negative - np.cumsum(np.bincount(place[~is_positive], minlength=len(values)))[:-1]
    if maximises == "f1":
        scores = 2 * true / (true + false + n_positive)
    else:  # in whole numbers, so that equally good thresholds are equal
        scores = true * n_negative + (n_negative - false) * n_positive
    middles = (values[:-1] + values[1:]) / 2
    middles = np.where(middles > values[:-1], middles, values[1:])  # neighbouring floats have no middle
    best = np.flatnonzero(scores == scores.max())
    chosen = int(best[np.argmin(np.abs(middles[best] - 0.5))])
    value = float(scores[chosen]) / (1 if maximises == "f1" else 2 * n_positive * n_negative)
    return Chosen(threshold=float(middles[chosen]), value=value, n_images=len(probabilities))
