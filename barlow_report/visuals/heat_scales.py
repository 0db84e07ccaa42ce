"""One scale for the heatmaps of a row, so that a weak response does not glow like a strong one."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["row_scale", "to_scale"]


def row_scale(lows: Sequence[float], highs: Sequence[float]) -> tuple[float, float]:
    """Return the values that black and white stand for in a row: from 0, or the lowest below it, to the highest.

    Args:
        lows: The lowest value of each map of the row; at least one.
        highs: The highest values.
    """
    return min(0.0, *lows), max(0.0, *highs)


def to_scale(
    values: npt.NDArray[np.floating], *, low: float, high: float, scale: tuple[float, float]
) -> npt.NDArray[np.float64]:
    """Scale a map that runs from `low` to `high`, shape (h, w) in [0, 1], to [0, 1] within `scale`.

    Where all maps of a row are 0 everywhere, there is nothing to see, and the result is 0.
    """
    black, white = scale
    if white == black:
        return np.zeros(values.shape)
    scaled: npt.NDArray[np.float64] = (low + values.astype(np.float64) * (high - low) - black) / (white - black)
    return scaled.clip(0, 1)
