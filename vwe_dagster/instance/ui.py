"""The processes of ``vwe ui``: the web server in this process, and the daemon and the code server beside it.

``dagster dev`` starts the same processes without the guard in front of the web server. Dagster's ProxyServerManager
runs the code server and restarts it if it ends. Neither the daemon nor the code server listens on TCP.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import dagster as dg

from vwe_dagster.defs.dagster_private import WorkspaceFileTarget, load_proxy_server_manager
from vwe_dagster.instance.web_server import serve_pages
from vwe_dagster.web.http_server import HttpServer

_END_S = 60.0
_QUIET = "warning"


class DaemonEndedError(RuntimeError):
    """Dagster's daemon has ended; without it, launched runs do not start."""


def run_ui(workspace: Path, listener: socket.socket, hosts: Iterable[str]) -> None:
    """Serve Dagster's UI of the instance in ``DAGSTER_HOME``, with the daemon, until SIGINT or SIGTERM.

    Args:
        workspace: the workspace file with the definitions.
        listener: a listening socket.
        hosts: names of the server in addition to those of loopback.

    Raises:
        DaemonEndedError: the daemon has ended.
        KeyboardInterrupt: a signal arrived.
    """
    os.environ["DAGSTER_IS_DEV_CLI"] = "1"
    with (
        dg.DagsterInstance.get() as instance,
        _code_servers(instance, workspace) as served,
        _daemon(served) as daemon,
    ):

        def watch(server: HttpServer) -> None:
            threading.Thread(target=_stop_after, args=(daemon, server), daemon=True).start()

        serve_pages(instance, served, listener, hosts, started=watch)
        raise DaemonEndedError(
            f"Dagster's daemon ended with exit code {daemon.wait()}; see its messages above for the cause."
        )


@contextlib.contextmanager
def _code_servers(instance: dg.DagsterInstance, workspace: Path) -> Iterator[Path]:
    """Start the code servers of a workspace, and yield a workspace file with their sockets."""
    manager = load_proxy_server_manager()(
        instance,
        workspace_load_target=WorkspaceFileTarget(paths=[str(workspace)]),
        code_server_log_level=_QUIET,
    )
    with manager, tempfile.TemporaryDirectory() as folder:
        served = Path(folder) / "workspace.yaml"
        # JSON is YAML.
        served.write_text(json.dumps({"load_from": manager.get_code_server_specs()}), encoding="utf-8")
        yield served


@contextlib.contextmanager
def _daemon(workspace: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "dagster._daemon", "run", "--code-server-log-level", _QUIET]
    process = subprocess.Popen([*command, "--workspace", str(workspace)])  # noqa: S603  the interpreter of this process
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()


def _stop_after(daemon: subprocess.Popen[bytes], server: HttpServer) -> None:
    daemon.wait()
    server.should_exit = True
