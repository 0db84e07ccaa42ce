"""Which copies of analysed images are found in a pool: compressed again, resized, changed; and what is taken for one.

    python -m tests.benchmarks.near_copies --images FOLDER [--n-images 10000] [--n-copied 300]

CIFAR-10's test images (folder as in configs/cifar10.yaml), in the features of its robust and of its standard model. For
each kind of copy, the share of copies that are within the radius of `lenses.pool.nearness` of their original. The last
row is of different images: those with another one within the radius.
"""

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageEnhance

from barlow_report.config import ModelConfig
from barlow_report.lenses.pool.nearness import near_radius
from barlow_report.vision.loading import load_model
from barlow_report.vision.models import LoadedModel

Copy = Callable[[Image.Image], Image.Image]

MODELS = ("robust", "standard")
_BATCH = 250


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="CIFAR-10 with its models, as configs/cifar10.yaml")
    parser.add_argument("--n-images", type=int, default=10_000, help="analysed images")
    parser.add_argument("--n-copied", type=int, default=300, help="of these, images that are copied")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    paths = np.random.default_rng(0).permutation(sorted((arguments.images / "images").rglob("*.jpg")))
    images = [_read(path) for path in paths[: arguments.n_images]]
    found = {name: measure(_load(arguments.images, name), images, n_copied=arguments.n_copied) for name in MODELS}
    print(f"| copies within the radius | {' | '.join(MODELS)} |\n| --- |{' --- |' * len(MODELS)}")
    for kind in found[MODELS[0]]:
        print(f"| {kind} | {' | '.join(f'{100 * found[name][kind]:.1f} %' for name in MODELS)} |")


def copies() -> dict[str, Copy]:
    """Return what is done to an image, by its name."""
    kinds: dict[str, Copy] = {f"JPEG of quality {quality}": _compressed(quality) for quality in (90, 75, 50)}
    return kinds | {
        "enlarged by half and back": lambda image: _resized(image, 1.5),
        "halved and back": lambda image: _resized(image, 0.5),
        "10 % brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.1),
        "cut by 5 % and enlarged": lambda image: image.crop(
            (0, 0, round(0.95 * image.width), round(0.95 * image.height))
        ).resize(image.size),
        "moved by a pixel": lambda image: Image.fromarray(np.roll(np.asarray(image), 1, axis=1)),
        "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    }


def measure(model: LoadedModel, images: list[Image.Image], *, n_copied: int) -> dict[str, float]:
    """Return the share of each kind of copy that is near its original, and of different images."""
    features = _features(model, images)
    radius = near_radius(features, seed=0)
    found = {}
    for name, copied in copies().items():
        moved = _features(model, [copied(image) for image in images[:n_copied]])
        found[name] = float((np.linalg.norm(moved - features[:n_copied], axis=1) <= radius).mean())
    found["different images"] = share_with_neighbour(features, radius)
    return found


def share_with_neighbour(features: npt.NDArray[np.float64], radius: float) -> float:
    """Return the share of images (n, n_features) with another one within the radius."""
    squares = (features**2).sum(axis=1)
    n_near = 0
    for first in range(0, len(features), _BATCH):
        rows = features[first : first + _BATCH]
        distances = squares[first : first + _BATCH, None] + squares[None] - 2 * rows @ features.T
        distances[np.arange(len(rows)), first + np.arange(len(rows))] = np.inf
        n_near += int((distances.min(axis=1) <= radius**2).sum())
    return n_near / len(features)


def _compressed(quality: int) -> Copy:
    def copied(image: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        return Image.open(buffer).convert("RGB")

    return copied


def _resized(image: Image.Image, factor: float) -> Image.Image:
    width, height = (round(side * factor) for side in image.size)
    return image.resize((width, height)).resize(image.size)


def _read(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def _load(folder: Path, name: str) -> LoadedModel:
    spec = ModelConfig(factory=f"{folder / 'cifar_net.py'}:{name}", weights=folder / f"{name}.pt")
    return load_model(spec, device=torch.device("cpu"), role=name)


def _features(model: LoadedModel, images: list[Image.Image]) -> npt.NDArray[np.float64]:
    parts = []
    with torch.inference_mode():
        for first in range(0, len(images), _BATCH):
            pixels = np.stack([np.asarray(image) for image in images[first : first + _BATCH]])
            batch = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
            parts.append(model.features(batch)[1].numpy().astype(np.float64))
    return np.concatenate(parts)


if __name__ == "__main__":
    main()
