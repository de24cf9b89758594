"""The HTTP server of every port of this project: uvicorn, with limits on what a client can occupy.

A client occupies a connection while the server waits for it: for the head or the body of a request, for the next
request, or for the client to read. The number of connections is limited, so that the process can open files; beyond the
limit, the connection that has waited longest is closed. So a new client is always served.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
import resource
import socket
from collections.abc import Iterator
from typing import Any, cast

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from vwe_dagster.web.log_limit import LogLimit

MAX_HEAD_BYTES = 64 * 1024
"""Maximum length of a request's head."""

HEAD_S = 10.0
"""Seconds within which a client must send the head of a request, from its first byte or from connecting."""

BODY_S = 60.0
"""Seconds within which a client must send the body of a request."""

MAX_BODY_BYTES = 8 * 1024 * 1024
"""Maximum length of a request's body; a backfill of 100,000 seeds sends half as much."""

MAX_CONNECTIONS = 512
"""Maximum number of connections, unless the limit of open files requires fewer."""

_PIECE_BYTES = 4 * 1024
"""Bytes that are parsed at a time. A head exceeds the limit of the parser by at most this length."""

_LOG = logging.getLogger(__name__)


class HttpServer(uvicorn.Server):
    """A server of an ASGI application.

    Args:
        app: the application.
        websockets: accept WebSockets.
        keep_alive_s: seconds after which an unused connection is closed.
        log_level: the level of uvicorn's log; None keeps the logging setup of the process.
        handles_signals: whether to end at SIGINT and SIGTERM after the requests in progress.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        websockets: bool = False,
        keep_alive_s: int = 5,
        log_level: str | None = "warning",
        handles_signals: bool = True,
    ) -> None:
        bound = max_connections()
        logging_setup: dict[str, Any] = {"log_config": None} if log_level is None else {"log_level": log_level}
        super().__init__(
            uvicorn.Config(
                app,
                # uvloop accepts every waiting connection before the first can be closed.
                loop="asyncio",
                http=_BoundedProtocol,
                ws="auto" if websockets else "none",
                h11_max_incomplete_event_size=MAX_HEAD_BYTES - _PIECE_BYTES,
                backlog=bound // 4,
                timeout_keep_alive=keep_alive_s,
                timeout_graceful_shutdown=2,
                access_log=False,
                server_header=False,
                date_header=False,
                **logging_setup,
            )
        )
        self._handles_signals = handles_signals
        for name in ("uvicorn.error", "asyncio", __name__):
            logging.getLogger(name).addFilter(_LOG_LIMIT)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals while serving, unless the process handles them."""
        with super().capture_signals() if self._handles_signals else contextlib.nullcontext():
            yield


_LOG_LIMIT = LogLimit()


def max_connections() -> int:
    """Return the maximum number of connections: half the limit of open files, at most 512.

    A quarter as many may be accepted before the first of them can be closed.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if files == resource.RLIM_INFINITY else max(4, min(MAX_CONNECTIONS, files // 2))


class _Wait(enum.Enum):
    """The reason why a connection is waiting."""

    APPLICATION = enum.auto()
    HEAD = enum.auto()
    BODY = enum.auto()
    NEXT_REQUEST = enum.auto()
    READER = enum.auto()


_DEADLINES = {_Wait.HEAD: HEAD_S, _Wait.BODY: BODY_S}
"""Deadlines in seconds. Between requests uvicorn's timer runs; a slow reader is closed only for a new connection."""


class _BoundedProtocol(H11Protocol):
    """A connection that closes when its client is too slow, or when a new connection needs its place."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._max_connections = max_connections()
        self._wait = _Wait.APPLICATION
        self._waiting_since = 0.0
        self._deadline: asyncio.TimerHandle | None = None
        self._is_reader_slow = False
        self._body_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        if connection.family != socket.AF_UNIX:
            # asyncio does not set it for sockets of socket.create_server, whose proto is 0: 40 ms per response.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._follow()
        if len(self.connections) > self._max_connections:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), _PIECE_BYTES):
            if self.transport.is_closing() or self._is_upgraded():
                return
            super().data_received(data[start : start + _PIECE_BYTES])
        self._follow()
        self._body_bytes = self._body_bytes + len(data) if self._wait is _Wait.BODY else 0
        if self._body_bytes > MAX_BODY_BYTES:
            _LOG.warning("Closed a connection whose request has a body of more than %d bytes", MAX_BODY_BYTES)
            self.transport.abort()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._follow()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._is_reader_slow = True
        self._follow()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._is_reader_slow = False
        self._follow()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._cancel_deadline()

    def _follow(self) -> None:
        """Update the reason why the connection waits; set a deadline if the reason has changed."""
        wait = self._current_wait()
        if wait is self._wait:
            return
        self._wait = wait
        self._waiting_since = self.loop.time()
        self._cancel_deadline()
        if wait in _DEADLINES:
            self._deadline = self.loop.call_later(_DEADLINES[wait], self._end)

    def _current_wait(self) -> _Wait:
        if self._is_upgraded():
            return _Wait.APPLICATION
        if self.transport.is_closing():
            return _Wait.READER
        if self.conn.their_state is h11.SEND_BODY:
            return _Wait.BODY
        # uvicorn declares it as never None.
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is not None and not cycle.response_complete:
            return _Wait.READER if self._is_reader_slow else _Wait.APPLICATION
        return _Wait.HEAD if self.timeout_keep_alive_task is None else _Wait.NEXT_REQUEST

    def _is_upgraded(self) -> bool:
        return self.transport.get_protocol() is not self

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end(self) -> None:
        _LOG.warning("Closed a connection whose client took too long to send a request")
        self.transport.abort()

    def _make_room(self) -> None:
        """Close the connection that has waited longest for its client, or else a WebSocket, which its page reopens.

        If the server is processing requests of all other connections, close this new connection.
        """
        bounded = [other for other in self.connections if isinstance(other, _BoundedProtocol) and other is not self]
        waiting = [other for other in bounded if other._wait is not _Wait.APPLICATION]  # noqa: SLF001
        upgraded = [other for other in self.connections if not isinstance(other, _BoundedProtocol)]
        oldest = min(waiting, key=lambda other: other._waiting_since, default=None)  # noqa: SLF001
        ended: Any = oldest or next(iter(upgraded), self)
        _LOG.warning("Closed a connection because more than %d are open", self._max_connections)
        # Removed here, because the loop counts a connection until it is closed, and may accept others before that.
        self.connections.discard(ended)
        ended.transport.abort()
