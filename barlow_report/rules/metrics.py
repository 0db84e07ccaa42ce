"""The measures of groups, leaves and trees, each with its one definition.

For a group with N images, F of them failures, and a node with n images, k of them failures (Singla et al.,
"Understanding Failures of Deep Networks via Robust Feature Extraction", CVPR 2021, section 4): the base error
rate is F / N, the error rate k / n, the error coverage k / F, the importance value their product. A measure
whose denominator is 0 has no value (NaN): it is neither 0 nor an error.

The average leaf error rate of a tree is at least the base error rate on the images it was fitted on, whatever
the data: by itself it is no evidence.
"""

import numpy as np
import numpy.typing as npt

__all__ = [
    "average_leaf_error_rate",
    "base_error_rate",
    "error_coverage",
    "error_rate",
    "gain_by_chance",
    "importance_value",
    "is_failure_mode",
    "subtree_average_leaf_error_rate",
]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Counts = npt.ArrayLike

# Rates that equal a limit on paper, such as 0.3 and 0.2 + 0.1, must not fail it by a rounding error.
_ROUNDING = 1e-12


def base_error_rate(n_images: Counts, n_failures: Counts) -> Floats:
    """Base error rate, F / N: the share of failures among the images of a group, 0 to 1; NaN without images."""
    return _ratio(n_failures, n_images)


def error_rate(n_images: Counts, n_failures: Counts) -> Floats:
    """Error rate, k / n: the share of failures among the images of a node, 0 to 1; NaN without images."""
    return _ratio(n_failures, n_images)


def error_coverage(n_failures: Counts, n_group_failures: Counts) -> Floats:
    """Error coverage, k / F: the share of the group's failures in the node, 0 to 1; NaN without failures."""
    return _ratio(n_failures, n_group_failures)


def importance_value(n_images: Counts, n_failures: Counts, n_group_failures: Counts) -> Floats:
    """Error rate × error coverage, 0 to 1; NaN where one of them has no value."""
    return error_rate(n_images, n_failures) * error_coverage(n_failures, n_group_failures)


def average_leaf_error_rate(n_images: Counts, n_failures: Counts) -> float:
    """Sum over leaves of error coverage × error rate, which is (1 / F) Σ k² / n.

    Args:
        n_images: (n_leaves,) images in each leaf; empty leaves cover nothing and count for nothing.
        n_failures: (n_leaves,) failures among them.

    Returns:
        0 to 1; NaN without failures.
    """
    n, k = np.asarray(n_images, dtype=np.float64), np.asarray(n_failures, dtype=np.float64)
    total = k.sum()
    if total == 0:
        return float("nan")
    return float(np.sum(k[n > 0] ** 2 / n[n > 0]) / total)


def gain_by_chance(n_images: Counts, n_failures: int) -> float:
    """What a tree gains on average, ALER − BER, if its leaves have nothing to do with failing.

    The number of failures in a leaf is then hypergeometric. The mean of (1 / F) Σ k² / n over all ways to place the F
    failures among the N images exceeds F / N by (1 − F / N) (leaves − 1) / (N − 1), where empty leaves do not count.

    Args:
        n_images: (n_leaves,) images in each leaf.
        n_failures: Failures among all of them.

    Returns:
        0 to 1; NaN without failures, and with fewer than two images.
    """
    n = np.asarray(n_images, dtype=np.float64)
    total = n.sum()
    if not n_failures or total < 2:
        return float("nan")
    return float((1 - n_failures / total) * (np.count_nonzero(n) - 1) / (total - 1))


def subtree_average_leaf_error_rate(parent_ids: Integers, n_images: Counts, n_failures: Counts) -> Floats:
    """The average leaf error rate of the subtree below each node: the coverage-weighted mean of its leaves' rates.

    It differs from the node's own error rate, k / n, except at a leaf.

    Args:
        parent_ids: (n_nodes,) the node above, -1 for the root; parents come before their children.
        n_images: (n_nodes,) images in each node.
        n_failures: (n_nodes,) failures among them.

    Returns:
        (n_nodes,) 0 to 1; NaN below a node without failures. The root's value is that of the tree.
    """
    n, k = np.asarray(n_images, dtype=np.float64), np.asarray(n_failures, dtype=np.float64)
    is_leaf = np.ones(len(n), dtype=np.bool_)
    is_leaf[parent_ids[parent_ids >= 0]] = False
    squares = np.where(is_leaf & (n > 0), k**2 / np.where(n > 0, n, 1.0), 0.0)
    for node_id in range(len(n) - 1, 0, -1):
        squares[parent_ids[node_id]] += squares[node_id]
    return _ratio(squares, k)


def is_failure_mode(
    rate: npt.ArrayLike, coverage: npt.ArrayLike, *, base_rate: npt.ArrayLike, rho: float, tau: float
) -> npt.NDArray[np.bool_]:
    """Tell whether error rate ≥ base error rate + ρ and error coverage ≥ τ; False where one has no value."""
    enough_rate = np.asarray(rate) >= np.asarray(base_rate) + rho - _ROUNDING
    enough_coverage = np.asarray(coverage) >= tau - _ROUNDING
    return np.asarray(enough_rate & enough_coverage, dtype=np.bool_)


def _ratio(part: Counts, whole: Counts) -> Floats:
    top, bottom = np.broadcast_arrays(np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64))
    result = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=result, where=bottom != 0)
    return result
