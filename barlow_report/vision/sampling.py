"""Which images the models are tried on before a pass."""

import numpy as np
import numpy.typing as npt

__all__ = ["N_IMAGES", "draw_sample"]

N_IMAGES = 16
"""Images of a trial, which are compared as one batch."""


def draw_sample(n_images: int) -> npt.NDArray[np.int64]:
    """Choose images: one at random from each of `N_IMAGES` equal parts, so that a sorted data set gives all classes.

    Of `N_IMAGES` images or fewer, all are chosen: a sample of a sample is the sample.
    """
    borders = np.linspace(0, n_images, min(N_IMAGES, n_images) + 1).astype(np.int64)
    return np.random.default_rng(0).integers(borders[:-1], borders[1:])
