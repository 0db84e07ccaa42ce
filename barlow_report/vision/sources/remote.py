"""Images that are objects below an address: listed once, each read when it is its turn, none copied to a disk."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from barlow_report.errors import DataError
from barlow_report.storage.addresses import address_of, joined
from barlow_report.storage.filesystem import is_passing, open_filesystem, remote_errors, version_of
from barlow_report.vision.images import AS_SEEN, Decoding
from barlow_report.vision.reading import MAX_BYTES, PAUSES, UnreadableImage
from barlow_report.vision.sources.foreign_files import N_LOOKED_AT, ForeignFiles
from barlow_report.vision.sources.source import LoadedImage, load_bytes

__all__ = ["RemoteEntry", "RemoteFiles", "RemoteFolderSource", "RemoteTree"]


@dataclass(frozen=True)
class RemoteFolderSource:
    """Objects below the address that `root` stands for; paths have / between folders."""

    root: Path
    decoding: Decoding = AS_SEEN

    def read(self, path: str) -> LoadedImage:
        """Read and decode one object; see `ImageSource`."""
        system, root = open_filesystem(self._address)  # kept by fsspec, for each process
        for pause in (*PAUSES, None):
            try:
                data = system.cat_file(f"{root}/{path}", start=None, end=MAX_BYTES + 1)
                break
            except FileNotFoundError as error:
                raise UnreadableImage("no such object") from error
            except Exception as error:  # each library has its own
                if pause is None or not is_passing(error):
                    attempts = f" ({1 + len(PAUSES)} attempts)" if pause is None else ""
                    raise UnreadableImage(f"{type(error).__name__}{attempts}") from error
                time.sleep(pause)
        if not data:
            raise UnreadableImage("the object is empty")
        if len(data) > MAX_BYTES:
            raise UnreadableImage(f"more than {MAX_BYTES} bytes, which are not read")
        return load_bytes(data, self.decoding)

    def states(self, paths: Sequence[str]) -> Iterator[str]:
        """Yield the size and version of each object, from one listing."""
        known = RemoteTree(self.root).versions
        for path in paths:
            yield known.get(path, "missing")

    def files(self, paths: Sequence[str]) -> Iterator[Path | None]:
        """Yield None: `states` tell when an object changes."""
        return (None for _ in paths)

    @property
    def _address(self) -> str:
        return str(address_of(self.root))


@dataclass(frozen=True)
class RemoteEntry:
    """An entry of a folder of objects, as `os.DirEntry` has them."""

    name: str
    path: str
    size: int | None

    def is_dir(self) -> bool:
        """Whether it is a folder."""
        return self.size is None


class RemoteTree:
    """All objects below an address, listed once."""

    def __init__(self, root: Path) -> None:
        self.address = str(address_of(root))

    @cached_property
    def _objects(self) -> dict[str, dict[str, Any]]:
        system, root = open_filesystem(self.address)
        with remote_errors(self.address):
            found = system.find(root, detail=True)
        return {
            name[len(root) :].strip("/"): info for name, info in found.items() if name.strip("/") != root.strip("/")
        }

    @cached_property
    def versions(self) -> dict[str, str]:
        """The size and version of each object."""
        return {path: f"{info.get('size')} {version_of(info)}" for path, info in self._objects.items()}

    @cached_property
    def _folders(self) -> dict[str, dict[str, RemoteEntry]]:
        folders: dict[str, dict[str, RemoteEntry]] = {"": {}}
        for path, info in self._objects.items():
            parts = PurePosixPath(path).parts
            for depth in range(1, len(parts)):
                above, below = "/".join(parts[: depth - 1]), "/".join(parts[:depth])
                folders.setdefault(above, {})[parts[depth - 1]] = RemoteEntry(parts[depth - 1], below, None)
                folders.setdefault(below, {})
            if info.get("type") != "directory":
                entry = RemoteEntry(parts[-1], path, int(info.get("size") or 0))
                folders.setdefault("/".join(parts[:-1]), {})[parts[-1]] = entry
        return folders

    def entries(self, folder: str) -> list[RemoteEntry]:
        """Return the entries of a folder, sorted by name."""
        return sorted(self._folders.get(folder, {}).values(), key=lambda entry: entry.name)

    def start_of(self, path: str, n: int) -> bytes:
        """Return the first bytes of an object."""
        system, root = open_filesystem(self.address)
        with remote_errors(joined(self.address, path)):
            data: bytes = system.cat_file(f"{root}/{path}", start=0, end=n)
        return data

    def require_some(self, expected: str) -> None:
        """Refuse an address below which there is nothing.

        Raises:
            DataError: There is nothing.
        """
        if not self._objects:
            raise DataError(f"{self.address}: found nothing there, expected {expected} (folder:).")


class RemoteFiles(ForeignFiles):
    """Says the same of objects."""

    def __init__(self, tree: RemoteTree) -> None:
        super().__init__()
        self._tree = tree

    def problem(self, entry: Any) -> str | None:  # noqa: ARG002 - of a file it depends on it
        """Return None: an object can be read."""
        return None

    def start(self, entry: Any) -> bytes:
        """Return the first bytes of an object."""
        return self._tree.start_of(entry.path, N_LOOKED_AT) if entry.size else b""
