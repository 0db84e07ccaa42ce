"""Train a network on one's own images, against an adversary or without: features of the first can be seen.

Every epoch ends with a checkpoint, written as a whole; an interrupted training goes on after the last one and
ends with the same weights, because the order and the changes of the images depend on the seed and the epoch only.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml
from torch import nn

from barlow_report.config import ModelConfig
from barlow_report.errors import DataError, ModelError
from barlow_report.files import atomic_write, digest_text
from barlow_report.progress import Progress
from barlow_report.training_config import AdversaryConfig, TrainingConfig
from barlow_report.vision.channels import fitting_channels, require_channels
from barlow_report.vision.checkpoints import save_weights
from barlow_report.vision.datasets import list_images
from barlow_report.vision.devices import choose_device
from barlow_report.vision.loading import AssembledModel, assemble_model
from barlow_report.vision.trainer import Checkpoint, NormalisedNetwork, Trainer, attack
from barlow_report.vision.training_images import TrainingImages, augment, first_size, load_images, split_validation

__all__ = ["TrainingResult", "train"]

CHECKPOINT = "checkpoint.pt"
WEIGHTS = "model.safetensors"
USAGE = "model.yaml"
METRICS = ("epoch", "radius", "loss", "accuracy", "robust_accuracy")


def _nobody(_: pd.DataFrame) -> None:
    """Nothing is to be done after an epoch."""


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """What a training leaves in its folder.

    Attributes:
        weights: The file of weights, safetensors; its metadata hold the preprocessing.
        usage: A section of a configuration that uses them: YAML with the key `feature_model`.
        metrics: One row per epoch: radius, mean training loss, clean and robust accuracy on validation images
            (0 to 1; robust accuracy is NaN in standard training). The same as metrics.csv.
    """

    weights: Path
    usage: Path
    metrics: pd.DataFrame


def train(
    config: TrainingConfig,
    *,
    output: Path,
    progress: Progress,
    on_epoch: Callable[[pd.DataFrame], None] = _nobody,
) -> TrainingResult:
    """Train as `config` says and write model.safetensors, model.yaml and metrics.csv to the folder `output`.

    Args:
        config: The training's configuration.
        output: The folder.
        progress: Where to report to.
        on_epoch: Called after every epoch with the metrics up to it, to draw them.

    Raises:
        DataError: Too few images, or images that cannot be read or differ in size.
        ModelError: The model cannot be built, has another number of outputs than there are classes, or its loss
            stops being a number.
        OutputError: The folder cannot be written.
    """
    device = choose_device(config.device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        assembled = assemble_model(config.model, role="model")
    training, validation = _load_data(config, assembled, progress=progress)
    preprocessing = training.preprocessing
    model = NormalisedNetwork(assembled.module, preprocessing, device=device, precision=config.precision)
    _check_outputs(model, training, device)
    n_batches = math.ceil(len(training) / config.batch_size)
    trainer = Trainer(config, model, n_steps=config.n_epochs * n_batches)
    checkpoint = Checkpoint(output / CHECKPOINT, identity=_identity(config, training))
    rows = checkpoint.load(trainer, device=device)
    total, n_done = config.n_epochs * n_batches, len(rows) * n_batches
    with progress.task("Training", total=total, unit="batches", n_done=n_done) as advance:
        for epoch in range(len(rows), config.n_epochs):
            radius = _radius(config.adversary, epoch)
            losses = []
            for images, labels in _batches(training, config, epoch=epoch, device=device):
                losses.append(trainer.step(images, labels, radius=radius))
                advance(1)
            loss = float(np.mean(losses))
            if not math.isfinite(loss):
                raise ModelError(
                    f"training diverged in epoch {epoch + 1}: the loss is {loss}. Lower 'learning_rate', or raise the "
                    "adversary's 'warmup_epochs'; delete the output folder to start again."
                )
            accuracies = _evaluate(model, validation, config=config, device=device)
            rows.append(dict(zip(METRICS, (epoch + 1, radius, loss, *accuracies), strict=True)))
            checkpoint.save(trainer, rows)
            _write_metrics(rows, output, on_epoch)
            progress.message(_describe(rows[-1]))
    told = preprocessing.model_dump(mode="json")
    save_weights(assembled.module.state_dict(), output / WEIGHTS, preprocessing=told)
    atomic_write(output / USAGE, _usage(config.model, weights=output / WEIGHTS))
    metrics = _write_metrics(rows, output, on_epoch)
    return TrainingResult(weights=output / WEIGHTS, usage=output / USAGE, metrics=metrics)


def _write_metrics(
    rows: list[dict[str, float]], output: Path, on_epoch: Callable[[pd.DataFrame], None]
) -> pd.DataFrame:
    metrics = pd.DataFrame(rows, columns=list(METRICS))
    atomic_write(output / "metrics.csv", metrics.to_csv(index=False))
    on_epoch(metrics)
    return metrics


def _usage(model: ModelConfig, *, weights: Path) -> str:
    """The section of a configuration that loads what was trained; the weights themselves say the preprocessing."""
    settings: dict[str, Any] = {
        key: getattr(model, key) for key in ("factory", "torchvision", "timm") if getattr(model, key) is not None
    }
    if model.arguments:
        settings["arguments"] = model.arguments
    settings["weights"] = str(weights.resolve())
    return yaml.safe_dump({"feature_model": settings}, sort_keys=False, allow_unicode=True)


def _load_data(
    config: TrainingConfig, assembled: AssembledModel, *, progress: Progress
) -> tuple[TrainingImages, TrainingImages]:
    progress.message("Reading images")
    listed = list_images(config.data)
    preprocessing = fitting_channels(
        assembled.module, assembled.preprocessing, size=first_size(listed, assembled.preprocessing), where="model"
    )
    require_channels(preprocessing, config.data.bands, is_shown=False, where="model")
    images = load_images(listed, preprocessing)
    if config.validation is None:
        return split_validation(images, fraction=config.validation_fraction, seed=config.seed)
    checked = list_images(config.validation)
    if checked.class_names != listed.class_names:
        raise DataError(
            f"validation: found classes {list(checked.class_names)[:5]}, expected those of the training images, "
            f"{list(listed.class_names)[:5]}. Give both the same list in 'classes'."
        )
    return images, load_images(checked, preprocessing)


def _check_outputs(model: nn.Module, images: TrainingImages, device: torch.device) -> None:
    with torch.inference_mode():
        output = model.eval()(images.batch(np.arange(min(2, len(images)))).to(device))
    if output.ndim != 2 or output.shape[1] != len(images.class_names):
        raise ModelError(
            f"model: it returns shape {tuple(output.shape)}, expected (B, {len(images.class_names)}): one output per "
            "class of the images. Set the number of classes in the model's 'arguments'."
        )


def _radius(adversary: AdversaryConfig | None, epoch: int) -> float:
    """The radius of an epoch, counted from 0: it grows in equal steps and reaches its end after the warm-up."""
    if adversary is None:
        return 0.0
    return adversary.radius * min(1.0, (epoch + 1) / (adversary.warmup_epochs + 1))


def _batches(
    images: TrainingImages, config: TrainingConfig, *, epoch: int, device: torch.device
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    rng = np.random.default_rng([config.seed, epoch])
    order = rng.permutation(len(images))
    for rows in np.array_split(order, math.ceil(len(order) / config.batch_size)):
        batch = augment(images.batch(rows), rng=rng, settings=config.augmentation)
        yield batch.to(device), torch.from_numpy(images.labels[rows]).to(device)


def _evaluate(
    model: nn.Module, images: TrainingImages, *, config: TrainingConfig, device: torch.device
) -> tuple[float, float]:
    """The shares of validation images that are right, as they are and under the adversary."""
    model.eval()
    n_right = n_robust = 0
    for rows in np.array_split(np.arange(len(images)), math.ceil(len(images) / config.batch_size)):
        batch, labels = images.batch(rows).to(device), torch.from_numpy(images.labels[rows]).to(device)
        with torch.inference_mode():
            n_right += int((model(batch).argmax(1) == labels).sum())
        if config.adversary is not None:
            attacked = attack(model, batch, labels, config, radius=config.adversary.radius)
            with torch.inference_mode():
                n_robust += int((model(attacked).argmax(1) == labels).sum())
    return n_right / len(images), n_robust / len(images) if config.adversary is not None else math.nan


def _describe(row: dict[str, float]) -> str:
    robust = "" if math.isnan(row["robust_accuracy"]) else f", under the adversary {row['robust_accuracy']:.1%}"
    return f"Epoch {row['epoch']:.0f}: loss {row['loss']:.3f}, validation accuracy {row['accuracy']:.1%}{robust}"


def _identity(config: TrainingConfig, images: TrainingImages) -> str:
    """What a checkpoint belongs to: another configuration or other images start again."""
    settings = config.model_dump_json(exclude={"device": True, "name": True, "model": {"name"}})
    return digest_text(f"{settings} {images.class_names} {images.labels.tolist()}")
