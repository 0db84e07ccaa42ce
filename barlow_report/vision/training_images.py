"""Images for training: decoded once and kept as bytes where they fit in memory, otherwise decoded when needed."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from barlow_report.config import PreprocessingConfig
from barlow_report.errors import DataError
from barlow_report.training_config import AugmentationConfig
from barlow_report.vision.datasets import ImageList
from barlow_report.vision.images import UnreadableImage
from barlow_report.vision.inference import to_inputs
from barlow_report.vision.preprocessing import Pixels, seen_size, to_pixels
from barlow_report.vision.remarks import require_full_depth

__all__ = ["TrainingImages", "augment", "first_size", "load_images", "split_validation"]

MEMORY_LIMIT = 2 * 2**30
"""Bytes of decoded images that are kept."""


@dataclass(frozen=True, kw_only=True)
class TrainingImages:
    """Images of one size with their labels; `rows` of the arguments below count the images of this set."""

    class_names: tuple[str, ...]
    labels: npt.NDArray[np.int64]
    source: ImageList
    preprocessing: PreprocessingConfig
    positions: npt.NDArray[np.int64]
    pixels: Pixels | None

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, rows: npt.NDArray[np.int64]) -> torch.Tensor:
        """Return images (B, C, H, W), float32 in [0, 1]."""
        positions = self.positions[rows]
        pixels = _decode(self.source, self.preprocessing, positions) if self.pixels is None else self.pixels[positions]
        return to_inputs(torch.from_numpy(pixels))


def first_size(images: ImageList, preprocessing: PreprocessingConfig) -> tuple[int, int]:
    """Return height and width of the first image after preprocessing.

    Raises:
        DataError: It cannot be read.
    """
    path = images.paths[0]
    try:
        return seen_size(images.source.read(path).image.size, preprocessing)
    except UnreadableImage as error:
        raise _unreadable(images, path, error) from error


def load_images(images: ImageList, preprocessing: PreprocessingConfig) -> TrainingImages:
    """Prepare the images of a list for training.

    Raises:
        DataError: An image cannot be read, they differ in size after preprocessing, or nearly all of their range of
            values is empty.
    """
    require_full_depth(images.source, images.paths)
    first = _decode(images, preprocessing, [0])
    positions = np.arange(len(images.paths))
    fits = first.nbytes * len(positions) <= MEMORY_LIMIT
    return TrainingImages(
        class_names=images.class_names,
        labels=images.labels,
        source=images,
        preprocessing=preprocessing,
        positions=positions,
        pixels=_decode(images, preprocessing, positions) if fits else None,
    )


def split_validation(images: TrainingImages, *, fraction: float, seed: int) -> tuple[TrainingImages, TrainingImages]:
    """Return the images to train on and those to measure on: a share of each class, at least one image of the larger.

    Raises:
        DataError: There are too few images for both parts.
    """
    rng = np.random.default_rng([seed, 0])
    is_validation = np.zeros(len(images), dtype=np.bool_)
    for class_id in np.unique(images.labels):
        members = rng.permutation(np.flatnonzero(images.labels == class_id))
        is_validation[members[: round(fraction * len(members))]] = True
    if is_validation.all() or not is_validation.any():
        raise DataError(
            f"{images.source.root}: {len(images)} images are too few to keep {fraction:.0%} of each class for "
            "validation. Add images, or give 'validation' images of their own."
        )
    parts = [
        replace(images, labels=images.labels[part], positions=images.positions[part])
        for part in (~is_validation, is_validation)
    ]
    return parts[0], parts[1]


def augment(images: torch.Tensor, *, rng: np.random.Generator, settings: AugmentationConfig) -> torch.Tensor:
    """Flip and shift images (B, C, H, W) at random; the result has their shape."""
    if settings.flip:
        flipped = torch.from_numpy(rng.random(len(images)) < 0.5)
        images = torch.where(flipped.view(-1, 1, 1, 1), images.flip(3), images)
    if settings.shift:
        n, _, height, width = images.shape
        padded = F.pad(images, [settings.shift] * 4, mode="replicate")
        tops, lefts = rng.integers(0, 2 * settings.shift + 1, (2, n))
        images = torch.stack([padded[i, :, tops[i] : tops[i] + height, lefts[i] : lefts[i] + width] for i in range(n)])
    return images


def _decode(
    images: ImageList, preprocessing: PreprocessingConfig, positions: Sequence[int] | npt.NDArray[np.int64]
) -> Pixels:
    def read(position: int) -> Pixels:
        path = images.paths[position]
        try:
            return to_pixels(images.source.read(path).content, preprocessing)
        except UnreadableImage as error:
            raise _unreadable(images, path, error) from error

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        decoded = list(pool.map(read, positions))
    sizes = {pixels.shape for pixels in decoded}
    if len(sizes) > 1:
        shown = " and ".join(f"{height} × {width}" for height, width, _ in sorted(sizes)[:2])
        raise DataError(
            f"{images.root}: images of {shown} pixels after preprocessing, expected one size. "
            "Set 'crop', or 'resize: [h, w]', in the model's preprocessing."
        )
    stacked = np.stack(decoded)
    return stacked.view(np.float32) if stacked.dtype == np.float32 else stacked.view(np.uint8)


def _unreadable(images: ImageList, path: str, error: UnreadableImage) -> DataError:
    return DataError(f"{images.root / path}: {error.reason}. Repair or remove the file.")
