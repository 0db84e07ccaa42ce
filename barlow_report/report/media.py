"""The pictures of a site: which ones its pages show, how large they are, and their copies beside the pages.

The size comes from the file's header, so that a page reserves the room before a picture has loaded. No picture is
decoded or encoded here.
"""

import re
import struct
from dataclasses import dataclass
from pathlib import Path

from barlow_report.errors import SiteError
from barlow_report.files import output_errors
from barlow_report.progress import Advance
from barlow_report.seals import REDRAW, read_named

__all__ = ["MediaLibrary", "StoredPicture", "webp_size"]

_SAFE_NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]+\.[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture on the site; `path` is relative to the site's root, sizes are in pixels."""

    path: str
    width: int
    height: int


class MediaLibrary:
    """The media folder of a run, and the names that pages have asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._found: dict[str, StoredPicture] = {}

    def picture(self, name: str) -> StoredPicture:
        """Return the picture `name` and note that it is shown.

        Raises:
            SiteError: There is no such picture, or the name leads out of the folder.
        """
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = self._read(name)
        return found

    def _read(self, name: str) -> StoredPicture:
        if not _SAFE_NAME.fullmatch(name):
            raise SiteError(f"media: found {name!r}, expected <2 hex>/<hash>.webp. {REDRAW}")
        path = self.folder / name
        try:
            with path.open("rb") as file:
                header = file.read(32)
        except OSError as error:
            raise SiteError(f"{path}: cannot be read ({error.strerror}). {REDRAW}") from error
        width, height = webp_size(header) or (224, 224)
        return StoredPicture(f"media/{name}", width, height)

    def copy(self, site: Path, *, advance: Advance) -> None:
        """Copy every picture that was asked for below `site`.

        Raises:
            DamagedFileError: A picture is missing, or its bytes are not those that its name stands for.
        """
        for folder in sorted({Path(picture.path).parent for picture in self._found.values()}):
            with output_errors(site / folder):
                (site / folder).mkdir(parents=True, exist_ok=True)
        for name, picture in self._found.items():
            target = site / picture.path
            data = read_named(self.folder / name)
            with output_errors(target):
                target.write_bytes(data)
            advance(1)


def webp_size(header: bytes) -> tuple[int, int] | None:
    """Return (width, height) from the first 30 bytes of a WebP file (RFC 9649); None for anything else."""
    if len(header) < 30 or header[:4] != b"RIFF" or header[8:12] != b"WEBP":
        return None
    kind = header[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", header, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", header, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return int.from_bytes(header[24:27], "little") + 1, int.from_bytes(header[27:30], "little") + 1
    return None
