"""From the target of a request to a file of the site."""

import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

__all__ = ["Found", "content_type", "find"]

_TYPES = {  # what a system says of these differs
    ".css": "text/css; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
}


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a target names: a file, or the address of a folder, to which a browser is sent on."""

    file: Path | None = None
    folder: str | None = None


def find(root: Path, target: str) -> Found | None:
    """Return what the target of a request names in a site; None where there is nothing that may be shown.

    Args:
        root: The folder of the site.
        target: As the request has it: `/classes/cat/?sort=n`. A name that leads out of the site, directly or by a link,
            is nothing, and so are hidden files, by which a build knows its own folder.
    """
    try:
        path = unquote_to_bytes(re.split(r"[?#]", target, maxsplit=1)[0]).decode("utf-8")
    except ValueError:
        return None
    if not path.startswith("/") or "\\" in path or "\0" in path:
        return None
    parts = [part for part in path.split("/") if part]
    if any(part.startswith(".") for part in parts):
        return None
    try:
        whole = root.resolve(strict=True)
        found = whole.joinpath(*parts).resolve(strict=True)
        if not found.is_relative_to(whole):
            return None
        if found.is_dir():
            if not path.endswith("/"):
                return Found(folder=f"/{quote('/'.join(parts))}/")
            found = found / "index.html"
        elif path.endswith("/"):
            return None
        return Found(file=found) if found.is_file() and not found.is_symlink() else None
    except (OSError, ValueError, RuntimeError):  # not there, too long, a circle of links
        return None


def content_type(file: Path) -> str:
    """Return the type of a file as HTTP says it."""
    suffix = file.suffix.lower()
    return _TYPES.get(suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
