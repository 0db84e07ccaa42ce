"""Images inside of Parquet or Arrow tables, in the layout of Hugging Face's data sets.

The images are a struct column {bytes, path}, or plain bytes; labels are integers whose names the schema's metadata
list (ClassLabel), or any other label. Rows are read a row group (Parquet) or record batch (Arrow) at a time, and
only the last ones are kept, up to a limit, so memory depends on the size of a group and not on the number of images.
The path of an image is `<file>/<row>`, rows counted from 0.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from barlow_report.config import ParquetDataConfig
from barlow_report.errors import DataError
from barlow_report.vision.class_labels import as_classes, as_given_classes
from barlow_report.vision.class_names import some
from barlow_report.vision.images import AS_SEEN, Decoding
from barlow_report.vision.reading import UnreadableImage, patiently
from barlow_report.vision.sources.croissant_parquet import with_described_files
from barlow_report.vision.sources.shards import Shards, find_shards
from barlow_report.vision.sources.skips import Skips
from barlow_report.vision.sources.source import Listing, LoadedImage, file_state, load_bytes
from barlow_report.vision.sources.table_columns import choose_columns, choose_image_column, class_names_of

__all__ = ["ParquetSource", "list_parquet"]

N_CACHED = 2
"""Row groups that are always kept in memory, however large: the next image may be in the next group."""

CACHED_BYTES = 2**28
"""Further ones are kept up to this size in total, because threads work on several batches at a time."""

_ARROW_SUFFIXES = {".arrow", ".feather", ".ipc"}


@dataclass(frozen=True, kw_only=True)
class _File:
    """One open table: `starts` are the first rows of its groups, with the number of all rows at the end."""

    schema: pa.Schema
    starts: npt.NDArray[np.int64]
    read: Callable[[int, list[str]], pa.Table]


@dataclass
class _Cache:
    lock: threading.Lock = field(default_factory=threading.Lock)
    files: dict[str, _File] = field(default_factory=dict)
    groups: "OrderedDict[tuple[str, int], pa.ChunkedArray]" = field(default_factory=OrderedDict)


class ParquetSource:
    """Rows of Parquet and Arrow files; the path of an image is `<file>/<row>`."""

    def __init__(self, shards: Shards, image_column: str | None = None, decoding: Decoding = AS_SEEN) -> None:
        self.shards = shards
        self._decoding = decoding
        self._image_column = image_column
        self._cache = _Cache()

    def __reduce__(self) -> tuple[type["ParquetSource"], tuple[Shards, str | None, Decoding]]:
        return ParquetSource, (self.shards, self._image_column, self._decoding)

    @classmethod
    def open(cls, config: ParquetDataConfig, decoding: Decoding = AS_SEEN) -> "ParquetSource":
        """Find the files of a configuration.

        Raises:
            DataError: There is none.
        """
        config = with_described_files(config)
        return cls(find_shards(config.files, key="data.parquet.files"), config.image_column, decoding)

    @property
    def root(self) -> Path:
        """The folder of the files."""
        return self.shards.root

    def read(self, path: str) -> LoadedImage:
        """Read and decode the image of one row; see `ImageSource`."""
        name, number = self.shards.split(path)
        row = int(number) if number.isascii() and number.isdigit() else -1
        with self._cache.lock:
            value = self._value(name, row)
        if not value.is_valid:
            raise UnreadableImage("no image bytes in its row; tables that name files can be read as a manifest")
        data = value.as_buffer().to_pybytes()
        if not data:
            raise UnreadableImage("the image has no bytes")
        return load_bytes(data, self._decoding)

    def states(self, paths: Sequence[str]) -> Iterator[str]:
        """Yield the size and modification time of each image's file."""
        states = {name: file_state(self.root / name) for name in self.shards.names}
        for path in paths:
            yield states[self.shards.split(path)[0]]

    def files(self, paths: Sequence[str]) -> Iterator[Path | None]:
        """Yield the file that each image lies in."""
        files = {name: self.root / name for name in self.shards.names}
        return (files[self.shards.split(path)[0]] for path in paths)

    def _value(self, name: str, row: int) -> Any:
        try:
            file = self._cache.files.get(name)
            if file is None:
                file = self._cache.files.setdefault(name, _open(self.root / name))
            if not 0 <= row < file.starts[-1]:
                raise UnreadableImage("not in its file any more")
            group = int(np.searchsorted(file.starts, row, side="right")) - 1
            groups = self._cache.groups
            if (name, group) not in groups:
                column = choose_image_column(file.schema, self._image_column, where=str(self.root / name))
                groups[name, group] = _bytes(file.read(group, [column]).column(0))
                while len(groups) > N_CACHED and sum(column.nbytes for column in groups.values()) > CACHED_BYTES:
                    groups.popitem(last=False)
            groups.move_to_end((name, group))
            return groups[name, group][row - int(file.starts[group])]
        except (OSError, pa.ArrowException) as error:
            reason = str(error).partition("\n")[0].replace(str(self.root / name), name)
            raise UnreadableImage(f"its part of the file cannot be read ({reason})") from error


def list_parquet(config: ParquetDataConfig, decoding: Decoding = AS_SEEN, *, needs_labels: bool = True) -> Listing:
    """List the rows of all files, with labels and, where there are such columns, predictions and confidences.

    Rows without a label (none, or Hugging Face's -1) are skipped where `needs_labels`.

    Raises:
        DataError: A file is missing or broken, columns are missing or ambiguous, or no row has a label.
    """
    config = with_described_files(config, checks=True)
    source = ParquetSource.open(config, decoding)
    paths: list[str] = []
    skips = Skips()
    values: dict[str, list[Any]] = {}
    class_names: tuple[str, ...] | None = None
    for name in source.shards.names:
        file, where = _open_or_explain(source.root / name), str(source.root / name)
        choose_image_column(file.schema, config.image_column, where=where)
        columns = choose_columns(file.schema, config, where=where, needs_labels=needs_labels)
        if paths and columns.keys() != values.keys():
            raise DataError(f"{where}: has columns for {some(columns)}, the file before it for {some(values)}.")
        found = class_names_of(file.schema, columns["label"], where=where) if "label" in columns else None
        if paths and found != class_names:
            raise DataError(f"{where}: lists other class names than the file before it.")
        class_names = found
        table = _read_columns(file, columns, where=where)
        if "prediction" in columns:
            predicted = class_names_of(file.schema, columns["prediction"], where=where)
            if predicted != class_names:  # the same number may then stand for two classes
                table["prediction"] = _named(table["prediction"], predicted, column=columns["prediction"], where=where)
        if needs_labels:
            is_used = [label is not None and not (found and label == -1) for label in table["label"]]
        else:
            is_used = [True] * int(file.starts[-1])
        for row, is_good in enumerate(is_used):
            if is_good:
                paths.append(f"{name}/{row}")
            else:
                skips.add(f"{name}/{row}", "no label")
        for key in columns:
            values.setdefault(key, []).extend(v for v, is_good in zip(table[key], is_used, strict=True) if is_good)
    where = str(config.files)
    skipped = skips.rows()
    if not paths:
        kind = "row with a label" if needs_labels else "row"
        raise DataError(f"{where}: found no {kind}{f' among {len(skipped)}' if skipped else ''}.")
    labels, is_labelled = _labels(values.get("label"), where, n_images=len(paths), needs_labels=needs_labels)
    return Listing(
        source=source,
        where=where,
        paths=paths,
        labels=labels,
        is_labelled=is_labelled,
        predictions=_classes(values["prediction"], "prediction", where) if "prediction" in values else None,
        confidences=_confidences(values["confidence"], where) if "confidence" in values else None,
        class_names=class_names,
        skipped=skipped,
    )


def _labels(
    values: list[Any] | None, where: str, *, n_images: int, needs_labels: bool
) -> tuple[list[str | int], npt.NDArray[np.bool_] | None]:
    if values is None:
        return [""] * n_images, np.zeros(n_images, dtype=np.bool_)
    if needs_labels:
        return _classes(values, "label", where), None
    labels, is_labelled = as_given_classes(values)
    _classes([value for value, given in zip(values, is_labelled, strict=True) if given], "label", where)
    return labels, is_labelled


def _open_or_explain(path: Path) -> _File:
    try:
        return _open(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: cannot be read as a Parquet or Arrow table ({error}).") from error


def _read_columns(file: _File, columns: dict[str, str], *, where: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {key: [] for key in columns}
    try:
        for group in range(len(file.starts) - 1):
            table = file.read(group, list(dict.fromkeys(columns.values())))
            for key, column in columns.items():
                found[key] += table.column(column).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{where}: cannot be read ({error}). Copy the file again, or leave it out.") from error
    return found


def _open(path: Path) -> _File:
    if path.suffix.lower() in _ARROW_SUFFIXES:
        return patiently(lambda: _open_arrow(path))

    def read(group: int, columns: list[str]) -> pa.Table:
        def attempt() -> pa.Table:
            with pq.ParquetFile(path) as file:
                return file.read_row_group(group, columns=columns, use_threads=False)

        return patiently(attempt)

    metadata = patiently(lambda: pq.read_metadata(path))
    rows = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    return _File(schema=metadata.schema.to_arrow_schema(), starts=_starts(rows), read=read)


def _open_arrow(path: Path) -> _File:
    """Open an Arrow file or stream, memory-mapped: a batch is read when it is asked for."""
    mapped = pa.memory_map(str(path))
    try:
        reader = pa.ipc.open_file(mapped)
    except pa.ArrowInvalid:
        mapped.seek(0)
        table = pa.ipc.open_stream(mapped).read_all()
        batches = table.to_batches()
        return _File(
            schema=table.schema,
            starts=_starts([len(batch) for batch in batches]),
            read=lambda group, columns: pa.Table.from_batches([batches[group]]).select(columns),
        )
    return _File(
        schema=reader.schema,
        starts=_starts([len(reader.get_batch(i)) for i in range(reader.num_record_batches)]),
        read=lambda group, columns: pa.Table.from_batches([reader.get_batch(group)]).select(columns),
    )


def _starts(rows: list[int]) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)


def _bytes(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The bytes of a group's images."""
    return pc.struct_field(column, "bytes") if pa.types.is_struct(column.type) else column


def _named(values: list[Any], names: tuple[str, ...] | None, *, column: str, where: str) -> list[Any]:
    """Replace the indices of a class label by the names that they count; names stay as they are."""
    if names is None:
        return values
    known = set(names)
    named = []
    for value in values:
        is_index = isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()
        if is_index and 0 <= value < len(names):
            named.append(names[int(value)])
        elif str(value) in known:
            named.append(str(value))
        else:
            raise DataError(
                f"{where}: column {column!r} holds {value!r}, which is none of its {len(names)} class names "
                f"({some(names)})."
            )
    return named


def _classes(values: list[Any], column: str, where: str) -> list[str | int]:
    wrong = [value for value in values if not isinstance(value, str | int | float) or value != value]
    if wrong:
        raise DataError(
            f"{where}: column {column!r} holds values that are not classes ({len(wrong)}), such as {wrong[0]!r}; "
            "expected text or whole numbers."
        )
    return as_classes(values)


def _confidences(values: list[Any], where: str) -> npt.NDArray[np.float64]:
    try:
        confidences = np.array([np.nan if value is None else float(value) for value in values])
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: column 'confidence' holds values that are not numbers ({error}).") from error
    if ((confidences < 0) | (confidences > 1)).any():
        raise DataError(f"{where}: column 'confidence' holds values outside of 0 to 1, expected probabilities.")
    return confidences
