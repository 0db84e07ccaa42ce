"""The images of a run by the names that a file may give them."""

import posixpath
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote

from barlow_report.errors import DataError
from barlow_report.formatting import count
from barlow_report.lenses.error_types.matched import Matched

__all__ = ["ImageNames", "Matches"]

_SEVERAL = -1
_N_SHOWN = 2
_ROOT = re.compile(r"\A(?:\.\.(?:/|\Z)|/)*")
_DRIVE = re.compile(r"[A-Za-z]:(?=/)")


@dataclass(frozen=True, kw_only=True)
class Matches(Matched):
    """Which images of a run the entries of a file are about: one image_id for each; None where the run has none."""

    image_ids: tuple[int | None, ...]


class ImageNames:
    """Finds images by path, by the end of it, or by a path that ends in theirs.

    Folders that both name must agree: `test/cat/1.png` is found as `cat/1.png`, as `1.png` and as
    `/data/test/cat/1.png`, but not as `train/cat/1.png`. The suffix may be left out. Backslashes, `./`, the drives of
    Windows, addresses with %20 and composed or decomposed letters make no difference; capitals only tell apart what
    cannot be told otherwise.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths
        self._exact = _Index(paths, _composed)
        self._folded: _Index | None = None

    def __len__(self) -> int:
        return len(self._paths)

    def match(self, names: Iterable[str], *, where: str) -> Matches:
        """Find the images of all entries of a file.

        Raises:
            DataError: A name fits several images, or there are entries and none is an image of the run.
        """
        entries = list(names)
        found = tuple(self.find(name, where=where) for name in entries)
        foreign = [name for name, image_id in zip(entries, found, strict=True) if image_id is None]
        if entries and len(foreign) == len(entries):
            raise DataError(
                f"{where}: none of its {count(len(entries))} entries is an image of the run; the first is "
                f"{entries[0]!r}, and the run's images are called as {self._paths[0]!r} is. Write paths as the run "
                "does; folders that both name must agree."
            )
        return Matches(
            where=where,
            noun="images of the run",
            n_entries=len(entries),
            n_matched=len(entries) - len(foreign),
            foreign=tuple(foreign[:_N_SHOWN]),
            image_ids=found,
        )

    def find(self, name: str, *, where: str) -> int | None:
        """Return the image_id; None where the run has no such image.

        Raises:
            DataError: Several images of the run may be meant.
        """
        texts = [name, unquote(name)] if "%" in name else [name]
        for text in texts:
            path = _plain(text)
            found = self._exact.find(_composed(path))
            if found is None:
                found = self._without_case.find(_folded(path))
            if found == _SEVERAL:
                raise DataError(
                    f"{where}: {name!r} may be several images of the run, such as "
                    f"{' and '.join(map(repr, self._alike(path)))}. Write paths as the run does."
                )
            if found is not None:
                return found
        return None

    @property
    def _without_case(self) -> "_Index":
        if self._folded is None:  # twice the memory: only once a name is not found
            self._folded = _Index(self._paths, _folded)
        return self._folded

    def _alike(self, path: str) -> list[str]:
        """The first images of the run that a path may mean."""
        wanted, found = _folded(path), []
        for candidate in self._paths:
            whole = _folded(candidate)
            if any(_ends_in(*pair) for shape in (whole, _stem(whole)) for pair in ((shape, wanted), (wanted, shape))):
                found.append(candidate)
                if len(found) == _N_SHOWN:
                    break
        return found


class _Index:
    """Image_ids by path, and, for as many last components as are asked for, by the end of a path."""

    def __init__(self, paths: Sequence[str], spelling: Callable[[str], str]) -> None:
        self._spelled = [spelling(path) for path in paths]
        self._whole = _ids((path,) for path in self._spelled)
        self._ends: dict[int, dict[str, int]] = {}

    @cached_property
    def _stems(self) -> dict[str, int]:
        return _ids((_stem(path),) for path in self._spelled)

    def find(self, path: str) -> int | None:
        """Return the image_id of a path in this spelling, `_SEVERAL`, or None."""
        if path in self._whole:
            return self._whole[path]
        found = {self._shorter(path), self._longer(path)} - {None}
        return found.pop() if len(found) == 1 else _SEVERAL if found else None

    def _shorter(self, path: str) -> int | None:
        """The image whose path this one ends in."""
        starts = [0, *(match.end() for match in re.finditer("/", path))]
        found: set[int] = set()
        for start in starts:
            end = path[start:]
            found |= {table[end] for table in (self._whole, self._stems) if end in table}
        return found.pop() if len(found) == 1 else _SEVERAL if found else None

    def _longer(self, path: str) -> int | None:
        """The image whose path ends in this one."""
        n_parts = path.count("/") + 1
        if n_parts not in self._ends:
            ends = (_last(spelled, n_parts) for spelled in self._spelled)
            self._ends[n_parts] = _ids(() if end is None else dict.fromkeys((end, _stem(end))) for end in ends)
        return self._ends[n_parts].get(path)


def _ids(keys: Iterable[Iterable[str]]) -> dict[str, int]:
    """The image_id of each key, `_SEVERAL` for a key of several images."""
    ids: dict[str, int] = {}
    for image_id, names in enumerate(keys):
        for name in names:
            ids[name] = _SEVERAL if name in ids else image_id
    return ids


def _last(path: str, n_parts: int) -> str | None:
    """The last components of a path that has more of them, or None."""
    parts = path.rsplit("/", n_parts)
    return "/".join(parts[1:]) if len(parts) > n_parts else None


def _stem(path: str) -> str:
    """The path without the suffix of its last component."""
    stem, dot, suffix = path.rpartition(".")
    return stem if dot and "/" not in suffix and stem and not stem.endswith("/") else path


def _ends_in(path: str, end: str) -> bool:
    return path == end or path.endswith(f"/{end}")


def _plain(name: str) -> str:
    """A path with / between its components and nothing around it."""
    path = _DRIVE.sub("", name.strip().replace("\\", "/"))
    return _ROOT.sub("", posixpath.normpath(path)) if path else path


def _composed(path: str) -> str:
    return path if path.isascii() else unicodedata.normalize("NFC", path)


def _folded(path: str) -> str:
    return (
        path.casefold()
        if path.isascii()
        else unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
    )
