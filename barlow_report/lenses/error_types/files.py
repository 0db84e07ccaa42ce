"""Reading small files that people write: CSV, YAML and JSON, with errors that say what to do."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from barlow_report.columns import choose_column, means
from barlow_report.config.texts import parse_texts
from barlow_report.delimited import read_rows
from barlow_report.documents import parse_json
from barlow_report.errors import DataError

__all__ = ["read_csv", "read_lines", "read_text", "read_tree"]


def read_text(path: Path) -> str:
    """Return the content of a UTF-8 file.

    Raises:
        DataError: It cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}). Give the path of an existing file in UTF-8.") from error


def read_csv(path: Path, *, needed: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a table with a header, by the names of its columns in lower case, and their lines.

    Args:
        path: The file, of any separator; see `read_rows`.
        needed: Columns that it must have. One called path may have another name for it, such as filename.

    Raises:
        DataError: The file cannot be read, a column is missing or there twice, or a row has more values than the
            header.
    """
    names = {name.casefold() for name in needed}
    header, rows = read_rows(path, wanted=lambda name: name.casefold() in names or means(name, "path"))
    keys = [name.casefold() for name in header]
    if "path" in names and "path" not in keys:
        given = choose_column(header, "path", given={}, where=str(path), key="the header, with the name path,")
        keys = ["path" if name == given else key for name, key in zip(header, keys, strict=True)]
    missing = [name for name in needed if name.casefold() not in keys]
    if missing:
        raise DataError(
            f"{path}: found the columns {', '.join(map(repr, header)) or '(none)'}, without "
            f"{' and '.join(map(repr, missing))}. Add or rename them."
        )
    repeated = [name for name in needed if keys.count(name.casefold()) > 1]
    if repeated:
        raise DataError(f"{path}: several columns are called {', '.join(map(repr, repeated))}. Keep one of them.")
    for line, row in rows:
        yield line, dict(zip(keys, row, strict=True))


def read_tree(path: Path) -> Any:
    """Return the content of a YAML or JSON file.

    Raises:
        DataError: The file cannot be read, or is neither.
    """
    text, is_json = read_text(path), path.suffix.lower() == ".json"
    try:
        return parse_json(text) if is_json else parse_texts(text)  # names are texts: no, 01, 12:30
    except ValueError as error:
        raise DataError(f"{path}: not valid {'JSON' if is_json else 'YAML'}: {error}") from error


def read_lines(path: Path, *, what: str = "paths of images") -> list[str]:
    """Return the lines of a text file, or the items of a JSON list of text; empty ones and comments (#) left out.

    Args:
        path: The file.
        what: The lines, in words.

    Raises:
        DataError: The file cannot be read, its JSON is no list of text, or there is nothing in it.
    """
    if path.suffix.lower() != ".json":
        lines = (line.strip() for line in read_text(path).splitlines())
        items = [line for line in lines if line and not line.startswith("#")]
    else:
        tree = read_tree(path)
        if isinstance(tree, dict):
            raise DataError(
                f"{path}: found an object, expected a list of {what}: its keys may be of several kinds. Make a list of "
                "those that are meant."
            )
        if not isinstance(tree, list) or not all(isinstance(item, str) for item in tree):
            raise DataError(f"{path}: expected a list of {what}.")
        items = tree
    if not items:
        raise DataError(f"{path}: found no {what}. Give a file that has some, or leave its key out.")
    return items
