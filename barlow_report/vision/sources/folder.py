"""Images that are files below a folder: of an image folder, or named by a manifest."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from barlow_report.errors import DataError
from barlow_report.vision.class_labels import unknown_folders
from barlow_report.vision.classes import ClassList
from barlow_report.vision.images import AS_SEEN, Decoding
from barlow_report.vision.reading import patiently, read_file
from barlow_report.vision.sources.source import Listing, LoadedImage, as_text, file_state, is_text, load_bytes

__all__ = ["IMAGE_SUFFIXES", "FolderSource", "is_image", "list_folder"]

# fmt: off
IMAGE_SUFFIXES = frozenset({
    ".avif", ".bmp", ".gif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg",
    ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp",
})
# fmt: on
"""Files of an image folder with one of these endings, in any case, are images; others are left alone."""


@dataclass(frozen=True)
class FolderSource:
    """Files below `root`; paths have / between folders."""

    root: Path
    decoding: Decoding = AS_SEEN

    def read(self, path: str) -> LoadedImage:
        """Read and decode one file; see `ImageSource`."""
        return load_bytes(read_file(self.root / path), self.decoding)

    def states(self, paths: Sequence[str]) -> Iterator[str]:
        """Yield the size and modification time of each file."""
        for path in paths:
            yield file_state(self.root / path)


def list_folder(
    root: Path,
    *,
    decoding: Decoding = AS_SEEN,
    known_classes: ClassList | None = None,
    class_depth: int = 1,
) -> Listing:
    """List the images of an image folder, sorted by path.

    Args:
        root: The folder.
        decoding: How its files become pixels.
        known_classes: What sub-folders may be called; default: anything.
        class_depth: Levels of sub-folders that name a class; images may lie deeper.

    Raises:
        DataError: The folder is missing, holds no image, or a sub-folder that is no known class.
    """
    if not root.is_dir():
        found = "a file" if root.exists() else "nothing there"
        raise DataError(f"{root}: found {found}, expected a folder with one sub-folder of images per class (folder:).")
    folders, loose, skipped = _class_folders(root, class_depth)
    if known_classes is not None and (unknown := unknown_folders(folders, known_classes)):
        raise DataError(
            f"{root}: sub-folder {unknown}. Every sub-folder is a class: add it to data.classes or move it away."
        )
    images = sorted((path, folder) for folder in folders for path in _walk(root, folder, skipped))
    if not images:
        hint = f"; {len(loose)} images lie beside the class folders instead of in them" if loose else ""
        raise DataError(
            f"{root}: found no image{hint}. Expected {root.name}/{'<group>/' * (class_depth - 1)}<class>/<image> with "
            f"images ending in {', '.join(sorted(IMAGE_SUFFIXES))}."
        )
    return Listing(
        source=FolderSource(root, decoding),
        where=str(root),
        paths=[path for path, _ in images],
        labels=[folder for _, folder in images],
        class_names=tuple(folders),
        skipped=sorted(skipped),
    )


def is_image(name: str) -> bool:
    """Whether a file's name ends like that of an image."""
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122 - a name, for a million files


def _class_folders(root: Path, depth: int) -> tuple[list[str], list[str], list[tuple[str, str]]]:
    """The folders that are classes, the images beside them, and what is skipped so far."""
    skipped: list[tuple[str, str]] = []
    loose: list[str] = []
    level = [("", frozenset({os.path.realpath(root)}))]
    for _ in range(depth):
        below: list[tuple[str, frozenset[str]]] = []
        for folder, above in level:
            for entry in _entries(root, folder, skipped):
                path = _join(folder, entry.name)
                if _is_folder(entry, path, skipped):
                    below += _unless_circle(entry, path, above, skipped)
                elif is_image(entry.name):
                    loose.append(path)
        level = below
    skipped += [(path, "not in the folder of a class") for path in loose]
    return [folder for folder, _ in level], loose, skipped


def _entries(root: Path, below: str, skipped: list[tuple[str, str]]) -> Iterator[os.DirEntry[str]]:
    """Yield the visible entries of a folder whose names are text; note the others in `skipped`."""

    def scan() -> list[os.DirEntry[str]]:
        with os.scandir(root / below) as entries:
            return sorted(entries, key=lambda entry: entry.name)  # file systems have no order to rely on

    try:
        found = patiently(scan)
    except OSError as error:
        if not below:
            raise DataError(f"{root}: the folder cannot be read ({error.strerror}).") from error
        skipped.append((below, f"folder cannot be read: {error.strerror}"))
        return
    for entry in found:
        if entry.name.startswith("."):
            continue
        if is_text(entry.name):
            yield entry
        else:
            skipped.append((_join(below, as_text(entry.name)), "name is not valid UTF-8"))


def _walk(root: Path, folder: str, skipped: list[tuple[str, str]]) -> Iterator[str]:
    """Yield the images below one class folder at any depth, following links but never in circles."""
    stack = [(folder, frozenset({os.path.realpath(root), os.path.realpath(root / folder)}))]
    while stack:
        below, above = stack.pop()
        for entry in _entries(root, below, skipped):
            path = _join(below, entry.name)
            if _is_folder(entry, path, skipped):
                stack += _unless_circle(entry, path, above, skipped)
            elif is_image(entry.name):
                yield path


def _is_folder(entry: os.DirEntry[str], path: str, skipped: list[tuple[str, str]]) -> bool:
    try:
        return patiently(entry.is_dir)
    except OSError as error:  # a link to itself
        if not is_image(entry.name):  # an image is listed where it is read
            skipped.append((path, error.strerror or str(error)))
        return False


def _unless_circle(
    entry: os.DirEntry[str], path: str, above: frozenset[str], skipped: list[tuple[str, str]]
) -> list[tuple[str, frozenset[str]]]:
    """The folder of an entry with all folders above it, or nothing where it is a link to one of them."""
    real = os.path.realpath(entry.path)
    if real in above:
        skipped.append((path, "link to a folder above it"))
        return []
    return [(path, above | {real})]


def _join(below: str, name: str) -> str:
    return f"{below}/{name}" if below else name
