"""What the product says of a split: its failure modes, its ranking of the pool, its weights of the training images.

The commands themselves are run, `barlow-report weights` and `barlow-report collect`, on files of images and of a model.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml
from safetensors.torch import save_file
from torch import nn

from barlow_report import pipeline
from barlow_report.config import load_config
from barlow_report.rules import leaf_members
from barlow_report.run_folder import Run
from barlow_report.stages.label_modes import verified_label_modes
from tests.benchmarks.repairs.images import SCENE_PREPROCESSING, Images, Parts, early_layers, feature_spec
from tests.benchmarks.repairs.training import untrained

__all__ = ["Found", "Mode", "explain_split", "whole_model"]

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

N_LISTED = 400


@dataclass(frozen=True, kw_only=True, eq=False)
class Mode:
    """A verified failure mode by label.

    Attributes:
        name: Its class.
        class_id: Of it.
        members: (n,) which of all images are of the class and meet the rule.
        ranked: Images of the pool as `collect` lists them, best first.
    """

    name: str
    class_id: int
    members: Booleans
    ranked: Integers


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """What the product says of a split: failure modes, and the weight of each training image, (n_train,)."""

    modes: tuple[Mode, ...]
    weights: npt.NDArray[np.float64]


def whole_model(*, data: str, n_classes: int, cifar: str | None = None) -> nn.Module:
    """Return the inspected model, from images (b, 3, h, w) in [0, 1] to logits; its weights come from a file."""
    early = early_layers(data, None if cifar is None else Path(cifar))
    return nn.Sequential(*early, *untrained(data, n_classes, seed=0)).eval()


def explain_split(
    images: Images, parts: Parts, trained: nn.Sequential, *, data: str, cifar: Path | None, folder: Path
) -> Found:
    """Return what the product says of a trained network.

    Args:
        images: All images.
        parts: Those to analyse, the pool, and those to train on are given to the product; no others.
        trained: The trained part of the inspected model.
        data: Of which data.
        cifar: CIFAR-10 with its models.
        folder: Where its files and its run are kept; made if it is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / "model.safetensors"
    whole = nn.Sequential(*early_layers(data, cifar), *trained)
    save_file({name: value.contiguous() for name, value in whole.state_dict().items()}, weights)
    for name in ("find", "pool", "train"):
        ids = getattr(parts, name)
        rows = {"path": [images.paths[i] for i in ids], "label": [images.class_names[images.labels[i]] for i in ids]}
        pd.DataFrame(rows).to_csv(folder / f"{name}.csv", index=False)
    config = load_config(_written(images, data=data, cifar=cifar, folder=folder))
    for until in ("directions", "training", "pool"):
        pipeline.compute(config, folder=folder / "run", until=until)
    return _read(Run.open(folder / "run"), images, parts)


def _written(images: Images, *, data: str, cifar: Path | None, folder: Path) -> Path:
    arguments: dict[str, Any] = {"data": data, "n_classes": len(images.class_names)}
    preprocessing = {} if data == "cifar10" else {"preprocessing": {"resize": SCENE_PREPROCESSING.resize}}
    root = str(images.root)
    values = {
        "name": "repair",
        "data": {"manifest": "find.csv", "image_root": root},
        "pool": {"manifest": "pool.csv", "image_root": root, "n_candidates": N_LISTED},
        "training": {"manifest": "train.csv", "image_root": root},
        "directions": {"n_workers": 1},
        "rules": {"n_workers": 1, "groupings": ["label"]},
        "inspected_model": {
            "factory": f"{__name__}:{whole_model.__name__}",
            "arguments": arguments if cifar is None else arguments | {"cifar": str(cifar)},
            "weights": "model.safetensors",
            **preprocessing,
        },
        "feature_model": feature_spec(data, cifar).model_dump(mode="json", exclude_unset=True),
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def _read(run: Run, images: Images, parts: Parts) -> Found:
    candidates = run.read_table("pool_candidates").merge(run.read_table("pool_images")[["pool_image_id", "path"]])
    places = {images.paths[i]: i for i in parts.pool.tolist()}
    modes = []
    for found in verified_label_modes(run):
        members = leaf_members(images.features, found.conditions) & np.isin(images.labels, found.class_ids)
        listed = candidates[candidates["rule_id"] == found.rule_id].sort_values("rank")["path"]
        modes.append(
            Mode(
                name=found.group_name,
                class_id=int(found.class_ids[0]),
                members=members,
                ranked=np.array([places[path] for path in listed], dtype=np.int64),
            )
        )
    frame = pd.read_parquet(run.folder / "weights" / "weights.parquet").set_index("path")["weight"]
    weights = frame.loc[[images.paths[i] for i in parts.train]].to_numpy(dtype=np.float64)
    return Found(modes=tuple(modes), weights=weights)
