"""Which column of a table holds what: the path of an image, its label, a prediction and how sure it is.

People call them by many names, and a table may have several that fit. A name that says the same thing is taken; which
of two is meant is never guessed.
"""

import re
from collections.abc import Mapping, Sequence

from barlow_report.errors import DataError

__all__ = ["COLUMNS", "choose_column", "columns_meaning", "means"]

COLUMNS = ("path", "label", "prediction", "confidence")

_MEANINGS = {
    "path": re.compile(r".*(path|filename)s?"),  # file_name, filepath, image_path, …
    "label": re.compile(r"(?!.*pred).*labels?"),  # fine_label, true_label, …
    "prediction": re.compile(r"predictions?|preds?|predicted(labels?|class)?"),
    "confidence": re.compile(r"confidences?"),
}
_ALSO = {
    "label": re.compile(r"targets?|groundtruth|ytrue|truth"),
    "prediction": re.compile(r"ypred"),
}
"""Names that mean the same where no other column does: a table may have the class's number beside its name."""
_PLAIN = re.compile(r"[\s_.-]+")


def means(name: str, column: str) -> bool:
    """Whether a column of this name holds what `column`, one of `COLUMNS`, does."""
    return _fits(name, _MEANINGS[column])


def columns_meaning(names: Sequence[str], column: str) -> list[str]:
    """Return the names that may stand for `column`, in the order of the table."""
    found = [name for name in names if means(name, column)]
    return found or [name for name in names if column in _ALSO and _fits(name, _ALSO[column])]


def _fits(name: str, pattern: re.Pattern[str]) -> bool:
    return pattern.fullmatch(_PLAIN.sub("", name).casefold()) is not None


def choose_column(
    names: Sequence[str], column: str, *, given: Mapping[str, str], where: str, key: str, apart: Sequence[str] = ()
) -> str | None:
    """Return the name of the column that holds `column`, or None where none does.

    Args:
        names: Of the table's columns.
        column: One of `COLUMNS`.
        given: What the configuration says that some of `COLUMNS` are called.
        where: Named in the error.
        key: Of the configuration, where the user can say which is meant.
        apart: Names that the configuration uses for something else.

    Raises:
        DataError: The configured column is not there, or several may be meant.
    """
    if column in given:
        if list(names).count(given[column]) != 1:
            raise DataError(
                f"{where}: found {list(names).count(given[column])} columns called {given[column]!r} among "
                f"{', '.join(map(repr, names))}, expected one. Correct {key}."
            )
        return given[column]
    spoken_for = {*apart, *given.values()}
    found = [name for name in columns_meaning(names, column) if name not in spoken_for]
    if len(found) > 1:
        raise DataError(
            f"{where}: columns {', '.join(map(repr, found))} may all hold the {column}. Say in {key} which one does."
        )
    return found[0] if found else None
