"""Images of any number of bands: what models take of them, and what people see.

A file of several bands (`band_files.py`) is decoded twice: into values in [0, 1] by the configured range, which models
get at full precision, and into a picture of some of its bands. Bands are counted from 1. A model takes all bands of a
file in their order, or those that its preprocessing names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from barlow_report.vision.reading import UnreadableImage

if TYPE_CHECKING:
    from barlow_report.config.bands import BandsConfig, ValueRange

__all__ = ["BandImage", "Content", "as_shown", "band_image", "numbers_of"]

Floats = npt.NDArray[np.float32]
_BYTES: "tuple[ValueRange, ...]" = ((0.0, 255.0),)


@dataclass(frozen=True, kw_only=True, eq=False)
class BandImage:
    """An image of several bands.

    Attributes:
        pixels: In [0, 1], float32, (H, W, n_bands).
        shown: What people see of it, mode RGB, of the same size.
    """

    pixels: Floats
    shown: Image.Image

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, as Pillow has them."""
        return self.shown.size


Content = Image.Image | BandImage
"""What models get of an image: colours of mode RGB, or bands."""


def band_image(values: npt.NDArray[np.generic], bands: "BandsConfig") -> tuple[BandImage, bool]:
    """Bring the values of a file to [0, 1], and draw what is shown of them.

    Args:
        values: As the file has them, (H, W, n_bands).
        bands: What they mean.

    Returns:
        The image, and whether values were beyond the range and have been cut.

    Raises:
        UnreadableImage: Nothing says what its values mean, some are no numbers, or a band is missing.
    """
    n_bands = values.shape[2]
    if values.dtype.kind not in "uif":
        raise UnreadableImage(f"its values are of type {values.dtype}; expected whole or floating-point numbers")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise UnreadableImage("some values are not numbers (NaN or infinite)")
    ranges = bands.range or (_BYTES if values.dtype == np.uint8 else ())
    if not ranges:
        raise UnreadableImage(f"its values are {values.dtype}; say in data.bands.range which become 0 and 1")
    if len(ranges) not in (1, n_bands):
        raise UnreadableImage(f"it has {n_bands} bands, and data.bands.range has pairs for {len(ranges)}")
    if max(bands.shown) > n_bands:
        raise UnreadableImage(f"it has {n_bands} bands, and data.bands.shown names band {max(bands.shown)}")
    low, high = (np.array(edge, dtype=np.float64) for edge in zip(*ranges, strict=True))
    scaled = ((values.astype(np.float64) - low) / (high - low)).astype(np.float32)
    is_cut = bool(scaled.min() < 0 or scaled.max() > 1)
    scaled = np.clip(scaled, 0, 1)
    shown = _drawn(scaled[:, :, [number - 1 for number in bands.shown]], bands, ranges)
    return BandImage(pixels=scaled, shown=Image.fromarray(shown)), is_cut


def numbers_of(taken: Sequence[int] | None, n_channels: int) -> tuple[int, ...]:
    """Return the bands that a model of so many channels takes, where its preprocessing names them or none."""
    return tuple(taken) if taken is not None else tuple(range(1, n_channels + 1))


def as_shown(pixels: npt.NDArray[np.floating], bands: "BandsConfig | None", taken: Sequence[int] | None) -> Floats:
    """Return what people see of an image that a model takes, in [0, 1]: (H, W, 3), or (H, W, 1) for grey.

    Args:
        pixels: In [0, 1], (H, W, C).
        bands: What is shown of files of bands; None where images are in colour or grey.
        taken: The bands that the model takes; None: all, in order.
    """
    if bands is None:
        return np.asarray(pixels, dtype=np.float32)
    place = {number: i for i, number in enumerate(numbers_of(taken, pixels.shape[2]))}
    columns = [place[number] for number in bands.shown]
    return _stretched(np.asarray(pixels, dtype=np.float32)[:, :, columns], bands, bands.range or _BYTES)


def _drawn(scaled: Floats, bands: "BandsConfig", ranges: "Sequence[ValueRange]") -> npt.NDArray[np.uint8]:
    """The picture of the shown bands, (H, W, 3)."""
    pixels = np.round(_stretched(scaled, bands, ranges) * 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def _stretched(scaled: Floats, bands: "BandsConfig", ranges: "Sequence[ValueRange]") -> Floats:
    """From values in [0, 1] of the models' range to the range that is shown; one column for each of `shown`."""
    pairs = bands.of_shown(ranges)
    low, high, black, white = (
        np.array([pair[i][k] for pair in pairs], dtype=np.float32) for i in (0, 1) for k in (0, 1)
    )
    return np.clip((scaled * (high - low) + low - black) / (white - black), 0, 1).astype(np.float32)
