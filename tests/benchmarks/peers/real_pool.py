"""Real images to plant failures in: their robust features, also after edits, and attributes that no method sees.

Each part of the benchmark has its own classes, statistics and edits, so that nothing chosen on one was seen in the
other. The folder of images is that of configs/cifar10.yaml: images/<class>/<image>, cifar_net.py, robust.pt and
standard.pt.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from barlow_report.config import ModelConfig
from barlow_report.vision.loading import load_model
from tests.benchmarks.peers.real_images import EDITS, STATISTICS, Pixels

__all__ = ["RealPool", "load_real_pool", "read_pixels"]

_CLASSES = {"tuning": slice(0, None, 2), "test": slice(1, None, 2)}
_BATCH_SIZE = 250


@dataclass(frozen=True, kw_only=True, eq=False)
class RealPool:
    """Images of several classes; rows are images, in the same order everywhere.

    Attributes:
        labels: (n_images,) int64.
        features: (1 + n_edits, n_images, n_features) float32, of the robust model: untouched, then after each edit.
        statistics: (n_statistics, n_images) float64, of the untouched pixels.
        hidden_features: (n_images, n_hidden_features) float32, another model's.
    """

    labels: npt.NDArray[np.int64]
    features: npt.NDArray[np.float32]
    statistics: npt.NDArray[np.float64]
    hidden_features: npt.NDArray[np.float32]


def load_real_pool(folder: Path, images: Path, *, part: str) -> RealPool:
    """Return the pool of a part from `folder`, or compute it from `images` and keep it there.

    Args:
        folder: Made if it is not there.
        images: See the module.
        part: "tuning": every other class, in the order of names, from the first on; "test": the other classes.
    """
    path = folder / f"real-pool-{part}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(path, **vars(_make_pool(images, part=part)))
    with np.load(path) as stored:
        return RealPool(**stored)


def _make_pool(images: Path, *, part: str) -> RealPool:
    class_folders = sorted(p for p in (images / "images").iterdir() if p.is_dir())[_CLASSES[part]]
    paths = [sorted(folder.glob("*.jpg")) for folder in class_folders]
    pixels = np.stack([read_pixels(path) for of_class in paths for path in of_class])
    random = np.random.default_rng(0)
    edits = [edit(pixels, random) for edit in EDITS[part].values()]
    return RealPool(
        labels=np.repeat(np.arange(len(paths)), [len(of_class) for of_class in paths]),
        features=np.stack([_features(images, "robust", version) for version in (pixels, *edits)]),
        statistics=np.stack([statistic(pixels) for statistic in STATISTICS[part].values()]),
        hidden_features=_features(images, "standard", pixels),
    )


def read_pixels(path: Path) -> Pixels:
    """Return an image's pixels (height, width, 3), float32 in [0, 1]."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), dtype=np.float32) / np.float32(255)


def _features(folder: Path, name: str, pixels: Pixels) -> npt.NDArray[np.float32]:
    spec = ModelConfig(factory=f"{folder / 'cifar_net.py'}:{name}", weights=folder / f"{name}.pt")
    model = load_model(spec, device=torch.device("cpu"), role=name)
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    with torch.inference_mode():
        batches = (images[first : first + _BATCH_SIZE] for first in range(0, len(images), _BATCH_SIZE))
        return np.concatenate([model.features(batch)[1].numpy() for batch in batches])
