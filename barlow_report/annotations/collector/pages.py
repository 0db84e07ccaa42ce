"""The files of the site, as the collector serves them: those that a build has written, and no others.

The site is built to be opened from a disk, so it knows nothing of a collector; the one file
`data/collector.js` is replaced by what the form must know. Pages get a content-security policy that lets
exactly the theme's own inline scripts run, by their hashes; whatever else a browser may render runs none.
"""

import base64
import hashlib
import json
import mimetypes
import re
from functools import lru_cache
from pathlib import Path

from fastapi import Response
from starlette.responses import FileResponse

from barlow_report.annotations.collector.settings import CollectorSettings
from barlow_report.errors import DataError
from barlow_report.files import SITE_MARKER

__all__ = ["SitePages"]

_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
_POLICY = (
    "default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self' blob:; frame-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
# A worker is a document of its own: the search reads its index in one.
_SCRIPT_POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'"
_TYPES = {".js": "text/javascript", ".webp": "image/webp", ".json": "application/json", ".svg": "image/svg+xml"}


class SitePages:
    """The built files of one site.

    Raises:
        DataError: The folder has no list of the files that a build wrote.
    """

    def __init__(self, settings: CollectorSettings) -> None:
        self.folder = settings.site.resolve()
        self._marker = self.folder / SITE_MARKER
        self._state = self._marker_state()
        self._names = self._read_names()
        self._collector = (
            "window.BARLOW_COLLECTOR=" + json.dumps({"api": "api/", "prolific": settings.prolific is not None}) + ";\n"
        )

    def respond(self, path: str) -> Response:
        """Return the file at a path of the site; a folder is its index.html."""
        headers = {"Cache-Control": "no-cache"}
        if path == "data/collector.js":
            headers = {"Cache-Control": "no-store", "Content-Security-Policy": _SCRIPT_POLICY}
            return Response(self._collector, media_type="text/javascript", headers=headers)
        found = self._find(path)
        if found is None:
            return Response("Not found.\n", status_code=404, media_type="text/plain")
        suffix = found.suffix.lower()
        kind = _TYPES.get(suffix) or mimetypes.guess_type(found.name)[0] or "application/octet-stream"
        if kind != "text/html":
            if kind == "text/javascript":
                headers["Content-Security-Policy"] = _SCRIPT_POLICY
            return FileResponse(found, media_type=kind, headers=headers)
        data = found.read_bytes()
        headers["Content-Security-Policy"] = _policy(data)
        return Response(data, media_type=kind, headers=headers)

    def _find(self, path: str) -> Path | None:
        """The built file at a path; None where there is none, or a link has taken its place."""
        names = self._built()
        index = f"{path.rstrip('/')}/index.html".lstrip("/")
        name = path if path in names else index if index in names and not path.startswith("/") else None
        if name is None:
            return None
        try:
            found = self.folder / name
            return found if found.resolve() == found and found.is_file() else None
        except (OSError, ValueError):
            return None

    def _built(self) -> frozenset[str]:
        """The names of the built files; read again after another build."""
        state = self._marker_state()
        if state != self._state:
            try:
                self._names, self._state = self._read_names(), state
            except DataError:  # between two builds; the next request looks again
                return frozenset()
        return self._names

    def _marker_state(self) -> tuple[int, ...] | None:
        try:
            found = self._marker.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size

    def _read_names(self) -> frozenset[str]:
        """The names in the marker, without hidden ones, which are for the builder alone."""
        try:
            names = json.loads(self._marker.read_text(encoding="utf-8"))["files"]
            return frozenset(str(name) for name in names if not any(p.startswith(".") for p in str(name).split("/")))
        except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
            raise DataError(
                f"{self._marker}: has no list of the site's files ({error}). Serve the folder as a build wrote it, "
                "with its hidden files; if it is older, build the site again: barlow-report site."
            ) from error


@lru_cache(maxsize=256)
def _policy_of(scripts: tuple[bytes, ...]) -> str:
    hashes = {base64.b64encode(hashlib.sha256(script).digest()).decode() for script in scripts}
    return _POLICY.format(hashes=" ".join(f"'sha256-{value}'" for value in sorted(hashes)))


def _policy(page: bytes) -> str:
    return _policy_of(tuple(_INLINE_SCRIPT.findall(page)))
