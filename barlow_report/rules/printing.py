"""Thresholds as they are printed: few digits, and the same images on either side.

A threshold such as 0.12559 that is printed as 0.126 describes other images: who counts with the printed rule gets other
counts than the report. So a threshold is printed with as many digits as its images ask for, and no more.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal

import numpy as np
import numpy.typing as npt

from barlow_report.rules.trees import Tree

__all__ = ["print_between", "print_threshold", "print_thresholds"]

_ROUNDINGS = (ROUND_HALF_UP, ROUND_FLOOR, ROUND_CEILING)
_NEARLY_0 = 0.01
_MOST_DIGITS = 17  # tell any two numbers of double precision apart


def print_threshold(threshold: float, values: npt.NDArray[np.floating]) -> float:
    """Return the decimal with the fewest significant digits that parts the values as the threshold does.

    Of several with as few digits, the one nearest to the threshold: rounded where that will do, else the next one below
    or above it.

    Args:
        threshold: A value is on the side `le` where it is at most this; finite.
        values: (n,) float32 or float64.

    Returns:
        A number whose shortest text is that decimal.
    """
    exact = values.astype(np.float64)
    at_most = exact <= threshold
    return print_between(
        threshold,
        float(exact[at_most].max(initial=-np.inf)),
        float(exact[~at_most].min(initial=np.inf)),
        top=float(exact.max(initial=0.0)),
    )


def print_between(threshold: float, low: float, high: float, *, top: float) -> float:
    """Return the same, from the values next to the threshold: the highest that is at most it, and the lowest above.

    It is 0 where the highest value at most it is exactly 0 and it is a hundredth of the feature's highest value, `top`,
    at most, as of features that are never below 0 and often exactly 0: "more than 0" parts the images as well as
    0.000008 does, and says what their difference is. A larger one says more of images that come later.
    """
    if low == 0.0 and threshold <= _NEARLY_0 * top:
        return 0.0
    target = Decimal(threshold)
    for n_digits in range(1, _MOST_DIGITS):
        for rounding in _ROUNDINGS:
            printed = float(Context(prec=n_digits, rounding=rounding).plus(target))
            if low <= printed < high:
                return printed
    return threshold


def print_thresholds(tree: Tree, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return the printed threshold of each node, (n_nodes,), NaN at leaves.

    Args:
        tree: The tree of a group.
        features: (n_images, n_features) of all images of the group, fitted or held out: a printed threshold parts each
            of them as the exact one does, in whichever node it is.
    """
    printed = np.full(tree.n_nodes, np.nan)
    for node_id in np.flatnonzero(tree.feature_ids >= 0):
        printed[node_id] = print_threshold(float(tree.thresholds[node_id]), features[:, tree.feature_ids[node_id]])
    return printed
