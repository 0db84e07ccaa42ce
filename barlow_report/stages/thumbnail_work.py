"""Making thumbnails as work for an engine: some images at a time, on all threads of a worker."""

import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from barlow_report.config import PreprocessingConfig
from barlow_report.engine import named_images
from barlow_report.progress import Advance
from barlow_report.run_folder import Run
from barlow_report.stages.photos import Photo, read_photo
from barlow_report.visuals.thumbnails import encode_thumbnail, is_enlarged

if TYPE_CHECKING:
    from PIL import Image

    from barlow_report.vision.sources.source import ImageSource

__all__ = ["Thumbnail", "ThumbnailWork", "thumbnail_of"]


class Thumbnail(NamedTuple):
    """A thumbnail: its name below media/, and width and height of the image if it has been enlarged."""

    name: str
    enlarged_from: tuple[int, int] | None


@dataclass(frozen=True, kw_only=True, eq=False)
class ThumbnailWork:
    """Makes and stores thumbnails of images by id; the result is a `Thumbnail` for each of them.

    Attributes:
        source: Reads the images.
        preprocessing: How the feature model frames an image.
        is_grey: Whether no model sees colours, so that they would mislead.
        max_side: Of a thumbnail, in pixels.
        folder: The run folder.
        n_workers: Threads; default: as many as there are processors.
    """

    source: "ImageSource"
    preprocessing: PreprocessingConfig
    is_grey: bool
    max_side: int
    folder: Path
    n_workers: int | None

    def start(self, n_threads: int | None) -> "_ThumbnailWorker":
        """Prepare; see `Work`."""
        return _ThumbnailWorker(self, self.n_workers or n_threads or os.cpu_count() or 1)

    def describe(self, unit: Mapping[int, Photo]) -> str:
        """Name the images; see `Work`."""
        return f"{self.source.root}: {named_images([photo.path for photo in unit.values()])}"

    def halves(self, unit: Mapping[int, Photo]) -> list[dict[int, Photo]]:
        """See `Work`."""
        photos = list(unit.items())
        middle = (len(photos) + 1) // 2
        return [dict(photos[:middle]), dict(photos[middle:])] if len(photos) > 1 else []


class _ThumbnailWorker:
    def __init__(self, work: ThumbnailWork, n_threads: int) -> None:
        self._work, self._n_threads = work, n_threads
        self._run = Run(work.folder)

    def run(self, units: Iterable[Mapping[int, Photo]], *, advance: Advance) -> Iterator[list[Thumbnail]]:
        """Make thumbnails; see `Worker`."""
        units = list(units)
        pool = ThreadPoolExecutor(self._n_threads, thread_name_prefix="thumbnails")
        try:
            made = pool.map(self._make, [photo for unit in units for photo in unit.values()])
            for unit in units:
                found = []
                for _ in unit:
                    found.append(next(made))
                    advance(1)
                yield found
        finally:
            pool.shutdown(cancel_futures=True)

    def _make(self, photo: Photo) -> Thumbnail:
        work = self._work
        view = _view(read_photo(work.source, photo).image, work.preprocessing, is_grey=work.is_grey)
        name = self._run.add_media(encode_thumbnail(view, max_side=work.max_side))
        return Thumbnail(name, view.size if is_enlarged(view.size, max_side=work.max_side) else None)


def thumbnail_of(image: "Image.Image", preprocessing: PreprocessingConfig, *, is_grey: bool, max_side: int) -> bytes:
    """Return the thumbnail of an image as the feature model frames it."""
    return encode_thumbnail(_view(image, preprocessing, is_grey=is_grey), max_side=max_side)


def _view(image: "Image.Image", preprocessing: PreprocessingConfig, *, is_grey: bool) -> "Image.Image":
    from barlow_report.vision.preprocessing import field_of_view

    view = field_of_view(image, preprocessing)
    return view.convert("L").convert("RGB") if is_grey else view
