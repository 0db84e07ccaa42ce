"""Names to addresses: what a class is called in a path, whatever it is called by people."""

import re
import unicodedata
from collections.abc import Sequence

__all__ = ["slugs"]

MAX_LENGTH = 60
# Not allowed as the name of a folder on Windows, where a zipped report may be opened.
_RESERVED = {"con", "prn", "aux", "nul", *(f"com{i}" for i in range(1, 10)), *(f"lpt{i}" for i in range(1, 10))}


def slugs(names: Sequence[str]) -> list[str]:
    """Return one slug per name: lower-case ASCII letters, digits and hyphens, unique, never empty.

    Equal slugs get -2, -3, … in the order of the names, so a name keeps its address when others are appended.
    """
    taken: set[str] = set()
    result = []
    for name in names:
        ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        base = re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-")[:MAX_LENGTH].strip("-") or "class"
        if base in _RESERVED:
            base = f"class-{base}"
        slug, n = base, 1
        while slug in taken:
            n += 1
            slug = f"{base}-{n}"
        taken.add(slug)
        result.append(slug)
    return result
