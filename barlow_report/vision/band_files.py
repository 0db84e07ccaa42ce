"""From the content of a file to its bands: TIFFs by tifffile, NumPy's arrays, and whatever Pillow reads.

Nothing is converted: values come as the file has them. TIFFs are read page by page, never by what their metadata say
of other files; reduced copies and masks are passed over. Arrays are read without pickles. A pure function of the
content, safe to call from several threads.
"""

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from barlow_report.vision.pixel_values import sample_mode
from barlow_report.vision.reading import UnreadableImage

if TYPE_CHECKING:
    from barlow_report.config.bands import BandsConfig, Layout

__all__ = ["MAX_VALUES", "bands_of", "read_bands"]

MAX_VALUES = 2**27
"""Height × width × bands at most: half a gigabyte as models get them."""

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_NPY = b"\x93NUMPY"
_REDUCED, _MASK = 1, 4  # bits of a TIFF's NewSubfileType

Values = npt.NDArray[np.generic]


def read_bands(data: bytes, bands: "BandsConfig", *, formats: list[str]) -> Values:
    """Read all bands of a file, (H, W, n_bands).

    Args:
        data: Its content.
        bands: Where arrays have their bands.
        formats: Of Pillow, for files that are neither a TIFF nor an array.

    Raises:
        UnreadableImage: It holds several images, or none of so many bands.
        Exception: Whatever a decoder raises on a broken file.
    """
    if data[:4] in _TIFF:
        return _read_tiff(data, bands.layout)
    if data[: len(_NPY)] == _NPY:
        return _read_array(data, bands)
    with Image.open(io.BytesIO(data), formats=formats) as image:
        return bands_of(image)


def bands_of(image: Image.Image) -> Values:
    """Return the bands that Pillow reads, (H, W, n_bands); a palette's colours are looked up.

    Raises:
        UnreadableImage: Pillow would cut its values to 8 bits, or it is too large.
    """
    if ";16" in sample_mode(image) and not image.mode.startswith("I"):
        raise UnreadableImage("several bands of 16 bits are only read from TIFF and .npy files")
    _check_size(image.height, image.width, len(image.getbands()))
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif image.mode == "1":
        image = image.convert("L")
    values = np.asarray(image)
    return values if values.ndim == 3 else values[:, :, None]


def _read_array(data: bytes, bands: "BandsConfig") -> Values:
    values = np.load(io.BytesIO(data), allow_pickle=False)
    if values.ndim == 2:
        values = values[:, :, None]
    elif values.ndim == 3:
        values = _bands_last(values, bands.layout or "channels_last")
    if values.ndim != 3 or not values.size:
        raise UnreadableImage(f"an array of shape {values.shape}; expected (height, width) or three lengths")
    _check_size(*values.shape)
    return np.asarray(values)


def _bands_last(values: Values, layout: "Layout") -> Values:
    return values.transpose(1, 2, 0) if layout == "channels_first" else values


def _read_tiff(data: bytes, layout: "Layout | None") -> Values:
    try:
        from tifffile import TiffFile
    except ImportError as error:
        raise UnreadableImage("a TIFF of several bands needs the extra: pip install 'barlow-report[bands]'") from error
    with TiffFile(io.BytesIO(data)) as file:
        pages = [page for page in file.pages if not int(getattr(page, "subfiletype", 0)) & (_REDUCED | _MASK)]
        if not pages:
            raise UnreadableImage("a TIFF without an image")
        parts = [(page, *_height_width_bands(page)) for page in pages]
        sizes = {(height, width) for _, height, width, _ in parts}
        n_bands = [n for *_, n in parts]
        if len(parts) > 1 and (len(sizes) > 1 or max(n_bands) > 1):
            raise UnreadableImage(f"a TIFF of {len(parts)} images; expected one, or one page for each band")
        _check_size(*parts[0][1:3], sum(n_bands))
        if len(parts) > 1:
            layout = _layout_of_pages(file, layout, n_pages=len(parts))
        values = np.concatenate([_page_values(page) for page, *_ in parts], axis=2)
        return values.transpose(2, 0, 1) if layout == "channels_last" and len(parts) > 1 else values


def _layout_of_pages(file: Any, layout: "Layout | None", *, n_pages: int) -> "Layout":
    """Whether the pages are bands, or the rows of an array as tifffile writes it; others write no such thing."""
    written: dict[str, Any] = next(iter(file.shaped_metadata or ()), {})
    shape = tuple(written.get("shape", ()))
    if len(shape) != 3 or shape[0] != n_pages:
        return "channels_first"
    axes = written.get("axes", "")
    if axes[:2] == "YX":
        return "channels_last"
    if axes[1:] == "YX":
        return "channels_first"
    if layout is None:
        raise UnreadableImage(
            f"an array of shape {shape} in {n_pages} pages, which may be its bands or its rows; say it in "
            "data.bands.layout"
        )
    return layout


def _height_width_bands(page: Any) -> tuple[int, int, int]:
    """Of one page, by its tags, before anything is unpacked."""
    lengths = dict(zip(page.axes, page.shape, strict=True))
    if not set(page.axes) <= {"Y", "X", "S"} or "Y" not in lengths or "X" not in lengths:
        raise UnreadableImage(f"a TIFF with the axes {page.axes}; expected height, width and bands")
    return lengths["Y"], lengths["X"], lengths.get("S", 1)


def _page_values(page: Any) -> Values:
    """(H, W, n_bands), whether bands lie pixel by pixel or one after the other."""
    values = np.asarray(page.asarray(maxworkers=1))
    axes = page.axes
    if "S" not in axes:
        return values[:, :, None]
    return values.transpose([axes.index(axis) for axis in "YXS"])


def _check_size(height: int, width: int, n_bands: int) -> None:
    if height * width * n_bands > MAX_VALUES:
        raise UnreadableImage(f"{width} × {height} pixels of {n_bands} bands; at most {MAX_VALUES} values are read")
