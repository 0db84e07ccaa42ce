"""Answering the requests of a browser on this machine."""

import errno
import socket
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from barlow_report.errors import OutputError
from barlow_report.preview.files import content_type, find

__all__ = ["HOST", "PORT", "RELOAD", "VERSION", "PreviewServer"]

HOST, PORT = "127.0.0.1", 8736
RELOAD, VERSION = "/__preview__/reload.js", "/__preview__/version"
_NAMES = (HOST, "localhost")
_SECONDS_PER_REQUEST = 30
_USUAL = 80  # the port that browsers do not name

_SCRIPT = f"""// Shows a page again when the site has been built again.
(function () {{
  var shown = null;
  function look() {{
    if (document.visibilityState !== "visible") return setTimeout(look, 1000);
    fetch("{VERSION}", {{cache: "no-store"}}).then(function (answer) {{
      return answer.ok ? answer.text() : "";
    }}).catch(function () {{ return ""; }}).then(function (version) {{
      if (shown !== null && version && version !== shown) return location.reload();
      shown = version || shown;
      setTimeout(look, 1000);
    }});
  }}
  look();
}})();
"""
_TAG = f'<script src="{RELOAD}" defer></script>'.encode()
_MISSING = b"<!doctype html><meta charset=utf-8><title>Not found</title><p>There is no such page in the report.</p>"


class PreviewServer(ThreadingHTTPServer):
    """Serves one folder under addresses of this machine alone.

    Args:
        root: The folder of the site; it may be replaced at any time.
        port: Where to listen; 0: any free port; None: the usual one, or any free port where that is taken.
        version: Called for each look whether there is something new; "" while there is no site.

    Raises:
        OutputError: The port cannot be listened on.
    """

    daemon_threads = True
    block_on_close = False  # a browser keeps connections open

    def __init__(self, root: Path, *, port: int | None, version: Callable[[], str]) -> None:
        self.root = root
        self.version = version
        try:
            super().__init__((HOST, PORT if port is None else port), _Handler)
        except OSError as error:
            if port is not None or error.errno != errno.EADDRINUSE:
                raise OutputError(
                    f"{HOST}:{port}: cannot be listened on ({error.strerror}). Choose another --port, or 0 for any "
                    "free one."
                ) from error
            super().__init__((HOST, 0), _Handler)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{HOST}:{self.server_port}/"

    def server_bind(self) -> None:
        """Bind without asking a name server for this machine's name."""
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows, where another process could take the port over
            self.allow_reuse_address = False
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(self.allow_reuse_address))
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = HOST, self.server_address[1]

    def is_own_name(self, host: str) -> bool:
        """Whether a request was sent to this machine by one of its own names, and to this port."""
        own = {f"{name}:{self.server_port}" for name in _NAMES} | (set(_NAMES) if self.server_port == _USUAL else set())
        return host.lower() in own

    def handle_error(self, *_: Any) -> None:
        """Say nothing of a browser that has gone."""


class _Handler(BaseHTTPRequestHandler):
    server: PreviewServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "barlow-report", ""
    timeout: ClassVar[int] = _SECONDS_PER_REQUEST

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or not self.server.is_own_name(hosts[0].strip()):
            # Another name leads here: a page of the web that has made its own name mean this machine.
            self.close_connection = True
            text = f"Open {self.server.address} instead.\n"
            self._send(HTTPStatus.MISDIRECTED_REQUEST, text.encode(), "text/plain; charset=utf-8")
            return
        if self.path == VERSION:
            self._send(HTTPStatus.OK, self.server.version().encode(), "text/plain; charset=utf-8")
            return
        if self.path == RELOAD:
            self._send(HTTPStatus.OK, _SCRIPT.encode(), "text/javascript; charset=utf-8")
            return
        found = find(self.server.root, self.path)
        if found is not None and found.folder is not None:
            self._send(HTTPStatus.MOVED_PERMANENTLY, b"", "text/plain", {"Location": found.folder})
            return
        try:
            data = None if found is None or found.file is None else found.file.read_bytes()
        except OSError:  # replaced by a build in this moment
            data = None
        if data is None or found is None or found.file is None:
            self._send(HTTPStatus.NOT_FOUND, _MISSING + _TAG, "text/html; charset=utf-8")
            return
        kind = content_type(found.file)
        self._send(HTTPStatus.OK, _with_script(data) if kind.startswith("text/html") else data, kind)

    def _send(self, status: HTTPStatus, data: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Cross-Origin-Resource-Policy", "same-origin")
            self.send_header("X-Frame-Options", "SAMEORIGIN")
            self.send_header("Referrer-Policy", "no-referrer")
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing of requests."""


def _with_script(page: bytes) -> bytes:
    """The page with the script that shows it again; without its end, or with a policy against scripts, as it is."""
    before, end, after = page.rpartition(b"</body>")
    return before + _TAG + end + after if end else page
