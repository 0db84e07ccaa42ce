"""What the failures of a group by prediction are compared with: images of their own classes that were not taken for it.

The failures of such a group are images of other classes. That they differ from images of the class says no more than
that they are not of it. What they have that other images of their own true classes lack is why they, of all, were taken
for the class: see `barlow_report.rules.growing`.
"""

import numpy as np
import numpy.typing as npt

from barlow_report.rules.groups import Group
from barlow_report.rules.inputs import Inputs, read_rows
from barlow_report.rules.splitting import Controls

__all__ = ["PREDICTION_GROUPINGS", "ControlFinder"]

Integers = npt.NDArray[np.int64]

PREDICTION_GROUPINGS = ("prediction", "unions_by_prediction")
"""The groupings whose groups are the images that were predicted as certain classes."""

_PER_FAILURE = 3
_CONTROL_STREAM = 4  # keeps the choice apart from other random numbers of the run's seed


class ControlFinder:
    """Draws the controls of groups by prediction.

    Args:
        inputs: Features, labels and predictions of the run.
        seed: Of the run.
    """

    def __init__(self, inputs: Inputs, *, seed: int) -> None:
        self._inputs, self._seed = inputs, seed
        self._order = np.argsort(inputs.labels, kind="stable")
        self._edges = np.searchsorted(inputs.labels[self._order], np.arange(len(inputs.class_names) + 1))

    def __call__(self, group: Group, image_ids: Integers, *, limit: int | None = None) -> Controls | None:
        """Return the controls of a group by prediction, None for another one.

        Args:
            group: The group, none of whose images is a control.
            image_ids: Its images, or a sample of them, to whose failures the controls belong.
            limit: Fewer than three for each failure where that would be more; at least one for each.
        """
        if group.grouping not in PREDICTION_GROUPINGS:
            return None
        labels, predictions = self._inputs.labels, self._inputs.predictions
        classes = np.unique(predictions[group.image_ids])
        failed = labels[image_ids[labels[image_ids] != predictions[image_ids]]]
        random = np.random.default_rng([self._seed, _CONTROL_STREAM, group.group_id])
        n_each = _PER_FAILURE if limit is None else int(np.clip(limit // max(len(failed), 1), 1, _PER_FAILURE))
        chosen = [
            self._draw(int(label), int(n) * n_each, classes, random)
            for label, n in zip(*np.unique(failed, return_counts=True), strict=True)
        ]
        ids = np.sort(np.concatenate(chosen)) if chosen else np.empty(0, dtype=np.int64)
        return Controls(
            features=read_rows(self._inputs.features, ids), strata=labels[ids], failure_strata=np.asarray(failed)
        )

    def _draw(self, label: int, n: int, classes: Integers, random: np.random.Generator) -> Integers:
        """Draw up to `n` images of a class that were predicted as none of `classes`."""
        of_class = self._order[self._edges[label] : self._edges[label + 1]]
        others = of_class[~np.isin(self._inputs.predictions[of_class], classes)]
        return np.asarray(random.choice(others, min(n, len(others)), replace=False), dtype=np.int64)
