"""What the inspected model says of changed images.

An image is changed in the feature model's input. An inspected model that resizes and crops alike gets the same pixels,
another one the change carried over to its own input (`transfer.py`). The unchanged image is asked in the same way, so
that what is compared are always answers to inputs that were made alike.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from barlow_report.vision.acceleration import accelerate
from barlow_report.vision.bands import Content
from barlow_report.vision.channels import as_channels, require_common_bands
from barlow_report.vision.decisions import Decision
from barlow_report.vision.gradients import passes, rows_per_pass
from barlow_report.vision.memory import MemoryLimit, within_memory
from barlow_report.vision.models import LoadedModel
from barlow_report.vision.preprocessing import geometry, to_tensor
from barlow_report.vision.transfer import transfer_change
from barlow_report.vision.workers import Workers

if TYPE_CHECKING:
    from barlow_report.config import PreprocessingConfig

__all__ = ["Answer", "Answers"]


class Answer(NamedTuple):
    """What is said of each image, (k,): its predicted class_id, how confidently, and the confidence in its label."""

    predictions: npt.NDArray[np.int64]
    confidences: npt.NDArray[np.float64]
    in_label: npt.NDArray[np.float64]


class Answers:
    """Asks one model about images that were changed in another one's input; prepares it once for many calls."""

    def __init__(
        self, inspected: LoadedModel, *, changed_in: "PreprocessingConfig", decision: Decision, batch_size: int
    ) -> None:
        require_common_bands(changed_in, inspected.preprocessing, where=inspected.role)
        self._preprocessing = inspected.preprocessing
        self._device, self._role = inspected.device, inspected.role
        self._limit = MemoryLimit()
        self._workers = Workers(accelerate(inspected))
        self._source = changed_in
        self._decision = decision
        self._batch_size = batch_size
        self._shares_input = geometry(changed_in) == geometry(inspected.preprocessing)

    def ask(
        self,
        originals: Sequence[Content],
        inputs: torch.Tensor,
        changed: torch.Tensor,
        rows: torch.Tensor,
        *,
        labels: npt.NDArray[np.int64],
    ) -> Answer:
        """Ask about changed images.

        Args:
            originals: Images as they were decoded, n of them.
            inputs: What the feature model gets of them, (n, C, H, W).
            changed: Some of these, changed, (k, C, H, W), k at least 1.
            rows: Which each of `changed` is of, 0 to n − 1, ascending, (k,).
            labels: class_id of each of the n images, (n,).
        """
        batches = list(self._inputs(originals, inputs, changed, rows))
        outputs = within_memory(
            lambda batch_size: self._outputs(batches, batch_size),
            self._batch_size,
            limit=self._limit,
            what=f"{self._role} on {self._device}",
        )
        found = outputs.double().numpy()
        decided = self._decision.decide(found)
        in_label = self._decision.confidences_in(found, labels[rows.numpy()])
        return Answer(decided.predictions, decided.confidences, in_label)

    def _outputs(self, batches: Sequence[torch.Tensor], batch_size: int) -> torch.Tensor:
        """Of all images of all batches, in passes of a fixed number of rows."""
        parts, counts = [], []
        for batch in batches:
            n, size = len(batch), (batch.shape[2], batch.shape[3])
            n_rows = rows_per_pass(self._device, batch_size=batch_size, size=size)
            for number, part in enumerate(passes(n, n_rows, device=batch.device)):
                parts.append(batch[part])
                counts.append(min(n - number * n_rows, n_rows))
        found = self._workers.map(lambda own, part: _predict(own[0], part), parts)
        return torch.cat([each[:count] for each, count in zip(found, counts, strict=True)])

    def _inputs(
        self, originals: Sequence[Content], inputs: torch.Tensor, changed: torch.Tensor, rows: torch.Tensor
    ) -> Iterator[torch.Tensor]:
        """What the inspected model gets: batches of one size each, together in the order of `changed`."""
        if self._shares_input:
            yield changed
            return
        for row, places in groupby(range(len(rows)), key=lambda place: int(rows[place])):
            own = to_tensor(originals[row], self._preprocessing)
            carried = transfer_change(
                (changed[list(places)] - inputs[row]).cpu(),
                image_size=originals[row].size,
                source=self._source,
                target=self._preprocessing,
                size=(own.shape[1], own.shape[2]),
            )
            yield (own + as_channels(carried, self._source, self._preprocessing)).clamp(0, 1)


def _predict(model: LoadedModel, images: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return model.predict(images.to(model.device).contiguous()).cpu()
