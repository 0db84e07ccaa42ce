"""Published lists of common errors: which images many models fail on, as text.

The form is that of the lists of Peychev et al., "Automated Classification of Model Errors on ImageNet" (NeurIPS 2023),
`most_common_<type>.txt`. An entry is several lines, and an empty one ends it:

    1) cnt mistakes = 961, file = n02114712/ILSVRC2012_val_00010883.JPEG
    target = 271, n02114712: red wolf, maned wolf
    multi_labels:
    271, n02114712: red wolf, maned wolf
    pred = 272, n02114855: coyote, prairie wolf

Classes are read by their WordNet ids, which do not depend on anybody's order of the classes. What follows `pred`, such
as words that were proposed for the image, is passed over.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from barlow_report.errors import DataError

__all__ = ["CommonError", "is_common_errors", "read_common_errors"]

_HEAD = re.compile(r"\d+\) cnt mistakes = (?P<count>\d+), file = (?P<file>.+)")
_CLASS = re.compile(r"\d+, (?P<synset>n\d{8}): .*")
_LABELS = "multi_labels:"
_LOOKED_AT = 4096  # bytes: the first line says what a file is


@dataclass(frozen=True, kw_only=True)
class CommonError:
    """An image that many models fail on.

    Attributes:
        path: Of the image.
        label: WordNet id of its label.
        correct: WordNet ids of all its correct labels; empty where people found none.
        prediction: WordNet id of what it is taken for most often.
        n_models: Models that do so.
    """

    path: str
    label: str
    correct: tuple[str, ...]
    prediction: str
    n_models: int


def is_common_errors(path: Path) -> bool:
    """Whether a file begins as such a list does; false for one that cannot be read."""
    try:
        with path.open("rb") as file:
            first = file.read(_LOOKED_AT)
    except OSError:
        return False
    return _HEAD.match(first.decode("utf-8-sig", "replace").lstrip()) is not None


def read_common_errors(path: Path) -> list[CommonError]:
    """Return the entries of a list, in its order.

    Raises:
        DataError: The file cannot be read, has no entry, or has one of another form.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}). Give the path of an existing file in UTF-8.") from error
    found = [_entry(lines, where=f"{path}: line {number}") for number, lines in _blocks(text)]
    if not found:
        raise DataError(f"{path}: found no entry, expected some that begin like '1) cnt mistakes = 9, file = a.JPEG'.")
    return found


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines between empty ones, and the number of the first of them."""
    first, lines = 1, list[str]()
    for number, line in enumerate([*text.splitlines(), ""], 1):
        if line.strip():
            first = first if lines else number
            lines.append(line.strip())
        elif lines:
            yield first, lines
            lines = []


def _entry(lines: list[str], *, where: str) -> CommonError:
    head = _HEAD.fullmatch(lines[0])
    if head is None:
        raise DataError(f"{where}: found {lines[0]!r}, expected '<number>) cnt mistakes = <count>, file = <path>'.")
    if len(lines) < 4 or not lines[1].startswith("target = ") or lines[2] != _LABELS:
        raise DataError(f"{where}: expected the lines 'target = …', '{_LABELS}', labels and 'pred = …' in an entry.")
    last = next((i for i, line in enumerate(lines) if line.startswith("pred = ")), None)
    if last is None:
        raise DataError(f"{where}: found no line 'pred = …' in this entry.")
    return CommonError(
        path=head["file"].strip(),
        label=_synset(lines[1].removeprefix("target = "), where=where),
        correct=tuple(dict.fromkeys(_synset(line, where=where) for line in lines[3:last])),
        prediction=_synset(lines[last].removeprefix("pred = "), where=where),
        n_models=int(head["count"]),
    )


def _synset(text: str, *, where: str) -> str:
    match = _CLASS.fullmatch(text)
    if match is None:
        raise DataError(f"{where}: found {text!r}, expected a class such as '271, n02114712: red wolf'.")
    return match["synset"]
