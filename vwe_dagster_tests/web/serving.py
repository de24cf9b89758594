"""Serve applications on a real port with the project's server."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

from starlette.types import ASGIApp

from vwe_dagster.web.http_server import HttpServer


@contextlib.contextmanager
def served(app: ASGIApp, *, websockets: bool = False) -> Iterator[int]:
    """Serve an application on loopback, and yield its port."""
    with running(HttpServer(app, websockets=websockets, log_level=None, handles_signals=False)) as port:
        yield port


@contextlib.contextmanager
def running(server: HttpServer) -> Iterator[int]:
    """Run a server on loopback, and yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()
