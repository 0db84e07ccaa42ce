"""Train a network on one's own images, against an adversary or without: features of the first can be seen.

Every epoch ends with a checkpoint, written as a whole; an interrupted training goes on after the last one and
ends with the same weights, because the order and the changes of the images depend on the seed and the epoch only.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from safetensors.torch import save as to_safetensors
from torch import nn

from barlow_report.errors import DataError, ModelError
from barlow_report.files import atomic_file, atomic_write, digest_text
from barlow_report.progress import Progress
from barlow_report.training_config import AdversaryConfig, TrainingConfig
from barlow_report.vision.adversary import perturb
from barlow_report.vision.datasets import list_images
from barlow_report.vision.factories import build_model
from barlow_report.vision.models import choose_device
from barlow_report.vision.training_images import TrainingImages, augment, load_images, split_validation
from barlow_report.vision.weights import load_weights

__all__ = ["TrainingResult", "train"]

CHECKPOINT = "checkpoint.pt"
METRICS = ("epoch", "radius", "loss", "accuracy", "robust_accuracy")


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """What a training leaves in its folder.

    Attributes:
        weights: The file of weights, safetensors.
        metrics: One row per epoch: radius, mean training loss, clean and robust accuracy on validation images
            (0 to 1; robust accuracy is NaN in standard training). The same as metrics.csv.
    """

    weights: Path
    metrics: pd.DataFrame


class _Normalised(nn.Module):
    """A network that takes images in [0, 1]."""

    def __init__(self, network: nn.Module, mean: torch.Tensor, std: torch.Tensor) -> None:
        super().__init__()
        self.network = network
        self.mean, self.std = mean, std

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network((images - self.mean) / self.std)
        return logits


def train(config: TrainingConfig, *, output: Path, progress: Progress) -> TrainingResult:
    """Train as `config` says and write model.safetensors and metrics.csv to the folder `output`.

    Raises:
        DataError: Too few images, or images that cannot be read or differ in size.
        ModelError: The model cannot be built, has another number of outputs than there are classes, or its loss
            stops being a number.
        OutputError: The folder cannot be written.
    """
    device = choose_device(config.device)
    training, validation = _load_data(config, progress=progress)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = build_model(config.model, role="model").module
    if config.model.weights is not None:
        load_weights(network, config.model.weights, allow_unsafe=bool(config.model.allow_unsafe_weights), where="model")
    model = _normalised(network, config, device)
    _check_outputs(model, training, device)
    n_batches = math.ceil(len(training) / config.batch_size)
    optimizer = torch.optim.SGD(
        network.parameters(), lr=config.learning_rate, momentum=0.9, nesterov=True, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.learning_rate, total_steps=config.n_epochs * n_batches, pct_start=0.3
    )
    state = _Checkpoint(output / CHECKPOINT, identity=_identity(config, training))
    rows = state.load(network, optimizer, schedule, device=device)
    n_steps = config.n_epochs * n_batches
    with progress.task("Training", total=n_steps, unit="batches", n_done=len(rows) * n_batches) as advance:
        for epoch in range(len(rows), config.n_epochs):
            radius = _radius(config.adversary, epoch)
            losses = []
            for images, labels in _batches(training, config, epoch=epoch, device=device):
                losses.append(_step(model, images, labels, optimizer=optimizer, config=config, radius=radius))
                schedule.step()
                advance(1)
            loss = float(np.mean(losses))
            if not math.isfinite(loss):
                raise ModelError(
                    f"training diverged in epoch {epoch + 1}: the loss is {loss}. Lower 'learning_rate', or raise the "
                    "adversary's 'warmup_epochs'; delete the output folder to start again."
                )
            accuracies = _evaluate(model, validation, config=config, device=device)
            rows.append(dict(zip(METRICS, (epoch + 1, radius, loss, *accuracies), strict=True)))
            state.save(network, optimizer, schedule, rows)
            progress.message(_describe(rows[-1]))
    metrics = pd.DataFrame(rows, columns=list(METRICS))
    weights = output / "model.safetensors"
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    atomic_write(weights, to_safetensors(tensors))
    atomic_write(output / "metrics.csv", metrics.to_csv(index=False))
    return TrainingResult(weights=weights, metrics=metrics)


def _load_data(config: TrainingConfig, *, progress: Progress) -> tuple[TrainingImages, TrainingImages]:
    progress.message("Reading images")
    listed = list_images(config.data)
    images = load_images(listed, config.model.preprocessing)
    if config.validation is None:
        return split_validation(images, fraction=config.validation_fraction, seed=config.seed)
    checked = list_images(config.validation)
    if checked.class_names != listed.class_names:
        raise DataError(
            f"validation: found classes {list(checked.class_names)[:5]}, expected those of the training images, "
            f"{list(listed.class_names)[:5]}. Give both the same list in 'classes'."
        )
    return images, load_images(checked, config.model.preprocessing)


def _normalised(network: nn.Module, config: TrainingConfig, device: torch.device) -> _Normalised:
    mean, std = (torch.tensor(v, device=device).view(1, 3, 1, 1) for v in (
        config.model.preprocessing.mean, config.model.preprocessing.std))  # fmt: skip
    return _Normalised(network.to(device), mean, std)


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


def _step(
    model: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    *,
    optimizer: torch.optim.Optimizer,
    config: TrainingConfig,
    radius: float,
) -> float:
    if config.adversary is not None:
        # The adversary sees the network as it will be used, and leaves its running statistics alone.
        images = perturb(model.eval(), images, labels, adversary=config.adversary, radius=radius)
    loss = F.cross_entropy(model.train()(images), labels)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return float(loss.detach())


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
            attacked = perturb(model, batch, labels, adversary=config.adversary, radius=config.adversary.radius)
            with torch.inference_mode():
                n_robust += int((model(attacked).argmax(1) == labels).sum())
    return n_right / len(images), n_robust / len(images) if config.adversary is not None else math.nan


def _describe(row: dict[str, float]) -> str:
    robust = "" if math.isnan(row["robust_accuracy"]) else f", under the adversary {row['robust_accuracy']:.1%}"
    return f"Epoch {row['epoch']:.0f}: loss {row['loss']:.3f}, validation accuracy {row['accuracy']:.1%}{robust}"


def _identity(config: TrainingConfig, images: TrainingImages) -> str:
    """What a checkpoint belongs to: another configuration or other images start again."""
    settings = config.model_dump_json(exclude={"device", "name"})
    return digest_text(f"{settings} {images.class_names} {images.labels.tolist()}")


@dataclass(frozen=True)
class _Checkpoint:
    path: Path
    identity: str

    def load(
        self, network: nn.Module, optimizer: Any, schedule: Any, *, device: torch.device
    ) -> list[dict[str, float]]:
        """Bring everything to where it was after the last finished epoch and return the metrics up to there."""
        if not self.path.is_file():
            return []
        try:
            found = torch.load(self.path, map_location=device, weights_only=True)
        except Exception as error:
            raise ModelError(f"{self.path}: cannot be read ({error}). Delete it to start again.") from error
        if found.get("identity") != self.identity:
            raise ModelError(
                f"{self.path}: belongs to a training with other settings or images. Delete it to start again, or give "
                "another output folder."
            )
        network.load_state_dict(found["network"])
        optimizer.load_state_dict(found["optimizer"])
        schedule.load_state_dict(found["schedule"])
        rows: list[dict[str, float]] = found["rows"]
        return rows

    def save(self, network: nn.Module, optimizer: Any, schedule: Any, rows: list[dict[str, float]]) -> None:
        states = {"network": network.state_dict(), "optimizer": optimizer.state_dict()}
        with atomic_file(self.path) as file:
            torch.save({**states, "schedule": schedule.state_dict(), "rows": rows, "identity": self.identity}, file)
