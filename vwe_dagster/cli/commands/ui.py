"""The command ``vwe ui``: Dagster's pages on this machine."""

from __future__ import annotations

import logging
import os
import runpy
import signal
import socket
import sys
import threading
import time
import urllib.request
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vwe_dagster.cli.commands.common import CommandError
from vwe_dagster.cli.console import notices, say
from vwe_dagster.config.home import SETTINGS, find_home
from vwe_dagster.text.commands import vwe_command

if TYPE_CHECKING:
    from vwe_dagster.config.home import Home

_POLL_S = 0.5


def ui(*, port: Annotated[int, typer.Option(help="The port on this machine.", min=1, max=65535)] = 3000) -> None:
    """Serve Dagster's pages on this machine, at http://127.0.0.1:3000 by default; Ctrl-C stops the server."""
    from vwe_dagster.instance.seed_runs import open_instance  # noqa: PLC0415

    home = find_home()
    workspace = home.workspace
    address = f"http://127.0.0.1:{port}"
    _refuse_taken(port)
    with open_instance(home):
        # Opening ends the runs whose process was killed: they would count as running in the UI.
        say(notices(), f"Waiting for Dagster to load the project and serve {address}; Ctrl-C stops it.")
    # A shell that starts this process in the background ignores these signals for it and so for Dagster.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ.update(home.environment)
    _silence_misleading_warnings(home)
    threading.Thread(target=_report_ready, args=(address,), daemon=True).start()
    sys.argv[1:] = ["dev", "--host", "127.0.0.1", "--port", str(port), "--workspace", str(workspace)]
    # In this process, which has Dagster loaded already: a new one would load it again.
    runpy.run_module("dagster", run_name="__main__", alter_sys=True)


def _silence_misleading_warnings(home: Home) -> None:
    # Its successor `dg dev` needs another package and runs the same code.
    warnings.filterwarnings("ignore", message=r"Function `dev_command` is superseded")
    # Dagster does not see that the settings in the current folder are those of the instance, which links to them.
    if Path(SETTINGS).resolve() == (home.instance / SETTINGS).resolve():
        warning = f"Found a dagster instance configuration value ({SETTINGS})"
        logging.getLogger("dagster").addFilter(lambda record: not record.getMessage().startswith(warning))


def _report_ready(address: str) -> None:
    """Print that the UI is ready as soon as its server answers."""
    while True:
        try:
            with urllib.request.urlopen(f"{address}/server_info", timeout=5):  # noqa: S310  loopback
                break
        except OSError:
            time.sleep(_POLL_S)
    say(notices(), f"The UI is ready: {address}", "green")


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CommandError(
                f"Port {port} cannot be used ({error.strerror}); name another, as in: "
                f"{vwe_command('ui', '--port', str(port % 65535 + 1))}"
            ) from error
