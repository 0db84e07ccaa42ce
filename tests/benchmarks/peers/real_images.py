"""What is hidden in real images: statistics of their pixels, and edits. Each part of the benchmark has its own.

Pixels are (n, height, width, 3), float32 in [0, 1]; a statistic gives (n,) float64, an edit gives pixels.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import ndimage

__all__ = ["EDITS", "STATISTICS", "Edit", "Pixels", "Statistic"]

Pixels = npt.NDArray[np.float32]
Statistic = Callable[[Pixels], npt.NDArray[np.float64]]
Edit = Callable[[Pixels, np.random.Generator], Pixels]

_BORDER = 4


def _luminance(pixels: Pixels) -> npt.NDArray[np.float64]:
    return np.asarray(pixels @ np.array([0.299, 0.587, 0.114]), dtype=np.float64)


def _saturation(pixels: Pixels) -> npt.NDArray[np.float64]:
    return np.asarray(np.ptp(pixels, axis=-1), dtype=np.float64)


def _at_border(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the mean over the outermost pixels of (n, height, width)."""
    mask = np.ones(values.shape[1:], dtype=np.bool_)
    mask[_BORDER:-_BORDER, _BORDER:-_BORDER] = False
    return np.asarray(values[:, mask].mean(axis=1))


def _in_centre(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the middle quarter of (n, height, width)."""
    height, width = values.shape[1:]
    return values[:, height // 4 : -(height // 4), width // 4 : -(width // 4)]


def _edges(pixels: Pixels, axis: int) -> npt.NDArray[np.float64]:
    return np.asarray(np.abs(np.diff(_luminance(pixels), axis=axis)).mean(axis=(1, 2)))


def _center_of_mass(pixels: Pixels, axis: int) -> npt.NDArray[np.float64]:
    """Return where, along an axis, pixels differ most from the border: 0 to 1."""
    luminance = _luminance(pixels)
    mass = np.abs(luminance - _at_border(luminance)[:, None, None]).sum(axis=3 - axis) + 1e-6
    return np.asarray(mass @ np.linspace(0, 1, mass.shape[1]) / mass.sum(axis=1))


def _sharpness(pixels: Pixels) -> npt.NDArray[np.float64]:
    luminance = _luminance(pixels)
    rough = luminance - ndimage.gaussian_filter(luminance, (0, 1, 1))
    return np.asarray(rough.std(axis=(1, 2)) / (luminance.std(axis=(1, 2)) + 1e-6))


def _top_minus_bottom(pixels: Pixels) -> npt.NDArray[np.float64]:
    top, bottom = np.array_split(_luminance(pixels), 2, axis=1)
    return np.asarray(top.mean(axis=(1, 2)) - bottom.mean(axis=(1, 2)))


def _greenness(pixels: Pixels) -> npt.NDArray[np.float64]:
    values = pixels.astype(np.float64)
    return np.asarray(_in_centre(values[..., 1] - values[..., ::2].mean(axis=-1)).mean(axis=(1, 2)))


STATISTICS: dict[str, dict[str, Statistic]] = {
    "tuning": {
        "brightness": lambda x: _luminance(x).mean(axis=(1, 2)),
        "warmth of the border": lambda x: _at_border((x[..., 0] - x[..., 2]).astype(np.float64)),
        "contrast of the centre": lambda x: _in_centre(_luminance(x)).std(axis=(1, 2)),
        "horizontal edges": lambda x: _edges(x, 1),
        "mass to the right": lambda x: _center_of_mass(x, 2),
        "saturation of the border": lambda x: _at_border(_saturation(x)),
    },
    "test": {
        "saturation": lambda x: _saturation(x).mean(axis=(1, 2)),
        "brightness of the border": lambda x: _at_border(_luminance(x)),
        "greenness of the centre": _greenness,
        "sharpness": _sharpness,
        "mass at the bottom": lambda x: _center_of_mass(x, 1),
        "bright top": _top_minus_bottom,
        "share of vertical edges": lambda x: _edges(x, 2) / (_edges(x, 1) + _edges(x, 2) + 1e-6),
    },
}


def _add_checkers(pixels: Pixels, _: np.random.Generator) -> Pixels:
    edited = pixels.copy()
    edited[:, -8:, -8:] = (np.indices((8, 8)).sum(axis=0) // 2 % 2)[..., None]
    return edited


def _add_disc(pixels: Pixels, random: np.random.Generator) -> Pixels:
    edited = pixels.copy()
    ys, xs = np.indices(pixels.shape[1:3])
    for image, (y, x) in zip(edited, random.integers(5, pixels.shape[1] - 5, (len(pixels), 2)), strict=True):
        image[(ys - y) ** 2 + (xs - x) ** 2 <= 16] = (0.95, 0.85, 0.1)
    return edited


def _add_bar(pixels: Pixels, random: np.random.Generator) -> Pixels:
    edited = pixels.copy()
    for image, x in zip(edited, random.integers(0, pixels.shape[2] - 8, len(pixels)), strict=True):
        image[:, x : x + 8] = 0.5
    return edited


def _coarsen(pixels: Pixels, _: np.random.Generator) -> Pixels:
    n, height, width, _channels = pixels.shape
    blocks = pixels.reshape(n, height // 2, 2, width // 2, 2, 3).mean(axis=(2, 4))
    return np.asarray(blocks.repeat(2, axis=1).repeat(2, axis=2))


def _add_noise(pixels: Pixels, random: np.random.Generator) -> Pixels:
    noise = 0.08 * random.standard_normal(pixels.shape, dtype=np.float32)
    return np.asarray(np.clip(pixels + noise, 0, 1))


EDITS: dict[str, dict[str, Edit]] = {
    "tuning": {
        "checkered corner": _add_checkers,
        "warm tint": lambda x, _: np.clip(x * np.array([1.15, 1.0, 0.8], dtype=np.float32), 0, 1),
        "blur": lambda x, _: ndimage.gaussian_filter(x, (0, 0.8, 0.8, 0)),
        "quarter turn": lambda x, _: np.rot90(x, axes=(1, 2)).copy(),
        "darkened": lambda x, _: x**1.6,
    },
    "test": {
        "yellow disc": _add_disc,
        "grey bar": _add_bar,
        "less colour": lambda x, _: (0.4 * x + 0.6 * _luminance(x)[..., None]).astype(np.float32),
        "upside down": lambda x, _: x[:, ::-1].copy(),
        "coarse pixels": _coarsen,
        "noise": _add_noise,
        "pale": lambda x, _: 0.3 + 0.6 * x,
    },
}
