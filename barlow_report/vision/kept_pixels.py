"""Images that stay decoded while several models are run on them, so that each file is read and decoded once.

There are two kinds. `KeptImages` holds a few whole images, which models are tried on before a pass. `KeptPixels` holds
the batches of a pass in the geometries of all its models, where memory allows that for all of them: otherwise every
group of models that is in memory together decodes the images again.
"""

import threading
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from barlow_report.vision.decoding import Batch, Decoder, Stacked
from barlow_report.vision.passes import Stack
from barlow_report.vision.sources.source import ImageSource, LoadedImage

__all__ = ["KeptImages", "KeptPixels", "bytes_of_images"]


class KeptImages:
    """A source of images that remembers some of them once they were read; a copy in another process begins anew."""

    def __init__(self, source: ImageSource, paths: Collection[str]) -> None:
        """Prepare it.

        Args:
            source: Reads the images.
            paths: Those to remember.
        """
        self._source, self._paths = source, frozenset(paths)
        self._kept: dict[str, LoadedImage] = {}

    @property
    def root(self) -> Path:
        """See `ImageSource`."""
        return self._source.root

    def read(self, path: str) -> LoadedImage:
        """See `ImageSource`."""
        found = self._kept.get(path)
        if found is None:
            found = self._source.read(path)
            if path in self._paths:
                self._kept[path] = found
        return found

    def states(self, paths: Sequence[str]) -> Iterator[str]:
        """See `ImageSource`."""
        return self._source.states(paths)

    def files(self, paths: Sequence[str]) -> Iterator[Path | None]:
        """See `ImageSource`."""
        return self._source.files(paths)

    def __getstate__(self) -> tuple[ImageSource, frozenset[str]]:
        return self._source, self._paths

    def __setstate__(self, state: tuple[ImageSource, frozenset[str]]) -> None:
        self._source, self._paths = state
        self._kept = {}


class KeptPixels:
    """Remembers what batches are when they are decoded; safe to use from several threads."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, tuple[str, ...]], Stacked] = {}
        self._lock = threading.Lock()

    def keep(self, stack: Stack) -> Stack:
        """Return what decodes a batch with `stack` the first time, and then gives it again."""

        def remembered(batch: Batch) -> Stacked:
            key = (batch.first, tuple(batch.paths))
            with self._lock:
                found = self._kept.get(key)
            if found is None:
                found = stack(batch)
                with self._lock:
                    self._kept[key] = found
            return found

        return remembered


def bytes_of_images(decoder: Decoder, sample: Sequence[str], *, n_images: int) -> int:
    """Return how much memory images take in all geometries of a decoder, estimated from a sample that can be read."""
    decoded = decoder.decode(Batch(paths=sample, first=0))
    sizes = [sum(version.nbytes for version in versions) for versions in decoded.pixels]
    return int(sum(sizes) / max(len(sizes), 1) * n_images)
