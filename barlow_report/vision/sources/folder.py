"""Images that are files below a folder: of an image folder, or named by a manifest."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from barlow_report.vision.reading import read_file
from barlow_report.vision.sources.source import LoadedImage, file_state, load_bytes

__all__ = ["FolderSource"]


@dataclass(frozen=True)
class FolderSource:
    """Files below `root`; paths have / between folders."""

    root: Path

    def read(self, path: str) -> LoadedImage:
        """Read and decode one file; see `ImageSource`."""
        return load_bytes(read_file(self.root / path))

    def states(self, paths: Sequence[str]) -> Iterator[str]:
        """Yield the size and modification time of each file."""
        for path in paths:
            yield file_state(self.root / path)
