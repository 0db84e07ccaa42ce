"""What a TIFF holds that Pillow cannot read, in a few words: such files have kinds of pixels without end."""

import struct

__all__ = ["explain_tiff"]

_BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_SAMPLES_PER_PIXEL, _SHORT = 277, 3
_USUAL = (1, 3)


def explain_tiff(data: bytes) -> str | None:
    """Return why the TIFF with this content is not read; None where it is none, or nothing is known of it."""
    order = _BYTE_ORDERS.get(data[:4])
    if order is None:
        return None
    try:
        n_channels = _samples_per_pixel(data, order)
    except struct.error:  # it ends before its own directory
        return None
    if n_channels in _USUAL:
        return None
    return f"a TIFF of {n_channels} channels; without data.bands images in colour (three) or grey (one) are read"


def _samples_per_pixel(data: bytes, order: str) -> int:
    """The tag of its first directory; 1 where it is missing, as the format says."""
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    (n_entries,) = struct.unpack_from(f"{order}H", data, start)
    for place in range(start + 2, start + 2 + 12 * n_entries, 12):
        tag, kind = struct.unpack_from(f"{order}HH", data, place)
        if tag == _SAMPLES_PER_PIXEL:
            (value,) = struct.unpack_from(f"{order}{'H' if kind == _SHORT else 'I'}", data, place + 8)
            return int(value)
    return 1
