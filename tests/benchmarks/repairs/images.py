"""The images of the measured repair, and which of them train, are the pool, find modes, and measure.

No image is in two parts. CIFAR-10's test images are divided once into two halves: recipes were tried on the first one
alone, and what is reported is measured on three thirds of the second one. Scenes are drawn with a seed of their own
for each split.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import nn

from barlow_report import demo as demo_package
from barlow_report.config import ModelConfig, PreprocessingConfig
from barlow_report.demo.classes import CLASSES
from barlow_report.demo.scene_folder import read_scene_table, write_scenes
from barlow_report.vision.loading import load_model
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.preprocessing import to_pixels

__all__ = ["DATA", "KINDS", "Images", "Parts", "early_layers", "load_images", "split_cifar", "split_ids"]

Integers = npt.NDArray[np.int64]
Singles = npt.NDArray[np.float32]

KINDS = {
    "cifar10": "CIFAR-10",
    "signed": "scenes, a cue is missing and another sign is there",
    "twins": "scenes, a cue is missing and nothing else tells",
}
DATA = tuple(KINDS)
SCENE_PARTS = {"train": 100, "pool": 200, "find": 120, "measure": 120}
"""Scenes of each class."""

_SCENES = {"train": 0, "pool": 1, "find": 2, "measure": 3}
_SEEDS = {"tuning": 7000, "test": 8000}
_RATES = {"train": 0.97}  # of scenes that show the cue: as the demo's networks were trained, and as it analyses
_CUE_RATE = 0.5
_SCENE_MEAN, _SCENE_STD = 0.5, 0.25
SCENE_PREPROCESSING = PreprocessingConfig(resize=64, mean=(_SCENE_MEAN,) * 3, std=(_SCENE_STD,) * 3)
_TUNING_SIZES, _TEST_SIZES = (2000, 1300, 1000), (3500, 2800)
_N_FOLDS = 3
_N_SPLITS = {
    "tuning": {"cifar10": 2, "signed": 1, "twins": 1},
    "test": {"cifar10": _N_FOLDS, "signed": 2, "twins": 1},
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Images:
    """Images as the models see them.

    Attributes:
        root: Folder of their files.
        paths: (n,) below it.
        class_names: Of the labels.
        labels: (n,) class_id.
        inputs: (n, n_views, channels, height, width) float16, what the trained part of the inspected model is given; a
            view is the image as it is, or mirrored.
        features: (n, n_features) of the robust model.
    """

    root: Path
    paths: tuple[str, ...]
    class_names: tuple[str, ...]
    labels: Integers
    inputs: npt.NDArray[np.float16]
    features: Singles


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """Positions of the images that train, are the pool, find failure modes, and measure."""

    train: Integers
    pool: Integers
    find: Integers
    measure: Integers


def split_ids(data: str, part: str) -> tuple[int, ...]:
    """Return the numbers of the splits of "tuning" or of "test"."""
    return tuple(range(_N_SPLITS[part][data]))


def split_cifar(n_images: int, *, part: str, split: int) -> Parts:
    """Divide the images; those that measure for "test" are in no part of "tuning"."""
    order = np.random.default_rng(0).permutation(n_images)
    tried, judging = order[: n_images // 2], order[n_images // 2 :]
    shuffled = np.random.default_rng([split, len(part)])
    if part == "tuning":
        return Parts(**_parted(shuffled.permutation(tried), sizes=_TUNING_SIZES))
    measure = np.array_split(judging, _N_FOLDS)[split]
    others = np.setdiff1d(order, measure)
    train, pool, find = np.split(shuffled.permutation(others), np.cumsum(_TEST_SIZES))
    return Parts(train=train, pool=pool, find=find, measure=measure)


def _parted(ids: Integers, *, sizes: tuple[int, ...]) -> dict[str, Integers]:
    return dict(zip(("train", "pool", "find", "measure"), np.split(ids, np.cumsum(sizes)), strict=True))


def load_images(data: str, folder: Path, *, cifar: Path | None, part: str, split: int) -> tuple[Images, Parts]:
    """Return the images of a split and its parts, from `folder` or computed and kept there.

    Args:
        data: One of `DATA`.
        folder: Made if it is not there.
        cifar: CIFAR-10 with its models, as configs/cifar10.yaml; scenes do not need it.
        part: "tuning" or "test".
        split: One of `split_ids`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if data == "cifar10":
        return _load_cifar(folder, _given(cifar)), split_cifar(10_000, part=part, split=split)
    return _load_scenes(data, folder, part=part, split=split)


def _load_cifar(folder: Path, cifar: Path) -> Images:
    class_folders = sorted(path for path in (cifar / "images").iterdir() if path.is_dir())
    paths = [path for of_class in class_folders for path in sorted(of_class.glob("*.jpg"))]
    names = tuple(path.name for path in class_folders)
    kept = folder / "cifar10.npz"
    if not kept.exists():
        pixels = np.stack([_pixels(path) for path in paths])
        robust = load_model(feature_spec("cifar10", cifar), device=torch.device("cpu"), role="robust")
        _keep(kept, pixels, early_layers("cifar10", cifar), robust, is_mirrored=True)
    return _images(cifar / "images", paths, names, kept)


def _load_scenes(data: str, folder: Path, *, part: str, split: int) -> tuple[Images, Parts]:
    """Draw the scenes of a split. In those that are `signed` a decoy is there if and only if the cue is missing."""
    root, kept = folder / f"{data}-{part}-{split}", folder / f"{data}-{part}-{split}.npz"
    cued = [name for name, scene in CLASSES.items() if scene.decoy is not None]
    paths, ends = [], [0]
    for name, n_per_class in SCENE_PARTS.items():
        drawn = write_scenes(
            root / name,
            n_per_class=n_per_class,
            cue_rate=_RATES.get(name, _CUE_RATE),
            seed=_SEEDS[part] + 10 * split + _SCENES[name],
            decoys=dict.fromkeys(cued, 0.0) if data == "signed" else {},
        )
        paths += [drawn / path for path in read_scene_table(drawn)["path"]]
        ends.append(len(paths))
    if not kept.exists():
        robust = load_model(feature_spec(data, None), device=torch.device("cpu"), role="robust")
        pixels = np.stack([_pixels(path, robust.preprocessing) for path in paths])
        _keep(kept, pixels, early_layers(data, None), robust, is_mirrored=False)
    parts = {name: np.arange(ends[i], ends[i + 1]) for i, name in enumerate(SCENE_PARTS)}
    return _images(root, paths, tuple(CLASSES), kept), Parts(**parts)


def _images(root: Path, paths: list[Path], class_names: tuple[str, ...], kept: Path) -> Images:
    places = {name: class_id for class_id, name in enumerate(class_names)}
    with np.load(kept) as stored:
        return Images(
            root=root,
            paths=tuple(path.relative_to(root).as_posix() for path in paths),
            class_names=class_names,
            labels=np.array([places[path.parent.name] for path in paths]),
            inputs=stored["inputs"],
            features=stored["features"],
        )


def _keep(
    path: Path, pixels: npt.NDArray[np.uint8], early: nn.Module, robust: LoadedModel, *, is_mirrored: bool
) -> None:
    inputs, features = [], []
    with torch.inference_mode():
        for batch in torch.from_numpy(pixels).permute(0, 3, 1, 2).split(200):  # type: ignore[no-untyped-call]
            images = batch.float() / 255
            views = [images, images.flip(3)] if is_mirrored else [images]
            inputs.append(torch.stack([early(view) for view in views], dim=1).half().numpy())
            features.append(robust.features(images)[1].numpy())
    np.savez(path, inputs=np.concatenate(inputs), features=np.concatenate(features))


def early_layers(data: str, cifar: Path | None) -> nn.Sequential:
    """Return the part of the inspected model that is not trained: from images (b, 3, h, w) in [0, 1] to its inputs."""
    if data == "cifar10":
        standard = load_model(
            _cifar_spec(_given(cifar), "standard"), device=torch.device("cpu"), role="standard"
        ).module
        normalised = Normalised(standard.get_buffer("mean"), standard.get_buffer("std"))
        layers = [standard.get_submodule("stem"), standard.get_submodule("layers.0"), nn.AvgPool2d(2)]
        return nn.Sequential(normalised, *layers).eval()
    mean, std = (torch.full((1, 3, 1, 1), value) for value in (_SCENE_MEAN, _SCENE_STD))
    return nn.Sequential(Normalised(mean, std), *scene_layers()[:2]).eval()


def scene_layers() -> list[nn.Module]:
    """Return the layers of the demo's inspected model: two that are not trained, and the others."""
    model = load_model(_scene_spec("standard"), device=torch.device("cpu"), role="standard").module
    blocks = [model.get_submodule(f"layers.{i}") for i in range(4)]
    return [*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), model.get_submodule("head")]


class Normalised(nn.Module):
    """Images less a mean, over a standard deviation, both (1, 3, 1, 1)."""

    def __init__(self, mean: torch.Tensor, std: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean.clone())
        self.register_buffer("std", std.clone())

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return images (b, 3, h, w)."""
        normalised: torch.Tensor = (images - self.get_buffer("mean")) / self.get_buffer("std")
        return normalised


def feature_spec(data: str, cifar: Path | None) -> ModelConfig:
    """Return the feature model: a robust one."""
    return _cifar_spec(_given(cifar), "robust") if data == "cifar10" else _scene_spec("robust")


def _given(cifar: Path | None) -> Path:
    if cifar is None:
        raise ValueError("found no folder of CIFAR-10; give --images.")
    return cifar


def _cifar_spec(cifar: Path, name: str) -> ModelConfig:
    return ModelConfig(factory=f"{cifar / 'cifar_net.py'}:{name}", weights=cifar / f"{name}.pt")


def _scene_spec(name: str) -> ModelConfig:
    weights = Path(demo_package.__file__).with_name(f"{name}.safetensors")
    return ModelConfig(
        factory="barlow_report.vision.scene_net:scene_net", weights=weights, preprocessing=SCENE_PREPROCESSING
    )


def _pixels(path: Path, preprocessing: PreprocessingConfig | None = None) -> npt.NDArray[np.uint8]:
    with Image.open(path) as image:
        whole = image.convert("RGB")
        return np.asarray(whole if preprocessing is None else to_pixels(whole, preprocessing), dtype=np.uint8)
