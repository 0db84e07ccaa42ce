"""Neighbours in one dimension: the compiled part of the mutual information.

Values are sorted, so the k nearest are a window and the values nearer than the k-th a range. Distances are
computed and then compared, never `value ± radius`, which rounds differently; see `mutual_information`.
"""

import numpy as np
import numpy.typing as npt

from barlow_report.rules.compilation import compile_inline, compile_kernel

__all__ = ["sum_psi"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@compile_kernel
def sum_psi(values: Floats, n_first: int, n_neighbors: int, psi: Floats, sums: Floats) -> None:
    """Add up digamma(number of images nearer than the k-th neighbour of the same outcome) over the images.

    Args:
        values: (n_features, n_images) float64; each row holds the images of one outcome, ascending, and then those of
            the other, ascending.
        n_first: Images of the first outcome: 0, or at least 2; the same holds for the rest.
        n_neighbors: k; at most one less than the images of an outcome is used.
        psi: (n_images + 1,) digamma of 0 (unused), 1, 2, …
        sums: (n_features,) float64, overwritten with the result.
    """
    for j in range(values.shape[0]):
        first, second = values[j, :n_first], values[j, n_first:]
        sums[j] = _sum_of_outcome(first, second, n_neighbors, psi) + _sum_of_outcome(second, first, n_neighbors, psi)


@compile_inline
def _sum_of_outcome(own: Floats, other: Floats, n_neighbors: int, psi: Floats) -> float:
    n_own = len(own)
    if n_own < 2:
        return 0.0
    k = min(n_neighbors, n_own - 1)
    radii = np.empty(n_own)
    counts = np.empty(n_own, dtype=np.int64)
    # scikit-learn leaves its tree for a matrix product when an outcome has few images for k neighbours
    by_product = k >= n_own // 2
    if by_product:
        for i in range(n_own):
            radii[i] = _radius_by_product(own, i, k)
    else:
        _measure_neighbors(own, k, radii, counts)
    total = 0.0
    own_low = own_high = other_low = other_high = 0
    for i in range(n_own):
        count = counts[i]
        if by_product or radii[i] == 0.0:
            own_low, own_high = _move(own, own_low, own_high, own[i], radii[i])
            count = own_high - own_low
        other_low, other_high = _move(other, other_low, other_high, own[i], radii[i])
        total += psi[count + other_high - other_low]
    return total


@compile_inline
def _measure_neighbors(own: Floats, k: int, radii: Floats, counts: Integers) -> None:
    """Find the distance to the k-th neighbour, and how many values, itself included, are nearer (if it is not 0).

    The k + 1 nearest values are one of the k + 1 windows around a value: the one that reaches least far. Going
    through windows outside and values inside leaves loops without branches, which compile to vector instructions.
    """
    n_own = len(own)
    radii[:] = np.inf
    counts[:] = 1
    for below in range(k + 1):
        last = n_own - k
        low, value, high, radius = own[:last], own[below : below + last], own[k:], radii[below : below + last]
        for i in range(last):
            down, up = value[i] - low[i], high[i] - value[i]
            reach = down if down > up else up
            radius[i] = reach if reach < radius[i] else radius[i]
    for step in range(1, k):
        low, high = own[: n_own - step], own[step:]
        for i in range(len(low)):
            counts[i] += high[i] - low[i] < radii[i]
        above, radius = counts[step:], radii[step:]
        for i in range(len(low)):
            above[i] += high[i] - low[i] < radius[i]


@compile_inline
def _radius_by_product(own: Floats, i: int, k: int) -> float:
    """Distance to the k-th neighbour, from |x|² − 2xy + |y|² with its rounding."""
    squares = np.empty(len(own))
    for j in range(len(own)):
        squares[j] = max(0.0, own[i] * own[i] + -2.0 * (own[i] * own[j]) + own[j] * own[j])
    squares.sort()
    return float(np.sqrt(squares[k]))


@compile_inline
def _move(values: Floats, low: int, high: int, value: float, radius: float) -> tuple[int, int]:
    """Move the range of the values that are nearer to `value` than `radius`, or equal to it.

    The distance to a neighbour changes by no more than the step from one value to the next, so both ends of the
    range go upwards; rounding, or distances by matrix product, can ask for a step back.
    """
    n = len(values)
    limit = max(radius, 5e-324)  # the smallest number: equal values are at a distance below it
    while high < n and values[high] - value < limit:
        high += 1
    while high > 0 and values[high - 1] - value >= limit:
        high -= 1
    while low < n and value - values[low] >= limit:
        low += 1
    while low > 0 and value - values[low - 1] < limit:
        low -= 1
    return low, high
