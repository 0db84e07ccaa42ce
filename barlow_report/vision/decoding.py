"""Reading and decoding batches of images, in the sizes that the models of a pass want."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from barlow_report.errors import DataError
from barlow_report.vision.preprocessing import Geometry, Pixels, geometry, to_pixels
from barlow_report.vision.reading import UnreadableImage
from barlow_report.vision.remarks import Remarks
from barlow_report.vision.sources.source import ImageSource

if TYPE_CHECKING:
    from barlow_report.vision.models import LoadedModel

__all__ = [
    "Batch",
    "Decoded",
    "Decoder",
    "DifferentSizesError",
    "Pixels",
    "Plan",
    "Stacked",
    "check_sizes",
    "in_slices",
    "join_decoded",
    "make_plan",
]

Result = TypeVar("Result")


SLICE_SIZE = 16
"""Images that a thread decodes at a time for a device."""

N_BATCHES_AHEAD = 2
"""Batches that are decoded ahead of a device."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a pass runs, and which of an image's decoded versions each of its models takes."""

    decoder: "Decoder"
    models: "tuple[LoadedModel, ...]"
    has_inspected: bool
    has_features: bool = True

    @property
    def feature(self) -> "LoadedModel":
        """The model that gives the features, where they are wanted."""
        return self.models[0]

    @property
    def inspected(self) -> "LoadedModel | None":
        """The model that gives the predictions; perhaps the same one."""
        return self.models[-1] if self.has_inspected else None


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Neighbouring images of a shard; `first` is the position of the first one."""

    paths: Sequence[str]
    first: int


@dataclass(frozen=True, kw_only=True)
class Stacked:
    """A batch whose images lie side by side.

    Attributes:
        decoded: Without its pixels.
        pixels: One array (n, H, W, C) for each geometry; none where no image is readable.
    """

    decoded: "Decoded"
    pixels: list[Pixels]


@dataclass(frozen=True, kw_only=True)
class Decoder:
    """Reads images and brings them into the geometries that models want; can be pickled."""

    source: ImageSource
    geometries: tuple[Geometry, ...]

    def decode(self, batch: Batch) -> "Decoded":
        """Read and decode the images of a batch one after the other."""
        decoded = Decoded(positions=[], names=[], pixels=[], digests=[], skipped=[], remarks=[])
        for position, path in enumerate(batch.paths, batch.first):
            try:
                loaded = self.source.read(path)
                pixels = tuple(to_pixels(loaded.content, geometry) for geometry in self.geometries)
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

    def stack(self, batch: Batch) -> Stacked:
        """Decode the images of a batch and put them side by side.

        Raises:
            DataError: They have different sizes.
        """
        decoded = self.decode(batch)
        versions = list(zip(*decoded.pixels, strict=True))
        for version in versions:
            check_sizes([pixels.shape[:2] for pixels in version], decoded.names)
        return Stacked(decoded=replace(decoded, pixels=[]), pixels=[np.stack(version) for version in versions])


class DifferentSizesError(DataError):
    """Images that a model wants in one batch have different sizes."""


def check_sizes(found: Sequence[Sequence[int]], names: Sequence[str]) -> None:
    """Raise a DifferentSizesError unless images of these names have the same height and width."""
    for size, name in zip(found, names, strict=True):
        if size != found[0]:
            sizes = [f"{name} ({height} × {width})" for name, (height, width) in ((names[0], found[0]), (name, size))]
            raise DifferentSizesError(
                f"images have different sizes (height × width) where the model needs one: {' and '.join(sizes)}. Set "
                "'crop', or 'resize: [height, width]', in the model's preprocessing."
            )


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


def make_plan(source: ImageSource, feature_model: "LoadedModel | None", inspected_model: "LoadedModel | None") -> Plan:
    """Return what a pass with these models, at least one, runs; two that want the same pixels share them."""
    models = [model for model in (feature_model, inspected_model) if model is not None]
    distinct = models[:1] if models[0] is models[-1] else models
    return Plan(
        decoder=Decoder(
            source=source, geometries=tuple(dict.fromkeys(geometry(model.preprocessing) for model in distinct))
        ),
        models=tuple(distinct),
        has_inspected=inspected_model is not None,
        has_features=feature_model is not None,
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
