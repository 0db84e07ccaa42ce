"""Decoding image files of any kind to plain 8-bit RGB.

Every image becomes what a person sees in a viewer: EXIF rotation applied, transparency over white, 16-bit grey
scaled to 8 bits, palettes and CMYK converted, the first frame of an animation. Colour profiles are ignored, as
in the usual training pipelines. A pure function of the file, safe to call from several threads.
"""

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from barlow_report.vision.reading import UnreadableImage, read_file

__all__ = ["MAX_PIXELS", "UnreadableImage", "decode_image", "plain_image", "quiet_decoders", "read_image"]

MAX_PIXELS = 89_478_485
"""Larger images are refused: a small file can unpack to any size. Pillow warns from the same number on."""

# A closed list: Pillow also opens formats that start other programs or are no photographs.
FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF")

ROTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_image(path: Path) -> Image.Image:
    """Decode one image file to mode RGB, upright, without metadata.

    Raises:
        UnreadableImage: See `read_file` and `decode_image`.
    """
    return decode_image(read_file(path))


def decode_image(data: bytes) -> Image.Image:
    """Decode the content of an image file to mode RGB, upright, without metadata.

    Raises:
        UnreadableImage: It is truncated, no image, of a kind that has no defined brightness (32-bit pixels), or
            larger than `MAX_PIXELS`.
    """
    with quiet_decoders():
        try:
            with Image.open(io.BytesIO(data), formats=_available_formats()) as image:
                rgb = plain_image(image)
        except (UnreadableImage, MemoryError):
            raise
        except UnidentifiedImageError as error:
            raise UnreadableImage("not an image of a known format") from error
        except Image.DecompressionBombError as error:
            raise UnreadableImage(f"more than {MAX_PIXELS} pixels") from error
        except OSError as error:
            raise UnreadableImage(str(error)) from error
        except Exception as error:  # a decoder may raise anything on a broken file
            raise UnreadableImage(f"broken image ({error or type(error).__name__})") from error
    return rgb


def plain_image(image: Image.Image) -> Image.Image:
    """Turn an opened image to mode RGB, upright, without metadata.

    Raises:
        UnreadableImage: It has no defined brightness or is larger than `MAX_PIXELS`.
        Exception: Whatever a decoder raises on a broken image.
    """
    if image.width * image.height > MAX_PIXELS:
        raise UnreadableImage(_too_large(image.width, image.height))
    image.load()
    rgb = _to_rgb(_upright(image))
    rgb.info = {}  # else a profile of the original colours would be written into thumbnails
    return rgb


def _too_large(width: int, height: int) -> str:
    return f"{width} × {height} pixels, at most {MAX_PIXELS} are decoded"


def _available_formats() -> list[str]:
    """The formats of the list that this build of Pillow knows."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _upright(image: Image.Image) -> Image.Image:
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # the pixels are fine, and viewers show such an image unrotated too
        return image
    rotation = ROTATIONS.get(orientation) if isinstance(orientation, int) else None
    return image if rotation is None else image.transpose(rotation)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise UnreadableImage("floating-point pixels have no defined brightness; convert to 8 or 16 bits")
    if image.mode.startswith("I"):
        return _from_16_bits(np.asarray(image, dtype=np.int64))
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _from_16_bits(pixels: np.ndarray) -> Image.Image:
    """Scale 0 to 65,535 to 0 to 255; Pillow's own conversion would clip at 255."""
    if pixels.min() < 0 or pixels.max() > 65_535:
        raise UnreadableImage("32-bit pixels have no defined brightness; convert to 8 or 16 bits")
    return Image.fromarray((pixels * 255 / 65_535).round().astype(np.uint8)).convert("RGB")


class _Quiet:
    """Pillow's warnings, switched off while at least one thread decodes.

    `warnings.catch_warnings` alone restores the wrong filters when threads enter and leave it crosswise.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.n_inside = 0
        self.saved: warnings.catch_warnings[None] | None = None

    def enter(self) -> None:
        with self.lock:
            if self.n_inside == 0:
                self.saved = warnings.catch_warnings()
                self.saved.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL(\..*)?$")
                warnings.filterwarnings("ignore", module=__name__.replace(".", r"\."))
            self.n_inside += 1

    def leave(self) -> None:
        with self.lock:
            self.n_inside -= 1
            if self.n_inside == 0 and self.saved is not None:
                self.saved.__exit__(None, None, None)
                self.saved = None


_QUIET = _Quiet()


@contextmanager
def quiet_decoders() -> Iterator[None]:
    """Keep decoders' warnings (odd metadata, large images) from the user: an image is read, or its reason listed."""
    _QUIET.enter()
    try:
        yield
    finally:
        _QUIET.leave()
