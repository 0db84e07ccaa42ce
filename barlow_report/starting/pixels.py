"""Mean and standard deviation of the images themselves, by which many models of small images are trained."""

from typing import Any

import numpy as np

from barlow_report.starting.trial import DataFound, spread
from barlow_report.vision.reading import UnreadableImage

__all__ = ["own_normalisation"]

_N_IMAGES = 48
_DIGITS = 3
_LEAST_DEVIATION = 0.01


def own_normalisation(data: DataFound) -> dict[str, Any] | None:
    """Return `mean` and `std` of pixels in [0, 1] over some of the images, one number each where they are grey.

    None where the images are all but of one colour, cannot be read, or have bands of their own.
    """
    if "bands" in data.section:
        return None
    sums, squares, n = np.zeros(3), np.zeros(3), 0
    for position in spread(len(data.images.paths), _N_IMAGES):
        try:
            image = data.images.source.read(data.images.paths[position]).image
        except UnreadableImage:
            continue
        pixels = np.asarray(image.convert("RGB"), dtype=np.float64).reshape(-1, 3) / 255
        sums, squares, n = sums + pixels.sum(axis=0), squares + (pixels**2).sum(axis=0), n + len(pixels)
    if n == 0:
        return None
    mean = sums / n
    std = np.sqrt(np.maximum(squares / n - mean**2, 0))
    if std.min() < _LEAST_DEVIATION:
        return None
    rounded = {key: np.round(values, _DIGITS).tolist() for key, values in (("mean", mean), ("std", std))}
    return {key: values[0] if len(set(values)) == 1 else values for key, values in rounded.items()}
