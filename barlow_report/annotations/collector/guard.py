"""What every request must be before anything else looks at it, and what is written down about it.

Host and Origin are checked against the names that the collector goes by (against DNS rebinding and other
sites' forms), bodies are JSON and small and arrive in time, and nobody sends more than their share. The log
says what happened to which route: no addresses, tokens, pseudonyms or answers.
"""

import asyncio
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from barlow_report.annotations.collector.settings import CollectorSettings
from barlow_report.annotations.identity import token_digest

__all__ = ["LOG", "Guard", "problem"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

LOG = logging.getLogger("barlow_report.collector")
_MAX_BUCKETS = 10_000
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Refused(Exception):  # noqa: N818 - an outcome, not an error of ours
    """A request that is answered with `status` and `reason`."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


def problem(reason: str, *, reasons: list[str] | None = None) -> bytes:
    """Return the body of an answer that says what is wrong."""
    return json.dumps({"error": reason, "reasons": reasons or [reason]}).encode()


class Guard:
    """ASGI middleware; see the module."""

    def __init__(self, app: App, *, settings: CollectorSettings) -> None:
        self.app, self.settings = app, settings
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Check a request, pass it on with its whole body, and write one line about it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, status = time.perf_counter(), 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                names = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in _HEADERS if pair[0] not in names)]
            await send(message)

        try:
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            self._check_source(scope["method"], headers)
            self._check_rate(scope, headers)
            body = await self._body(scope["method"], headers, receive)
            await self.app(scope, _replayed(body, receive), answer)
        except Refused as refused:
            await _respond(answer, refused)
        finally:
            LOG.info(
                "request",
                extra={
                    "method": scope["method"],
                    "route": _route(scope),
                    "status": status,
                    "milliseconds": round((time.perf_counter() - start) * 1000, 1),
                },
            )

    def _check_source(self, method: str, headers: dict[str, str]) -> None:
        names = self.settings.host_names
        if _host_name(headers.get("host", "")) not in names:
            raise Refused(421, "Host: this collector does not go by that name; start it with --allow-host")
        if method in ("GET", "HEAD"):
            return
        origin = headers.get("origin")
        if origin is not None and _host_name(urlsplit(origin).netloc if "://" in origin else "") not in names:
            raise Refused(403, "Origin: submissions are taken from the collector's own pages only")
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise Refused(403, "Sec-Fetch-Site: submissions are taken from the collector's own pages only")

    def _check_rate(self, scope: MutableMapping[str, Any], headers: dict[str, str]) -> None:
        if not scope["path"].startswith("/api/") or scope["path"] == "/api/health":
            return
        client = scope.get("client")
        key = token_digest(headers.get("authorization") or str(client[0] if client else ""))
        now = time.monotonic()
        tokens, last = self._buckets.pop(key, (float(self.settings.burst), now))
        tokens = min(tokens + (now - last) * self.settings.rate, self.settings.burst)
        self._buckets[key] = (max(tokens - 1, 0.0), now)
        while len(self._buckets) > _MAX_BUCKETS:
            self._buckets.popitem(last=False)
        if tokens < 1:
            raise Refused(429, "too many requests; try again in a few seconds")

    async def _body(self, method: str, headers: dict[str, str], receive: Receive) -> bytes:
        if method in ("GET", "HEAD"):
            return b""
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refused(415, "Content-Type: expected application/json")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > self.settings.max_body:
            raise Refused(413, f"the body is larger than {self.settings.max_body} bytes")
        try:
            return await asyncio.wait_for(_read(receive, self.settings.max_body), self.settings.body_seconds)
        except TimeoutError:
            raise Refused(408, "the body did not arrive in time") from None


async def _read(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "the connection was closed")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise Refused(413, f"the body is larger than {limit} bytes")
        more = message.get("more_body", False)
    return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a channel that gives the body at once, then whatever comes."""
    is_given = False

    async def channel() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return channel


def _host_name(host: str) -> str:
    """Drop the port of a host: example.org:80, [::1]:80."""
    host = host.strip().lower()
    return host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]


def _route(scope: MutableMapping[str, Any]) -> str:
    """A route of ours by its name; whatever else was asked for is only 'site'."""
    path = str(scope["path"])
    known = ("health", "session", "annotations", "enrol", "complete", "openapi.json")
    return path if path.removeprefix("/api/") in known and path.startswith("/api/") else "site"


async def _respond(send: Send, refused: Refused) -> None:
    body = problem(refused.reason)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if refused.status == 429:
        headers.append((b"retry-after", b"5"))
    if refused.status in (408, 413):
        headers.append((b"connection", b"close"))  # what is left of the body is not read
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
