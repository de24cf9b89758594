"""The process of an engine: its socket, its logs, its signals, and when it ends."""

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
"""The exit code of an engine that was told to end."""

_LOG = logging.getLogger(__name__)
_LONGEST_SOCKET_PATH = 107
_BACKLOG = 256
_MOST_TOKEN_BYTES = 4096
_ADDRESS = re.compile(r"(?P<host>[^\s:]+|\[[0-9a-fA-F:]+\]):(?P<port>\d{1,5})")


class ServingError(EngineError):
    """An engine that cannot be served where it should be; the message says how to mend it."""


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
    """Serves the native engine until it is drained, idle for too long, or told to end by SIGTERM.

    Args:
        socket_path: the unix socket to listen at; it is made for this user alone.
        tcp: ``HOST:PORT`` to listen at instead; port 0 takes a free one, which the log names.
        token_file: the file that holds the token callers must send, needed with ``tcp``.
        allowed_hosts: names under which callers reach the engine, besides those of loopback and the address itself.
        name: what the engine is called in its status.
        idle_exit_minutes: ends the process when nobody has used the engine for so long.
        faults: what is to go wrong, see :mod:`vwe_dagster.engine.faults`; for tests.

    Raises:
        ServingError: there is no such place, it is taken, or the token cannot be read.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    bearer = _read_token(token_file) if token_file is not None else None
    if (socket_path is None) == (tcp is None):
        raise ServingError("Say where to listen: either at a unix socket or at a TCP address.")
    if tcp is not None and bearer is None:
        raise ServingError("An engine on TCP must have a token, or anybody could use it; name its file.")
    for host in allowed_hosts:
        if not is_host_name(host):
            raise ServingError(f"{host!r} is not a host name; write it as in the address, without a port.")
    if idle_exit_minutes is not None and idle_exit_minutes <= 0:
        raise ServingError("The minutes after which an idle engine ends must be above 0.")
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
    # An engine has nothing to finish when SIGTERM ends it, so the server leaves signals alone.
    server = HttpServer(app, keep_alive_s=75, log_level=None, handles_signals=False)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    idle_exit_s = None if idle_exit_minutes is None else idle_exit_minutes * 60
    while not serving.done():
        reason = jobs.why_exit(idle_exit_s)
        if reason is not None:
            _LOG.info("%s", reason)
            server.should_exit = True
            break
        await asyncio.wait([serving], timeout=0.1)
    await serving


@contextlib.contextmanager
def _listen(path: Path | None, tcp: str | None) -> Iterator[socket.socket]:
    """A listening socket, whose file is gone afterwards, also when SIGTERM ends the process in the middle."""
    listener = _listen_unix(path) if path is not None else _listen_tcp(str(tcp))
    inode = path.stat().st_ino if path is not None else 0

    def remove() -> None:
        with contextlib.suppress(OSError):
            if path is not None and path.stat().st_ino == inode:
                path.unlink()

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        _LOG.info("Told to end by signal %d", number)
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
    if len(os.fsencode(path)) > _LONGEST_SOCKET_PATH:
        raise ServingError(f"The path {path} is too long for a socket; the limit is {_LONGEST_SOCKET_PATH} bytes.")
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
        raise ServingError(f"No socket can be made at {path}: {error.strerror}.") from error
    return listener


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keeps other engines from making a socket in a folder: two that start at once must not remove each other's."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_stale(path: Path) -> None:
    """Removes a socket that nobody listens at.

    Raises:
        ServingError: somebody does, or it is no socket.
    """
    try:
        is_socket = stat.S_ISSOCK(path.lstat().st_mode)
    except FileNotFoundError:
        return
    if not is_socket:
        raise ServingError(f"{path} is a file that is no socket; name another path.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(0)
        if caller.connect_ex(os.fspath(path)) != errno.ECONNREFUSED:
            raise ServingError(f"An engine is listening at {path} already; end it first, or name another path.")
    path.unlink()


def _host(address: str) -> str:
    return address.rpartition(":")[0]


def _listen_tcp(address: str) -> socket.socket:
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match["port"]) > 65535:
        raise ServingError(f"{address} is no address to listen at; write HOST:PORT, as in 127.0.0.1:8471.")
    host = match["host"].strip("[]")
    try:
        return socket.create_server(
            (host, int(match["port"])), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=_BACKLOG
        )
    except OSError as error:
        raise ServingError(f"No engine can listen at {address}: {error.strerror or error}.") from error


def _read_token(file: Path) -> str:
    try:
        token = read_file(file, _MOST_TOKEN_BYTES).decode("ascii").strip()
    except OSError as error:
        raise ServingError(f"The token cannot be read from {file}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ServingError(f"The token cannot be read from {file}: {error}.") from error
    if not re.fullmatch(r"[A-Za-z0-9._~+/=-]{16,256}", token):
        raise ServingError(f"{file} holds no token: 16 to 256 letters, digits and -._~+/= on one line.")
    return token


def _where(listener: socket.socket) -> str:
    if listener.family == socket.AF_UNIX:
        return f"unix:{listener.getsockname()}"
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
