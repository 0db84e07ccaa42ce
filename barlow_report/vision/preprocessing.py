"""From a decoded image to the tensor a model sees: resize, then centre crop, as torchvision does on PIL images.

Normalisation is not done here but inside the loaded model, so that everything outside of it (attacks, thumbnails)
works on pixels in [0, 1]. Bands are resized one by one as floating-point numbers, by the same filters.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from barlow_report.errors import ModelError
from barlow_report.formatting import counted
from barlow_report.vision.bands import BandImage, Content, numbers_of
from barlow_report.vision.images import MAX_PIXELS, UnreadableImage

if TYPE_CHECKING:
    import torch

    from barlow_report.config import PreprocessingConfig

__all__ = [
    "Geometry",
    "Pixels",
    "combine",
    "field_of_view",
    "geometry",
    "probe_size",
    "seen_size",
    "to_pixels",
    "to_tensor",
    "view_box",
]

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.float32]
"""An image, shape (H, W, C): bytes, or of bands float32 in [0, 1]."""


INTERPOLATION = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


NORMALISATION_TOLERANCE = 2e-3
"""Means and standard deviations are usually given to three or four digits."""


def combine(
    given: "PreprocessingConfig", *, source: Mapping[str, Any], file: Mapping[str, Any], where: str
) -> "PreprocessingConfig":
    """Complete what a configuration says with what is known about the model.

    Args:
        given: Of the configuration; its keys win, and `resize` and `crop` go together.
        source: Keys that belong to the published weights that the configuration names.
        file: Keys that the file of weights holds; they win over `source`.
        where: Names the model in errors.

    Raises:
        ModelError: The configuration normalises otherwise than the file of weights: the model would see images
            unlike those it was trained on.
    """
    chosen = {key: getattr(given, key) for key in given.model_fields_set}
    for key in ("mean", "std"):
        if key in chosen and key in file:
            n = max(len(chosen[key]), len(file[key]))  # one number is for all channels
            ours, files = (values * n if len(values) == 1 else values for values in (chosen[key], file[key]))
            if len(ours) != len(files) or any(
                abs(a - b) > NORMALISATION_TOLERANCE for a, b in zip(ours, files, strict=True)
            ):
                raise ModelError(
                    f"{where}: preprocessing.{key} is {list(chosen[key])}, but the file of weights was made for "
                    f"{list(file[key])}. Remove 'mean' and 'std' from the preprocessing, or correct them."
                )
    known = {**source, **file}
    if chosen.keys() & {"resize", "crop"}:
        known = {key: value for key, value in known.items() if key not in ("resize", "crop")}
    return type(given)(**{**known, **chosen})


class Geometry(NamedTuple):
    """What decides the pixels a model gets: two models with equal geometries can share them."""

    resize: int | tuple[int, int] | None
    crop: int | None
    interpolation: str
    n_channels: int
    bands: tuple[int, ...] | None = None


def geometry(config: "PreprocessingConfig") -> Geometry:
    """Return the part of a loaded model's preprocessing that decides its pixels."""
    return Geometry(config.resize, config.crop, config.interpolation, len(config.mean), config.bands)


def probe_size(config: "PreprocessingConfig") -> tuple[int, int] | None:
    """Height and width of the model's input, or None where they depend on the image."""
    if config.crop is not None:
        return config.crop, config.crop
    if isinstance(config.resize, tuple):
        return config.resize
    return None


def to_tensor(image: Content, config: "PreprocessingConfig") -> "torch.Tensor":
    """Resize and crop an image to a float32 tensor (C, H, W) in [0, 1]; see `to_pixels`."""
    import torch  # takes seconds, and processes that only decode have no use for it

    pixels = to_pixels(image, config)
    tensor = torch.from_numpy(pixels).permute(2, 0, 1).contiguous().to(torch.float32)
    return tensor.div(255) if pixels.dtype == np.uint8 else tensor


def to_pixels(image: Content, config: "PreprocessingConfig | Geometry") -> Pixels:
    """Resize and crop an image to shape (H, W, C): uint8 of an RGB image, float32 in [0, 1] of bands.

    Where `config` has one channel an RGB image is turned to grey before: ITU-R 601's brightness,
    0.299 R + 0.587 G + 0.114 B, as Pillow and torchvision's Grayscale do.

    Raises:
        UnreadableImage: It has other channels or bands than the model takes, or resizing the shorter side would make it
            unreasonably large.
    """
    n_channels = config.n_channels if isinstance(config, Geometry) else len(config.mean)
    if isinstance(image, BandImage):
        n_bands, taken = image.pixels.shape[2], numbers_of(config.bands, n_channels)
        if max(taken) > n_bands or (config.bands is None and n_bands != n_channels):
            what = "all bands" if config.bands is None else f"band {max(taken)}"
            raise UnreadableImage(
                f"it has {counted(n_bands, 'band')}, and the model takes {counted(n_channels, 'channel')}, {what}; "
                "name its bands in preprocessing.bands"
            )
        parts = [_resized(Image.fromarray(image.pixels[:, :, number - 1]), config) for number in taken]
        return np.clip(np.stack([np.asarray(part, dtype=np.float32) for part in parts], axis=2), 0, 1)
    if n_channels not in (1, 3):
        raise UnreadableImage(f"an image in colour, and the model takes {n_channels} channels; see data.bands")
    pixels = np.array(_resized(image.convert("L") if n_channels == 1 else image, config), dtype=np.uint8)
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def _resized(image: Image.Image, config: "PreprocessingConfig | Geometry") -> Image.Image:
    """Resize and crop an image of any of Pillow's modes."""
    width, height = _resized_size(image.size, config)
    if width * height > MAX_PIXELS:
        raise UnreadableImage(f"{image.width} × {image.height} pixels are too narrow to resize")
    resized = image
    if (width, height) != image.size:
        resized = image.resize((width, height), INTERPOLATION[config.interpolation])
    if config.crop is not None:
        left, top = _crop_corner(width, config.crop), _crop_corner(height, config.crop)
        # Outside of the image Pillow fills with black, as torchvision's CenterCrop does.
        resized = resized.crop((left, top, left + config.crop, top + config.crop))
    return resized


def seen_size(size: tuple[int, int], config: "PreprocessingConfig") -> tuple[int, int]:
    """Return height and width of what the model gets of an image of a width and a height."""
    if config.crop is not None:
        return config.crop, config.crop
    width, height = _resized_size(size, config)
    return height, width


def field_of_view(image: Image.Image, config: "PreprocessingConfig") -> Image.Image:
    """Cut out the part of the image that the model sees, at the image's own resolution.

    For thumbnails: a heatmap stretched over the result lies where the model looked. Where the crop is larger
    than the resized image the border is black, as it is for the model.
    """
    if config.crop is None:
        return image
    x0, y0, x1, y1 = (round(edge) for edge in view_box(image.size, config))
    return image.crop((x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)))


def view_box(size: tuple[int, int], config: "PreprocessingConfig") -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of what the model sees of an image of a width and a height, in its pixels."""
    if config.crop is None:
        return 0.0, 0.0, float(size[0]), float(size[1])
    width, height = _resized_size(size, config)
    x_scale, y_scale = size[0] / width, size[1] / height
    left, top = _crop_corner(width, config.crop), _crop_corner(height, config.crop)
    return left * x_scale, top * y_scale, (left + config.crop) * x_scale, (top + config.crop) * y_scale


def _resized_size(size: tuple[int, int], config: "PreprocessingConfig | Geometry") -> tuple[int, int]:
    """Width and height after the resize of an image of a width and a height."""
    if config.resize is None:
        return size
    if isinstance(config.resize, tuple):
        return config.resize[1], config.resize[0]
    shorter, longer = sorted(size)
    stretched = int(config.resize * longer / shorter)
    return (config.resize, stretched) if size[0] <= size[1] else (stretched, config.resize)


def _crop_corner(length: int, crop: int) -> int:
    """First pixel of a centre crop; negative where the image is padded, rounded as torchvision rounds."""
    if crop > length:
        return -((crop - length) // 2)
    return round((length - crop) / 2)
