"""The weights as files to train with: a table, the same as CSV, an array for a sampler, and indices of each mode.

Beside them stand the hashes of the images' bytes, by which a pool knows what the model was trained on.

All count the images in one order: that in which torchvision's ImageFolder lists a folder, else that of the source.
Table and arrays are sealed, so that damaged ones are made again; their readers do not see it.
"""

import csv
import io
import shutil
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from barlow_report.files import atomic_file, output_errors
from barlow_report.seals import UNSEALED, is_sealed, sealed_file

__all__ = [
    "FOLDER",
    "are_whole",
    "delete_files",
    "image_folder_order",
    "index_name",
    "read_digests",
    "weights_frame",
    "write_files",
]

FOLDER = "weights"
"""The folder of the files in a run folder."""

_TABLE, _CSV, _ARRAY, _INDICES = "weights.parquet", "weights.csv", "weights.npy", "modes"
_DIGESTS = "digests.npy"
_ROWS = 50_000


def image_folder_order(paths: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the order (n,) in which torchvision's ImageFolder lists paths below its root.

    It goes by the first folder, the class; then by the folder that the image lies in, as text; then by its name.
    """

    def key(position: int) -> tuple[str, str, str]:
        folder, _, name = paths[position].rpartition("/")
        return folder.partition("/")[0], folder, name

    return np.array(sorted(range(len(paths)), key=key), dtype=np.int64)


def weights_frame(
    paths: Sequence[str], labels: Sequence[str | None], weights: npt.NDArray[np.float64], rule_ids: Sequence[str]
) -> pd.DataFrame:
    """Return the table of weights, a row per image.

    Args:
        paths: As the source calls them.
        labels: Names of their classes; None: none of the run.
        weights: (n,) with a mean of 1.
        rule_ids: The failure modes that each is in, with spaces; empty: none.
    """
    return pd.DataFrame(
        {
            "index": np.arange(len(paths)),
            "path": pd.Series(list(paths), dtype=object),
            "label": pd.Series(list(labels), dtype=object),
            "weight": weights,
            "modes": pd.Series(list(rule_ids), dtype=object),
        }
    )


def index_name(rule_id: int, slug: str) -> str:
    """The name of the file with the indices of a failure mode's images."""
    return f"{_INDICES}/{rule_id}-{slug}.npy"


def write_files(
    folder: Path,
    frame: pd.DataFrame,
    members: Mapping[str, npt.NDArray[np.int64]],
    *,
    digests: npt.NDArray[np.bytes_],
) -> None:
    """Write all files in place of earlier ones.

    Args:
        folder: Theirs alone.
        frame: See `weights_frame`.
        members: Rows of the images of each failure mode, by `index_name`.
        digests: Hashes of the images' bytes, in any order.

    Raises:
        OutputError: They cannot be written.
    """
    delete_files(folder)
    with sealed_file(folder / _TABLE, appends=False) as file:
        table = pa.Table.from_pandas(frame, preserve_index=False)
        pq.write_table(table.replace_schema_metadata({"seal": UNSEALED}), file, compression="zstd")
    with atomic_file(folder / _CSV) as file:
        for text in _csv(frame):
            file.write(text.encode())
    for name, array in {_ARRAY: frame["weight"].to_numpy(), _DIGESTS: np.unique(digests), **members}.items():
        with sealed_file(folder / name) as file:
            np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)


def are_whole(folder: Path, names: Sequence[str]) -> bool:
    """Whether all files are there and as they were written; `names` are those of the failure modes."""
    return (folder / _CSV).is_file() and all(is_sealed(folder / name) for name in (_TABLE, _ARRAY, _DIGESTS, *names))


def read_digests(folder: Path) -> npt.NDArray[np.bytes_]:
    """Return the hashes of the images' bytes, ascending, each once; none where there is no such file."""
    path = folder / _DIGESTS
    if not is_sealed(path):
        return np.empty(0, dtype="S32")
    found: npt.NDArray[np.bytes_] = np.load(path, allow_pickle=False)
    return found


def delete_files(folder: Path) -> None:
    """Delete the files, if they are there.

    Raises:
        OutputError: They cannot be deleted.
    """
    with output_errors(folder):
        if folder.is_dir():
            shutil.rmtree(folder)


def _csv(frame: pd.DataFrame) -> Iterator[str]:
    """The table as CSV, some rows at a time; an image without a class has an empty label."""
    columns = [
        column.replace({None: ""}).tolist() if name == "label" else column.tolist() for name, column in frame.items()
    ]
    rows = zip(*columns, strict=True)
    yield _lines([tuple(frame.columns)])
    while chunk := list(islice(rows, _ROWS)):
        yield _lines(chunk)


def _lines(rows: Sequence[tuple[object, ...]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue()
