"""Reading a manifest: a CSV or Parquet table with one image per row, or one of the files in JSON of other tools.

Columns `path`, `label` and optionally `prediction` and `confidence`, in any case and order; names such as `file_name`
and `pred`, and `Filenames`, `Labels` and `Predictions` of Barlow's own tables, mean the same (see `columns`). Others
are read as text where the configuration groups images by them, and ignored otherwise. A published list of common errors
is read, too (see `common_errors`), and what `json_tables` knows. A label that is written as an integer ("7", but not
"07") stays an integer here; `datasets` decides what it stands for.
"""

import posixpath
import re
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from barlow_report.columns import COLUMNS, choose_column
from barlow_report.errors import DataError
from barlow_report.storage import address_of, is_address, local_file, shown
from barlow_report.vision.class_labels import as_classes, as_given_classes
from barlow_report.vision.images import AS_SEEN, Decoding
from barlow_report.vision.sources.folder import files_below
from barlow_report.vision.sources.manifest_files import EXPECTED, read_manifest
from barlow_report.vision.sources.source import Listing
from barlow_report.vision.sources.table import TableSource

__all__ = ["list_manifest", "manifest_columns", "require_some_images"]

MAX_VALUES = 1000
"""Different values a column may have that groups images; more would be a name or a number for each image."""

_N_LOOKED_UP = 50
_N_ABOVE, _N_BESIDE = 3, 100
"""Folders above the manifest's, and beside it, that images are looked for in."""

_DECIMAL_COMMA = re.compile(r"^\s*(\d+),(\d+)\s*$")


def list_manifest(
    path: Path,
    *,
    image_root: Path | None = None,
    decoding: Decoding = AS_SEEN,
    called: Mapping[str, str] = MappingProxyType({}),
    columns: Sequence[str] = (),
    needs_labels: bool = True,
    has_images: bool = True,
) -> Listing:
    """List the images of a .csv or .parquet manifest; its paths are relative to `image_root` or to its own folder.

    Absolute paths below the root become relative; a backslash separates folders like a slash.

    Args:
        path: The manifest.
        image_root: The folder that its paths are relative to; default: its own.
        decoding: How its files become pixels.
        called: The names of its columns by what they hold, `path`, `label`, `prediction`, `confidence`, where they do
            not say it themselves.
        columns: Further columns to read, by their names as written.
        needs_labels: Refuse a manifest in which an image has none.
        has_images: Whether the images are there. Otherwise their names are taken as they are, and are the numbers of
            the rows where no column holds them.

    Raises:
        DataError: The file cannot be read, has no rows, misses a column or a value, several columns may be meant, or
            it names a path twice or outside of the root; or a further column holds more than `MAX_VALUES` different
            values.
    """
    root, path = image_root or path.parent, local_file(path)
    table, called = read_manifest(path, called, image_root=image_root)
    names = table.column_names
    needed = ("path",) * has_images + ("label",) * needs_labels
    found = _find_columns(names, path, called=called, apart=columns, needed=needed)
    wanted = {*found.values(), *(name for name in names if name.strip() in columns)}
    frame = _frame(table, wanted)
    del table
    if frame.empty:
        raise DataError(f"{path}: found no rows, expected one row per image.")
    paths = _paths(frame, found.get("path"), path, root=root, has_images=has_images)
    repeated = [value for value, n in Counter(paths).items() if n > 1]
    if repeated:
        raise DataError(
            f"{path}: found {repeated[0]!r} in more than one row ({len(repeated)} such paths); list every image once."
        )
    predictions = found.get("prediction")
    confidences = found.get("confidence")
    labels, is_labelled = _labels(frame, found.get("label"), path, needs_labels=needs_labels)
    return Listing(
        source=files_below(root, decoding) if has_images else TableSource(root),
        where=shown(path),
        paths=paths,
        labels=labels,
        is_labelled=is_labelled,
        predictions=_classes(frame[predictions], path) if predictions else None,
        confidences=_confidences(frame[confidences], path) if confidences else None,
        attributes={name: _attributes(frame, name, path, names=names) for name in dict.fromkeys(columns)},
    )


def manifest_columns(path: Path) -> tuple[str, ...]:
    """Return the names of a manifest's columns, without spaces around them.

    Raises:
        DataError: The file cannot be read.
    """
    return tuple(name.strip() for name in read_manifest(local_file(path), {})[0].column_names)


def require_some_images(paths: Sequence[str], *, root: Path, path: Path, has_predictions: bool = False) -> None:
    """Refuse a manifest none of whose images is there, as far as some of them tell, and say where they are.

    Args:
        paths: Of the images, relative to `root`.
        root: The folder that they are looked for in.
        path: The manifest.
        has_predictions: Whether it says what was predicted, so that it could do without images.

    Raises:
        DataError: None is there; the message names a folder near the manifest in which the first one is, if there is.
    """
    if is_address(root):
        return  # each that is missing is said with its reason
    if any((root / name).is_file() for name in paths[:: max(len(paths) // _N_LOOKED_UP, 1)]):
        return
    near = [path.parent, *list(path.resolve().parents)[1:_N_ABOVE]]
    with suppress(OSError):
        near += sorted(folder for folder in path.parent.iterdir() if folder.is_dir())[:_N_BESIDE]
    better = next((folder for folder in near if folder != root and (folder / paths[0]).is_file()), None)
    advice = (
        f"They are below {better}: set data.image_root to it."
        if better is not None
        else "Set data.image_root to the folder that they are relative to."
    )
    if better is None and has_predictions:
        advice += " If the images are not here, data.images: none analyses its predictions alone (init: --no-images)."
    raise DataError(f"{path}: none of its images is below {root}, such as {paths[0]!r}. {advice}")


def _frame(table: pa.Table, wanted: Container[str]) -> pd.DataFrame:
    """Some of the columns, in which text is text and not codes for it."""
    parts = []
    for position, name in enumerate(table.column_names):
        if name in wanted:
            column = table.column(position)
            is_coded = pa.types.is_dictionary(column.type)
            parts.append((column.cast(column.type.value_type) if is_coded else column).to_pandas().rename(name))
    return pd.concat(parts, axis=1)


def _paths(frame: pd.DataFrame, name: str | None, path: Path, *, root: Path, has_images: bool) -> list[str]:
    """What images are called; a table without them may call them nothing, and then they are rows."""
    if name is None:
        return [_row(index) for index in range(len(frame))]
    values = _values(frame[name], path)
    if not has_images:
        return [_named(value) for value in values]
    return [_relative(value, root, where=f"{path}: {_row(index)}") for index, value in enumerate(values)]


def _find_columns(
    names: Sequence[str], path: Path, *, called: Mapping[str, str], apart: Sequence[str], needed: Sequence[str]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for column in COLUMNS:
        name = choose_column(names, column, given=called, where=str(path), key="data.columns", apart=apart)
        if name is not None:
            found[column] = name
    missing = [column for column in needed if column not in found]
    if missing:
        alone = {"label", "prediction"} <= found.keys()
        raise DataError(
            f"{path}: column {' and '.join(map(repr, missing))} not found among {', '.join(map(repr, names))}. "
            "Expected path,label[,prediction[,confidence]], or Filenames, Labels, Predictions; other names go into "
            f"data.columns (for init, rename them). {EXPECTED}"
            + (" Without images, data.images: none takes labels and predictions alone (init: --no-images)." * alone)
        )
    if "confidence" in found and "prediction" not in found:
        raise DataError(f"{path}: column {found['confidence']!r} goes with a column 'prediction', which is missing.")
    return found


def _labels(
    frame: pd.DataFrame, name: str | None, path: Path, *, needs_labels: bool
) -> tuple[list[str | int], npt.NDArray[np.bool_] | None]:
    if needs_labels and name is not None:
        return _classes(frame[name], path), None
    if name is None:
        return [""] * len(frame), np.zeros(len(frame), dtype=np.bool_)
    labels, is_labelled = as_given_classes(frame[name].astype(object).where(frame[name].notna(), None).tolist())
    if is_labelled.any():
        _values(frame[name][is_labelled], path)  # of a type that can be a class
    return labels, is_labelled


def _values(series: "pd.Series[Any]", path: Path) -> list[Any]:
    """The values of a column in which none may be missing or empty."""
    missing = (series.isna() | (series.astype(str).str.strip() == "")).to_numpy()
    if missing.any():
        first = int(np.flatnonzero(missing)[0])
        raise DataError(
            f"{path}: column {series.name!r} has no value in {int(missing.sum())} rows, first in {_row(first)}. Fill "
            "it in or remove the rows."
        )
    values = list(series.tolist())
    wrong = next((value for value in values if not isinstance(value, str | int | float)), None)
    if wrong is not None:
        raise DataError(
            f"{path}: column {series.name!r} holds {type(wrong).__name__} values, expected text or whole numbers. "
            "Convert the column."
        )
    return values


def _classes(series: "pd.Series[Any]", path: Path) -> list[str | int]:
    return as_classes(_values(series, path))


def _confidences(series: "pd.Series[Any]", path: Path) -> npt.NDArray[np.float64]:
    """Probabilities of the predictions; an empty one is NaN."""
    if pd.api.types.is_string_dtype(series):
        series = series.str.replace(_DECIMAL_COMMA, r"\1.\2", regex=True)
    try:
        confidences: npt.NDArray[np.float64] = pd.to_numeric(series.replace("", None)).to_numpy(
            dtype=np.float64, na_value=np.nan
        )
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}: column {series.name!r} holds values that are not numbers ({error}).") from error
    outside = np.flatnonzero((confidences < 0) | (confidences > 1))
    if outside.size:
        raise DataError(
            f"{path}: column {series.name!r} holds {confidences[outside[0]]:g} in {_row(int(outside[0]))}, expected "
            "probabilities from 0 to 1."
        )
    return confidences


def _attributes(frame: pd.DataFrame, name: str, path: Path, *, names: Sequence[str]) -> list[str | None]:
    """The values of a column that groups images, as text; None for an empty one."""
    matching = [column for column in frame.columns if str(column).strip() == name]
    if len(matching) != 1:
        have = ", ".join(map(repr, names))
        raise DataError(
            f"{path}: found {len(matching)} columns {name!r} among {have}, expected one. Correct its name in the "
            "configuration."
        )
    try:
        codes, values = pd.factorize(frame[matching[0]])  # a million rows hold few different values
    except TypeError as error:
        raise DataError(
            f"{path}: column {name!r} holds values that cannot be compared ({error}), expected text, numbers or dates "
            "to group images by. Convert the column, or leave it out of the configuration."
        ) from error
    if len(values) > MAX_VALUES:
        raise DataError(
            f"{path}: column {name!r} has {len(values)} different values, expected at most {MAX_VALUES}: the images of "
            "each value become a group. Give a coarser column in the configuration."
        )
    texts = [*(_as_text(value) for value in values), None]  # code -1, no value, is the last one
    return [texts[code] for code in codes]


def _as_text(value: Any) -> str | None:
    if isinstance(value, float | np.floating) and value.is_integer():
        value = int(value)  # Parquet stores integers as floats once a row had no value
    return str(value).strip().removesuffix(" 00:00:00") or None  # a date without a time


def _relative(value: Any, root: Path, *, where: str) -> str:
    path = str(value).replace("\\", "/")
    if "://" in path and (above := address_of(root)) and (address := address_of(path)):
        inside = posixpath.relpath(address, above)
    elif PurePath(path).is_absolute():
        inside = posixpath.relpath(path, root.absolute().as_posix())
    else:
        inside = posixpath.normpath(path)
    if inside in {".", ".."} or inside.startswith("../"):
        raise DataError(
            f"{where}: path {str(value)!r} is not below the image root {root}. Set data.image_root to the folder that "
            "holds all images."
        )
    return inside


def _named(value: Any) -> str:
    """The name of an image that is not here; folders and files are told apart by / as in all sources."""
    return posixpath.normpath(str(value).strip().replace("\\", "/"))


def _row(index: int) -> str:
    return f"row {index + 1}"
