"""What a person called each failure: tables of types that the automatic ones can be compared with.

Three forms are told apart by their shape: a table with the columns path, type[, prediction]; the JSON of mistakes of
Vasudevan et al., "When does dough become a bagel?" (NeurIPS 2022), `{path: {"failure category": …, "top_prediction":
…}}`, or `{path: type}`; and the lists of common errors of Peychev et al. (NeurIPS 2023), whose type is in their file
name, `most_common_<type>.txt`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from barlow_report.common_errors import is_common_errors, read_common_errors
from barlow_report.delimited import is_delimited
from barlow_report.errors import DataError
from barlow_report.lenses.error_types.classes import Vocabulary
from barlow_report.lenses.error_types.files import categories_of, read_csv, read_tree
from barlow_report.lenses.error_types.images import ImageNames, Matches
from barlow_report.lenses.error_types.tables import ERROR_TYPES

__all__ = ["PersonTypes", "error_type_of", "read_person_types"]

_OTHER_WORDS = {  # of published files, in the spelling of `_plain`
    "overlapping classes": "overlapping",
    "fg": "fine_grained",
    "fine grained error": "fine_grained",
    "fg oov": "out_of_vocabulary",
    "fine grained error with oov": "out_of_vocabulary",
    "spurious correlation": "co_occurrence",
    "non proto": "non_prototypical",
}
_PREDICTION = "top_prediction"
_FILE_NAME = re.compile(r"most_common_(.+)", flags=re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class PersonTypes:
    """What a person called failures of a run.

    Attributes:
        types: Error type by image_id, one of `ERROR_TYPES`.
        predictions: By image_id, the class_id that the person saw predicted; only where the file says it. The type is
            of this failure, and of no other prediction for the image.
        matches: Which images the entries are about, file by file.
    """

    types: Mapping[int, str]
    predictions: Mapping[int, int]
    matches: tuple[Matches, ...]


@dataclass(frozen=True)
class _Entry:
    where: str
    path: str
    error_type: str
    prediction: str | int | None


def read_person_types(paths: Sequence[Path], *, images: ImageNames, vocabulary: Vocabulary) -> PersonTypes:
    """Read what a person called failures, from one file or several.

    Args:
        paths: The files.
        images: The images of the run.
        vocabulary: The classes; a prediction that the run lacks is left out, and so is its image.

    Raises:
        DataError: A file cannot be read or has another form, a type is not known, an image has two types, a prediction
            is no class, or no entry of a file is about an image of the run.
    """
    types: dict[int, str] = {}
    predictions: dict[int, int] = {}
    matches = []
    for path in paths:
        entries = list(_entries(path))
        if not entries:
            raise DataError(f"{path}: found no types. Give a file that has some.")
        found = images.match((entry.path for entry in entries), where=str(path))
        matches.append(found)
        for entry, image_id in zip(entries, found.image_ids, strict=True):
            if image_id is None:
                continue
            predicted = None
            if entry.prediction is not None:
                predicted = vocabulary.find(entry.prediction, where=entry.where, counts_all=True)
                if predicted is None:
                    continue
            _put(types, image_id, entry.error_type, where=entry.where)
            if predicted is not None:
                _put(predictions, image_id, predicted, where=entry.where)
    return PersonTypes(types=types, predictions=predictions, matches=tuple(matches))


def _put(known: dict[int, Any], image_id: int, value: object, *, where: str) -> None:
    if known.setdefault(image_id, value) != value:
        raise DataError(f"{where}: its image has another type or prediction before. Keep one entry for each image.")


def error_type_of(words: str) -> str | None:
    """Return the error type that somebody's words mean; None where they are not known."""
    plain = _plain(words)
    return _OTHER_WORDS.get(plain) or next((name for name in ERROR_TYPES if _plain(name) == plain), None)


def _plain(words: str) -> str:
    return " ".join(re.findall(r"[a-z]+", words.casefold()))


def _entries(path: Path) -> Iterator[_Entry]:
    if is_common_errors(path):
        named = _FILE_NAME.fullmatch(path.stem)
        of_all = _known(named[1] if named else path.stem, where=f"{path}: the name of the file")
        for error in read_common_errors(path):
            yield _Entry(f"{path}: {error.path!r}", error.path, of_all, error.prediction)
    elif is_delimited(path):
        for line, row in read_csv(path, needed=("path", "type")):
            where = f"{path}: line {line}"
            yield _Entry(
                where, row["path"], _known(row["type"], where=where), row.get("prediction", "").strip() or None
            )
    else:
        tree = read_tree(path)
        if not isinstance(tree, dict):
            raise DataError(
                f"{path}: found {type(tree).__name__}, expected `path: type` or `path: {{…category…: type}}`."
            )
        for name, category in categories_of(tree, path=path).items():
            where = f"{path}: {name!r}"
            value = tree[name]
            predicted = value.get(_PREDICTION) if isinstance(value, dict) else None
            if predicted is not None and not isinstance(predicted, str | int):
                raise DataError(f"{where}: {_PREDICTION} is {predicted!r}, expected a class.")
            yield _Entry(where, name, _known(category, where=where), predicted)


def _known(words: str, *, where: str) -> str:
    found = error_type_of(words)
    if found is None:
        raise DataError(f"{where}: {words!r} is no error type. Known are {_listed([*ERROR_TYPES, *_OTHER_WORDS])}.")
    return found


def _listed(words: Iterable[str]) -> str:
    return ", ".join(word.replace("_", " ") for word in words)
