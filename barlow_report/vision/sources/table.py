"""A table that says what was predicted of images which are not here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from barlow_report.vision.reading import UnreadableImage
from barlow_report.vision.sources.source import LoadedImage

__all__ = ["TableSource"]


@dataclass(frozen=True)
class TableSource:
    """Images by name alone: none can be read. `root` is the folder of the table."""

    root: Path

    def read(self, path: str) -> LoadedImage:  # noqa: ARG002 - what every source can do
        """Refuse: nothing of a run without images reads any.

        Raises:
            UnreadableImage: Always.
        """
        raise UnreadableImage("the images of this run are not here (data.images: none)")

    def states(self, paths: Sequence[str]) -> Iterator[str]:
        """Yield an empty text for each: what is known of an image is in the table."""
        yield from ("" for _ in paths)

    def files(self, paths: Sequence[str]) -> Iterator[Path | None]:
        """Yield None for each: they lie in no file."""
        yield from (None for _ in paths)
