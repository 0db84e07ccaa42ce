"""Controls of moves: the same images, changed as far and in the same way along other features, and asked about."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

from barlow_report.vision.answers import Answers
from barlow_report.vision.image_batches import ImageBatch
from barlow_report.vision.moves import FeatureMoves, Moved
from barlow_report.vision.outcomes import DOSES, Outcome, Task

__all__ = ["ControlChanges"]

Integers = npt.NDArray[np.int64]


class ControlChanges:
    """Makes the controls of moves, and asks about them."""

    def __init__(self, moves: FeatureMoves, answers: Answers) -> None:
        self._moves = moves
        self._answers = answers

    def note(self, batch: ImageBatch, tasks: Sequence[Task], moved: Moved, outcomes: Sequence[Outcome]) -> None:
        """Note what is predicted after the controls of each image, and of one of them after each dose."""
        ids = _control_ids(batch, tasks)
        own = batch.place % np.array([len(task.change.controls) for task in tasks])[batch.task]
        answers, in_label, doses = self._answered(batch, tasks, moved, ids, own)
        for i, (task, outcome) in enumerate(zip(tasks, outcomes, strict=True)):
            rows, n_controls = batch.rows_of(i), len(task.change.controls)
            place = batch.place[rows]
            outcome.controls[place] = answers[rows, :n_controls]
            outcome.in_label_controls[place] = in_label[rows, :n_controls]
            outcome.class_controls[place] = answers[rows, -1]
            outcome.class_control_ids[place] = ids[rows, -1]
            outcome.control_doses[place, 1:-1] = doses[rows]
            outcome.control_doses[place, -1] = answers[rows, own[rows]]

    def _answered(
        self, batch: ImageBatch, tasks: Sequence[Task], moved: Moved, ids: Integers, own: Integers
    ) -> tuple[Integers, npt.NDArray[np.float64], Integers]:
        """Change the images along the features `ids` (B, k), −1 for none, as far as by their moves, and ask.

        Returns:
            The predictions, (B, k), −1 for none; the confidences in the labels, NaN for none; the predictions at the
            doses between 0 and 1 of the column `own` (B,).
        """
        answers, in_label = np.full(ids.shape, -1, dtype=np.int64), np.full(ids.shape, np.nan)
        middle = np.full((len(ids), len(DOSES) - 2), -1, dtype=np.int64)
        signs, lengths = batch.of_task([task.change.sign for task in tasks]), moved.length.cpu()
        for rows, columns in _blocks(batch, ids):
            start, places = batch.inputs[rows], torch.from_numpy(rows)
            changed = self._moves.along(
                start,
                torch.from_numpy(ids[rows, columns]),
                places=places,
                sign=signs[rows],
                way=moved.way[places.to(self._moves.device)],
                length=lengths[rows],
            ).cpu()
            is_own = columns == own[rows]
            doses = [start[is_own] + dose * (changed[is_own] - start[is_own]) for dose in DOSES[1:-1]]
            which = np.concatenate([rows, *[rows[is_own]] * len(doses)])
            found, confidence = self._ask(batch, torch.cat([changed, *doses]), which)
            answers[rows, columns], in_label[rows, columns] = found[: len(rows)], confidence[: len(rows)]
            middle[rows[is_own]] = found[len(rows) :].reshape(len(doses), -1).T
        return answers, in_label, middle

    def _ask(
        self, batch: ImageBatch, changed: torch.Tensor, rows: Integers
    ) -> tuple[Integers, npt.NDArray[np.float64]]:
        """What is predicted of changed images (k, C, H, W), each of an image `rows` (k,), and how sure of its label."""
        order = np.argsort(rows, kind="stable")
        back = np.argsort(order)
        asked = self._answers.ask(
            batch.originals, batch.inputs, changed[order], torch.from_numpy(rows[order]), labels=batch.labels
        )
        return asked.predictions[back], asked.in_label[back]


def _control_ids(batch: ImageBatch, tasks: Sequence[Task]) -> Integers:
    """The control features of each image, (B, most controls of any task + 1), that of its class last; −1 for none."""
    table = np.full((len(batch.task), max(len(task.change.controls) for task in tasks) + 1), -1, dtype=np.int64)
    for i, task in enumerate(tasks):
        rows, controls, of_class = batch.rows_of(i), task.change.controls, task.change.class_controls
        table[rows, : len(controls)] = controls
        if len(of_class):
            table[rows, -1] = of_class[batch.place[rows] % len(of_class)]
    return table


def _blocks(batch: ImageBatch, ids: Integers) -> Iterator[tuple[Integers, Integers]]:
    """Images and columns of `ids` that are worked on at once, the controls of an image together."""
    rows, columns = np.nonzero(ids >= 0)
    for first in range(0, len(rows), batch.n_together):
        own = slice(first, first + batch.n_together)
        yield rows[own], columns[own]
