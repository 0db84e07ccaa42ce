"""The state of a training: a network in its precision, its optimiser, and the checkpoint that both are kept in."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from barlow_report.config import PreprocessingConfig
from barlow_report.errors import ModelError
from barlow_report.files import atomic_file
from barlow_report.training_config import TrainingConfig
from barlow_report.vision.adversary import perturb
from barlow_report.vision.channels import normalisation

__all__ = ["Checkpoint", "NormalisedNetwork", "Trainer", "attack"]

FLOAT16_LOSS_SCALE = 2.0**10
"""Of the adversary's loss: gradients of single pixels are smaller than float16 can hold."""


class NormalisedNetwork(nn.Module):
    """A network that takes images in [0, 1], and computes in the configured precision."""

    def __init__(
        self, network: nn.Module, preprocessing: PreprocessingConfig, *, device: torch.device, precision: str
    ) -> None:
        super().__init__()
        self.network = network.to(device)
        self.mean, self.std = normalisation(preprocessing, device=device)
        self.precision = precision

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (B, n_classes), float32, of images (B, C, H, W) in [0, 1]."""
        is_mixed = self.precision != "float32"
        dtype = getattr(torch, self.precision) if is_mixed else None
        with torch.autocast(images.device.type, dtype=dtype, enabled=is_mixed):
            logits: torch.Tensor = self.network((images - self.mean) / self.std)
        return logits.float()


class Trainer:
    """A network on its way: what changes with every step."""

    def __init__(self, config: TrainingConfig, model: NormalisedNetwork, *, n_steps: int) -> None:
        self._config = config
        self._model = model
        self._optimizer = torch.optim.SGD(
            model.network.parameters(),
            lr=config.learning_rate,
            momentum=0.9,
            nesterov=True,
            weight_decay=config.weight_decay,
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer, config.learning_rate, total_steps=n_steps, pct_start=0.3
        )
        is_float16 = config.precision == "float16"
        self._scaler = torch.amp.GradScaler(model.mean.device.type, init_scale=2.0**12, enabled=is_float16)

    def step(self, images: torch.Tensor, labels: torch.Tensor, *, radius: float) -> float:
        """Learn from a batch and return its loss."""
        if self._config.adversary is not None:
            # The adversary sees the network as it will be used, and leaves its running statistics alone.
            images = attack(self._model.eval(), images, labels, self._config, radius=radius)
        loss = F.cross_entropy(self._model.train()(images), labels)
        self._optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self._scaler.step(self._optimizer)
        self._scaler.update()
        with warnings.catch_warnings():
            # that the scaler left out a step whose gradients overflowed: it is why there is a scaler
            warnings.simplefilter("ignore", UserWarning)
            self._schedule.step()
        return float(loss.detach())

    def state(self) -> dict[str, Any]:
        """Everything that a checkpoint must hold."""
        return {
            "network": self._model.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
            "scaler": self._scaler.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint's `state`."""
        self._model.network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        self._scaler.load_state_dict(state["scaler"])


def attack(
    model: nn.Module, images: torch.Tensor, labels: torch.Tensor, config: TrainingConfig, *, radius: float
) -> torch.Tensor:
    """Return the images as the configuration's adversary changes them; see `perturb`."""
    if config.adversary is None:
        return images
    scale = FLOAT16_LOSS_SCALE if config.precision == "float16" else 1.0
    return perturb(model, images, labels, adversary=config.adversary, radius=radius, loss_scale=scale)


@dataclass(frozen=True)
class Checkpoint:
    """A file that a training goes on from, written after every epoch.

    Attributes:
        path: Of the file.
        identity: What the training depends on; a file of another one is refused.
    """

    path: Path
    identity: str

    def load(self, trainer: Trainer, *, device: torch.device) -> list[dict[str, float]]:
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
        trainer.restore(found)
        rows: list[dict[str, float]] = found["rows"]
        return rows

    def save(self, trainer: Trainer, rows: list[dict[str, float]]) -> None:
        """Write everything that `load` needs, as a whole."""
        with atomic_file(self.path) as file:
            torch.save({**trainer.state(), "rows": rows, "identity": self.identity}, file)
