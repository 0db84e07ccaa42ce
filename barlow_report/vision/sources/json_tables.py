"""Manifests in JSON: the samples of a FiftyOne data set, and the metadata of a Croissant data set.

FiftyOne's exports have a file samples.json with one object for each image. A classification becomes a column of its
name, a tag a column `tag:NAME` of yes and no, and numbers, texts and truth values columns of theirs; the rest is left.

Croissant's metadata describe record sets. One with its records in the file, or in a table beside it, is read; what is
in archives or behind an address is not fetched.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from barlow_report.columns import columns_meaning
from barlow_report.documents import parse_json
from barlow_report.errors import DataError
from barlow_report.vision.class_names import some

__all__ = ["read_json_table"]

_MAX_TAGS = 1000
_EXPECTED = "Expected samples.json of a FiftyOne export, or the metadata of a Croissant data set."


def read_json_table(
    path: Path, *, called: Mapping[str, str], read: Callable[[Path], pa.Table]
) -> tuple[pa.Table, dict[str, str]]:
    """Read a manifest in JSON.

    Args:
        path: The file.
        called: What its columns are called, as the configuration says.
        read: Reads a table beside the file.

    Returns:
        The table, and what its columns are called where their names do not say it.

    Raises:
        DataError: It is neither of the two, or describes no table of images that can be read.
    """
    try:
        content = parse_json(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error}). {_EXPECTED}") from error
    if isinstance(content, dict) and isinstance(content.get("samples"), list):
        return _samples(content["samples"], path, called=dict(called))
    if isinstance(content, dict) and ("recordSet" in content or "distribution" in content):
        return _croissant(content, path, read), dict(called)
    raise DataError(f"{path}: holds something else. {_EXPECTED}")


def _samples(samples: list[Any], path: Path, *, called: dict[str, str]) -> tuple[pa.Table, dict[str, str]]:
    """The samples of a FiftyOne data set as a table."""
    for position, sample in enumerate(samples):
        if not isinstance(sample, dict) or not isinstance(sample.get("filepath"), str):
            raise DataError(f"{path}: sample {position + 1} has no 'filepath'. {_EXPECTED}")
    names = {name for sample in samples for name in sample if not name.startswith("_")} - {"tags", "filepath"}
    columns: dict[str, list[Any]] = {"filepath": [sample["filepath"] for sample in samples]}
    classified = set()
    for name in sorted(names):
        values = [sample.get(name) for sample in samples]
        if any(_is_classification(value) for value in values):
            classified.add(name)
            columns[name] = [value.get("label") if _is_classification(value) else None for value in values]
        elif all(value is None or isinstance(value, str | int | float) for value in values):
            columns[name] = [None if value is None else str(value) for value in values]
    called.setdefault("path", "filepath")
    if "ground_truth" in classified:
        called.setdefault("label", "ground_truth")
    known = columns_meaning(sorted(classified), "prediction")
    prediction = called.get("prediction") or (known[0] if len(known) == 1 else None)
    if prediction is not None and prediction in classified and "confidence" not in called:
        called |= {"prediction": prediction, "confidence": f"{prediction}.confidence"}
        columns[called["confidence"]] = [
            value.get("confidence") if _is_classification(value := sample.get(prediction)) else None
            for sample in samples
        ]
    return pa.table(columns | _tags(samples)), called


def _is_classification(value: Any) -> bool:
    return isinstance(value, dict) and value.get("_cls") == "Classification"


def _tags(samples: list[Any]) -> dict[str, list[str]]:
    of_samples = [{str(tag) for tag in sample.get("tags") or ()} for sample in samples]
    tags = sorted(set().union(*of_samples))
    if len(tags) > _MAX_TAGS:  # a name for each image, perhaps
        return {}
    return {f"tag:{tag}": ["yes" if tag in found else "no" for found in of_samples] for tag in tags}


def _croissant(content: Mapping[str, Any], path: Path, read: Callable[[Path], pa.Table]) -> pa.Table:
    """The first record set that names images and labels as a table, its columns called as its fields are."""
    files = {str(item.get("@id") or item.get("name")): item for item in _objects(content.get("distribution"))}
    reasons = []
    for records in _objects(content.get("recordSet")):
        name = _short(records)
        fields = {_short(field): field for field in _objects(records.get("field"))}
        try:
            table = _inline(records) if isinstance(records.get("data"), list) else _beside(fields, files, path, read)
        except DataError as error:
            reasons.append(f"{name}: {error}")
            continue
        table = _with_path(table, fields)
        if all(columns_meaning(table.column_names, column) for column in ("path", "label")):
            return table
        reasons.append(f"{name}: has {some(table.column_names)}, not both a path and a label")
    raise DataError(
        f"{path}: no record set of this Croissant data set is a table of images with labels ({'; '.join(reasons)}). "
        "Give its images as data.folder, data.manifest or data.parquet."
    )


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    yield from (item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict))


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _short(described: Mapping[str, Any]) -> str:
    """The name of a record set or field, without that of the record set in front."""
    return str(described.get("name") or described.get("@id") or "?").rpartition("/")[2]


def _inline(records: Mapping[str, Any]) -> pa.Table:
    rows = [{str(k).rpartition("/")[2]: v for k, v in row.items()} for row in _objects(records["data"])]
    names = list(dict.fromkeys(name for row in rows for name in row))
    try:
        return pa.table({name: [row.get(name) for row in rows] for name in names})
    except (pa.ArrowException, TypeError) as error:
        raise DataError(f"its records cannot be read ({error})") from error


def _beside(
    fields: Mapping[str, Mapping[str, Any]],
    files: Mapping[str, Mapping[str, Any]],
    path: Path,
    read: Callable[[Path], pa.Table],
) -> pa.Table:
    """The columns of the one table beside the metadata that fields are taken from."""
    columns: dict[str, dict[str, str]] = {}
    for name, field in fields.items():
        source = _object(field.get("source"))
        extract = _object(source.get("extract"))
        column, file = extract.get("column"), source.get("fileObject") or source.get("fileSet")
        if isinstance(column, str) and isinstance(file, dict):
            columns.setdefault(str(file.get("@id")), {})[name] = column
    if not columns:
        raise DataError("its fields are not columns of a table")
    file_id = max(columns, key=lambda key: len(columns[key]))
    described = files.get(file_id, {})
    if "contentUrl" not in described:
        pattern = described.get("includes", "…")
        raise DataError(
            f"its records are in files of their own, {pattern}; for Parquet with images: data.parquet.files"
        )
    table = read(_local(str(described["contentUrl"]), path))
    there = {name: column for name, column in columns[file_id].items() if column in table.column_names}
    return pa.table({name: table.column(column) for name, column in there.items()})


def _local(address: str, path: Path) -> Path:
    parts = PurePosixPath(address)
    if "://" in address or parts.is_absolute() or ".." in parts.parts:
        raise DataError(f"its table is at {address}; fetch it and name it in data.manifest")
    found = path.parent / parts
    if found.suffix.lower() == ".json" or not found.is_file():
        raise DataError(f"its table {found} is not there")
    return found


def _with_path(table: pa.Table, fields: Mapping[str, Mapping[str, Any]]) -> pa.Table:
    """Call the only column of images `path`, where no name says it."""
    images = [name for name in table.column_names if "ImageObject" in str(fields.get(name, {}).get("dataType", ""))]
    if len(images) != 1 or columns_meaning(table.column_names, "path"):
        return table
    return table.rename_columns(["path" if name == images[0] else name for name in table.column_names])
