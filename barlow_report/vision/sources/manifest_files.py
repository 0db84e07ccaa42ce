"""The files that can be a manifest, as a table: CSV, Parquet, a list of common errors, or JSON of other tools."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from barlow_report.columns import COLUMNS, means
from barlow_report.common_errors import is_common_errors, read_common_errors
from barlow_report.delimited import read_delimited
from barlow_report.errors import DataError
from barlow_report.vision.sources.json_tables import read_json_table

__all__ = ["EXPECTED", "read_manifest"]

EXPECTED = "The file must be CSV in UTF-8 with a header, or Parquet in a file ending in .parquet."
_PARQUET = {".parquet", ".pq"}


def read_manifest(
    path: Path, called: Mapping[str, str], *, image_root: Path | None = None
) -> tuple[pa.Table, Mapping[str, str]]:
    """Return the table, and what its columns are called where their names do not say it.

    Args:
        path: A .csv or .parquet file, a list of common errors, or one of the files of `json_tables`.
        called: What the configuration says that they are called.
        image_root: The folder that paths of images are relative to; default: that of the file.

    Raises:
        DataError: The file is not there, or cannot be read.
    """
    if path.is_file() and is_common_errors(path):
        return _read_common_errors(path), called
    if path.is_file() and path.suffix.lower() == ".json":
        return read_json_table(path, image_root=image_root, called=called, read=_read_rows)
    return _read_rows(path), called


def _read_common_errors(path: Path) -> pa.Table:
    errors = read_common_errors(path)
    return pa.table({name: [getattr(error, name) for error in errors] for name in ("path", "label", "prediction")})


def _read_rows(path: Path) -> pa.Table:
    if not path.is_file():
        raise DataError(f"{path}: found no file there, expected a CSV or Parquet table (manifest:).")
    if path.suffix.lower() not in _PARQUET:
        return read_delimited(path, wanted=lambda name: any(means(name, column) for column in COLUMNS))
    try:
        return pq.read_table(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{path}: cannot be read as a table ({error}). {EXPECTED}") from error
