"""Reading tables that people write or export as text: CSV in whatever dialect a spreadsheet or a script gave it.

One reader for every such file. Separators (comma, semicolon, tab, bar) and UTF-8 or UTF-16 are recognised; names of
columns count in any case, with spaces around them. A column without a name that only numbers the rows, as pandas
writes it, and one without anything in it are left out. What a file leaves open is an error, never a guess.
"""

import codecs
import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from barlow_report.errors import DataError

__all__ = ["Dialect", "is_delimited", "read_delimited", "read_dialect", "read_rows"]

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_ENCODINGS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_INDEX_NAMES = {"", "unnamed: 0"}
"""What pandas calls the numbers of rows that it writes without being asked."""

Wanted = Callable[[str], bool]


def _no_name(_: str) -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a file is written.

    Attributes:
        separator: Between the values of a row.
        header: The names of the columns, without spaces around them.
        n_lines: Lines up to the end of the header.
    """

    separator: str
    header: tuple[str, ...]
    n_lines: int

    @property
    def separator_name(self) -> str:
        """The separator in words, in the plural."""
        return _SEPARATORS[self.separator]


def is_delimited(path: Path) -> bool:
    """Whether a file's name says that it is such a table."""
    return path.suffix.lower() in {".csv", ".tsv", ".tab", ".psv"}


def read_delimited(path: Path, *, wanted: Wanted = _no_name) -> pa.Table:
    """Read all rows of a file with a header; every column is text, values that repeat are stored once.

    Args:
        path: The file.
        wanted: See `read_dialect`.

    Raises:
        DataError: The file cannot be read, is empty, or a row has more or fewer values than the header.
    """
    data = _content(path)
    dialect = read_dialect(data.decode(), wanted=wanted)
    if not dialect.header:
        raise DataError(
            f"{path}: the file is empty, expected a header with the names of the columns. Give a table with one."
        )
    numbered = [str(position) for position in range(len(dialect.header))]  # names may repeat
    text = pa.dictionary(pa.int32(), pa.string())
    try:
        table = pa_csv.read_csv(
            pa.py_buffer(data),
            read_options=pa_csv.ReadOptions(column_names=numbered, skip_rows=dialect.n_lines),
            parse_options=pa_csv.ParseOptions(delimiter=dialect.separator, newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(numbered, text), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        if dialect.n_lines and not data.decode().splitlines()[dialect.n_lines :]:
            table = pa.table([pa.array([], type=text) for _ in numbered], names=numbered)
        else:
            reason = _uneven_row(data.decode(), dialect) or str(error).partition("\n")[0]
            raise DataError(
                f"{path}: cannot be read as a table ({reason}). Correct the file, or save it again."
            ) from error
    kept = [position for position in numbered if not _is_filler(table[position], dialect.header[int(position)])]
    return table.select(kept).rename_columns([dialect.header[int(position)] for position in kept])


def read_dialect(text: str, *, wanted: Wanted = _no_name) -> Dialect:
    """Find out how a table is written from its header.

    The separator is the one that gives most of the wanted names, of several the one that gives most columns, and the
    comma where there is nothing to choose from.

    Args:
        text: The table, from its beginning.
        wanted: Whether a name is one that the header should have.
    """
    n_before = _n_lines_before(text)
    rest = "".join(text.splitlines(keepends=True)[n_before : n_before + 100])
    best: tuple[tuple[int, int], Dialect] | None = None
    for separator in _SEPARATORS:
        rows = csv.reader(io.StringIO(rest, newline=""), delimiter=separator)
        try:
            header = tuple(name.strip() for name in next(rows, []))
        except csv.Error:
            continue
        score = (sum(map(wanted, header)), len(header))
        if best is None or score > best[0]:
            best = (score, Dialect(separator=separator, header=header, n_lines=n_before + rows.line_num))
    return best[1] if best is not None else Dialect(separator=",", header=(), n_lines=0)


def read_rows(path: Path, *, wanted: Wanted = _no_name) -> tuple[tuple[str, ...], Iterator[tuple[int, list[str]]]]:
    """Return the header, and an iterator over the number of the last line and the values of each row that has any.

    Rows may be shorter than the header; what is missing is empty.

    Args:
        path: The file.
        wanted: See `read_dialect`.

    Raises:
        DataError: The file cannot be read; while iterating: a row has more values than the header.
    """
    text = _content(path).decode()
    dialect = read_dialect(text, wanted=wanted)
    return dialect.header, _rows(path, text, dialect)


def _rows(path: Path, text: str, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    width = len(dialect.header)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=dialect.separator)
    try:
        for row in rows:
            if rows.line_num <= dialect.n_lines or not any(value.strip() for value in row):
                continue
            if len(row) > width:
                raise DataError(
                    f"{path}: line {rows.line_num} has {len(row)} values, the header {width}. Put values that hold a "
                    f"{dialect.separator_name[:-1]} in quotes."
                )
            yield rows.line_num, row + [""] * (width - len(row))
    except csv.Error as error:
        raise DataError(f"{path}: line {rows.line_num} is not valid CSV ({error}). Correct the line.") from error


def _content(path: Path) -> bytes:
    """The text of a file as UTF-8 without a mark at its beginning."""
    try:
        data = path.read_bytes()
        for mark, encoding in _ENCODINGS:
            if data.startswith(mark):
                return (
                    data[len(mark) :].decode(encoding).encode() if encoding != "utf-8" else _checked(data[len(mark) :])
                )
        return _checked(data)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}). Give the path of an existing file.") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: cannot be read as a table, it is not valid {error.encoding.upper()} (byte {error.start}). Save "
            "it as UTF-8."
        ) from error


def _checked(data: bytes) -> bytes:
    data.decode("utf-8")
    return data


def _n_lines_before(text: str) -> int:
    """Lines before the header: empty ones, and Excel's own `sep=;`."""
    n_lines = 0
    for line in text.splitlines()[:100]:
        if line.strip() and not line.lower().startswith("sep="):
            break
        n_lines += 1
    return n_lines


def _uneven_row(text: str, dialect: Dialect) -> str | None:
    """Say which row does not have as many values as the header."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=dialect.separator)
    try:
        for row in rows:
            if rows.line_num > dialect.n_lines and row and len(row) != len(dialect.header):
                advice = f"; put a value that holds a {dialect.separator_name[:-1]} in double quotes"
                return (
                    f"line {rows.line_num} has {len(row)} values and the header {len(dialect.header)}"
                    f"{advice if len(row) > len(dialect.header) else ''}"
                )
    except csv.Error as error:
        return f"line {rows.line_num}: {error}"
    return None


def _is_filler(column: pa.ChunkedArray, name: str) -> bool:
    """Whether a column is the numbers of the rows without a name, or has neither a name nor a value."""
    if name.casefold() not in _INDEX_NAMES or not len(column):
        return False
    values = column.cast(pa.string())
    if not name and pc.all(pc.equal(pc.utf8_trim_whitespace(values), "")).as_py():
        return True
    numbers = pa.array(range(len(column)), type=pa.int64()).cast(pa.string())
    return bool(pc.all(pc.equal(values, numbers)).as_py())
