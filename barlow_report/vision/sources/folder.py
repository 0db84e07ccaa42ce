"""Images that are files below a folder: of an image folder, or named by a manifest."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from barlow_report.errors import DataError
from barlow_report.storage import is_address, shown
from barlow_report.tables import NO_IMAGE
from barlow_report.vision.class_labels import unknown_folders
from barlow_report.vision.class_names import some
from barlow_report.vision.classes import ClassList
from barlow_report.vision.images import AS_SEEN, Decoding
from barlow_report.vision.reading import patiently, read_file
from barlow_report.vision.sources.foreign_files import ForeignFiles, is_system_folder, may_be_image
from barlow_report.vision.sources.remote import RemoteFiles, RemoteFolderSource, RemoteTree
from barlow_report.vision.sources.skips import Skips
from barlow_report.vision.sources.source import (
    ImageSource,
    Listing,
    LoadedImage,
    as_text,
    file_state,
    is_text,
    load_bytes,
)

__all__ = ["IMAGE_SUFFIXES", "FolderSource", "files_below", "is_image", "list_folder", "list_loose_folder"]

# fmt: off
IMAGE_SUFFIXES = frozenset({
    ".avif", ".bmp", ".gif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg",
    ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp",
})
# fmt: on
"""Files of an image folder with one of these endings, in any case, are images; others are listed as skipped."""

_ARRAY_SUFFIX = ".npy"

_PARTS = frozenset({"dev", "eval", "test", "testing", "train", "training", "val", "valid", "validation"})


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

    def files(self, paths: Sequence[str]) -> Iterator[Path | None]:
        """Yield each file's path."""
        return (self.root / path for path in paths)


def files_below(root: Path, decoding: Decoding) -> ImageSource:
    """Return the source of the files below a folder, or of the objects below an address."""
    return RemoteFolderSource(root, decoding) if is_address(root) else FolderSource(root, decoding)


def list_folder(
    root: Path,
    *,
    decoding: Decoding = AS_SEEN,
    known_classes: ClassList | None = None,
    class_depth: int = 1,
) -> Listing:
    """List the images of an image folder, sorted by path; everything else that is found is listed as skipped.

    Args:
        root: The folder.
        decoding: How its files become pixels.
        known_classes: What sub-folders may be called; default: anything.
        class_depth: Levels of sub-folders that name a class; images may lie deeper.

    Raises:
        DataError: The folder is missing, holds no image, or a sub-folder that is no known class, or of which nothing
            says whether it is one.
    """
    walk = _walk(root, known_classes, decoding, expected="a folder with one sub-folder of images per class")
    folders = walk.class_folders(class_depth)
    if known_classes is not None and (unknown := unknown_folders(folders, known_classes)):
        raise DataError(
            f"{root}: {unknown}. Every sub-folder is a class: add what is missing to data.classes, or move it away."
        )
    images = sorted((path, folder) for folder in folders for path in walk.images(folder))
    if not images:
        raise _no_image(root, walk, class_depth)
    if known_classes is None:
        _require_classes(root, folders, walk)
    return Listing(
        source=files_below(root, decoding),
        where=shown(root),
        paths=[path for path, _ in images],
        labels=[folder for _, folder in images],
        class_names=tuple(folders),
        skipped=walk.skips.rows(),
    )


def list_loose_folder(root: Path, *, decoding: Decoding = AS_SEEN, class_depth: int = 1) -> Listing:
    """List all images below a folder, sorted by path, at any depth; see `list_folder`.

    Those that lie deep enough have the name of their folder as label, `class_depth` levels of it; others have none.

    Raises:
        DataError: The folder is missing or holds no image.
    """
    walk = _walk(root, None, decoding, expected="a folder of images")
    paths = sorted(walk.images(""))
    if not paths:
        raise DataError(
            f"{root}: found no image. Expected images below it that end in {', '.join(sorted(IMAGE_SUFFIXES))}."
        )
    folders = [path.split("/")[:-1][:class_depth] for path in paths]
    return Listing(
        source=files_below(root, decoding),
        where=shown(root),
        paths=paths,
        labels=["/".join(parts) if len(parts) == class_depth else "" for parts in folders],
        is_labelled=np.array([len(parts) == class_depth for parts in folders], dtype=np.bool_),
        skipped=walk.skips.rows(),
    )


def _walk(root: Path, known_classes: ClassList | None, decoding: Decoding, *, expected: str) -> "_Walk":
    has_bands = decoding.bands is not None
    if is_address(root):
        return _RemoteWalk(root, known_classes, has_bands=has_bands, expected=expected)
    if not root.is_dir():
        found = "a file" if root.exists() else "nothing there"
        raise DataError(f"{root}: found {found}, expected {expected} (folder:).")
    return _Walk(root, known_classes, has_bands=has_bands)


def _no_image(root: Path, walk: "_Walk", class_depth: int) -> DataError:
    hint = f"; {walk.n_loose} images lie beside the class folders instead of in them" if walk.n_loose else ""
    lost = [row for row in walk.skips.rows() if may_be_image(row[1])]
    if lost and not hint:
        hint = f"; of {len(lost)} files that may be images the first, {lost[0][0]}: {lost[0][1]}"
    return DataError(
        f"{root}: found no image{hint}. Expected {root.name}/{'<group>/' * (class_depth - 1)}<class>/<image> with "
        f"images ending in {', '.join(sorted(IMAGE_SUFFIXES))}."
    )


def _require_classes(root: Path, folders: Sequence[str], walk: "_Walk") -> None:
    """Refuse folders that may or may not be classes: one too many or too few moves all classes after it."""
    if unclear := sorted({*(set(folders) - walk.filled), *walk.broken_links}):
        raise DataError(
            f"{root}: found sub-folders without an image: {some(unclear)}. If the model has such classes, list all "
            "classes in the order of the model's outputs in data.classes; otherwise move the folders away."
        )
    if {folder.casefold() for folder in folders} <= _PARTS and not walk.filled_directly:
        raise DataError(
            f"{root}: sub-folders {some(folders)} are called as parts of a data set are, not as classes. Give one of "
            f"them as data.folder, such as {root / folders[0]}, or list them in data.classes where they are classes."
        )


def is_image(name: str, *, has_bands: bool) -> bool:
    """Whether a file's name ends like that of an image; where files of several bands are read, so are arrays."""
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 - a name, for a million files
    return suffix in IMAGE_SUFFIXES or (has_bands and suffix == _ARRAY_SUFFIX)


class _Walk:
    """Everything below an image folder, read once, in an order that does not depend on the file system.

    Attributes:
        skips: What is not used.
        n_loose: Images that lie in no folder of a class.
        filled: Folders of classes that hold a file that is an image or may be one, or cannot be read.
        filled_directly: Those of them that hold one themselves, not only in sub-folders.
        broken_links: Links in the place of a class's folder that lead nowhere.
    """

    def __init__(self, root: Path, known_classes: ClassList | None, *, has_bands: bool) -> None:
        self._has_bands = has_bands
        self.skips = Skips()
        self.n_loose = 0
        self.filled: set[str] = set()
        self.filled_directly: set[str] = set()
        self.broken_links: list[str] = []
        self._root = root
        self._known = known_classes
        self._foreign = ForeignFiles()
        self._unreadable: set[str] = set()

    def class_folders(self, depth: int) -> list[str]:
        """Return the folders that are classes."""
        level = [("", frozenset({os.path.realpath(self._root)}))]
        for _ in range(depth):
            below: list[tuple[str, frozenset[str]]] = []
            for folder, above in level:
                n_before = len(below)
                for entry, path in self._entries(folder):
                    if self._is_folder(entry):
                        below += self._unless_circle(entry, path, above)
                    elif is_image(entry.name, has_bands=self._has_bands) and not entry.name.startswith("."):
                        self.n_loose += 1
                        self.skips.add(path, "not in the folder of a class")
                    else:
                        reason = self._foreign.reason(entry)
                        self.skips.add(path, reason)
                        if reason == "broken link" and "." not in entry.name:
                            self.broken_links.append(path)
                if folder and len(below) == n_before:
                    self.skips.add(folder, "holds no folder of a class (data.class_depth)")
            level = below
        return [folder for folder, _ in level]

    def images(self, folder: str) -> Iterator[str]:
        """Yield the images below one class folder at any depth, following links but never in circles."""
        stack = [(folder, frozenset({os.path.realpath(self._root), os.path.realpath(self._root / folder)}))]
        while stack:
            below, above = stack.pop()
            for entry, path in self._entries(below):
                if self._is_folder(entry):
                    stack += self._unless_circle(entry, path, above)
                    continue
                is_visible_image = is_image(entry.name, has_bands=self._has_bands) and not entry.name.startswith(".")
                reason = "" if is_visible_image else self._foreign.reason(entry)
                if may_be_image(reason):
                    self.filled.add(folder)
                    if below == folder:
                        self.filled_directly.add(folder)
                if is_visible_image:
                    yield path
                else:
                    self.skips.add(path, reason)
            if below in self._unreadable:
                self.filled.add(folder)

    def _entries(self, below: str) -> Iterator[tuple[os.DirEntry[str], str]]:
        """Yield the entries of a folder whose names are text, with their paths; note the others."""

        def scan() -> list[os.DirEntry[str]]:
            with os.scandir(self._root / below) as entries:
                return sorted(entries, key=lambda entry: entry.name)  # file systems have no order to rely on

        try:
            found = patiently(scan)
        except OSError as error:
            if not below:
                raise DataError(f"{self._root}: the folder cannot be read ({error.strerror}).") from error
            self.skips.add(below, f"folder cannot be read: {error.strerror}")
            self._unreadable.add(below)
            return
        for entry in found:
            path = f"{below}/{entry.name}" if below else entry.name
            if is_text(entry.name):
                yield entry, path
            else:
                self.skips.add(as_text(path), "name is not valid UTF-8")

    @staticmethod
    def _is_folder(entry: os.DirEntry[str]) -> bool:
        try:
            return patiently(entry.is_dir)
        except OSError:  # a link to itself: its reason comes with that of the other files
            return False

    def _unless_circle(
        self, entry: os.DirEntry[str], path: str, above: frozenset[str]
    ) -> list[tuple[str, frozenset[str]]]:
        """The folder of an entry with all folders above it; nothing where it is no folder of images, or a circle."""
        if self._is_of_system(entry.name, path):
            return []
        real = os.path.realpath(entry.path)
        if real in above:
            self.skips.add(path, "link to a folder above it")
            return []
        return [(path, above | {real})]

    def _is_of_system(self, name: str, path: str) -> bool:
        """Whether a folder is one that systems and programs make, and no known class."""
        is_known = self._known is not None and self._known.find(path) is not None
        if not is_system_folder(name) or is_known:
            return False
        self.skips.add(path, f"{NO_IMAGE}folder of a system or a program")
        return True


class _RemoteWalk(_Walk):
    """Everything below an address: no links, and no folder that cannot be read."""

    def __init__(self, root: Path, known_classes: ClassList | None, *, has_bands: bool, expected: str) -> None:
        super().__init__(root, known_classes, has_bands=has_bands)
        self._tree = RemoteTree(root)
        self._tree.require_some(expected)
        self._foreign = RemoteFiles(self._tree)

    def _entries(self, below: str) -> Iterator[tuple[Any, str]]:
        return ((entry, entry.path) for entry in self._tree.entries(below))

    def _unless_circle(self, entry: Any, path: str, above: frozenset[str]) -> list[tuple[str, frozenset[str]]]:
        return [] if self._is_of_system(entry.name, path) else [(path, above)]
