"""The tables and arrays of a run folder, each in a sealed file."""

import difflib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from barlow_report.errors import DamagedFileError, RunFolderError
from barlow_report.files import output_errors
from barlow_report.run_folder.stages import advice
from barlow_report.seals import UNSEALED, check_seal, read_sealed, sealed_file
from barlow_report.tables import all_tables, check_table

__all__ = ["TableFiles", "parse_table"]


class TableFiles:
    """The tables and arrays of a run folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._checked: set[tuple[str, int, int, int]] = set()

    def has_table(self, name: str) -> bool:
        """Whether table `name` is there."""
        return self._table_path(name).is_file()

    def _table_path(self, name: str) -> Path:
        return self.folder / f"{name}.parquet"

    def write_table(self, name: str, frame: pd.DataFrame) -> None:
        """Check `frame` against its schema and write it.

        Raises:
            SchemaError: It does not fit.
            OutputError: The file cannot be written.
        """
        path = self._table_path(name)
        checked = check_table(name, frame, where=str(path))
        table = pa.Table.from_pandas(checked, schema=all_tables()[name].arrow_schema, preserve_index=False)
        table = table.replace_schema_metadata({"seal": UNSEALED})
        with sealed_file(path, appends=False) as file:
            pq.write_table(table, file, compression="zstd", write_page_checksum=True)

    def table(self, name: str) -> pd.DataFrame:
        """Return table `name`, for programs of yours; the manual's reference has the columns of each.

        Raises:
            RunFolderError: There is no table of this name, or it is missing, damaged, or does not fit its schema.
        """
        return self.read_table(name)

    def read_table(self, name: str) -> pd.DataFrame:
        """Read table `name` and check it against its schema.

        Raises:
            RunFolderError: There is no table of this name, or it is missing, damaged, or does not fit its schema.
        """
        if name not in (known := all_tables()):
            close = difflib.get_close_matches(name, known, n=3)
            here = [known_name for known_name in known if self.has_table(known_name)]
            hint = f"Did you mean {' or '.join(close)}?" if close else f"This run has {', '.join(here) or 'none'}."
            raise RunFolderError(f"{self.folder}: there is no table {name!r}. {hint}")
        path, again = self._table_path(name), advice(name)
        if not path.is_file():
            raise DamagedFileError(f"{path}: not found. {again}")
        return parse_table(name, read_sealed(path, advice=again), where=str(path), advice=again)

    def table_bytes(self, name: str) -> bytes:
        """Return the file of table `name`, checked to be whole.

        Raises:
            DamagedFileError: It is missing or damaged.
        """
        return read_sealed(self._table_path(name), advice=advice(name))

    def check_table_file(self, name: str) -> None:
        """Check that the file of table `name` is there and whole, without a look at its values.

        Raises:
            DamagedFileError: It is not.
        """
        check_seal(self._table_path(name), advice=advice(name))

    def delete_table(self, name: str) -> None:
        """Delete table `name` if it is there."""
        with output_errors(self._table_path(name)):
            self._table_path(name).unlink(missing_ok=True)

    def write_features(
        self, blocks: Iterable[np.ndarray], *, shape: tuple[int, int], dtype: str, name: str = "features"
    ) -> None:
        """Write features.npy, or another array of a row per image, from blocks of rows; one block is in memory.

        Raises:
            OutputError: The file cannot be written.
            RunFolderError: The blocks do not add up to `shape`.
        """
        n_rows = 0
        with sealed_file(self.folder / f"{name}.npy") as file:
            header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for block in blocks:
                file.write(np.ascontiguousarray(block, dtype=dtype).data)
                n_rows += len(block)
            if n_rows != shape[0]:
                raise RunFolderError(
                    f"{self.folder}: found {n_rows} rows of {name}, expected {shape[0]}. Run the same command again."
                )

    def features(self, name: str = "features") -> np.ndarray:
        """Open the features, shape (n_images, n_features), or another such array, memory-mapped and read-only.

        The first time the whole file is read and checked, a block at a time.

        Raises:
            DamagedFileError: The file is missing or damaged.
        """
        path = self.folder / f"{name}.npy"
        self.check_array_file(name)
        try:
            features: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise DamagedFileError(f"{path}: cannot be read ({error}). {advice(name)}") from error
        return features

    def check_array_file(self, name: str) -> None:
        """Check that the file of an array is there and whole, unless this object has done that already.

        Raises:
            DamagedFileError: It is not.
        """
        path = self.folder / f"{name}.npy"
        found = path.stat() if path.is_file() else None
        version = (name, found.st_ino, found.st_size, found.st_mtime_ns) if found else None
        if version is None or version not in self._checked:
            check_seal(path, advice=advice(name))
        if version is not None:
            self._checked.add(version)


def parse_table(name: str, data: bytes, *, where: str, advice: str) -> pd.DataFrame:
    """Read table `name` from the bytes of its file and check it against its schema.

    Args:
        name: A key of `all_tables`.
        data: A Parquet file.
        where: Named in the error.
        advice: What to do where it cannot be read.

    Raises:
        DamagedFileError: It is no Parquet file.
        SchemaError: It does not fit.
    """
    try:
        table = pq.read_table(pa.BufferReader(data))
        frame = table.to_pandas(ignore_metadata=True, types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    except (OSError, pa.ArrowException) as error:
        raise DamagedFileError(f"{where}: cannot be read ({error}). {advice}") from error
    return check_table(name, frame, where=where)
