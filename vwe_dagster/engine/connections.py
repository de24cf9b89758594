"""Persistent connections to one engine over a unix socket or TCP, shared by threads.

Bodies are read directly into the caller's memory, since a world has tens of megabytes. Each byte restarts the timeout
of a socket, so each call also has a fixed deadline.
"""

from __future__ import annotations

import contextlib
import http.client
import math
import socket
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

from vwe_dagster.engine.messages import EngineError

KEPT_S = 30.0
"""Seconds after which an unused connection is closed; shorter than the engine's own limit."""


class EngineUnreachableError(EngineError):
    """Raised if no engine answers at the address, or the connection breaks."""


class Connections:
    """Pool of connections to one engine.

    Args:
        address: ``unix:/path`` or ``http://host:port``.
        headers: HTTP headers of every call.

    Raises:
        EngineError: the address is invalid.
    """

    def __init__(self, address: str, headers: Mapping[str, str]) -> None:
        self._address, self._headers = address, dict(headers)
        url = urllib.parse.urlsplit(address)
        self._path, self._host, self._port = "", "", 0
        if url.scheme == "unix" and url.path:
            self._path = address.removeprefix("unix:")
        elif url.scheme == "http" and url.hostname and url.port and url.path in {"", "/"}:
            self._host, self._port = url.hostname, url.port
        else:
            raise EngineError(f"Invalid engine address {address!r}; write unix:/path or http://host:port.")
        self._lock = threading.Lock()
        self._free: list[tuple[http.client.HTTPConnection, float]] = []

    @contextlib.contextmanager
    def call(
        self, method: str, path: str, body: bytes | None, timeout_s: float, *, silence_s: float = math.inf
    ) -> Iterator[http.client.HTTPResponse]:
        """Send a call; the connection is reused later if the block reads the whole response.

        Args:
            method: the HTTP method.
            path: the path and the query.
            body: body of the request; None for none.
            timeout_s: seconds from the connection to the last byte of the response.
            silence_s: seconds without any byte after which the call fails earlier.

        Raises:
            EngineUnreachableError: the engine did not answer in time, or the connection broke, even while reading.
        """
        deadline = _Deadline(time.monotonic() + timeout_s, min(timeout_s, silence_s))
        connection = None
        try:
            connection, answer = self._send(method, path, body, deadline)
            yield answer
            if answer.isclosed() and not answer.will_close:
                with self._lock:
                    self._free.append((connection, time.monotonic()))
                connection = None
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
            raise EngineUnreachableError(f"The engine at {self._address} does not answer: {reason}.") from error
        finally:
            if connection is not None:
                connection.close()

    def close(self) -> None:
        """Close all unused connections."""
        with self._lock:
            for connection, _ in self._free:
                connection.close()
            self._free.clear()

    def _send(
        self, method: str, path: str, body: bytes | None, deadline: _Deadline
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """Send a call over a kept connection, or over a new one if the engine has closed the kept one."""
        kept = self._kept(deadline)
        if kept is not None:
            try:
                return kept, self._request(kept, method, path, body)
            except (ConnectionError, http.client.RemoteDisconnected):
                kept.close()
            except BaseException:
                kept.close()
                raise
        new: http.client.HTTPConnection
        new = _UnixConnection(self._path, deadline) if self._path else _TcpConnection(self._host, self._port, deadline)
        try:
            return new, self._request(new, method, path, body)
        except BaseException:
            new.close()
            raise

    def _request(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None
    ) -> http.client.HTTPResponse:
        connection.request(method, path, body, self._headers)
        return connection.getresponse()

    def _kept(self, deadline: _Deadline) -> http.client.HTTPConnection | None:
        with self._lock:
            while self._free:
                connection, since = self._free.pop()
                if time.monotonic() - since < KEPT_S and isinstance(connection.sock, _Socket):
                    connection.sock.deadline = deadline
                    return connection
                connection.close()
        return None


class _Deadline:
    """Deadline of a call, and the limit for a single read or write."""

    def __init__(self, at: float, silence_s: float) -> None:
        self._at, self._silence_s = at, silence_s

    def left_s(self) -> float:
        """Return the seconds for which the next read or write may block.

        Raises:
            TimeoutError: the deadline has passed.
        """
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return min(left, self._silence_s)


class _Socket(socket.socket):
    """Socket whose reads and writes fail at the deadline of the current call."""

    deadline: _Deadline

    def recv_into(self, buffer: WriteableBuffer, nbytes: int = 0, flags: int = 0) -> int:
        self.settimeout(self.deadline.left_s())
        return super().recv_into(buffer, nbytes, flags)

    def sendall(self, data: ReadableBuffer, flags: int = 0) -> None:
        self.settimeout(self.deadline.left_s())
        super().sendall(data, flags)


class _TcpConnection(http.client.HTTPConnection):
    def __init__(self, host: str, port: int, deadline: _Deadline) -> None:
        super().__init__(host, port, timeout=deadline.left_s())
        self._deadline = deadline

    def connect(self) -> None:
        super().connect()
        self.sock = _Socket(fileno=self.sock.detach())
        self.sock.deadline = self._deadline


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, deadline: _Deadline) -> None:
        super().__init__("engine")
        self._path, self._deadline = path, deadline

    def connect(self) -> None:
        self.sock = _Socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.deadline = self._deadline
        self.sock.settimeout(self._deadline.left_s())
        self.sock.connect(self._path)
