"""The words that a feature may be called."""

from pathlib import Path

from barlow_report.errors import DataError

__all__ = ["BUILT_IN", "read_vocabulary"]

BUILT_IN = Path(__file__).parent / "vocabulary.txt"
"""Everyday words for what people see in pictures of features."""

_FEWEST = 10


def read_vocabulary(path: Path) -> list[str]:
    """Return the words of a text file, one to a line, each once; empty lines and comments (#) are left out.

    Args:
        path: The file, UTF-8.

    Raises:
        DataError: It cannot be read, or has so few words that the best of them says little.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}). Give a text file with one word to a line under "
            "words.vocabulary."
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is no text in UTF-8 (byte {error.start}). Save it as UTF-8.") from error
    found: dict[str, str] = {}
    for line in lines:
        word = " ".join(line.split())
        if word and not word.startswith("#"):
            found.setdefault(word.casefold(), word)
    if len(found) < _FEWEST:
        raise DataError(
            f"{path}: has {len(found)} different words, expected at least {_FEWEST}: the best of few words says "
            "little. Add words, one to a line."
        )
    return list(found.values())
