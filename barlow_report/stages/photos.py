"""Images whose pictures are shown: what reads them, and how to be sure that they are what they were."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from barlow_report.errors import DataError
from barlow_report.vision.reading import UnreadableImage

if TYPE_CHECKING:
    from barlow_report.vision.sources.source import ImageSource, LoadedImage

__all__ = ["Photo", "Photos", "read_photo"]


class Photo(NamedTuple):
    """An image: its path, and the hash of its bytes, None where that is not known."""

    path: str
    digest: str | None


class Photos(NamedTuple):
    """The images that pictures are made of: what reads them, their paths, and the hashes of their bytes, by id."""

    source: "ImageSource"
    paths: Sequence[str]
    digests: Mapping[int, str]

    def photo(self, image_id: int) -> Photo:
        """One of them."""
        return Photo(self.paths[image_id], self.digests.get(image_id))

    def some(self, image_ids: Iterable[int]) -> dict[int, Photo]:
        """Some of them by id, as a worker gets them."""
        return {image_id: self.photo(image_id) for image_id in image_ids}


def read_photo(source: "ImageSource", photo: Photo) -> "LoadedImage":
    """Decode an image.

    Raises:
        DataError: It cannot be read any more, or is another one than it was.
    """
    try:
        loaded = source.read(photo.path)
    except UnreadableImage as error:
        raise DataError(
            f"{source.root}: {photo.path} could be read before and cannot be read now ({error}). "
            "Restore the file, or run again to analyse the images as they are."
        ) from error
    if photo.digest is not None and loaded.digest != photo.digest:
        raise DataError(
            f"{source.root}: {photo.path} has changed since its features were computed. Restore the file, or run "
            "again to analyse the images as they are."
        )
    return loaded
