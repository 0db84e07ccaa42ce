"""How much two things go together: phi of two yes-or-no questions, AUROC of a number and one such question.

**phi** is the correlation of two yes-or-no questions, here "is the image in the failure mode" and "has it the value".
With shares p1 inside and p2 outside that have it, a share w of images inside, and q = w p1 + (1 - w) p2 overall,
phi = (p1 - p2) sqrt(w (1 - w) / (q (1 - q))). It rises with p1 and falls with p2, so its interval comes from the Wilson
intervals of both by squaring and adding the distances (Zou and Donner, Statistics in Medicine 27, 2008): it is not
empty where all images inside have the value, and stays within -1 and 1. The p-value is Fisher's exact test, two-sided.

**AUROC** is the probability that an image with the value has a higher number than one without it, ties half. Its
interval is `significance.auroc_interval`. The p-value is that of the Mann-Whitney test, two-sided: exact in samples of
up to 8 without ties, otherwise with correction for ties.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from barlow_report.significance import auroc_interval, wilson_interval

__all__ = ["Association", "auroc_association", "phi_association"]


class Association(NamedTuple):
    """A measure with the ends of its interval, and a p-value, 0 to 1."""

    value: float
    low: float
    high: float
    p_value: float


def phi_association(inside: tuple[int, int], outside: tuple[int, int], *, level: float) -> Association:
    """Return phi, -1 to 1.

    Args:
        inside: Images with the value, of how many, in the failure mode.
        outside: The same of the group's other images. Neither is empty, and some image has the value and some lacks it.
        level: Of the interval, 0 to 1.
    """
    from scipy.stats import fisher_exact  # a second and 60 MB

    (k1, n1), (k2, n2) = inside, outside
    p1, p2 = k1 / n1, k2 / n2
    low, high = wilson_interval([k1, k2], [n1, n2], level=level)
    phi = _phi(p1, p2, n1, n2)
    below = np.hypot(phi - _phi(low[0], p2, n1, n2), phi - _phi(p1, high[1], n1, n2))
    above = np.hypot(_phi(high[0], p2, n1, n2) - phi, _phi(p1, low[1], n1, n2) - phi)
    p_value = float(fisher_exact([[k1, n1 - k1], [k2, n2 - k2]]).pvalue)
    return Association(phi, max(phi - float(below), -1.0), min(phi + float(above), 1.0), min(p_value, 1.0))


def _phi(p1: float, p2: float, n1: int, n2: int) -> float:
    share = n1 / (n1 + n2)
    overall = share * p1 + (1 - share) * p2
    if p1 == p2:
        return 0.0
    return float((p1 - p2) * np.sqrt(share * (1 - share) / (overall * (1 - overall))))


def auroc_association(with_value: npt.ArrayLike, without: npt.ArrayLike, *, level: float) -> Association:
    """Return the AUROC, 0 to 1; 0.5 says that the numbers do not tell who has the value.

    Args:
        with_value: The numbers of the images that have it, at least one.
        without: Those of the images that lack it, at least one.
        level: Of the interval, 0 to 1.
    """
    from scipy.stats import mannwhitneyu  # a second and 60 MB

    x, y = np.asarray(with_value, dtype=np.float64), np.asarray(without, dtype=np.float64)
    found = mannwhitneyu(x, y, alternative="two-sided")
    auroc = float(found.statistic) / (len(x) * len(y))
    low, high = auroc_interval(auroc, len(x), len(y), level=level)
    return Association(auroc, low, high, float(min(found.pvalue, 1.0)))
