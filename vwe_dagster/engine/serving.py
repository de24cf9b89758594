"""The engine process: socket, log, signals and exit."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import logging
import os
import re
import signal
import socket
import stat
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from starlette.types import ASGIApp

from vwe_dagster.engine.faults import Faults
from vwe_dagster.engine.jobs import Jobs
from vwe_dagster.engine.messages import EngineError
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.engine.server import engine_app
from vwe_dagster.files.bounded_read import read_file
from vwe_dagster.locations.table_file import shipped_table
from vwe_dagster.web.hosts import is_host_name
from vwe_dagster.web.http_server import HttpServer

TERMINATED = 128 + signal.SIGTERM
"""Exit code of an engine after SIGTERM."""

_LOG = logging.getLogger(__name__)
_MAX_SOCKET_PATH_BYTES = 107
_BACKLOG = 256
_MAX_TOKEN_BYTES = 4096
_ADDRESS = re.compile(r"(?P<host>[^\s:]+|\[[0-9a-fA-F:]+\]):(?P<port>\d{1,5})")


class ServingError(EngineError):
    """Raised if an engine cannot be served at an address; the message includes the remedy."""


def serve(
    *,
    socket_path: Path | None = None,
    tcp: str | None = None,
    token_file: Path | None = None,
    allowed_hosts: Sequence[str] = (),
    name: str = "",
    idle_exit_minutes: float | None = None,
    faults: Sequence[str] = (),
) -> None:
    """Serve the native engine until it is drained, idle for too long, or ended by SIGTERM.

    Args:
        socket_path: unix socket to listen on; only this user can connect.
        tcp: ``HOST:PORT`` to listen on instead; port 0 selects a free port and logs it.
        token_file: file with the token that callers must send; needed with ``tcp``.
        allowed_hosts: host names of the engine besides loopback and the address itself.
        name: name in the engine's status.
        idle_exit_minutes: exit after this time without use; None for never.
        faults: faults to inject in tests, see :mod:`vwe_dagster.engine.faults`.

    Raises:
        ServingError: the address is invalid or in use, or the token cannot be read.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    bearer = _read_token(token_file) if token_file is not None else None
    if (socket_path is None) == (tcp is None):
        raise ServingError("Name one address to listen on: either a unix socket or a TCP address.")
    if tcp is not None and bearer is None:
        raise ServingError("An engine on TCP needs a token, or every process could use it; name the token's file.")
    for host in allowed_hosts:
        if not is_host_name(host):
            raise ServingError(f"Invalid host name {host!r}; write it as in the address, without a port.")
    if idle_exit_minutes is not None and not idle_exit_minutes > 0:
        raise ServingError(f"Invalid idle time {idle_exit_minutes:g}; write minutes above 0.")
    broken = Faults.parse(faults)
    started = time.perf_counter()
    with _listen(socket_path, tcp) as listener:
        broken.at_start()
        native = NativeEngine()
        native.warm()
        jobs = Jobs(broken.engine(native), name)
        hosts = None if tcp is None else [_host(tcp), *allowed_hosts]
        app = broken.app(engine_app(jobs, bearer, hosts, shipped_table))
        _LOG.info("Ready at %s after %.2f s, pid %d", _where(listener), time.perf_counter() - started, os.getpid())
        asyncio.run(_run(app, listener, jobs, idle_exit_minutes))


async def _run(app: ASGIApp, listener: socket.socket, jobs: Jobs, idle_exit_minutes: float | None) -> None:
    # An engine has nothing to finish at SIGTERM, so the HTTP server does not handle signals.
    server = HttpServer(app, keep_alive_s=75, log_level=None, handles_signals=False)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    idle_exit_s = None if idle_exit_minutes is None else idle_exit_minutes * 60
    while not serving.done():
        reason = jobs.exit_reason(idle_exit_s)
        if reason is not None:
            _LOG.info("%s", reason)
            server.should_exit = True
            break
        await asyncio.wait([serving], timeout=0.1)
    await serving


@contextlib.contextmanager
def _listen(path: Path | None, tcp: str | None) -> Iterator[socket.socket]:
    """Yield a listening socket; remove its file afterwards, even if SIGTERM ends the process."""
    listener = _listen_unix(path) if path is not None else _listen_tcp(str(tcp))
    inode = path.stat().st_ino if path is not None else 0

    def remove() -> None:
        with contextlib.suppress(OSError):
            if path is not None and path.stat().st_ino == inode:
                path.unlink()

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        _LOG.info("Ended by signal %d", number)
        remove()
        os._exit(TERMINATED)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, end)
    try:
        yield listener
    finally:
        remove()
        listener.close()


def _listen_unix(path: Path) -> socket.socket:
    if len(os.fsencode(path)) > _MAX_SOCKET_PATH_BYTES:
        raise ServingError(f"The socket path {path} is too long; choose one of at most {_MAX_SOCKET_PATH_BYTES} bytes.")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _locked(path.parent):
            _remove_stale(path)
            mask = os.umask(0o177)
            try:
                listener.bind(os.fspath(path))
            finally:
                os.umask(mask)
            listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ServingError(f"The socket {path} cannot be created: {error.strerror}; choose another path.") from error
    return listener


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock a folder, so that two engines that start concurrently do not remove each other's sockets."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_stale(path: Path) -> None:
    """Remove a socket without a listener.

    Raises:
        ServingError: another process listens on it, or the file is not a socket.
    """
    try:
        is_socket = stat.S_ISSOCK(path.lstat().st_mode)
    except FileNotFoundError:
        return
    if not is_socket:
        raise ServingError(f"{path} exists and is not a socket; choose another path.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(0)
        if caller.connect_ex(os.fspath(path)) != errno.ECONNREFUSED:
            raise ServingError(f"Another engine listens on {path}; end it first, or choose another path.")
    path.unlink()


def _host(address: str) -> str:
    return address.rpartition(":")[0]


def _listen_tcp(address: str) -> socket.socket:
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match["port"]) > 65535:
        raise ServingError(f"Invalid address {address!r}; write HOST:PORT, as in 127.0.0.1:8471.")
    host = match["host"].strip("[]")
    try:
        return socket.create_server(
            (host, int(match["port"])), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=_BACKLOG
        )
    except OSError as error:
        raise ServingError(
            f"The engine cannot listen on {address}: {error.strerror or error}; choose another address."
        ) from error


def _read_token(file: Path) -> str:
    try:
        token = read_file(file, _MAX_TOKEN_BYTES).decode("ascii").strip()
    except OSError as error:
        raise ServingError(f"The token cannot be read from {file}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ServingError(f"The token cannot be read from {file}: {error}.") from error
    if not re.fullmatch(r"[A-Za-z0-9._~+/=-]{16,256}", token):
        raise ServingError(f"{file} has no valid token; write 16 to 256 letters, digits and -._~+/= on one line.")
    return token


def _where(listener: socket.socket) -> str:
    if listener.family == socket.AF_UNIX:
        return f"unix:{listener.getsockname()}"
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
