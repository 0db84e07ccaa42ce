"""Connections whose other end keeps us waiting: bounded in time, and closed first where there are too many.

uvicorn waits without end for headers that do not come and for readers that do not read, and turns everybody
away when it has as many connections as it may have. Here a connection that waits for its other end has a
deadline, and where there are too many, the one that has waited longest makes room: silence shuts nobody out.
"""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from barlow_report.annotations.collector.guard import SAFE_HEADERS, problem

__all__ = ["MAX_CONNECTIONS", "WAIT_SECONDS", "PatientProtocol"]

MAX_CONNECTIONS = 500
"""Open at the same time."""

WAIT_SECONDS = 10
"""How long a request's headers may take to arrive, and how long a connection may be idle."""

_ABORT_SECONDS = 30
_LOOK_SECONDS = 1.0


class PatientProtocol(H11Protocol):
    """uvicorn's protocol with deadlines; see the module."""

    _waiting_since: float | None = None
    _timer: asyncio.TimerHandle | None = None
    _is_unread = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, if need be in place of the one that has waited longest."""
        super().connection_made(transport)
        self._note()
        self._make_room()
        self._timer = self.loop.call_later(_LOOK_SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop looking."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has arrived; the first bytes of a request begin its time."""
        if self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]:
            self._waiting_since = None
        super().data_received(data)
        self._note()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._note()

    def pause_writing(self) -> None:
        """Wait for a reader who is slower than we write."""
        super().pause_writing()
        self._is_unread = True
        self._note()

    def resume_writing(self) -> None:
        """Go on writing."""
        super().resume_writing()
        self._is_unread, self._waiting_since = False, None
        self._note()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP like any other request that is refused."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.abort()
            return
        body = problem(msg)
        headers = [(b"content-type", b"application/json"), (b"connection", b"close"), *SAFE_HEADERS]
        headers.append((b"content-length", str(len(body)).encode()))
        for event in (h11.Response(status_code=400, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    # --- waiting --------------------------------------------------------------------------------------------

    def _is_idle(self) -> bool:
        """Whether no request is being answered."""
        cycle: Any = self.cycle
        return cycle is None or bool(cycle.response_complete)

    def _note(self) -> None:
        """Note since when it is the other end's turn; None while it is ours."""
        if self._is_idle() or self.cycle.more_body or self._is_unread:
            self._waiting_since = self._waiting_since or self.loop.time()
        else:
            self._waiting_since = None

    def _look(self) -> None:
        """Close the connection when it has waited long enough; one that does not even close is broken off."""
        self._timer = self.loop.call_later(_LOOK_SECONDS, self._look)
        waited = 0.0 if self._waiting_since is None else self.loop.time() - self._waiting_since
        if waited > _ABORT_SECONDS:
            self.transport.abort()
        elif waited > WAIT_SECONDS and self._is_idle():
            self.transport.close()

    def _make_room(self) -> None:
        if len(self.connections) <= MAX_CONNECTIONS:
            return
        others = [c for c in self.connections if isinstance(c, PatientProtocol) and c is not self]
        waiting = [(c._waiting_since, id(c), c) for c in others if c._waiting_since is not None]
        longest = min(waiting)[2] if waiting else self
        self.connections.discard(longest)
        longest.transport.abort()
