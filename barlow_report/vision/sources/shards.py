"""Data sets in several files: which files a pattern means, and which file an image's path belongs to."""

import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from barlow_report.errors import DataError
from barlow_report.vision.class_names import some
from barlow_report.vision.reading import UnreadableImage
from barlow_report.vision.sources.source import as_text, is_text

__all__ = ["Shards", "expand_braces", "find_shards"]

MAX_SHARDS = 100_000
_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")


@dataclass(frozen=True)
class Shards:
    """Files of a data set; the path of an image is `<name of the shard>/<name within it>`.

    Attributes:
        root: Folder that the names are relative to.
        names: In the order of the pattern, with / between folders; no two are equal.
    """

    root: Path
    names: tuple[str, ...]

    def split(self, path: str) -> tuple[str, str]:
        """Return the name of an image's shard and its name within it.

        Raises:
            UnreadableImage: No shard holds such a path.
        """
        for match in re.finditer("/", path):
            if path[: match.start()] in self._known:
                return path[: match.start()], path[match.end() :]
        raise UnreadableImage("not in any of the files")

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.names)


def find_shards(pattern: Path, *, key: str) -> Shards:
    """Return the files that a pattern with {a..b}, {a,b}, * and ? means.

    Args:
        pattern: Absolute, or relative to the working directory. Patterns in * give sorted names.
        key: Of the configuration, for messages.

    Raises:
        DataError: No file is found, or one of those that braces name is missing.
    """
    if re.match(r"(pipe:|\w+:/)", str(pattern)):
        raise DataError(f"{key}: found {str(pattern)!r}, expected files. Copy the shards to a disk first.")
    files: list[Path] = []
    missing: list[str] = []
    for text in expand_braces(str(pattern), key=key):
        matching = _matching(Path(text))
        files += matching
        if not matching:
            missing.append(text)
    if missing:
        raise DataError(f"{key}: found no file {some(missing)}. Correct the path or the pattern.")
    files = list(dict.fromkeys(files))
    root = Path(os.path.commonpath([file.parent for file in files]))
    names = tuple(file.relative_to(root).as_posix() for file in files)
    for name in names:
        if not is_text(name):
            raise DataError(f"{key}: found the name {as_text(name)!r}, which is not valid UTF-8. Rename the file.")
    return Shards(root, names)


def expand_braces(pattern: str, *, key: str) -> Iterator[str]:
    """Yield the texts that a pattern means: {08..11} keeps leading zeros, {a,b} lists alternatives.

    Raises:
        DataError: There are more than `MAX_SHARDS`.
    """
    pieces = _BRACES.split(pattern)
    alternatives = [_alternatives(piece, key=key) if i % 2 else [piece] for i, piece in enumerate(pieces)]
    n_texts = 1
    for choices in alternatives:
        n_texts *= len(choices)
    if n_texts > MAX_SHARDS:
        raise _too_many(key)
    for chosen in itertools.product(*alternatives):
        yield "".join(chosen)


def _alternatives(inside: str, *, key: str) -> list[str]:
    match = _RANGE.fullmatch(inside)
    if match is None:
        return inside.split(",") if "," in inside else [f"{{{inside}}}"]
    first, last = (int(match[group]) for group in (1, 2))
    if abs(last - first) >= MAX_SHARDS:
        raise _too_many(key)
    step = 1 if last >= first else -1
    return [str(number).zfill(len(match[1])) for number in range(first, last + step, step)]


def _too_many(key: str) -> DataError:
    return DataError(f"{key}: the braces mean more than {MAX_SHARDS} files. Correct the range.")


def _matching(path: Path) -> list[Path]:
    """The file itself, or the files that the part below its deepest existing folder matches, sorted."""
    if path.is_file():
        return [path]
    base = next((parent for parent in path.parents if parent.is_dir()), None)
    if base is None:
        return []
    try:
        return sorted(found for found in base.glob(str(path.relative_to(base))) if found.is_file())
    except (ValueError, NotImplementedError):
        return []
