"""What a command comes to."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Made"]


@dataclass(frozen=True, kw_only=True)
class Made:
    """A file that a command has written, and lines of words about it."""

    path: Path
    lines: tuple[str, ...]
