"""The command ``vwe ui``: serve Dagster's pages on this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import urllib.request
from typing import Annotated

import typer

from vwe_dagster.cli.commands.common import CommandError
from vwe_dagster.cli.commands.web import address, listen
from vwe_dagster.cli.console import notices, say
from vwe_dagster.config.home import find_home
from vwe_dagster.config.hosts import allowed_hosts
from vwe_dagster.config.local_servers import LocalServer, recorded_server

HOST = "127.0.0.1"
_POLL_S = 0.5
_WORLD_GROUP = "/locations/vwe/asset-groups/world/lineage"
"""The page whose *Materialize all* takes the four assets of a world; the page *Lineage* takes every asset."""


def ui(*, port: Annotated[int, typer.Option(help="The port on this machine.", min=1, max=65535)] = 3000) -> None:
    """Serve Dagster's pages on this machine, at http://127.0.0.1:3000 by default; Ctrl-C stops the server."""
    from vwe_dagster.instance.seed_runs import open_instance  # noqa: PLC0415
    from vwe_dagster.instance.ui import DaemonEndedError, run_ui  # noqa: PLC0415

    home = find_home()
    workspace, hosts = home.workspace, allowed_hosts()
    with listen(HOST, port, command=("ui",)) as listener:
        pages = address(HOST, listener)
        with open_instance(home):
            # Opening the instance ends runs whose processes were killed, which the UI would show as running.
            say(notices(), f"Waiting for Dagster to load the project and serve {pages}; Ctrl-C stops it.")
        # A background process of a shell ignores these signals, and so would Dagster, its child.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        os.environ.update(home.environment)
        threading.Thread(target=_report_ready, args=(pages,), daemon=True).start()
        try:
            with contextlib.suppress(KeyboardInterrupt), recorded_server(home.folder, LocalServer.UI, pages):
                run_ui(workspace, listener, hosts)
        except DaemonEndedError as error:
            raise CommandError(str(error)) from error


def _report_ready(pages: str) -> None:
    """Print that the UI is ready as soon as its server answers."""
    while True:
        try:
            with urllib.request.urlopen(f"{pages}/server_info", timeout=5):  # noqa: S310  loopback
                break
        except OSError:
            time.sleep(_POLL_S)
    say(notices(), f"The page to build worlds is {pages}{_WORLD_GROUP}")
    say(notices(), f"The UI is ready: {pages}", "green")
