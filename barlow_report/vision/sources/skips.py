"""What a source holds and does not use, as rows of the list of skipped files, however much of it there is."""

import posixpath
from collections import Counter

from barlow_report.formatting import count
from barlow_report.tables import NO_IMAGE

__all__ = ["MAX_LISTED", "Skips"]

MAX_LISTED = 1000
"""Files of one ending that are no images and listed one by one; the others become one row."""


class Skips:
    """Rows (path, reason), one for each input that may be an image; a million text files are one row that says so."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, str]] = []
        self._n_of: Counter[tuple[str, str]] = Counter()

    def add(self, path: str, reason: str) -> None:
        """Note that an input is not used, and why."""
        if not reason.startswith(NO_IMAGE):
            self._rows.append((path, reason))
            return
        kind = (posixpath.splitext(path)[1].lower(), reason)
        self._n_of[kind] += 1
        if self._n_of[kind] <= MAX_LISTED:
            self._rows.append((path, reason))

    def rows(self) -> list[tuple[str, str]]:
        """Return all rows, sorted by path; no two have the same path."""
        more: dict[str, str] = {}
        for (suffix, reason), n in sorted(self._n_of.items()):
            if n > MAX_LISTED:
                name = f"*{suffix}"
                said = f"{reason} ({count(n - MAX_LISTED)} more files)"
                more[name] = f"{more[name]}; {said.removeprefix(NO_IMAGE)}" if name in more else said
        return sorted({**dict(self._rows), **more}.items())
