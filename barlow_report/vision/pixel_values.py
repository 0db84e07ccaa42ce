"""From the numbers in an image file to 8-bit brightness, by what the file itself says about them.

Pillow reads pixels of more than 8 bits as plain numbers and would clip them at 255. What stands for white is taken from
the file: the bits that hold something (PNG's sBIT, TIFF's BitsPerSample and MaxSampleValue, the maximum of PGM, the
precision of JPEG 2000), and whether small values are white (TIFF's photometric interpretation). 16 bits without
further words mean 0 to 65,535. Of 32-bit, signed and floating-point pixels nobody knows; `pixel_range` of the
configuration says it. An image is never stretched by its own darkest and brightest pixel: the same number is the same
grey everywhere.
"""

import struct

import numpy as np
import numpy.typing as npt
from PIL import Image

from barlow_report.vision.reading import UnreadableImage

__all__ = ["FULL_RANGE", "Range", "as_8_bits", "is_signed", "sample_mode", "significant_bits"]

Range = tuple[float, float]
"""The values that are black and white, in this order."""

FULL_RANGE: Range = (0.0, 65_535.0)
# Tags of TIFF, and their values
_BITS_PER_SAMPLE, _PHOTOMETRIC, _MAX_SAMPLE_VALUE, _SAMPLE_FORMAT = 258, 262, 281, 339
_MIN_IS_WHITE, _SIGNED = 0, 2


def sample_mode(image: Image.Image) -> str:
    """Return how the file stores its samples, in Pillow's words (`I;16B`, `RGB;16L`, `L;4`), before it is loaded."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0][3] if tiles else ""
    if isinstance(arguments, tuple):
        arguments = arguments[0] if arguments else ""
    return arguments if isinstance(arguments, str) else ""


def significant_bits(data: bytes) -> int | None:
    """Return the bits that hold something in each sample of a 16-bit grey PNG, where its chunk sBIT says so."""
    if data[12:16] != b"IHDR" or data[24:26] != b"\x10\x00":
        return None
    start = 8
    while start + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, start)
        if name in (b"IDAT", b"IEND"):
            return None
        if name == b"sBIT" and length == 1:
            return data[start + 8] or None
        start += 12 + length
    return None


def as_8_bits(
    image: Image.Image, *, mode: str, n_bits: int | None = None, pixel_range: Range | None = None
) -> tuple[npt.NDArray[np.uint8], int | None]:
    """Return the brightness of a grey image of more than 8 bits, or of signed ones, (H, W) uint8.

    Args:
        image: Loaded, of Pillow's mode I, I;16, F, or L for signed bytes.
        mode: How its file stores samples, see `sample_mode`.
        n_bits: See `significant_bits`.
        pixel_range: Black and white of an image whose file does not say it.

    Returns:
        Beside the brightness, the highest value of a 16-bit image that is read as one of full range only because
        nothing says otherwise; None for others.

    Raises:
        UnreadableImage: Nothing says which values are black and white, or some are no numbers.
    """
    pixels = _values(image)
    stated = _stated_range(image, pixels, mode=mode, n_bits=n_bits)
    is_plain = stated is None and image.mode.startswith("I;16")
    highest = int(pixels.max()) if is_plain and pixel_range is None else None
    low, high = stated or pixel_range or (FULL_RANGE if is_plain else _unknown(pixels))
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise UnreadableImage("some pixels are not numbers (NaN or infinite)")
    scaled = (np.clip(pixels, low, high).astype(np.float64) - low) * (255 / (high - low))
    if _tag(image, _PHOTOMETRIC) == _MIN_IS_WHITE:
        scaled = 255 - scaled
    return scaled.round().astype(np.uint8), highest


def is_signed(image: Image.Image) -> bool:
    """Whether a file says that its samples have a sign."""
    return _tag(image, _SAMPLE_FORMAT) == _SIGNED


def _values(image: Image.Image) -> npt.NDArray[np.generic]:
    pixels = np.asarray(image)
    if image.mode == "L":
        return pixels.view(np.int8)
    if _tag(image, _BITS_PER_SAMPLE) == 32 and pixels.dtype == np.int32 and not is_signed(image):
        return pixels.view(np.uint32)
    return pixels


def _stated_range(
    image: Image.Image, pixels: npt.NDArray[np.generic], *, mode: str, n_bits: int | None
) -> Range | None:
    if image.format == "JPEG2000" or (image.format == "PPM" and image.mode == "I"):
        return FULL_RANGE  # Pillow has scaled them by the file's precision or maximum
    if mode == "I;12":
        return 0.0, 4095.0
    if n_bits is not None:
        return 0.0, float(2**n_bits - 1) if _are_unscaled(pixels, n_bits) else FULL_RANGE[1]
    highest = _tag(image, _MAX_SAMPLE_VALUE)
    if highest is not None and highest >= 255 and _is_all_ones(highest) and pixels.dtype.kind in "iu":
        return (0.0, float(highest)) if pixels.min() >= 0 and pixels.max() <= highest else None
    return None


def _are_unscaled(pixels: npt.NDArray[np.generic], n_bits: int) -> bool:
    """Whether a PNG holds `n_bits` in the lowest bits of 16, where the format wants them in the highest."""
    if n_bits >= 16 or pixels.max(initial=0) >= 2**n_bits:
        return False
    values = pixels.astype(np.int64)
    high = values >> (16 - n_bits)
    shifted = high << (16 - n_bits)
    stretched = np.round(high * (65_535 / (2**n_bits - 1))).astype(np.int64)
    repeated = shifted | high >> max(0, 2 * n_bits - 16)
    return not bool(((values == shifted) | (values == stretched) | (values == repeated)).all())


def _is_all_ones(value: int) -> bool:
    """Whether a maximum is that of a number of bits, and not merely the brightest pixel of the image."""
    return value & (value + 1) == 0


def _unknown(pixels: npt.NDArray[np.generic]) -> Range:
    kind = {"f": "floating-point", "i": "signed", "u": "32-bit"}[pixels.dtype.kind]
    if pixels.dtype == np.int32 and pixels.min() >= 0:
        kind = "32-bit"
    raise UnreadableImage(
        f"{kind} pixels have no defined brightness; say in data.pixel_range which values are black and white, or "
        "convert to 8 bits"
    )


def _tag(image: Image.Image, number: int) -> int | None:
    """The first value of a TIFF tag that holds whole numbers."""
    value = getattr(image, "tag_v2", {}).get(number)
    if isinstance(value, tuple):
        value = value[0] if value else None
    return value if isinstance(value, int) else None
