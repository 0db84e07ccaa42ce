"""Photographs that nobody can recognise anything in: for reports that leave the house."""

import io

from PIL import Image

from barlow_report.visuals.thumbnails import METHOD

__all__ = ["BLURRED_SIDE", "blur"]

BLURRED_SIDE = 12
"""Pixels of the longer side that are left of a blurred picture."""

_SHOWN_SIDE = 96


def blur(data: bytes) -> bytes:
    """Return an encoded picture with everything but twelve pixels of its longer side taken away, as smooth WebP.

    The picture is made small first: a mere blur of the full one could be undone in part, lost pixels cannot.
    The aspect ratio stays, so that a heatmap still lies where it belongs.

    Args:
        data: An encoded picture in RGB.
    """
    with Image.open(io.BytesIO(data)) as image:
        small = image.convert("RGB")
    small.thumbnail((BLURRED_SIDE, BLURRED_SIDE), Image.Resampling.BOX)
    scale = _SHOWN_SIDE / max(small.size)
    smooth = small.resize((round(small.width * scale), round(small.height * scale)), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    smooth.save(buffer, "WEBP", quality=60, method=METHOD, exif=b"", icc_profile=b"")
    return buffer.getvalue()
