"""Pictures as data addresses inside one page, made as small as it takes for all of them to fit."""

import base64
import io
from collections.abc import Callable, Mapping

from PIL import Image

__all__ = ["as_data", "fitting"]

_SIDES = (192, 128, 96, 64, 48)
_QUALITY = 72


def as_data(data: bytes, kind: str) -> str:
    """Return the address that holds a file itself; `kind` is its media type."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def fitting(used: Mapping[str, int], read: Callable[[str], bytes], *, budget: int) -> dict[str, str]:
    """Return the data address of each picture by its name.

    Args:
        used: How often each picture is on the page: each time counts.
        read: Returns the bytes of a picture, WebP, by its name.
        budget: Characters that all of them may take. Pictures shrink until they fit, to 48 pixels at least.
    """
    found: dict[str, str] = {}
    for side in _SIDES:
        found = {name: as_data(_shrunk(read(name), side), "image/webp") for name in used}
        if sum(len(found[name]) * n for name, n in used.items()) <= budget:
            break
    return found


def _shrunk(data: bytes, side: int) -> bytes:
    """Return the picture with its longer side at most `side` pixels; as it is where it is no larger."""
    with Image.open(io.BytesIO(data)) as image:
        if max(image.size) <= side:
            return data
        small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    with io.BytesIO() as file:
        small.save(file, "WEBP", quality=_QUALITY, method=4)
        return min(file.getvalue(), data, key=len)
