"""Two columns of class numbers of which one counts from 0 and the other one from 1."""

import numpy as np
import numpy.typing as npt

__all__ = ["offset_between"]


def offset_between(first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]) -> int:
    """Return 1 or −1 where `first` seems to count the classes from 1 more or less than `second`, and 0 otherwise.

    It seems so where the ranges of two or more classes are the same but for that offset, and the columns agree more
    often with it than without.

    Args:
        first: (n,) numbers of classes.
        second: (n,) numbers of classes for the same images.
    """
    shift = int(first.min()) - int(second.min())
    if abs(shift) != 1 or int(first.max()) - int(second.max()) != shift or first.min() == first.max():
        return 0
    return shift if np.mean(first == second + shift) > np.mean(first == second) else 0
