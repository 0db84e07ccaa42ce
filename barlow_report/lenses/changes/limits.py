"""How much a table of an exported file may decode to: a file of some bytes can hold columns of many gigabytes.

A column that has one value over and over takes some bytes, whatever the number of rows and the length of the value. So
before a table is read its rows, columns and types are looked at, which stand in its footer, and texts are counted as
they stand in it, each once and how often it occurs. Texts of 64 MiB are allowed in any case, as of a column that has
the same word for a million images.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from barlow_report.errors import RunFolderError

__all__ = ["MOST_EXPANSION", "refuse_bomb"]

MOST_EXPANSION = 100
"""Bytes of a whole archive, and cells and bytes of text of a table, for each byte of the file."""

_ALWAYS_ALLOWED = 2**26
_PLAIN_TYPES = {"BOOLEAN", "INT32", "INT64", "FLOAT", "DOUBLE"}
_TEXT = "BYTE_ARRAY"
_ROWS_AT_ONCE = 65_536


def refuse_bomb(data: bytes, *, where: str, advice: str) -> None:
    """Raise RunFolderError where a Parquet file is none, or would decode to far more than a table of a run holds.

    Args:
        data: Its bytes.
        where: Named in the error.
        advice: What to do, a sentence.
    """
    try:
        found = _problem(data)
    except (OSError, pa.ArrowException) as error:
        raise RunFolderError(f"{where}: is not a Parquet file ({error}). {advice}") from error
    if found:
        raise RunFolderError(f"{where}: {found}, which no table has. {advice}")


def _problem(data: bytes) -> str:
    metadata = pq.read_metadata(pa.BufferReader(data))
    columns = [metadata.schema.column(i) for i in range(metadata.num_columns)]
    if any(column.max_repetition_level or "." in column.path for column in columns):
        return "holds lists or groups of values"
    strange = sorted({column.physical_type for column in columns} - _PLAIN_TYPES - {_TEXT})
    if strange:
        return f"holds values of type {strange[0]}"
    if metadata.num_rows * max(len(columns), 1) > MOST_EXPANSION * len(data):
        return f"{metadata.num_rows} rows in {len(data)} bytes"
    chunks = (metadata.row_group(i).column(j) for i in range(metadata.num_row_groups) for j in range(len(columns)))
    n_bytes, allowed = (
        sum(chunk.total_uncompressed_size for chunk in chunks),
        _ALWAYS_ALLOWED + MOST_EXPANSION * len(data),
    )
    if n_bytes > allowed:
        return f"would unpack to {n_bytes} bytes from {len(data)}"
    if _has_more_text(data, [column.name for column in columns if column.physical_type == _TEXT], allowed=allowed):
        return f"holds more than {allowed} bytes of text in {len(data)} bytes"
    return ""


def _has_more_text(data: bytes, names: list[str], *, allowed: int) -> bool:
    """Whether the columns `names` have more than so many bytes of text, without decoding what is repeated."""
    if not names:
        return False
    file, n_bytes = pq.ParquetFile(pa.BufferReader(data), read_dictionary=names), 0
    for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, columns=names):
        for column in batch.columns:
            sizes = pc.binary_length(column.dictionary).to_numpy(zero_copy_only=False)
            counts = np.bincount(column.indices.drop_null().to_numpy(), minlength=len(sizes))
            n_bytes += int(counts.astype(np.int64) @ np.nan_to_num(sizes).astype(np.int64))
        if n_bytes > allowed:
            return True
    return False
