"""Serve Dagster's UI behind the guard: for ``vwe ui``, and as ``python -m`` of this module for the deployment.

Without the guard, Dagster's web server executes mutations of any page in the user's browser: it accepts them by GET,
and checks neither ``Host`` nor ``Origin``.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import dagster as dg
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.version import __version__
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from vwe_dagster.config.hosts import HostsError, allowed_hosts
from vwe_dagster.defs.dagster_private import WorkspaceFileTarget, WorkspaceProcessContext
from vwe_dagster.web.guard import Guard
from vwe_dagster.web.http_server import HttpServer

_STATEMENT_TIMEOUT_MS, _POOL_RECYCLE_S, _POOL_MAX_OVERFLOW = 15_000, 3600, 20
"""Dagster's default settings for the database connections of its web server."""

_GRAPHQL = "/graphql"
_JSON = "application/json"


class GraphqlByPost:
    """ASGI middleware that accepts GraphQL operations only by POST with ``application/json``.

    A browser sends such a request of another site only after a preflight request; any other request it sends directly.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or reject it with status 405 or 415."""
        if scope["type"] == "http" and scope["path"].rstrip("/") == _GRAPHQL:
            headers = Headers(scope=scope)
            if scope["method"] == "POST":
                kinds = [kind.partition(";")[0].strip().lower() for kind in headers.getlist("content-type")]
                if kinds != [_JSON]:
                    await _rejection(415)(scope, receive, send)
                    return
            # Dagster responds to this with the page of its query editor, for any query.
            elif scope["method"] != "GET" or "text/html" not in headers.get("accept", ""):
                await _rejection(405)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _rejection(status: int) -> PlainTextResponse:
    return PlainTextResponse(
        f"Send GraphQL operations by POST with Content-Type: {_JSON}.\n", status, {"allow": "POST"}
    )


@contextlib.contextmanager
def guarded_pages(instance: dg.DagsterInstance, workspace: Path, hosts: Iterable[str]) -> Iterator[ASGIApp]:
    """Yield the application of Dagster's UI, behind the guard.

    Args:
        instance: the Dagster instance to show.
        workspace: the workspace file with its code locations.
        hosts: names of the server in addition to those of loopback.
    """
    instance.optimize_for_webserver(_STATEMENT_TIMEOUT_MS, _POOL_RECYCLE_S, _POOL_MAX_OVERFLOW)
    with WorkspaceProcessContext(
        instance,
        version=__version__,
        workspace_load_target=WorkspaceFileTarget(paths=[str(workspace)]),
        code_server_log_level="warning",
    ) as context:
        yield Guard(GraphqlByPost(create_app_from_workspace_process_context(context)), hosts)


def serve_pages(
    instance: dg.DagsterInstance,
    workspace: Path,
    listener: socket.socket,
    hosts: Iterable[str],
    *,
    started: Callable[[HttpServer], None] = lambda _: None,
) -> None:
    """Serve Dagster's UI until SIGINT or SIGTERM.

    Args:
        instance: the Dagster instance to show.
        workspace: the workspace file with its code locations.
        listener: a listening socket.
        hosts: names of the server in addition to those of loopback.
        started: called with the server before it serves.
    """
    with guarded_pages(instance, workspace, hosts) as app:
        server = HttpServer(app, websockets=True)
        started(server)
        server.run(sockets=[listener])


def main() -> None:
    """Serve the UI of the instance in ``DAGSTER_HOME``."""
    parser = argparse.ArgumentParser(
        prog="python -m vwe_dagster.instance.web_server", description="Serve Dagster's UI.", allow_abbrev=False
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=3000, help="the port to listen on")
    parser.add_argument("--workspace", type=Path, required=True, metavar="FILE", help="the workspace file")
    given = parser.parse_args()
    try:
        hosts = allowed_hosts()
    except HostsError as error:
        sys.exit(f"error: {error}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        contextlib.suppress(KeyboardInterrupt),
        socket.create_server((given.host, given.port)) as listener,
        dg.DagsterInstance.get() as instance,
    ):
        serve_pages(instance, given.workspace, listener, hosts)


if __name__ == "__main__":
    main()
