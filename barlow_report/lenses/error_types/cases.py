"""The failures that the cascade looks at, and what it finds, as columns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from barlow_report.lenses.error_types.multi_labels import MultiLabels

__all__ = ["Cases", "Match"]

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Cases:
    """Some failures.

    Attributes:
        image_ids: (n,) ascending.
        labels: (n,) class_id of the label.
        predictions: (n,) class_id of the prediction, never the label.
        owners: (m,) position of the case of each correct label, ascending; without annotation a case has its label.
        correct: (m,) class_id of each correct label.
        is_annotated: (n,) whether people gave the correct labels.
    """

    image_ids: Integers
    labels: Integers
    predictions: Integers
    owners: Integers
    correct: Integers
    is_annotated: Booleans

    @classmethod
    def from_images(
        cls, image_ids: Integers, labels: Integers, predictions: Integers, *, multi_labels: MultiLabels | None
    ) -> "Cases":
        """Make them from failing images.

        Args:
            image_ids: (n,) ascending.
            labels: (n_images,) class_id of every image of the run.
            predictions: (n_images,) likewise.
            multi_labels: All correct labels of images.
        """
        known = np.zeros(len(labels), dtype=np.bool_) if multi_labels is None else multi_labels.is_annotated
        place = np.full(len(labels), -1, dtype=np.int64)
        place[image_ids] = np.arange(len(image_ids))
        alone = image_ids[~known[image_ids]]
        owners, correct = place[alone], labels[alone]
        if multi_labels is not None:
            owners = np.concatenate([owners, place[multi_labels.image_ids]])
            correct = np.concatenate([correct, multi_labels.class_ids])
        order = np.argsort(owners, kind="stable")
        order = order[owners[order] >= 0]
        return cls(
            image_ids=image_ids,
            labels=labels[image_ids],
            predictions=predictions[image_ids],
            owners=owners[order],
            correct=correct[order],
            is_annotated=known[image_ids],
        )

    def __len__(self) -> int:
        return len(self.image_ids)

    def take(self, chosen: Booleans) -> "Cases":
        """Return the cases at which `chosen`, (n,) bool, is true."""
        place = np.cumsum(chosen) - 1
        kept = chosen[self.owners]
        return Cases(
            image_ids=self.image_ids[chosen],
            labels=self.labels[chosen],
            predictions=self.predictions[chosen],
            owners=place[self.owners[kept]],
            correct=self.correct[kept],
            is_annotated=self.is_annotated[chosen],
        )

    def any_correct(self, hits: Callable[[Integers, Integers], Booleans]) -> tuple[Booleans, Integers]:
        """Ask about each correct label and the prediction, and return which cases have a hit.

        Args:
            hits: Takes (m,) correct labels and (m,) predictions, returns (m,) bool.

        Returns:
            (n,) bool, and (n,) the first correct label that is a hit; −1 where none is.
        """
        found = np.flatnonzero(hits(self.correct, self.predictions[self.owners]))
        owners, first = np.unique(self.owners[found], return_index=True)
        which = np.full(len(self), -1, dtype=np.int64)
        which[owners] = self.correct[found[first]]
        return which >= 0, which


@dataclass(frozen=True, kw_only=True, eq=False)
class Match:
    """What one stage says of some cases.

    Attributes:
        is_assessed: (n,) whether its input says anything about the case.
        is_match: (n,) whether the case is of its kind.
        details: (n,) words for what matched, None where nothing did.
    """

    is_assessed: Booleans
    is_match: Booleans
    details: Sequence[str | None]
