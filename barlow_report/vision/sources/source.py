"""What every source of images can do: list its images once, and read any of them again by its path.

A path is the name of one image within its source, and the same string in the run folder, on the pages and in
messages: a file's path below the image root, `shard.tar/key.jpg`, `shard.parquet/17`. The pass over the images
reads them in order, the pictures of a report read a few of them again, in any order, from several threads and
perhaps in another process; so sources hold no state that cannot be pickled and open what they need when they
need it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from barlow_report.vision.bands import Content
from barlow_report.vision.images import DecodedImage, Decoding, decode

__all__ = ["ImageSource", "Listing", "LoadedImage", "as_text", "file_state", "is_text", "load_bytes"]


@dataclass(frozen=True, kw_only=True)
class LoadedImage:
    """An image as it was found.

    Attributes:
        decoded: The image, and what is special about its file.
        digest: Hash of the bytes it was decoded from, 32 hexadecimal digits: equal for exact duplicates, and
            another one when the file has changed.
    """

    decoded: DecodedImage
    digest: str

    @property
    def image(self) -> Image.Image:
        """What people see of it, mode RGB."""
        return self.decoded.image

    @property
    def content(self) -> Content:
        """What models get of it."""
        return self.decoded.content


class ImageSource(Protocol):
    """Random access to images by path; safe to use from several threads, and can be pickled."""

    @property
    def root(self) -> Path:
        """The folder where the data lie, for messages."""
        ...  # pragma: no cover - a protocol has no body

    def read(self, path: str) -> LoadedImage:
        """Read and decode one image.

        Raises:
            UnreadableImage: It cannot be read; the reason does not name it.
        """
        ...  # pragma: no cover - a protocol has no body

    def states(self, paths: Sequence[str]) -> Iterator[str]:
        """Yield, without reading the images, what changes when they change: sizes and modification times."""
        ...  # pragma: no cover - a protocol has no body

    def files(self, paths: Sequence[str]) -> Iterator[Path | None]:
        """Yield the file that each image lies in; None where it is not known, or `states` tell the content."""
        ...  # pragma: no cover - a protocol has no body


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What a source says about its images; position i of each column describes image i.

    Attributes:
        source: Reads them.
        where: Named in messages: a folder, a file, a pattern.
        paths: No two are equal.
        labels: Names or indices of the true classes, as the source has them; empty where an image has none.
        predictions: The same for predictions; None without any.
        confidences: Probability of the prediction, 0 to 1 or NaN, float64, shape (n_images,); None without any.
        class_names: The classes in the order that indices count, where the source knows it.
        skipped: (path, reason) of the entries that are known not to be usable before any is decoded.
        attributes: Values of further columns by name, as text, None where an image has none.
        assumptions: Sentences for readers of the report about what was taken for granted, by what they are about.
        is_labelled: Whether each image has a label, shape (n_images,); None: all have one.
    """

    source: ImageSource
    where: str
    paths: list[str]
    labels: list[str | int]
    predictions: list[str | int] | None = None
    confidences: npt.NDArray[np.float64] | None = None
    class_names: tuple[str, ...] | None = None
    skipped: list[tuple[str, str]] = field(default_factory=list)
    attributes: dict[str, list[str | None]] = field(default_factory=dict)
    assumptions: dict[str, str] = field(default_factory=dict)
    is_labelled: npt.NDArray[np.bool_] | None = None


def load_bytes(data: bytes, decoding: Decoding) -> LoadedImage:
    """Decode the content of an image file.

    Raises:
        UnreadableImage: It cannot be decoded.
    """
    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
    return LoadedImage(decoded=decode(data, decoding), digest=digest)


def is_text(name: str) -> bool:
    """Whether a file's name is valid UTF-8; if not, it cannot be stored or shown."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def as_text(name: str) -> str:
    r"""Write the bytes of a file's name that are no text as \xff."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def file_state(path: Path) -> str:
    """Return the size and modification time of a file as text, or `missing`."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return "missing"
    return f"{status.st_size} {status.st_mtime_ns}"
