"""Images to the bytes that the site shows: WebP without any metadata.

Photographs are stored lossy at quality 80 (about 10 kB at 224 px) and feature attacks at 90, because their
fine texture is the evidence. Small images are enlarged by Lanczos' filter before: browsers would draw them as blocks,
or smear them. The encoder's effort is 2 of 6: one point more costs twice the time for 3 %.
"""

import io

import numpy as np
from PIL import Image

__all__ = ["encode_attack", "encode_heatmap", "encode_thumbnail", "is_enlarged"]

SMALL = 64
"""Images whose longer side has at most so many pixels are enlarged."""

ENLARGED = 128
METHOD = 2


def is_enlarged(size: tuple[int, int], *, max_side: int) -> bool:
    """Whether an image of this width and height is shown larger than it is."""
    return max(size) <= SMALL and max(size) < max_side


def encode_thumbnail(image: Image.Image, *, max_side: int) -> bytes:
    """Encode an RGB image at the size it is shown in.

    The longer side is reduced to at most `max_side` pixels; that of a small image is enlarged, to 128 at most.
    """
    return _webp(_sized(image, max_side), quality=80)


def encode_attack(pixels: np.ndarray, *, max_side: int) -> bytes:
    """Encode an attacked image, shape (H, W, C), float in [0, 1], at the size of a thumbnail; C is 3, or 1 for grey."""
    colours = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
    image = Image.fromarray(np.round(np.clip(colours, 0.0, 1.0) * 255).astype(np.uint8))
    return _webp(_sized(image, max_side), quality=90)


def _sized(image: Image.Image, max_side: int) -> Image.Image:
    longer = max(image.size)
    if not is_enlarged(image.size, max_side=max_side):
        if longer > max_side:
            image = image.copy()
            image.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
        return image
    scale = min(ENLARGED, max_side) / longer
    size = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
    return image.resize(size, Image.Resampling.LANCZOS)


def encode_heatmap(heatmap: np.ndarray) -> bytes:
    """Encode a heatmap, shape (h, w), float in [0, 1], as a grey image without loss beyond its 256 levels."""
    grey = np.round(np.clip(heatmap, 0.0, 1.0) * 255).astype(np.uint8)
    return _webp(Image.fromarray(grey).convert("RGB"), quality=None)


def _webp(image: Image.Image, *, quality: int | None) -> bytes:
    buffer = io.BytesIO()
    if quality is None or max(image.size) <= SMALL:
        image.save(buffer, "WEBP", lossless=True, quality=100, method=METHOD, exif=b"", icc_profile=b"")
    else:
        image.save(buffer, "WEBP", quality=quality, method=METHOD, exif=b"", icc_profile=b"")
    return buffer.getvalue()
