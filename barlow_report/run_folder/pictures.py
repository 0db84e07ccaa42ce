"""The pictures of a run folder, named by the hash of their bytes."""

import os
from collections.abc import Iterable
from pathlib import Path

from barlow_report.errors import DamagedFileError
from barlow_report.files import atomic_write, output_errors
from barlow_report.seals import content_name, read_named

__all__ = ["PictureFiles"]


class PictureFiles:
    """The pictures of a run folder."""

    folder: Path

    @property
    def media(self) -> Path:
        """The folder of pictures."""
        return self.folder / "media"

    def add_media(self, data: bytes, *, suffix: str = ".webp") -> str:
        """Store a picture and return its name below `media`; the same bytes are stored once."""
        digest = content_name(data)
        name = f"{digest[:2]}/{digest}{suffix}"
        if not self.has_media(name):
            atomic_write(self.media / name, data, durable=False)
        return name

    def read_media(self, name: str) -> bytes:
        """Return the bytes of a picture.

        Raises:
            DamagedFileError: It is missing, or its bytes are not those that it was stored with.
        """
        return read_named(self.media / name)

    def has_media(self, name: str) -> bool:
        """Whether a picture is there, and whole."""
        try:
            self.read_media(name)
        except DamagedFileError:
            return False
        return True

    def delete_unused_media(self, used: Iterable[str]) -> None:
        """Delete pictures that no table names any more."""
        keep = set(used)
        with output_errors(self.media):
            for folder, _, names in os.walk(self.media):
                for name in names:
                    if f"{Path(folder).name}/{name}" not in keep:
                        (Path(folder) / name).unlink()
