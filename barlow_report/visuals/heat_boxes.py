"""Where a feature is strong in an image, as a box: for tools that show parts of images."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

__all__ = ["strong_box"]

_SHARE = 0.5
"""Of the map's largest value: what is at least as strong belongs to the part, as far as it hangs together."""


def strong_box(values: npt.NDArray[np.floating]) -> tuple[float, float, float, float] | None:
    """Return left, top, right and bottom of the part around the largest value, as shares of width and height.

    Args:
        values: A feature's map, shape (h, w). Cells touch at their sides and corners.

    Returns:
        The box, each edge from 0 to 1; None where nothing is above 0.
    """
    largest = float(values.max(initial=0.0))
    if not largest > 0:
        return None
    parts, _ = ndimage.label(values >= _SHARE * largest, structure=np.ones((3, 3)))
    top, left = np.unravel_index(int(values.argmax()), values.shape)
    rows, columns = np.nonzero(parts == parts[top, left])
    height, width = values.shape
    edges = (columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height)
    return tuple(float(edge) for edge in edges)  # type: ignore[return-value]
