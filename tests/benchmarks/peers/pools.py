"""Images to plant failures in: every scene with and without its cue, their robust features, a model's predictions.

A pool holds pairs of scenes that differ in the cue alone. An experiment chooses one of each pair, so that the same
few thousand images serve experiments with any share of missing cues.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from barlow_report import demo as demo_package
from barlow_report.config import ModelConfig, load_config
from barlow_report.demo.scenes import CLASSES, draw_scene
from barlow_report.vision.loading import load_model
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.preprocessing import to_pixels

__all__ = ["CUED_CLASSES", "Pool", "load_pool"]

CUED_CLASSES = tuple(name for name, scene in CLASSES.items() if scene.cue is not None)
_BATCH_SIZE = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool:
    """Scenes of the classes that have a cue.

    Attributes:
        features: (n_classes, n_per_class, 2, n_features) float32; the third axis is cue missing, cue shown.
        fails: (n_classes, n_per_class, 2) bool: the demo's standard model predicts another class.
    """

    features: npt.NDArray[np.float32]
    fails: npt.NDArray[np.bool_]


def load_pool(folder: Path, *, seed: int, n_per_class: int, class_names: tuple[str, ...] = CUED_CLASSES) -> Pool:
    """Return a pool from `folder`, or draw it and keep it there.

    Args:
        folder: Made if it is not there.
        seed: Of the scenes.
        n_per_class: Pairs of scenes per class.
        class_names: Classes with a cue.
    """
    path = folder / f"pool-{seed}-{n_per_class}-{len(class_names)}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        pool = _make_pool(seed=seed, n_per_class=n_per_class, class_names=class_names)
        np.savez(path, features=pool.features, fails=pool.fails)
    with np.load(path) as stored:
        return Pool(features=stored["features"], fails=stored["fails"])


def _make_pool(*, seed: int, n_per_class: int, class_names: tuple[str, ...]) -> Pool:
    folder = Path(demo_package.__file__).parent
    config = load_config(folder / "demo.yaml")
    if config.feature_model is None:
        raise ValueError("the demo's configuration names no feature model.")
    robust, standard = (_load(model, folder) for model in (config.feature_model, config.inspected_model))
    features: list[npt.NDArray[np.float32]] = []
    fails: list[npt.NDArray[np.bool_]] = []
    jobs = [(name, index, cue) for name in class_names for index in range(n_per_class) for cue in (False, True)]
    labels = np.array([list(CLASSES).index(name) for name, _, _ in jobs])
    draw = partial(_draw, seed=seed, model=config.feature_model)
    if len(jobs) < 10 * _BATCH_SIZE:
        pixels = np.stack([draw(job) for job in jobs])
    else:
        with ProcessPoolExecutor(max_workers=2, mp_context=multiprocessing.get_context("spawn")) as workers:
            pixels = np.stack(list(workers.map(draw, jobs, chunksize=20)))
    with torch.inference_mode():
        for first in range(0, len(jobs), _BATCH_SIZE):
            batch = torch.from_numpy(pixels[first : first + _BATCH_SIZE]).permute(0, 3, 1, 2).float().div(255)
            features.append(robust.features(batch)[1].numpy())
            predicted = standard.predict(batch).argmax(dim=1).numpy()
            fails.append(predicted != labels[first : first + _BATCH_SIZE])
    shape = (len(class_names), n_per_class, 2)
    return Pool(features=np.concatenate(features).reshape(*shape, -1), fails=np.concatenate(fails).reshape(shape))


def _load(model: ModelConfig | None, folder: Path) -> LoadedModel:
    if model is None or model.weights is None:
        raise ValueError("the demo's configuration names no model.")
    spec = model.model_copy(update={"weights": folder / Path(model.weights).name})
    return load_model(spec, device=torch.device("cpu"), role="demo")


def _draw(job: tuple[str, int, bool], *, seed: int, model: ModelConfig) -> npt.NDArray[np.uint8]:
    name, index, cue = job
    scene = draw_scene(name, with_cue=cue, seed=seed, index=index)
    return np.asarray(to_pixels(scene, model.preprocessing), dtype=np.uint8)
