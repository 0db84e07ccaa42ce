"""How well a model tells the images that are positive from those that are negative.

**Balanced accuracy** is the mean of the recalls of both classes; its interval is made of their Wilson intervals.
**F1** is 2 tp / (2 tp + fp + fn), the harmonic mean of precision and recall. It rises with tp / (tp + fp + fn), a share
of the images that are positive or taken for it, so its interval follows from the Wilson interval of that share.
**AUROC** is the probability that a positive image gets a higher number than a negative one, ties half; its interval is
`significance.auroc_interval`. Where nothing defines a measure (no positive image, none at all) it is NaN.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from barlow_report.significance import auroc_interval, balanced_accuracy_interval, wilson_interval

__all__ = ["BinaryMeasures", "Measured", "measure"]

Booleans = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


class Measured(NamedTuple):
    """A measure, 0 to 1, with the ends of its interval; NaN where it is not defined."""

    value: float
    low: float
    high: float


_UNDEFINED = Measured(np.nan, np.nan, np.nan)


@dataclass(frozen=True, kw_only=True)
class BinaryMeasures:
    """Counts and measures of one sample of images.

    Attributes:
        n_images: How many images.
        n_positive: Of them positive by their label.
        n_recognised: Positive images that are taken for it.
        n_rejected: Negative images that are not.
        balanced_accuracy: Not defined without images of both classes.
        f1: Not defined where no image is positive or taken for it.
        auroc: As the balanced accuracy.
    """

    n_images: int
    n_positive: int
    n_recognised: int
    n_rejected: int
    balanced_accuracy: Measured
    f1: Measured
    auroc: Measured

    @property
    def n_negative(self) -> int:
        """Images that are negative by their label."""
        return self.n_images - self.n_positive


def measure(is_positive: Booleans, is_predicted: Booleans, numbers: Floats, *, level: float) -> BinaryMeasures:
    """Measure one sample.

    Args:
        is_positive: By label, (n_images,).
        is_predicted: By the model, (n_images,).
        numbers: What the model gives, higher for positive, (n_images,); −inf is allowed.
        level: Of the intervals, 0 to 1.
    """
    n_positive, n_negative = int(is_positive.sum()), int((~is_positive).sum())
    n_recognised, n_rejected = int((is_positive & is_predicted).sum()), int((~is_positive & ~is_predicted).sum())
    return BinaryMeasures(
        n_images=len(is_positive),
        n_positive=n_positive,
        n_recognised=n_recognised,
        n_rejected=n_rejected,
        balanced_accuracy=_balanced_accuracy((n_recognised, n_rejected), (n_positive, n_negative), level=level),
        f1=_f1(n_recognised, int((is_positive | is_predicted).sum()), level=level),
        auroc=_auroc(numbers[is_positive], numbers[~is_positive], level=level),
    )


def _balanced_accuracy(hits: tuple[int, int], trials: tuple[int, int], *, level: float) -> Measured:
    if not min(trials):
        return _UNDEFINED
    low, high = balanced_accuracy_interval(hits, trials, level=level)
    return Measured((hits[0] / trials[0] + hits[1] / trials[1]) / 2, float(low), float(high))


def _f1(n_both: int, n_either: int, *, level: float) -> Measured:
    if not n_either:
        return _UNDEFINED
    low, high = wilson_interval(n_both, n_either, level=level)
    return Measured(*(2 * float(share) / (1 + float(share)) for share in (n_both / n_either, low, high)))


def _auroc(positive: Floats, negative: Floats, *, level: float) -> Measured:
    m, n = len(positive), len(negative)
    if not m or not n:
        return _UNDEFINED
    _, place, counts = np.unique(np.concatenate([positive, negative]), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[place]  # of equal numbers the mean
    auroc = float((ranks[:m].sum() - m * (m + 1) / 2) / (m * n))
    low, high = auroc_interval(auroc, m, n, level=level)
    return Measured(auroc, low, high)
