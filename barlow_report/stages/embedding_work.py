"""Embedding images as work for an engine: the image-text model once per worker, and a shard after the other."""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from barlow_report.engine import named_images
from barlow_report.progress import Advance
from barlow_report.seals import sealed_file
from barlow_report.stages.photos import Photo, read_photo

if TYPE_CHECKING:
    from barlow_report.vision.embeddings import ImageTextModel
    from barlow_report.vision.sources.source import ImageSource

__all__ = ["EmbeddingUnit", "EmbeddingWork", "shard_file"]


def shard_file(work: Path, index: int) -> Path:
    """Return the file of a shard's embeddings in the folder of the unfinished work."""
    return work / f"{index:06d}.npy"


@dataclass(frozen=True, kw_only=True)
class EmbeddingUnit:
    """The unit: a shard of images; without an index, what comes of it is not kept."""

    index: int | None
    photos: Sequence[Photo]


@dataclass(frozen=True, kw_only=True, eq=False)
class EmbeddingWork:
    """Embeds images; there is no result, but a file for each shard.

    Attributes:
        model: The model, where it is loaded already; other processes load it themselves.
        device: The configuration's device.
        source: Reads the images.
        work: Where the files go.
        n_workers: Threads that decode; default: as many as there are processors.
    """

    model: "ImageTextModel"
    device: str
    source: "ImageSource"
    work: Path
    n_workers: int | None

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what the model is loaded from in its place."""
        settings = {"device": self.device, "source": self.source, "work": self.work, "n_workers": self.n_workers}
        return _loaded, (self.model.spec, self.model.role, settings)

    def start(self, n_threads: int | None) -> "_EmbeddingWorker":
        """Prepare; see `Work`."""
        return _EmbeddingWorker(self, self.n_workers or n_threads or os.cpu_count() or 1)

    def describe(self, unit: EmbeddingUnit) -> str:
        """Name the images; see `Work`."""
        return f"{self.source.root}: {named_images([photo.path for photo in unit.photos])}"

    def halves(self, unit: EmbeddingUnit) -> list[EmbeddingUnit]:
        """See `Work`."""
        middle = (len(unit.photos) + 1) // 2
        parts = (unit.photos[:middle], unit.photos[middle:]) if len(unit.photos) > 1 else ()
        return [EmbeddingUnit(index=None, photos=part) for part in parts]


def _loaded(spec: Any, role: str, settings: dict[str, Any]) -> EmbeddingWork:
    from barlow_report.vision.devices import choose_device
    from barlow_report.vision.embeddings import load_image_text_model

    model = load_image_text_model(spec, device=choose_device(settings["device"]), role=role)
    return EmbeddingWork(model=model, **settings)


class _EmbeddingWorker:
    def __init__(self, work: EmbeddingWork, n_threads: int) -> None:
        self._work = work
        self._pool = ThreadPoolExecutor(n_threads, thread_name_prefix="photos")

    def run(self, units: Iterable[EmbeddingUnit], *, advance: Advance) -> Iterator[None]:
        """Embed shards; see `Worker`."""
        for unit in units:
            parts = []
            size = self._work.model.batch_size
            for start in range(0, len(unit.photos), size):
                batch = unit.photos[start : start + size]
                images = list(self._pool.map(lambda photo: read_photo(self._work.source, photo).image, batch))
                parts.append(self._work.model.embed_images(images))
                advance(len(batch))
            if unit.index is not None:
                with sealed_file(shard_file(self._work.work, unit.index)) as file:
                    np.save(file, np.concatenate(parts), allow_pickle=False)
            yield None
