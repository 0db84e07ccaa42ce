"""What lies in image folders beside the images that can be read: which of it is lost, and which was never an image."""

import os
import stat
from collections import Counter

from barlow_report.tables import NO_IMAGE

__all__ = ["N_LOOKED_AT", "ForeignFiles", "is_system_folder", "may_be_image"]

MAX_LOOKED_INTO = 1000
"""Files of each unknown ending whose first bytes are read."""

N_LOOKED_AT = 132
"""Bytes at the start of a file that say what it is."""

# fmt: off
_FOLDERS = frozenset({
    "__macosx", "@eadir", "@recycle", "@recently-snapshot", "@tmp", "#recycle", "#snapshot", "lost+found",
    "$recycle.bin", "recycler", "recycled", "system volume information", "__pycache__",
})
_FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})
_UNREAD = frozenset({
    ".arw", ".cr2", ".cr3", ".czi", ".dcm", ".dds", ".dicom", ".dng", ".emf", ".eps", ".exr", ".hdr", ".heic", ".heif",
    ".hif", ".icns", ".ico", ".jpf", ".jpx", ".jxl", ".jxr", ".mha", ".ndpi", ".nef", ".nii", ".npy", ".npz", ".nrrd",
    ".orf", ".pcx", ".pfm", ".psd", ".raf", ".raw", ".rw2", ".sgi", ".svg", ".svs", ".tga", ".wmf", ".xcf",
})
_UNFINISHED = frozenset({".crdownload", ".download", ".filepart", ".part", ".partial", ".tmp"})
_OTHER = frozenset({
    ".7z", ".avi", ".csv", ".db", ".doc", ".docx", ".gz", ".htm", ".html", ".ini", ".ipynb", ".json", ".jsonl", ".log",
    ".mat", ".md", ".md5", ".mov", ".mp4", ".pdf", ".pkl", ".py", ".rar", ".rst", ".sha256", ".sqlite", ".tar", ".toml",
    ".tsv", ".txt", ".url", ".xls", ".xlsx", ".xml", ".yaml", ".yml", ".zip",
})
# fmt: on
_BEGINNINGS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG": "PNG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"\0\0\0\x0cjP": "JPEG 2000",
}
_BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIC", b"msf1": "HEIC"}


def is_system_folder(name: str) -> bool:
    """Whether systems and programs make folders of this name beside people's own."""
    return name.startswith(".") or name.casefold() in _FOLDERS


def may_be_image(reason: str) -> bool:
    """Whether a reason is that of a file that may be an image of the data set."""
    return not reason.startswith(NO_IMAGE)


class ForeignFiles:
    """Says why files whose names are not those of images are left out."""

    def __init__(self) -> None:
        self._n_looked_into: Counter[str] = Counter()

    def reason(self, entry: os.DirEntry[str]) -> str:
        """Return why a file is not analysed; it begins with `NO_IMAGE` where nothing is lost by that."""
        if entry.name.startswith("."):
            return f"{NO_IMAGE}hidden file"
        if entry.name.casefold() in _FILES:
            return f"{NO_IMAGE}file of the system"
        suffix = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 - a name, for a million files
        if suffix in _OTHER:
            return f"{NO_IMAGE}{suffix}"
        if (problem := self.problem(entry)) is not None:
            return problem
        if suffix in _UNREAD:
            return f"images in this format ({suffix}) are not read; convert them to PNG or JPEG"
        if suffix in _UNFINISHED:
            return f"an unfinished file ({suffix})"
        self._n_looked_into[suffix] += 1
        if self._n_looked_into[suffix] > MAX_LOOKED_INTO:
            return "its name does not end like that of an image"
        try:
            return _by_content(self.start(entry))
        except OSError as error:
            return error.strerror or str(error)

    def problem(self, entry: os.DirEntry[str]) -> str | None:
        """Return why an entry cannot be read as a file; None where it can."""
        return _no_plain_file(entry.path)

    def start(self, entry: os.DirEntry[str]) -> bytes:
        """Return the first bytes of a file.

        Raises:
            OSError: It cannot be read.
        """
        with open(entry.path, "rb") as file:  # noqa: PTH123
            return file.read(N_LOOKED_AT)


def _no_plain_file(path: str) -> str | None:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - before it is opened: opening a pipe waits for somebody to write
    except FileNotFoundError:
        return "broken link"
    except OSError as error:
        return error.strerror or str(error)
    return None if stat.S_ISREG(mode) else "not a file"


def _by_content(start: bytes) -> str:
    if not start:
        return "the file is empty"
    found = next((name for beginning, name in _BEGINNINGS.items() if start.startswith(beginning)), None)
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        found = "WebP"
    elif start[4:8] == b"ftyp":
        found = _BRANDS.get(start[8:12])
    elif start[128:132] == b"DICM":
        found = "DICOM"
    if found is None:
        return f"{NO_IMAGE}unknown content"
    return f"its name does not end like that of an image, though it is one ({found}): rename it"
