"""Experiments on images: change one feature, or others as a control, and ask the inspected model again.

Several experiments are done at once, so that passes are full: their images are rows of one batch for each size. Changes
along controls are made and asked about in blocks, so memory grows with the images and not with the controls.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from barlow_report.vision.answers import Answers
from barlow_report.vision.decisions import Decision
from barlow_report.vision.gradients import largest_change
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.moves import FeatureMoves, Moved, stretch
from barlow_report.vision.outcomes import DOSES, Outcome, Task, empty_outcome
from barlow_report.vision.preprocessing import to_tensor

__all__ = ["Interventions"]

SMALLEST_RADIUS = 1e-6
"""Where the images need no change at all."""

CONTROL_STEPS = 2
"""Steps of a control: it needs not find where a target is reached."""

PIXELS_PER_BLOCK = 2**22
"""Pixels of all images that are changed along controls at once, about."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Batch:
    """Images of one size: `task` and `place` (B,) say which, `inputs` is what the feature model gets, (B, C, H, W)."""

    task: npt.NDArray[np.int64]
    place: npt.NDArray[np.int64]
    originals: list[Image.Image]
    inputs: torch.Tensor

    def of_task(self, values: Sequence[float]) -> torch.Tensor:
        """A value of each task, for each image, (B,)."""
        return torch.tensor(values, dtype=torch.float32)[torch.from_numpy(self.task)]


class Interventions:
    """Changes images through one model and asks another; prepares both once for many calls."""

    def __init__(
        self,
        feature_model: LoadedModel,
        inspected_model: LoadedModel,
        *,
        decision: Decision,
        n_steps: int,
        batch_size: int,
    ) -> None:
        self._preprocessing = feature_model.preprocessing
        self._moves = FeatureMoves(feature_model, batch_size=batch_size)
        self._answers = Answers(
            inspected_model, changed_in=feature_model.preprocessing, decision=decision, batch_size=batch_size
        )
        self._n_steps = n_steps

    def run(self, tasks: Sequence[Task]) -> list[Outcome]:
        """Move the images, make their controls of the same lengths, and ask the inspected model."""
        outcomes = [empty_outcome(task) for task in tasks]
        batches = self._batches(tasks)
        limits = [_limits(batch, tasks) for batch in batches]
        moves = [self._move(batch, tasks, limit) for batch, limit in zip(batches, limits, strict=True)]
        radii = self._radii(tasks, batches, moves)
        for batch, limit, moved in zip(batches, limits, moves, strict=True):
            shorter = torch.minimum(limit, batch.of_task(radii))
            self._shorten(batch, tasks, moved, limit, shorter)
            self._note_moves(batch, tasks, moved, shorter, outcomes)
            self._note_controls(batch, tasks, moved, outcomes)
        return outcomes

    def _batches(self, tasks: Sequence[Task]) -> list[_Batch]:
        """The images of all tasks, those of one size together."""
        rows = [(i, place, image) for i, task in enumerate(tasks) for place, image in enumerate(task.images)]
        inputs = [to_tensor(image, self._preprocessing) for _, _, image in rows]
        sizes = sorted({tuple(tensor.shape) for tensor in inputs})
        found = []
        for size in sizes:
            own = [k for k, tensor in enumerate(inputs) if tuple(tensor.shape) == size]
            found.append(
                _Batch(
                    task=np.array([rows[k][0] for k in own]),
                    place=np.array([rows[k][1] for k in own]),
                    originals=[rows[k][2] for k in own],
                    inputs=torch.stack([inputs[k] for k in own]).float(),
                )
            )
        return found

    def _move(
        self, batch: _Batch, tasks: Sequence[Task], limit: torch.Tensor, rows: torch.Tensor | None = None
    ) -> Moved:
        """Move the images of a batch, or some of them, each within its limit; steps are a part of the whole one."""
        which = slice(None) if rows is None else rows
        return self._moves.towards(
            batch.inputs[which],
            batch.of_task([task.change.feature_id for task in tasks]).long()[which],
            sign=batch.of_task([task.change.sign for task in tasks])[which],
            target=batch.of_task([task.change.target for task in tasks])[which],
            limit=limit[which],
            step=_limits(batch, tasks)[which] / self._n_steps,
        )

    def _radii(self, tasks: Sequence[Task], batches: Sequence[_Batch], moves: Sequence[Moved]) -> list[float]:
        """The radius of each task, as its images need it; infinite where only the longest change limits it."""
        of = np.concatenate([batch.task for batch in batches])
        lengths = np.concatenate([_lengths(moved) for moved in moves])
        found = []
        for i, task in enumerate(tasks):
            own = lengths[of == i]
            if task.change.share is not None and task.reference is not None:
                others = [Task(images=task.reference, change=task.change)]
                own = np.concatenate(
                    [_lengths(self._move(part, others, _limits(part, others))) for part in self._batches(others)]
                )
            share = task.change.share
            needed = math.inf if share is None else float(np.quantile(own, share, method="higher"))
            found.append(max(needed, SMALLEST_RADIUS))
        return found

    def _shorten(
        self, batch: _Batch, tasks: Sequence[Task], moved: Moved, limit: torch.Tensor, shorter: torch.Tensor
    ) -> None:
        """Move those again that went further than they may."""
        rows = ((shorter < limit) & (moved.length.cpu() > shorter)).nonzero().flatten()
        if not len(rows):
            return
        again = self._move(batch, tasks, shorter, rows)
        for name in ("images", "activation", "length", "is_reached"):
            getattr(moved, name)[rows.to(moved.images.device)] = getattr(again, name)

    def _note_moves(
        self, batch: _Batch, tasks: Sequence[Task], moved: Moved, limit: torch.Tensor, outcomes: Sequence[Outcome]
    ) -> None:
        """Ask about the move and its doses, and about noise."""
        n, start, changed, length = len(batch.inputs), batch.inputs, moved.images.cpu(), moved.length.cpu()
        doses = [start, *(start + dose * (changed - start) for dose in DOSES[1:-1]), changed]
        versions = torch.stack([*doses, stretch(start, _noise(batch, tasks), length)], dim=1)
        rows = torch.arange(n).repeat_interleave(versions.shape[1])
        asked = self._answers.ask(batch.originals, start, versions.flatten(0, 1), rows)
        answers, certainty = (values.reshape(n, -1) for values in (asked.predictions, asked.confidences))
        for i, outcome in enumerate(outcomes):
            own = np.flatnonzero(batch.task == i)
            place = batch.place[own]
            outcome.before[place] = answers[own, 0]
            outcome.moved[place] = answers[own, : len(DOSES)]
            outcome.control_doses[place, 0] = answers[own, 0]
            outcome.noise[place] = answers[own, -1]
            outcome.confidence_before[place] = certainty[own, 0]
            outcome.confidence_moved[place] = certainty[own, len(DOSES) - 1]
            outcome.activation_before[place] = moved.activation_before.cpu().numpy()[own]
            outcome.activation_moved[place] = moved.activation.cpu().numpy()[own]
            outcome.length[place] = length.numpy()[own]
            outcome.limit[place] = limit.numpy()[own]
            outcome.is_reached[place] = moved.is_reached.cpu().numpy()[own]
            for row in own:
                outcome.images[batch.place[row]] = _picture(start[row])
                outcome.moved_images[batch.place[row]] = _picture(changed[row])

    def _note_controls(self, batch: _Batch, tasks: Sequence[Task], moved: Moved, outcomes: Sequence[Outcome]) -> None:
        """Change the images along other features, as far as by the move, and ask; of one each at every dose."""
        ids = _control_ids(batch, tasks)
        own = batch.place % np.array([len(task.change.controls) for task in tasks])[batch.task]
        answers = np.zeros(ids.shape, dtype=np.int64)
        middle = np.zeros((len(ids), len(DOSES) - 2), dtype=np.int64)
        signs, lengths = batch.of_task([task.change.sign for task in tasks]), moved.length.cpu()
        for rows, columns in _blocks(batch, ids):
            start = batch.inputs[rows]
            changed = self._moves.along(
                start,
                torch.from_numpy(ids[rows, columns]),
                places=torch.from_numpy(rows),
                sign=signs[rows],
                length=lengths[rows],
                n_steps=CONTROL_STEPS,
            ).cpu()
            answers[rows, columns] = self._ask(batch, changed, rows)
            is_own = columns == own[rows]
            if is_own.any():
                parts = [start[is_own] + dose * (changed[is_own] - start[is_own]) for dose in DOSES[1:-1]]
                each = np.repeat(rows[is_own], len(parts))
                middle[rows[is_own]] = self._ask(batch, torch.stack(parts, dim=1).flatten(0, 1), each).reshape(
                    -1, len(parts)
                )
        for i, (task, outcome) in enumerate(zip(tasks, outcomes, strict=True)):
            mine = np.flatnonzero(batch.task == i)
            place, n_controls = batch.place[mine], len(task.change.controls)
            outcome.controls[place] = answers[mine, :n_controls]
            outcome.class_controls[place] = answers[mine, n_controls : n_controls + len(task.change.class_controls)]
            outcome.control_doses[place, 1:-1] = middle[mine]
            outcome.control_doses[place, -1] = answers[mine, own[mine]]

    def _ask(self, batch: _Batch, changed: torch.Tensor, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return self._answers.ask(batch.originals, batch.inputs, changed, torch.from_numpy(rows)).predictions


def _limits(batch: _Batch, tasks: Sequence[Task]) -> torch.Tensor:
    """The longest change of each image, (B,)."""
    usual = largest_change(batch.inputs)
    return batch.of_task([usual if task.change.radius is None else task.change.radius for task in tasks])


def _lengths(moved: Moved) -> Floats:
    """Lengths of moves, infinite where the target was not reached, (B,)."""
    return np.where(moved.is_reached.cpu(), moved.length.cpu().double(), np.inf)


def _noise(batch: _Batch, tasks: Sequence[Task]) -> torch.Tensor:
    """Gaussian noise (B, C, H, W), drawn on the processor, so that it is the same on every device."""
    noise = torch.zeros_like(batch.inputs)
    for i, task in enumerate(tasks):
        own = torch.from_numpy(batch.task == i)
        generator = torch.Generator().manual_seed(task.change.seed)
        noise[own] = torch.randn(noise[own].shape, generator=generator)
    return noise


def _control_ids(batch: _Batch, tasks: Sequence[Task]) -> npt.NDArray[np.int64]:
    """The control features of each image, those of its class last, (B, most controls of any task); −1 where fewer."""
    lists = [np.concatenate([task.change.controls, task.change.class_controls]) for task in tasks]
    table = np.full((len(tasks), max(len(ids) for ids in lists)), -1, dtype=np.int64)
    for i, ids in enumerate(lists):
        table[i, : len(ids)] = ids
    return table[batch.task]


def _blocks(batch: _Batch, ids: npt.NDArray[np.int64]) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Images and columns of `ids` that are worked on at once, the controls of an image together."""
    rows, columns = np.nonzero(ids >= 0)
    n = max(PIXELS_PER_BLOCK // (batch.inputs.shape[2] * batch.inputs.shape[3]), 1)
    for first in range(0, len(rows), n):
        yield rows[first : first + n], columns[first : first + n]


def _picture(pixels: torch.Tensor) -> npt.NDArray[np.float32]:
    return np.ascontiguousarray(pixels.permute(1, 2, 0).numpy())
