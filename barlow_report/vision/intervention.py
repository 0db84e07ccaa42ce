"""Experiments on images: change one feature, or others as a control, and ask the inspected model again.

Several experiments are done at once, so that passes are full: their images are rows of one batch for each size.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from barlow_report.vision.acceleration import Precision
from barlow_report.vision.answers import Answer, Answers
from barlow_report.vision.control_changes import ControlChanges
from barlow_report.vision.decisions import Decision
from barlow_report.vision.gradients import largest_change
from barlow_report.vision.image_batches import ImageBatch, few_at_once, image_batches
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.moves import FeatureMoves, Moved
from barlow_report.vision.outcomes import DOSES, Outcome, Task, empty_outcome
from barlow_report.vision.ways import stretch

__all__ = ["Interventions"]

SMALLEST_RADIUS = 1e-6
"""Where the images need no change at all."""

Floats = npt.NDArray[np.float64]


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
        precision: Precision = "float32",
    ) -> None:
        self._preprocessing = feature_model.preprocessing
        self._moves = FeatureMoves(feature_model, batch_size=batch_size, precision=precision)
        self._answers = Answers(
            inspected_model, changed_in=feature_model.preprocessing, decision=decision, batch_size=batch_size
        )
        self._controls = ControlChanges(self._moves, self._answers)
        self._n_steps = n_steps

    def run(self, tasks: Sequence[Task]) -> list[Outcome]:
        """Move the images, make their controls of the same lengths, and ask the inspected model.

        What comes of an experiment does not depend on the others; where images are large, few are done at once.
        """
        return [found for part in few_at_once(tasks, self._preprocessing) for found in self._run(part)]

    def _run(self, tasks: Sequence[Task]) -> list[Outcome]:
        outcomes = [empty_outcome(task) for task in tasks]
        batches = image_batches(tasks, self._preprocessing)
        limits = [_limits(batch, tasks) for batch in batches]
        moves = [self._move(batch, tasks, limit) for batch, limit in zip(batches, limits, strict=True)]
        radii = self._radii(tasks, batches, moves)
        for batch, limit, moved in zip(batches, limits, moves, strict=True):
            shorter = torch.minimum(limit, batch.of_task(radii))
            self._shorten(batch, tasks, moved, limit, shorter)
            self._note_moves(batch, tasks, moved, shorter, outcomes)
            self._controls.note(batch, tasks, moved, outcomes)
        return outcomes

    def _move(
        self, batch: ImageBatch, tasks: Sequence[Task], limit: torch.Tensor, rows: torch.Tensor | None = None
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

    def _radii(self, tasks: Sequence[Task], batches: Sequence[ImageBatch], moves: Sequence[Moved]) -> list[float]:
        """The radius of each task, as its images need it; infinite where only the longest change limits it."""
        known = [i for i, task in enumerate(tasks) if task.change.share is not None and task.reference is not None]
        others = [_reference(tasks[i]) for i in known]
        parts = image_batches(others, self._preprocessing) if others else []
        of_others = _lengths_by_task(parts, [self._move(part, others, _limits(part, others)) for part in parts])
        of_own = _lengths_by_task(batches, moves)
        found = []
        for i, task in enumerate(tasks):
            lengths = of_others[known.index(i)] if i in known else of_own[i]
            share = task.change.share
            needed = math.inf if share is None else float(np.quantile(lengths, share, method="higher"))
            found.append(max(needed, SMALLEST_RADIUS))
        return found

    def _shorten(
        self, batch: ImageBatch, tasks: Sequence[Task], moved: Moved, limit: torch.Tensor, shorter: torch.Tensor
    ) -> None:
        """Move those again that went further than they may."""
        rows = ((shorter < limit) & (moved.length.cpu() > shorter)).nonzero().flatten()
        if len(rows):
            moved.put(rows.to(moved.images.device), self._move(batch, tasks, shorter, rows))

    def _note_moves(
        self, batch: ImageBatch, tasks: Sequence[Task], moved: Moved, limit: torch.Tensor, outcomes: Sequence[Outcome]
    ) -> None:
        """Ask about the move and its doses, and about noise."""
        start, changed, length = batch.inputs, moved.images.cpu(), moved.length.cpu()
        versions = (changed, stretch(start, _noise(batch, tasks), length))
        answers, certainty, in_label = self._ask_about_versions(batch, *versions)
        for i, outcome in enumerate(outcomes):
            own = batch.rows_of(i)
            place = batch.place[own]
            outcome.before[place] = answers[own, 0]
            outcome.moved[place] = answers[own, : len(DOSES)]
            outcome.control_doses[place, 0] = answers[own, 0]
            outcome.noise[place] = answers[own, -1]
            outcome.confidence_before[place] = certainty[own, 0]
            outcome.confidence_moved[place] = certainty[own, len(DOSES) - 1]
            outcome.in_label_moved[place] = in_label[own, len(DOSES) - 1]
            outcome.activation_before[place] = moved.activation_before.cpu().numpy()[own]
            outcome.activation_moved[place] = moved.activation.cpu().numpy()[own]
            outcome.length[place] = length.numpy()[own]
            outcome.limit[place] = limit.numpy()[own]
            outcome.is_reached[place] = moved.is_reached.cpu().numpy()[own]
            for row in own:
                outcome.images[batch.place[row]] = _picture(start[row])
                outcome.moved_images[batch.place[row]] = _picture(changed[row])

    def _ask_about_versions(self, batch: ImageBatch, changed: torch.Tensor, noisy: torch.Tensor) -> Answer:
        """What is said of each image at all doses of its change, and of the noisy one; each (B, n_doses + 1)."""
        parts = []
        for own in torch.split(torch.arange(len(changed)), max(batch.n_together // (len(DOSES) + 1), 1)):
            start, end = batch.inputs[own], changed[own]
            doses = [start, *(start + dose * (end - start) for dose in DOSES[1:-1]), end]
            versions = torch.stack([*doses, noisy[own]], dim=1)
            rows = own.repeat_interleave(versions.shape[1])
            asked = self._answers.ask(batch.originals, batch.inputs, versions.flatten(0, 1), rows, labels=batch.labels)
            parts.append([values.reshape(len(own), -1) for values in asked])
        return Answer(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _limits(batch: ImageBatch, tasks: Sequence[Task]) -> torch.Tensor:
    """The longest change of each image, (B,)."""
    usual = largest_change(batch.inputs)
    return batch.of_task([usual if task.change.radius is None else task.change.radius for task in tasks])


def _reference(task: Task) -> Task:
    """The change of a task, of the images that its radius is of."""
    images = task.reference or ()
    return Task(images=images, labels=np.zeros(len(images), dtype=np.int64), change=task.change)


def _lengths_by_task(batches: Sequence[ImageBatch], moves: Sequence[Moved]) -> dict[int, Floats]:
    """Lengths of the moves of each task, infinite where the target was not reached."""
    found: dict[int, Floats] = {}
    for batch, moved in zip(batches, moves, strict=True):
        lengths = np.where(moved.is_reached.cpu(), moved.length.cpu().double(), np.inf)
        for i in np.unique(batch.task).tolist():
            found[i] = np.concatenate([found.get(i, np.zeros(0)), lengths[batch.rows_of(i)]])
    return found


def _noise(batch: ImageBatch, tasks: Sequence[Task]) -> torch.Tensor:
    """Gaussian noise (B, C, H, W), drawn on the processor, so that it is the same on every device."""
    noise = torch.zeros_like(batch.inputs)
    for i, task in enumerate(tasks):
        own = torch.from_numpy(batch.task == i)
        generator = torch.Generator().manual_seed(task.change.seed)
        noise[own] = torch.randn(noise[own].shape, generator=generator)
    return noise


def _picture(pixels: torch.Tensor) -> npt.NDArray[np.float32]:
    return np.ascontiguousarray(pixels.permute(1, 2, 0).numpy())
