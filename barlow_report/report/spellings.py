"""The words of a name in the ways somebody may type them, for the searches of hosts, which know words as written.

The report's own search folds what is typed instead (`templates/assets/fold.js`, whose `fold` is this one's twin).
"""

import re
import unicodedata

__all__ = ["fold", "other_spellings"]

_MARKS = re.compile("[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u200b-\u200f\u2060\ufe0f]")
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l", "þ": "th", "ς": "σ"}
    | {"ي": "ى", "ی": "ى", "ک": "ك", "ة": "ه"}
)
_INNER = re.compile(r"(?<=[a-zß-öø-ÿ0-9])(?=[A-ZÀ-ÖØ-Þ])|(?<=[A-Z])(?=[A-Z][a-z])")
_ASCII_WORD = re.compile("[A-Za-z0-9]+")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2,}")


def fold(text: str) -> str:
    """Return `text` without case, accents and the several ways to write one letter."""
    if text.isascii():
        return text.lower()
    folded = _MARKS.sub("", unicodedata.normalize("NFKD", text).lower()).translate(_LETTERS)
    return unicodedata.normalize("NFC", folded)


def other_spellings(text: str) -> list[str]:
    """Return words that `text` is also to be found by; none of them stands in it by itself, and all are lower-case.

    They are its words without brackets and accents, the parts of `camelCase` and `snake_case`, and the letters of
    Chinese, Japanese and Korean words.
    """
    apart = _INNER.sub(" ", text)
    words = [word for part in (text, apart) for word in _words(part)]
    letters = [letter for word in words if _UNSPACED.fullmatch(word) for letter in word]
    found = dict.fromkeys(form for word in (*words, *letters) for form in (word.lower(), fold(word)))
    return sorted(found.keys() - set(re.split(r"[\s-]+", text.lower())))


def _words(text: str) -> list[str]:
    if text.isascii():
        return _ASCII_WORD.findall(text)
    return "".join(c if c.isalnum() or unicodedata.category(c).startswith("M") else " " for c in text).split()
