"""How far the model's confidence can be relied on: the reliability curve, its error, and what is left above thresholds.

Confidences are put into 15 bins of equal width, and the expected calibration error (ECE) is the mean distance of a
bin's accuracy from its mean confidence, weighted by the bin's images (Guo, Pleiss, Sun and Weinberger, On Calibration
of Modern Neural Networks, ICML 2017, equation 3). Published values of ECE use bins of equal width; where nearly all
images fall into the last one, the table of thresholds says more.

A perfectly calibrated model has an ECE above 0 as well, because accuracies in bins are counts: of X right ones among n
with confidence p, the mean distance |X/n − p| is known (de Moivre's mean absolute deviation of the binomial).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from barlow_report.report.records import Share
from barlow_report.report.shares import counted

__all__ = ["N_BINS", "THRESHOLDS", "Calibration", "ConfidenceBin", "Threshold", "calibration_of"]

Floats = npt.NDArray[np.float64]

N_BINS = 15
"""Bins of the confidences, all of one width."""

THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.99)
"""Least confidences of which the table says how many images have them, and how many of these fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceBin:
    """The images whose confidence is in one bin; `right` is those that are predicted correctly, with its interval."""

    low: float
    high: float
    mean_confidence: float
    right: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """The images that the model is at least so sure of, and those among them that fail."""

    confidence: float
    images: Share
    failures: Share


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What the confidences of a run are worth.

    Attributes:
        n_images: Images with a confidence.
        bins: Those with images, the least sure one first.
        error: Expected calibration error, 0 to 1.
        error_by_chance: What a perfectly calibrated model with the same confidences would have on average, about.
        mean_confidence: Of all of these images, 0 to 1.
        right: Those of them that are predicted correctly, with the interval.
        thresholds: One for each of `THRESHOLDS`.
    """

    n_images: int
    bins: tuple[ConfidenceBin, ...]
    error: float
    error_by_chance: float
    mean_confidence: float
    right: Share
    thresholds: tuple[Threshold, ...]


def calibration_of(
    confidence: npt.ArrayLike, is_right: npt.ArrayLike, *, level: float = 0.95, n_bins: int = N_BINS
) -> Calibration | None:
    """Compare confidences with how often predictions are right; None where no image has a confidence.

    Args:
        confidence: (n_images,) 0 to 1; NaN where an image has none: it does not count.
        is_right: (n_images,) bool.
        level: Of the Wilson intervals.
        n_bins: Bins of equal width; an image on an edge is in the lower one, as in Guo et al.
    """
    given = np.asarray(confidence, dtype=np.float64)
    known = ~np.isnan(given)
    sure, right = given[known], np.asarray(is_right, dtype=np.bool_)[known]
    if not len(sure):
        return None
    edges = np.arange(n_bins + 1) / n_bins
    of_image = np.clip(np.searchsorted(edges, sure, side="left") - 1, 0, n_bins - 1)
    n = np.bincount(of_image, minlength=n_bins)
    n_right = np.bincount(of_image, weights=right, minlength=n_bins).astype(np.int64)
    means = np.bincount(of_image, weights=sure, minlength=n_bins) / np.maximum(n, 1)
    used = np.flatnonzero(n)
    distance = np.abs(n_right[used] / n[used] - means[used])
    return Calibration(
        n_images=len(sure),
        bins=tuple(
            ConfidenceBin(
                low=float(edges[i]),
                high=float(edges[i + 1]),
                mean_confidence=float(means[i]),
                right=counted(int(n_right[i]), int(n[i]), level=level),
            )
            for i in used
        ),
        error=float(np.average(distance, weights=n[used])),
        error_by_chance=float(np.average(_mean_deviation(n[used], means[used]), weights=n[used])),
        mean_confidence=float(sure.mean()),
        right=counted(int(right.sum()), len(right), level=level),
        thresholds=tuple(_threshold(t, sure, right, level=level) for t in THRESHOLDS),
    )


def _threshold(least: float, confidence: Floats, is_right: npt.NDArray[np.bool_], *, level: float) -> Threshold:
    sure = confidence >= least
    n = int(sure.sum())
    return Threshold(
        confidence=least,
        images=Share(n, len(confidence)),
        failures=counted(int((sure & ~is_right).sum()), n, level=level),
    )


def _mean_deviation(n: npt.NDArray[np.int64], p: Floats) -> Floats:
    """Return E|X/n − p| of X ~ Binomial(n, p): 2 m C(n, m) p^m (1 − p)^(n − m + 1) / n with m = ⌊np⌋ + 1."""
    from scipy.special import gammaln

    inner = np.clip(p, 1e-12, 1 - 1e-12)
    m = np.minimum(np.floor(n * inner) + 1, n)
    log_choose = gammaln(n + 1) - gammaln(m + 1) - gammaln(n - m + 1)
    return np.asarray(2 * m * np.exp(log_choose + m * np.log(inner) + (n - m + 1) * np.log1p(-inner)) / n)
