"""Running the collector: the socket, the log, and an orderly end."""

import json
import logging
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import uvicorn

from barlow_report.annotations.collector.app import make_app
from barlow_report.annotations.collector.guard import LOG
from barlow_report.annotations.collector.patience import MAX_CONNECTIONS, WAIT_SECONDS, PatientProtocol
from barlow_report.annotations.collector.settings import CollectorSettings
from barlow_report.errors import DataError

__all__ = ["serve"]

_SECONDS_TO_FINISH = 10
_FIELDS = ("method", "route", "status", "milliseconds")


class _JsonLines(logging.Formatter):
    """One JSON object per line: time, event and the fields we have chosen, never what a request holds."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record; of an error its kind and place, without values."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": time, "level": record.levelname.lower(), "event": record.getMessage()}
        line |= {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        return json.dumps(line)


def serve(settings: CollectorSettings, *, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C; requests under way are finished, then the database is closed.

    Raises:
        DataError: The folder is no site with a form, or the address cannot be listened on.
    """
    app = make_app(settings)
    _allow_connections()
    listener = _listen(settings)
    port = listener.getsockname()[1]
    _log_to_stderr()
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    announce(f"Collecting on http://{host}:{port}/ into {settings.database}. Stop with Ctrl-C.")
    config = uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # the guard reads them, and believes only proxies that were named
        timeout_keep_alive=WAIT_SECONDS,
        timeout_graceful_shutdown=_SECONDS_TO_FINISH,
        h11_max_incomplete_event_size=32 * 1024,
        http=PatientProtocol,
        ws="none",
    )
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises them once more when it has stopped in good order
        signal.signal(number, lambda *_: None)
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        app.state.store.close()
        listener.close()


def _allow_connections() -> None:
    """Have the system allow as many open files as connections need, where it allows fewer."""
    try:
        import resource
    except ImportError:  # a system without such limits
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MAX_CONNECTIONS
    if 0 <= soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard < 0 else min(wanted, hard), hard))


def _listen(settings: CollectorSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # by which asyncio knows to send at once
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise DataError(
            f"{settings.host}:{settings.port}: cannot be listened on ({error.strerror}). Choose another --port or "
            "--host."
        ) from error
    return listener


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    for name in (LOG.name, "uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler] if name != "uvicorn.error" else []
        logger.setLevel(logging.INFO)
        logger.propagate = name == "uvicorn.error"
