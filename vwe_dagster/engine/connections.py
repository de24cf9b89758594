"""Connections to one engine over a unix socket or TCP, kept open between calls and shared by threads.

Bodies are read straight into the caller's memory, for a world is tens of megabytes.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping

from vwe_dagster.engine.messages import EngineError

KEPT_S = 30.0
"""Seconds that an unused connection is kept: fewer than the engine keeps it."""


class EngineUnreachableError(EngineError):
    """Nobody answers at the address, or the connection broke."""


class Connections:
    """The connections to one engine.

    Args:
        address: ``unix:/path`` or ``http://host:port``.
        headers: what every call carries.

    Raises:
        EngineError: this is no address.
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
            raise EngineError(f"{address} is no engine's address; write unix:/path or http://host:port.")
        self._lock = threading.Lock()
        self._free: list[tuple[http.client.HTTPConnection, float]] = []

    @contextlib.contextmanager
    def call(self, method: str, path: str, body: bytes | None, timeout_s: float) -> Iterator[http.client.HTTPResponse]:
        """Sends a call; the connection is kept if the answer is read to its end within the block.

        Raises:
            EngineUnreachableError: nobody answered within ``timeout_s``, or the connection broke, also while reading.
        """
        connection = None
        try:
            connection, answer = self._send(method, path, body, timeout_s)
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
        """Closes every connection that no call uses."""
        with self._lock:
            for connection, _ in self._free:
                connection.close()
            self._free.clear()

    def _send(
        self, method: str, path: str, body: bytes | None, timeout_s: float
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """Sends a call over a kept connection, or over a new one if the engine has closed that in the meantime."""
        kept = self._kept(timeout_s)
        if kept is not None:
            try:
                return kept, self._ask(kept, method, path, body)
            except (ConnectionError, http.client.RemoteDisconnected):
                kept.close()
            except BaseException:
                kept.close()
                raise
        new = _UnixConnection(self._path, timeout_s) if self._path else self._tcp(timeout_s)
        try:
            return new, self._ask(new, method, path, body)
        except BaseException:
            new.close()
            raise

    def _ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None
    ) -> http.client.HTTPResponse:
        connection.request(method, path, body, self._headers)
        return connection.getresponse()

    def _tcp(self, timeout_s: float) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)

    def _kept(self, timeout_s: float) -> http.client.HTTPConnection | None:
        with self._lock:
            while self._free:
                connection, since = self._free.pop()
                if time.monotonic() - since < KEPT_S and connection.sock is not None:
                    connection.sock.settimeout(timeout_s)
                    return connection
                connection.close()
        return None


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("engine", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
