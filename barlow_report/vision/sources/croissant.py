"""Croissant metadata as a manifest: which table, or which files, hold images and labels.

The metadata (https://docs.mlcommons.org/croissant/docs/croissant-spec.html) describe record sets. One is read whose
records stand in the file, in a table beside it, or whose images are files beside it with labels in their paths. Images
inside of Parquet tables are a source of their own, see `croissant_parquet`. Nothing is fetched, and nothing outside of
the metadata's folder is read. A file is refused where it has not the digest that the metadata give.
"""

import fnmatch
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from barlow_report.columns import columns_meaning
from barlow_report.errors import DataError
from barlow_report.vision.class_names import some
from barlow_report.vision.sources.croissant_fields import Described, Field, captured, objects
from barlow_report.vision.sources.foreign_files import is_system_folder
from barlow_report.vision.sources.source import as_text, is_text

__all__ = ["file_beside", "is_croissant", "read_croissant", "require_digest"]

_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
_DIGESTS = {"sha256": 64, "md5": 32}
_BLOCK = 2**20


def is_croissant(content: Any) -> bool:
    """Whether JSON is metadata of Croissant, as far as its keys tell."""
    return isinstance(content, dict) and ("recordSet" in content or "distribution" in content)


def read_croissant(
    content: Mapping[str, Any],
    path: Path,
    *,
    image_root: Path | None,
    called: Mapping[str, str],
    read: Callable[[Path], pa.Table],
) -> tuple[pa.Table, dict[str, str]]:
    """Return the first record set of images with labels as a table, its columns called as its fields are.

    Args:
        content: The metadata.
        path: Their file.
        image_root: The folder that paths of images are relative to; default: that of the file.
        called: What the configuration calls the columns.
        read: Reads a table.

    Returns:
        The table, and what its columns are called where their names do not say it.

    Raises:
        DataError: There is none, or it is described in a way that is not read; the message says so for each.
    """
    described = Described(content)
    reasons = []
    for name, records in described.record_sets():
        try:
            table, known = _records(described, records, path, image_root, dict(called), read)
        except DataError as error:
            reasons.append(f"{name}: {error}")
            continue
        if all(key in known or columns_meaning(table.column_names, key) for key in ("path", "label")):
            return table, known
        reasons.append(f"{name}: has {some(table.column_names)}, not both a path and a label")
    raise DataError(
        f"{path}: no record set of this Croissant data set is a table of images with labels ({'; '.join(reasons)}). "
        "Give its images as data.folder, data.manifest or data.parquet."
    )


def _records(
    described: Described,
    records: Mapping[str, Any],
    path: Path,
    image_root: Path | None,
    called: dict[str, str],
    read: Callable[[Path], pa.Table],
) -> tuple[pa.Table, dict[str, str]]:
    fields = described.fields(records)
    labels = [field.name for field in fields if field.is_label]
    if len(labels) == 1:
        called.setdefault("label", labels[0])
    if isinstance(records.get("data"), list):
        return _inline(records), called
    file_id, fields = described.most_used_file(fields)
    file = described.files.get(file_id, {})
    if described.is_parquet(file) and any(field.is_image and field.column for field in fields):
        raise DataError(f"its images are inside of Parquet files; give {path.name} in data.parquet.files instead")
    if "contentUrl" not in file:
        if any(field.column for field in fields):
            raise DataError(f"its records are in files of their own, {some(described.patterns(file, 'includes'))}")
        return _files(described, file, fields, path, image_root, called)
    where = file_beside(str(file["contentUrl"]), path, what="its table")
    require_digest(where, file)
    table = read(where)
    there = [field for field in fields if field.column in table.column_names]
    found = pa.table({field.name: _values(field, table.column(field.column), called) for field in there})
    images = [field.name for field in there if field.is_image]
    if len(images) == 1 and not columns_meaning(found.column_names, "path"):
        called.setdefault("path", images[0])
    return found, called


def _inline(records: Mapping[str, Any]) -> pa.Table:
    rows = [{str(key).rpartition("/")[2]: v for key, v in row.items()} for row in objects(records["data"])]
    names = list(dict.fromkeys(name for row in rows for name in row))
    try:
        return pa.table({name: [row.get(name) for row in rows] for name in names})
    except (pa.ArrowException, TypeError) as error:
        raise DataError(f"its records cannot be read ({error})") from error


def _files(
    described: Described,
    file_set: Mapping[str, Any],
    fields: Sequence[Field],
    path: Path,
    image_root: Path | None,
    called: dict[str, str],
) -> tuple[pa.Table, dict[str, str]]:
    """The files of a set, with what fields take from their paths."""
    includes, excludes = described.patterns(file_set, "includes"), described.patterns(file_set, "excludes")
    if not includes:
        raise DataError("its fields are not columns of a table, and no files are named")
    base = image_root or _unpacked(described, file_set, path)
    found = sorted(name for name in _below(base) if _matches(name, includes) and not _matches(name, excludes))
    if not found:
        raise DataError(
            f"no file below {base} is like {some(includes)}; set data.image_root to the folder of its images"
        )
    unnamed = next((name for name in found if not is_text(name)), None)
    if unnamed is not None:
        raise DataError(f"{base}: found the name {as_text(unnamed)!r}, which is not valid UTF-8; rename the file")
    of = {"fullpath": found, "filename": [PurePosixPath(name).name for name in found]}
    of["filepath"] = [f"{base.absolute().as_posix()}/{name}" for name in found]
    columns = {
        field.name: _values(field, pa.chunked_array([pa.array(of[field.file_property], pa.string())]), called)
        for field in fields
        if field.file_property in of
    }
    below = base.relative_to(image_root or path.parent).as_posix()
    paths = found if below == "." else [f"{below}/{name}" for name in found]
    return pa.table(columns | {"path": paths}), called | {"path": "path"}


def _values(field: Field, values: pa.ChunkedArray, called: Mapping[str, str]) -> pa.ChunkedArray:
    """The values of a field, taken out of its source by its pattern where it has one."""
    if field.pattern is None:
        return values
    found = captured(values.cast(pa.string()), field.pattern, of=field.name)
    is_label = called.get("label") == field.name or bool(columns_meaning([field.name], "label"))
    if found.null_count > values.null_count and (is_label or found.null_count == len(found)):
        first = next(value for value, part in zip(values.to_pylist(), found.to_pylist(), strict=True) if part is None)
        raise DataError(
            f"field {field.name!r}: its pattern {field.pattern!r} fits {len(found) - found.null_count} of {len(found)} "
            f"values, and not {first!r}; if paths lack a folder in front, set data.image_root to the one above it"
        )
    return found


def _unpacked(described: Described, file_set: Mapping[str, Any], path: Path) -> Path:
    """The folder of a set of files: that of the metadata, or the one beside an archive that has its name."""
    archives = [
        str(file.get("contentUrl"))
        for file in described.containers(file_set)
        if str(file.get("contentUrl", "")).lower().endswith(_ARCHIVES)
    ]
    if not archives:
        return path.parent
    name = PurePosixPath(archives[0].partition("?")[0]).name
    stem = next(
        name[: -len(ending)] for ending in sorted(_ARCHIVES, key=len, reverse=True) if name.lower().endswith(ending)
    )
    inside = "" if "://" in archives[0] else PurePosixPath(archives[0]).parent.as_posix()
    folder = path.parent / inside / stem
    if len(archives) > 1 or ".." in folder.parts[len(path.parent.parts) :] or not folder.is_dir():
        raise DataError(
            f"its images are in {some(archives)}; unpack it into a folder of its own, {stem}, beside {path.name}, or "
            "set data.image_root to where it was unpacked"
        )
    return folder


def _below(base: Path) -> Iterator[str]:
    """Yield the paths of the files below a folder, with / between folders, but for those that systems make.

    Links to folders are not followed.
    """
    for folder, inner, names in os.walk(base):
        inner[:] = [name for name in inner if not is_system_folder(name)]
        inside = Path(folder).relative_to(base)
        yield from ((inside / name).as_posix() for name in names if not name.startswith("."))


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def file_beside(address: str, path: Path, *, what: str) -> Path:
    """Return the file that metadata name, below their folder.

    Raises:
        DataError: It is elsewhere, or not there.
    """
    parts = PurePosixPath(address)
    if "://" in address or parts.is_absolute() or ".." in parts.parts:
        raise DataError(f"{what} is at {address}; fetch it and name it in data.manifest or data.parquet.files")
    found = path.parent / parts
    if found.suffix.lower() == ".json" or not found.is_file():
        raise DataError(f"{what} {found} is not there")
    return found


def require_digest(file: Path, described: Mapping[str, Any]) -> None:
    """Refuse a file that has not the SHA-256 or MD5 that its description gives; what is no digest is passed over.

    Raises:
        DataError: It has another one, or cannot be read.
    """
    for kind, length in _DIGESTS.items():
        expected = str(described.get(kind, "")).strip().lower()
        if len(expected) != length or set(expected) - set("0123456789abcdef"):
            continue
        digest = hashlib.new(kind, usedforsecurity=False)
        try:
            with file.open("rb") as opened:
                while block := opened.read(_BLOCK):
                    digest.update(block)
        except OSError as error:
            raise DataError(f"{file}: cannot be read ({error})") from error
        if digest.hexdigest() != expected:
            raise DataError(
                f"{file}: its {kind} is {digest.hexdigest()}, and the metadata say {expected}; it was changed or not "
                "copied as a whole: copy it again"
            )
