"""Reading and decoding batches of images, in the sizes that the models of a pass want."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from barlow_report.vision.models import LoadedModel
from barlow_report.vision.preprocessing import geometry, to_pixels
from barlow_report.vision.reading import UnreadableImage
from barlow_report.vision.remarks import Remarks
from barlow_report.vision.sources.source import ImageSource

if TYPE_CHECKING:
    from barlow_report.config import PreprocessingConfig

__all__ = ["Batch", "Decoded", "Pixels", "Plan", "decode", "in_slices", "join_decoded", "make_plan"]

Result = TypeVar("Result")

Pixels = npt.NDArray[np.uint8]
"""An image, shape (H, W, 3)."""

SLICE_SIZE = 16
"""Images that a thread decodes at a time for a device."""

N_BATCHES_AHEAD = 2
"""Batches that are decoded ahead of a device."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a pass runs, and which of an image's decoded versions each of its models takes."""

    source: ImageSource
    models: tuple[LoadedModel, ...]
    has_inspected: bool
    preprocessings: "tuple[PreprocessingConfig, ...]"

    @property
    def feature(self) -> LoadedModel:
        """The model that gives the features."""
        return self.models[0]

    @property
    def inspected(self) -> LoadedModel | None:
        """The model that gives the predictions; perhaps the same one."""
        return self.models[-1] if self.has_inspected else None


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Neighbouring images of a shard; `first` is the position of the first one."""

    paths: Sequence[str]
    first: int


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """A batch after decoding; entry i of all but `skipped` belongs to the same readable image.

    Attributes:
        positions: Within the shard.
        names: The paths.
        pixels: One array for each geometry.
        digests: See `ShardResult`.
        skipped: See `ShardResult`.
        remarks: Of the images of which there is something to remark.
    """

    positions: list[int]
    names: list[str]
    pixels: list[tuple[Pixels, ...]]
    digests: list[str]
    skipped: list[tuple[int, str]]
    remarks: list[Remarks]


def make_plan(source: ImageSource, feature_model: LoadedModel, inspected_model: LoadedModel | None) -> Plan:
    """Return what a pass with these models runs; two that want the same pixels share them."""
    models = [feature_model]
    preprocessings = [feature_model.preprocessing]
    if inspected_model is not None and inspected_model is not feature_model:
        models.append(inspected_model)
        if geometry(inspected_model.preprocessing) != geometry(feature_model.preprocessing):
            preprocessings.append(inspected_model.preprocessing)
    return Plan(
        source=source,
        models=tuple(models),
        has_inspected=inspected_model is not None,
        preprocessings=tuple(preprocessings),
    )


def in_slices(
    pool: ThreadPoolExecutor, function: Callable[[Batch], Result], batches: Iterable[Batch]
) -> Iterator[list[Result]]:
    """Yield `function` of the slices of each batch, so that all threads work on the batch that is needed next."""
    waiting: deque[list[Future[Result]]] = deque()
    for batch in batches:
        slices = [
            Batch(paths=batch.paths[i : i + SLICE_SIZE], first=batch.first + i)
            for i in range(0, len(batch.paths), SLICE_SIZE)
        ]
        waiting.append([pool.submit(function, part) for part in slices])
        if len(waiting) > N_BATCHES_AHEAD:
            yield [future.result() for future in waiting.popleft()]
    while waiting:
        yield [future.result() for future in waiting.popleft()]


def join_decoded(slices: Sequence[Decoded]) -> Decoded:
    """The slices of a batch as one."""
    return Decoded(
        positions=[item for part in slices for item in part.positions],
        names=[item for part in slices for item in part.names],
        pixels=[item for part in slices for item in part.pixels],
        digests=[item for part in slices for item in part.digests],
        skipped=[item for part in slices for item in part.skipped],
        remarks=[item for part in slices for item in part.remarks],
    )


def decode(plan: Plan, batch: Batch) -> Decoded:
    """Read and decode the images of a batch one after the other."""
    decoded = Decoded(positions=[], names=[], pixels=[], digests=[], skipped=[], remarks=[])
    for position, path in enumerate(batch.paths, batch.first):
        try:
            loaded = plan.source.read(path)
            pixels = tuple(to_pixels(loaded.image, preprocessing) for preprocessing in plan.preprocessings)
        except UnreadableImage as error:
            decoded.skipped.append((position, error.reason))
            continue
        decoded.positions.append(position)
        decoded.names.append(path)
        decoded.pixels.append(pixels)
        decoded.digests.append(loaded.digest)
        if (remarks := Remarks.of(loaded.decoded)) is not None:
            decoded.remarks.append(remarks)
    return decoded
