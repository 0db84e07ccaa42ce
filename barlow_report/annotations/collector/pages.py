"""The files of the site, as the collector serves them.

The site is built to be opened from a disk, so it knows nothing of a collector; the one file
`data/collector.js` is replaced by what the form must know. Pages get a content-security policy that lets
exactly the theme's own inline scripts run, by their hashes.
"""

import base64
import hashlib
import json
import mimetypes
import re
from functools import lru_cache
from pathlib import Path

from fastapi import Response

from barlow_report.annotations.collector.settings import CollectorSettings

__all__ = ["SitePages"]

_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
_POLICY = (
    "default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self' blob:; frame-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_TYPES = {".js": "text/javascript", ".webp": "image/webp", ".json": "application/json", ".svg": "image/svg+xml"}


class SitePages:
    """Files below one folder, and nothing else."""

    def __init__(self, settings: CollectorSettings) -> None:
        self.folder = settings.site.resolve()
        self._collector = (
            "window.BARLOW_COLLECTOR=" + json.dumps({"api": "api/", "prolific": settings.prolific is not None}) + ";\n"
        )

    def respond(self, path: str) -> Response:
        """Return the file at a path of the site; a folder is its index.html."""
        if path == "data/collector.js":
            return Response(self._collector, media_type="text/javascript", headers={"Cache-Control": "no-store"})
        found = self._find(path)
        if found is None:
            return Response("Not found.\n", status_code=404, media_type="text/plain")
        try:
            data = found.read_bytes()
        except OSError:
            return Response("Not found.\n", status_code=404, media_type="text/plain")
        kind = _TYPES.get(found.suffix) or mimetypes.guess_type(found.name)[0] or "application/octet-stream"
        headers = {"Cache-Control": "no-cache"}
        if found.suffix == ".html":
            kind = "text/html"
            headers["Content-Security-Policy"] = _policy(data)
        return Response(data, media_type=kind, headers=headers)

    def _find(self, path: str) -> Path | None:
        """Resolve a path; None where it leads out of the folder, is hidden, or is not there."""
        if "\0" in path or any(part.startswith(".") for part in path.split("/")):
            return None
        try:
            found = (self.folder / path).resolve()
            if found.is_dir():
                found = found / "index.html"
            is_inside = found.is_relative_to(self.folder)
            return found if is_inside and found.is_file() else None
        except (OSError, ValueError):
            return None


@lru_cache(maxsize=256)
def _policy(page: bytes) -> str:
    hashes = {base64.b64encode(hashlib.sha256(script).digest()).decode() for script in _INLINE_SCRIPT.findall(page)}
    return _POLICY.format(hashes=" ".join(f"'sha256-{value}'" for value in sorted(hashes)))
