"""Parts that the HTTP server commands share: listening on an address, and serving until Ctrl-C."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vwe_dagster.cli.commands.common import CommandError
from vwe_dagster.text.commands import vwe_command
from vwe_dagster.web.hosts import bracketed

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def listen(host: str, port: int, *, command: Sequence[str]) -> socket.socket:
    """Listen on an address of this machine; port 0 is any free port.

    Raises:
        CommandError: listening fails; if not because of the host, the message shows ``command`` with another port.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        # Python appends the address to the message of some errors.
        reason = str(error.strerror).partition(" (while")[0]
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise CommandError(
                f"Cannot listen on {bracketed(host)} ({reason}); choose an address of this machine, such as 127.0.0.1."
            ) from error
        raise CommandError(
            f"Cannot listen on {bracketed(host)}:{port} ({reason}); choose another port, as in: "
            f"{vwe_command(*command, '--port', str(port % 65535 + 1))}"
        ) from error


def address(host: str, listener: socket.socket) -> str:
    """Return the URL of a listening socket, for a browser."""
    return f"http://{bracketed(host)}:{listener.getsockname()[1]}"


def serve_until_ended(app: ASGIApp, listener: socket.socket) -> None:
    """Serve until Ctrl-C, which is the normal end, not a failure."""
    from vwe_dagster.web.http_server import HttpServer  # noqa: PLC0415

    with contextlib.suppress(KeyboardInterrupt):
        HttpServer(app).run(sockets=[listener])
