"""What every request must be before anything else looks at it, and what is written down about it.

Host and Origin are checked against the names that the collector goes by (against DNS rebinding and other
sites' forms), bodies are JSON and small and arrive in time, and nobody sends more than their share: an
annotator with a valid token, everybody else by the address that they connect from. Every answer carries the
headers that keep a browser from doing more with it than is meant, errors included. The log says what happened
to which route: no addresses, tokens, pseudonyms or answers.
"""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from barlow_report.annotations.collector.connection import UnavailableError
from barlow_report.annotations.collector.hosts import host_of, network, origin_host, peer_of
from barlow_report.annotations.collector.rates import Rates
from barlow_report.annotations.collector.settings import CollectorSettings
from barlow_report.annotations.collector.store import Annotator

__all__ = ["LOG", "SAFE_HEADERS", "Guard", "bearer", "problem"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Scope = MutableMapping[str, Any]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Identify = Callable[[str], Awaitable[Annotator | None]]

LOG = logging.getLogger("barlow_report.collector")
SAFE_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
        b"frame-ancestors 'none'; sandbox",
    ),
)
"""Of every answer that does not say otherwise; the policy lets nothing run in whatever a browser may render."""

_PIECE = 64 * 1024


class Refused(Exception):  # noqa: N818 - an outcome, not an error of ours
    """A request that is answered with `status` and `reason`; `retry_after` is in seconds."""

    def __init__(self, status: int, reason: str, *, retry_after: int | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.retry_after = status, reason, retry_after


def problem(reason: str, *, reasons: list[str] | None = None) -> bytes:
    """Return the body of an answer that says what is wrong."""
    return json.dumps({"error": reason, "reasons": reasons or [reason]}).encode()


def bearer(authorization: str | None) -> str:
    """Return the token of the header Authorization; empty where it has none."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


class Guard:
    """ASGI middleware; see the module.

    Args:
        app: What is guarded; it finds the annotator of a request's token in the scope, under `annotator`.
        settings: Of the collector.
        identify: Looks a token up.
    """

    def __init__(self, app: App, *, settings: CollectorSettings, identify: Identify) -> None:
        self.app, self.settings, self._identify = app, settings, identify
        self._host_names = settings.host_names
        self._trusted = [net for name in settings.trusted_proxies if (net := network(name))]
        self._rates = Rates(rate=settings.rate, burst=settings.burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request, pass it on with its whole body, and write one line about it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start = time.perf_counter()
        answer = _Answer(send)
        try:
            await self._pass_on(scope, receive, answer)
        except Refused as refused:
            await answer.refuse(refused)
        except UnavailableError as error:
            LOG.warning(error.reason)
            await answer.refuse(
                Refused(507, "the disk is full; your answer is not stored", retry_after=30)
                if error.is_full
                else Refused(503, "the database cannot be used at the moment; your answer is not stored", retry_after=5)
            )
        except Exception:
            LOG.exception("failed")
            await answer.refuse(Refused(500, "the server made an error; your answer is not stored"))
        finally:
            LOG.info(
                "request",
                extra={
                    "method": scope["method"],
                    "route": _route(scope),
                    "status": answer.status,
                    "milliseconds": round((time.perf_counter() - start) * 1000, 1),
                },
            )

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
        method = scope["method"]
        self._check_source(method, headers)
        await self._check_rate(scope, headers)
        body = await self._body(method, headers, receive)
        await self.app(scope, _replayed(body, receive), send)

    def _check_source(self, method: str, headers: dict[str, list[str]]) -> None:
        hosts = headers.get("host", [])
        if len(hosts) != 1 or host_of(hosts[0]) not in self._host_names:
            raise Refused(421, "Host: this collector does not answer under that name; start it with --allow-host")
        if method in ("GET", "HEAD"):
            return
        if any(origin_host(origin) not in self._host_names for origin in headers.get("origin", [])):
            raise Refused(403, "Origin: submissions are taken from the collector's own pages only")
        if any(site not in ("same-origin", "none") for site in headers.get("sec-fetch-site", [])):
            raise Refused(403, "Sec-Fetch-Site: submissions are taken from the collector's own pages only")

    async def _check_rate(self, scope: Scope, headers: dict[str, list[str]]) -> None:
        """Count a request, of whoever shows a valid token by that, of others by where they connect from."""
        if not scope["path"].startswith("/api/") or scope["path"] == "/api/health":
            return
        client = scope.get("client")
        who = "address " + peer_of(
            client[0] if client else "", headers.get("x-forwarded-for", []), trusted=self._trusted
        )
        token = bearer(headers.get("authorization", [""])[0])
        if token:
            found = await self._identify(token)
            if found is not None:
                scope["annotator"], who = found, f"annotator {found.name}"
        if not self._rates.take(who):
            raise Refused(429, "too many requests; try again in a few seconds", retry_after=5)

    async def _body(self, method: str, headers: dict[str, list[str]], receive: Receive) -> bytes:
        if method in ("GET", "HEAD"):
            return b""
        if headers.get("content-type", [""])[0].partition(";")[0].strip().lower() != "application/json":
            raise Refused(415, "Content-Type: expected application/json")
        length = headers.get("content-length", ["0"])[0]
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


def _route(scope: MutableMapping[str, Any]) -> str:
    """A route of ours by its name; whatever else was asked for is only 'site'."""
    path = str(scope["path"])
    known = ("health", "session", "annotations", "enrol", "complete", "openapi.json")
    return path if path.removeprefix("/api/") in known and path.startswith("/api/") else "site"


class _Answer:
    """The channel of an answer: adds the headers that every answer has, and sends large bodies in pieces.

    A body in one piece would lie in memory until a slow reader has taken all of it, and nobody could tell a slow
    reader from one that has stopped.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 500
        self._is_begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._is_begun, self.status = True, message["status"]
            names = {name for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *(pair for pair in SAFE_HEADERS if pair[0] not in names)]
        body = message.get("body", b"")
        if message["type"] == "http.response.body" and len(body) > _PIECE:
            for at in range(0, len(body), _PIECE):
                is_more = at + _PIECE < len(body) or message.get("more_body", False)
                await self._send({**message, "body": body[at : at + _PIECE], "more_body": is_more})
            return
        await self._send(message)

    async def refuse(self, refused: Refused) -> None:
        """Send the answer to a request that was refused; what has begun can only be broken off."""
        if self._is_begun:
            raise refused
        body = problem(refused.reason)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if refused.retry_after is not None:
            headers.append((b"retry-after", str(refused.retry_after).encode()))
        if refused.status in (408, 413):
            headers.append((b"connection", b"close"))  # what is left of the body is not read
        await self({"type": "http.response.start", "status": refused.status, "headers": headers})
        await self({"type": "http.response.body", "body": body})
