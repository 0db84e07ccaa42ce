"""How much each training image counts.

An image counts u times, and its weight is u divided by the mean of all u, so that weights have a mean of 1. u is 1 for
an image that is in no failure mode. An image of a failure mode counts as many times as the mode's factor says; an image
of several as many times as the largest of their factors says, never their product.

The factor of a mode is the number that was asked for, or with **balance** (n - m) / m, where m of the n images of its
class are in the mode: then they count as much as the other n - m together. It is at least 1, and with balance at most
`max_factor`. Where nothing is to be raised it is 1: where no image is in the mode, or where its failures are mostly
label noise, because that would teach the labels that are at fault.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from barlow_report.significance import adjust_p_values

__all__ = ["Counted", "Factor", "compare_shares", "factor_of", "weigh", "weight_share"]

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Counted:
    """The images of a class, and those of them that meet a rule: among the training images and the analysed ones."""

    n_class: int
    n_meets: int
    n_class_analysed: int
    n_meets_analysed: int


@dataclass(frozen=True, kw_only=True)
class Factor:
    """How many times an image of a failure mode counts, and why only once: see table `training_modes`."""

    value: float
    reason: str | None = None


def factor_of(counted: Counted, *, asked: float | None, max_factor: float, is_label_noise: bool) -> Factor:
    """Return the factor of a failure mode.

    Args:
        counted: Its images.
        asked: The number that was asked for, 1 at least; None: balance.
        max_factor: The largest with balance, 1 at least.
        is_label_noise: Whether its failures are mostly label noise.
    """
    n, m = counted.n_class, counted.n_meets
    if not n or is_label_noise or not m:
        reason = "no_image_of_class" if not n else "label_noise" if is_label_noise else "no_member"
        return Factor(value=1.0, reason=reason)
    if asked is not None:
        return Factor(value=asked)
    return Factor(value=min((n - m) / m, max_factor)) if n - m > m else Factor(value=1.0, reason="as_many")


def weigh(n_images: int, members: Mapping[int, Integers], factors: Mapping[int, Factor]) -> Floats:
    """Return the weight of each image, (n_images,), above 0, with a mean of 1.

    Args:
        n_images: At least 1.
        members: The images of each failure mode, by rule_id: positions, each once.
        factors: By rule_id.
    """
    times = np.ones(n_images)
    for rule_id, rows in members.items():
        times[rows] = np.maximum(times[rows], factors[rule_id].value)
    found: Floats = times / times.mean()
    return found


def weight_share(weights: Floats, *, of_class: Integers, inside: Integers) -> float | None:
    """Return the share of a class's weight that some of its images have, 0 to 1; None without an image of the class.

    Args:
        weights: (n_images,) of all images.
        of_class: Positions of the images of the class.
        inside: Positions of some of them.
    """
    return float(weights[inside].sum() / weights[of_class].sum()) if len(of_class) else None


def compare_shares(found: Sequence[Counted], *, max_q_value: float) -> list[dict[str, object]]:
    """Compare the shares of images that meet each rule, among the training images and among the analysed ones.

    Args:
        found: Of each failure mode.
        max_q_value: False-discovery rate of what is called rarer or more common, 0 to 1.

    Returns:
        The columns comparison, p_value and q_value of table `training_modes`, of each.
    """
    from scipy.stats import fisher_exact  # a second and 60 MB

    p_values = [
        min(float(fisher_exact(_table(counted)).pvalue), 1.0)
        if counted.n_class and counted.n_class_analysed
        else np.nan
        for counted in found
    ]
    q_values = adjust_p_values(p_values).tolist() if found else []
    return [
        {"comparison": _compared(counted, q_value, max_q_value), "p_value": p_value, "q_value": q_value}
        for counted, p_value, q_value in zip(found, p_values, q_values, strict=True)
    ]


def _table(counted: Counted) -> list[list[int]]:
    return [
        [counted.n_meets, counted.n_class - counted.n_meets],
        [counted.n_meets_analysed, counted.n_class_analysed - counted.n_meets_analysed],
    ]


def _compared(counted: Counted, q_value: float, max_q_value: float) -> str:
    if np.isnan(q_value):
        return "not_compared"
    if q_value > max_q_value:
        return "undecided"
    is_rarer = counted.n_meets * counted.n_class_analysed < counted.n_meets_analysed * counted.n_class
    return "rarer" if is_rarer else "more_common"
