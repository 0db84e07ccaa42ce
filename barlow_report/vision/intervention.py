"""Experiments on images: change one feature, or others as a control, and ask the inspected model again.

Gradients are needed of the feature model alone. Each image is changed in the feature model's input; the inspected model
gets the same pixels, or the change carried over to its own input (`transfer.py`). What is compared is always the
inspected model's answers to inputs made in the same way, the unchanged one too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from barlow_report.vision.acceleration import accelerate
from barlow_report.vision.gradients import passes, rows_per_pass
from barlow_report.vision.memory import MemoryLimit, within_memory
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.moves import FeatureMoves, Moved, add_noise
from barlow_report.vision.outputs import OutputKind, confidences, summarise
from barlow_report.vision.preprocessing import geometry, to_tensor
from barlow_report.vision.transfer import transfer_change
from barlow_report.vision.workers import run_passes

__all__ = ["DOSES", "Change", "Interventions", "Outcome", "class_weights"]

DOSES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of the way at which the inspected model is asked."""

CONTROL_STEPS = 0.5
"""Steps of a control, against those of a move to the radius: it needs not find where a target is reached."""

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is done to images: bring a feature to a target, within an L2 radius.

    Attributes:
        feature_id: The feature.
        sign: +1 raises it, −1 lowers it.
        target: The activation to reach.
        radius: Largest L2 length of the change, pixels in [0, 1].
        controls: Other features, (n_controls,), at least one.
        class_controls: Features with a similar weight for the class, (n_class_controls,); perhaps none.
        seed: Of the noise.
    """

    feature_id: int
    sign: int
    target: float
    radius: float
    controls: Integers
    class_controls: Integers
    seed: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of it; row i belongs to image i, predictions are class ids.

    Attributes:
        before: Of the unchanged image, (n,).
        moved: After each dose of the move, (n, n_doses).
        controls: After a whole change along each control feature, (n, n_controls).
        control_doses: After each dose of the change along one of them, another for each image, (n, n_doses).
        class_controls: After a whole change along each feature with a similar weight, (n, n_class_controls).
        noise: After Gaussian noise, (n,).
        confidence_before: Of the prediction, 0 to 1, (n,).
        confidence_moved: The same after the whole move.
        activation_before: Of the feature, (n,).
        activation_moved: The same after the whole move.
        length: L2 length of the move, which is that of its controls, (n,).
        is_reached: The target was reached, (n,).
        images: Before the move, (n,) of arrays (H, W, 3) in [0, 1].
        moved_images: After it.
    """

    before: Integers
    moved: Integers
    controls: Integers
    control_doses: Integers
    class_controls: Integers
    noise: Integers
    confidence_before: Floats
    confidence_moved: Floats
    activation_before: Floats
    activation_moved: Floats
    length: Floats
    is_reached: npt.NDArray[np.bool_]
    images: list[npt.NDArray[np.float32]]
    moved_images: list[npt.NDArray[np.float32]]


def class_weights(model: LoadedModel, class_id: int) -> Floats | None:
    """How much each feature adds to the output of a class in the last layer, (n_features,).

    None where the model has not exactly one layer from its features to its outputs.
    """
    shape = (model.n_outputs, model.n_features)
    layers = [
        value
        for value in model.module.state_dict().values()
        if value.shape[:2] == shape and value[0, 0].numel() == 1 and value.is_floating_point()
    ]
    return None if len(layers) != 1 else layers[0].flatten(1)[class_id].double().cpu().numpy()


class Interventions:
    """Changes images through one model and asks another; prepares both once for many calls."""

    def __init__(
        self,
        feature_model: LoadedModel,
        inspected_model: LoadedModel,
        *,
        output_kind: OutputKind,
        n_steps: int,
        batch_size: int,
    ) -> None:
        self._feature = feature_model
        self._moves = FeatureMoves(feature_model, batch_size=batch_size)
        self._n_steps = n_steps
        self._inspected = accelerate(inspected_model)
        self._kind = output_kind
        self._batch_size = batch_size
        self._limit = MemoryLimit()
        self._shares_input = geometry(feature_model.preprocessing) == geometry(inspected_model.preprocessing)

    def lengths(self, images: Sequence[Image.Image], change: Change) -> Floats:
        """How long the move of each image must be, (n,); infinite where the target lies beyond the radius."""
        found = np.full(len(images), np.inf)
        for rows, batch in self._by_size(images):
            moved = self._move(batch, change)
            found[rows] = np.where(moved.is_reached.cpu(), moved.length.cpu(), np.inf)
        return found

    def run(self, images: Sequence[Image.Image], change: Change) -> Outcome:
        """Move the images, make their controls of the same lengths, and ask the inspected model."""
        parts = [
            (rows, self._run([images[row] for row in rows], batch, change)) for rows, batch in self._by_size(images)
        ]
        order = np.argsort(np.concatenate([rows for rows, _ in parts]))
        return Outcome(
            **{
                field.name: _joined([getattr(part, field.name) for _, part in parts], order)
                for field in fields(Outcome)
            }
        )

    def _by_size(self, images: Sequence[Image.Image]) -> list[tuple[Integers, torch.Tensor]]:
        """Batches of inputs of one size, each with the rows they are of."""
        inputs = [to_tensor(image, self._feature.preprocessing) for image in images]
        sizes = sorted({tuple(tensor.shape) for tensor in inputs})
        rows = [[i for i, tensor in enumerate(inputs) if tuple(tensor.shape) == size] for size in sizes]
        return [(np.array(part), torch.stack([inputs[i] for i in part])) for part in rows]

    def _move(self, batch: torch.Tensor, change: Change) -> Moved:
        n = len(batch)
        return self._moves.run(
            batch,
            torch.full((n,), change.feature_id),
            sign=torch.full((n,), float(change.sign)),
            target=torch.full((n,), change.target),
            limit=torch.full((n,), change.radius),
            n_steps=self._n_steps,
        )

    def _along(self, batch: torch.Tensor, feature_ids: Integers, lengths: torch.Tensor, sign: int) -> torch.Tensor:
        """Change each image along each feature, (n, k, 3, H, W), each as far as its length."""
        n, k = len(batch), len(feature_ids)
        if not k:
            return batch.new_zeros(n, 0, *batch.shape[1:])
        moved = self._moves.run(
            batch.repeat_interleave(k, dim=0),
            torch.from_numpy(feature_ids).repeat(n),
            sign=torch.full((n * k,), float(sign)),
            target=torch.full((n * k,), float("nan")),
            limit=lengths.cpu().repeat_interleave(k),
            n_steps=max(math.ceil(CONTROL_STEPS * self._n_steps), 1),
        )
        return moved.images.cpu().view(n, k, *batch.shape[1:])

    def _run(self, originals: Sequence[Image.Image], batch: torch.Tensor, change: Change) -> Outcome:
        n = len(batch)
        moved = self._move(batch, change)
        lengths = moved.length.cpu()
        moved_images = moved.images.cpu()
        controls = self._along(batch, change.controls, lengths, change.sign)
        class_controls = self._along(batch, change.class_controls, lengths, change.sign)
        generator = torch.Generator().manual_seed(change.seed)
        noisy = add_noise(batch, length=lengths, generator=generator)
        n_doses, n_controls = len(DOSES), len(change.controls)
        turn = torch.arange(n) % n_controls
        own = controls[torch.arange(n), turn]
        versions = [
            batch,
            *(batch + dose * (moved_images - batch) for dose in DOSES[1:-1]),
            moved_images,
            *(batch + dose * (own - batch) for dose in DOSES[1:-1]),
            noisy,
            *controls.unbind(1),
            *class_controls.unbind(1),
        ]
        answers, certainty = self._ask(originals, batch, versions)
        middle = answers[:, n_doses : 2 * n_doses - 2]
        rest = answers[:, 2 * n_doses - 1 :]
        own_last = np.take_along_axis(rest, turn.numpy()[:, None], axis=1)
        return Outcome(
            before=answers[:, 0],
            moved=answers[:, :n_doses],
            controls=rest[:, :n_controls],
            control_doses=np.hstack([answers[:, :1], middle, own_last]),
            class_controls=rest[:, n_controls:],
            noise=answers[:, 2 * n_doses - 2],
            confidence_before=certainty[:, 0],
            confidence_moved=certainty[:, n_doses - 1],
            activation_before=moved.activation_before.cpu().double().numpy(),
            activation_moved=moved.activation.cpu().double().numpy(),
            length=lengths.double().numpy(),
            is_reached=moved.is_reached.cpu().numpy(),
            images=_pictures(batch),
            moved_images=_pictures(moved_images),
        )

    def _ask(
        self, originals: Sequence[Image.Image], batch: torch.Tensor, versions: Sequence[torch.Tensor]
    ) -> tuple[Integers, Floats]:
        """The inspected model's predictions of each version of each image, (n, n_versions), and its confidences."""
        n, k = len(batch), len(versions)
        if self._shares_input:
            inputs = torch.stack(list(versions), dim=1).flatten(0, 1)
            outputs = self._predict([inputs])
        else:
            own = [to_tensor(image, self._inspected.preprocessing) for image in originals]
            each = []
            for i, image in enumerate(originals):
                change = torch.stack([version[i] - batch[i] for version in versions])
                carried = transfer_change(
                    change,
                    image_size=image.size,
                    source=self._feature.preprocessing,
                    target=self._inspected.preprocessing,
                    size=(own[i].shape[1], own[i].shape[2]),
                )
                each.append((own[i] + carried).clamp(0, 1))
            outputs = self._predict(each)
        summary = summarise(outputs.double().numpy())
        predictions = outputs.numpy().argmax(axis=1)  # the first of equal ones, as in the pass
        return predictions.reshape(n, k), confidences(summary, self._kind).reshape(n, k)

    def _predict(self, batches: Sequence[torch.Tensor]) -> torch.Tensor:
        """Outputs of all images of all batches, each of one size, in passes of a fixed number of rows."""
        device = self._inspected.device

        def predict(batch_size: int) -> torch.Tensor:
            parts, counts = [], []
            for batch in batches:
                n, size = len(batch), (batch.shape[2], batch.shape[3])
                n_rows = rows_per_pass(device, batch_size=batch_size, size=size)
                for number, part in enumerate(passes(n, n_rows)):
                    parts.append(batch[part])
                    counts.append(min(n - number * n_rows, n_rows))
            found = run_passes((self._inspected,), lambda own, part: _outputs(own[0], part), parts)
            return torch.cat([outputs[:count] for outputs, count in zip(found, counts, strict=True)])

        what = f"{self._inspected.role} on {device}"
        return within_memory(predict, self._batch_size, limit=self._limit, what=what)


def _outputs(model: LoadedModel, images: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return model.predict(images.to(model.device).contiguous()).cpu()


def _pictures(batch: torch.Tensor) -> list[npt.NDArray[np.float32]]:
    return list(batch.permute(0, 2, 3, 1).cpu().numpy())


def _joined(values: list[Any], order: Integers) -> Any:
    """Arrays or lists of several parts, in one order."""
    if isinstance(values[0], list):
        together = [item for value in values for item in value]
        return [together[i] for i in order]
    return np.concatenate(values)[order]
