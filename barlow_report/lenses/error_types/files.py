"""Reading small files that people write: CSV, YAML and JSON, with errors that say what to do."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from barlow_report.columns import choose_column, means
from barlow_report.config.texts import parse_texts
from barlow_report.delimited import read_rows
from barlow_report.documents import parse_json
from barlow_report.errors import DataError

__all__ = ["categories_of", "read_category", "read_csv", "read_lines", "read_text", "read_tree"]

_MAX_CATEGORIES = 50


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
                f"those that are meant.{_said_categories(tree)}"
            )
        if not isinstance(tree, list) or not all(isinstance(item, str) for item in tree):
            raise DataError(f"{path}: expected a list of {what}.")
        items = tree
    if not items:
        raise DataError(f"{path}: found no {what}. Give a file that has some, or leave its key out.")
    return items


def read_category(path: Path, category: str, *, key: str) -> list[str]:
    """Return the names of the images that a JSON or YAML object puts into a category.

    Lists of mistakes that were looked at by hand are published like this: `path: category`, or `path: {…}` where one
    key of the inner object has the word category in it.

    Args:
        path: The file.
        category: As it is called there; capitals make no difference.
        key: What named the category, for errors.

    Raises:
        DataError: The file cannot be read, is no such object, says of an entry no category or several, or has no entry
            of this one.
    """
    tree = read_tree(path)
    if not isinstance(tree, dict) or not tree:
        raise DataError(
            f"{path}: {key} needs an object `path: category` or `path: {{…category…: …}}`, and found "
            f"{'an empty one' if isinstance(tree, dict) else type(tree).__name__}. Leave the key out for a list of "
            "paths."
        )
    wanted = category.strip().casefold()
    names = [name for name, value in categories_of(tree, path=path).items() if value.casefold() == wanted]
    if not names:
        raise DataError(f"{path}: no entry is of the category {category!r}.{_said_categories(tree)}")
    return names


def categories_of(tree: dict[Any, Any], *, path: Path) -> dict[str, str]:
    """Return the category that each entry of an object states, by its name; `path` is named in the error.

    Raises:
        DataError: An entry states none, or several.
    """
    found = {str(name): _category(value) for name, value in tree.items()}
    unknown = [name for name, value in found.items() if value is None]
    if unknown:
        raise DataError(
            f"{path}: {len(unknown)} of {len(found)} entries have no category, or several, the first {unknown[0]!r}. "
            "Each needs a text, or an object with one key whose name has the word category in it and whose value is a "
            "text."
        )
    return {name: value for name, value in found.items() if value is not None}


def _category(value: Any) -> str | None:
    """The category that an entry states; None where it states none, or several."""
    if isinstance(value, dict):
        stated = [inner for name, inner in value.items() if "category" in str(name).casefold()]
        value = stated[0] if len(stated) == 1 else None
    return value.strip() if isinstance(value, str) and value.strip() else None


def _said_categories(tree: dict[Any, Any]) -> str:
    """A sentence about the categories of an object, or nothing where an entry has none."""
    found = [_category(value) for value in tree.values()]
    counts = Counter(value for value in found if value is not None)
    if not found or None in found or len(counts) > _MAX_CATEGORIES:
        return ""
    listed = ", ".join(f"{name!r} ({n})" for name, n in sorted(counts.items()))
    return f" Its entries have categories: {listed}; name one of them under non_prototypical_category."
