"""Reading small files that people write: CSV, YAML and JSON, with errors that say what to do."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from barlow_report.errors import DataError

__all__ = ["is_csv", "read_csv", "read_lines", "read_text", "read_tree"]


def is_csv(path: Path) -> bool:
    """Whether the file's name says that it is a table."""
    return path.suffix.lower() in (".csv", ".tsv")


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
    """Yield the rows of a CSV (or, with the suffix .tsv, tab-separated) file with a header, and their lines.

    Raises:
        DataError: The file cannot be read, a column is missing, or a row has more values than the header.
    """
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    rows = csv.reader(io.StringIO(read_text(path), newline=""), delimiter=separator)
    try:
        header = [name.strip() for name in next(rows, [])]
        missing = [name for name in needed if name not in header]
        if missing:
            raise DataError(
                f"{path}: column {', '.join(map(repr, missing))} is missing; found {', '.join(header) or 'no columns'}."
            )
        for row in rows:
            if not any(value.strip() for value in row):
                continue
            if len(row) > len(header):
                raise DataError(
                    f"{path}: line {rows.line_num} has {len(row)} values, the header {len(header)}. Put values that "
                    f"hold a {'tab' if separator != ',' else 'comma'} in quotes."
                )
            yield rows.line_num, dict(zip(header, [*row, *[""] * (len(header) - len(row))], strict=True))
    except csv.Error as error:
        raise DataError(f"{path}: line {rows.line_num} is no CSV ({error}).") from error


def read_tree(path: Path) -> Any:
    """Return the content of a YAML or JSON file.

    Raises:
        DataError: The file cannot be read, or is neither.
    """
    text = read_text(path)
    try:
        if path.suffix.lower() == ".json":
            return json.loads(text)
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: not valid {'JSON' if path.suffix.lower() == '.json' else 'YAML'}: {error}") from error


def read_lines(path: Path, *, what: str = "paths of images") -> list[str]:
    """Return the lines of a text file, or the items of a JSON list of text; empty ones and comments (#) left out.

    Args:
        path: The file.
        what: The lines, in words.

    Raises:
        DataError: The file cannot be read, or its JSON is no list of text.
    """
    if path.suffix.lower() != ".json":
        lines = (line.strip() for line in read_text(path).splitlines())
        return [line for line in lines if line and not line.startswith("#")]
    tree = read_tree(path)
    items = list(tree) if isinstance(tree, dict | list) else None
    if items is None or not all(isinstance(item, str) for item in items):
        raise DataError(f"{path}: expected a list of {what}.")
    return items
