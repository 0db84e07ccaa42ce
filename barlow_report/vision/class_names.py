"""What names of classes look like: when two are the same text, when they are too alike, and how they are sorted."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

__all__ = [
    "INTEGER",
    "MISSING_TEXTS",
    "Order",
    "alike",
    "are_numbers",
    "is_integer",
    "natural_key",
    "same_text",
    "some",
    "sorted_names",
    "spelled",
    "too_alike",
]

Order = Literal["text", "number"]

MISSING_TEXTS = frozenset({"nan", "na", "n/a", "#n/a", "none", "null", "nil", "<na>", "nat", "?", "-"})
"""What programs write for a missing label, in small letters. Each may be a name, too: Namibia's code is NA."""

INTEGER = re.compile(r"(-?(?:0|[1-9]\d{0,17}))(?:\.0+)?")
"""A whole number as text, 7 or 7.0 but not 07; group 1 is the number."""

_N_SHOWN = 3
_NUMBER = re.compile(r"(\d+)(\.0+)?")
_DIGITS = re.compile(r"(\d+)")


def same_text(name: str) -> str:
    """Return `name` without what nobody can see: white space around, Unicode's composition, characters of no width."""
    visible = "".join(c for c in unicodedata.normalize("NFC", name) if unicodedata.category(c) != "Cf")
    return " ".join(visible.split()) or name


def spelled(forms: Iterable[str]) -> str:
    """Return how to write a name that occurs in several forms which look the same."""
    return unicodedata.normalize("NFC", min((form.strip() for form in forms), key=lambda form: (len(form), form)))


def alike(name: str) -> str:
    """Return what names that people would take for the same have in common: also capitals, width, leading zeros."""
    folded = same_text(unicodedata.normalize("NFKC", name)).casefold()
    folded = same_text(unicodedata.normalize("NFKC", folded))
    number = _NUMBER.fullmatch(folded)
    return folded if number is None else number[1].lstrip("0") or "0"


def too_alike(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of different names that are alike, each with the first of its kind."""
    first: dict[str, str] = {}
    return [(first[key], name) for name in names if first.setdefault(key := alike(name), name) != name]


def natural_key(name: str) -> tuple[object, ...]:
    """Return a key that sorts numbers within names by their value: class_2 before class_10."""
    parts = _DIGITS.split(name)  # text and digits in turn, text first
    return tuple(part if i % 2 == 0 else _by_value(part) for i, part in enumerate(parts)), name


def _by_value(digits: str) -> tuple[int, str]:
    significant = digits.lstrip("0")
    return len(significant), significant


def are_numbers(names: Iterable[str]) -> bool:
    """Whether all names are whole numbers, such as 7, 07, or 7.0."""
    return all(_NUMBER.fullmatch(name) for name in names)


def is_integer(text: str) -> bool:
    """Whether a text is a whole number, white space around it aside."""
    return INTEGER.fullmatch(text.strip()) is not None


def sorted_names(names: Iterable[str], *, order: Order | None = None) -> list[str]:
    """Sort names as text, or numbers within them by their value; None: by value where all are whole numbers."""
    found = list(names)
    by_value = are_numbers(found) if order is None else order == "number"
    return sorted(found, key=natural_key) if by_value else sorted(found)


def some(values: Sequence[object] | Iterable[object] | Mapping[str, object]) -> str:
    """Return the first few of `values` in quotes, and how many more there are."""
    shown = [repr(value) for value in values]
    rest = len(shown) - _N_SHOWN
    return ", ".join(shown[:_N_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
