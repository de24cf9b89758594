"""The command ``vwe ui``: Dagster's pages on this machine."""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import Annotated

import typer

from vwe_dagster.cli.commands.common import CommandError
from vwe_dagster.cli.console import notices, say
from vwe_dagster.config.home import find_home
from vwe_dagster.text.commands import vwe_command


def ui(*, port: Annotated[int, typer.Option(help="The port on this machine.", min=1, max=65535)] = 3000) -> None:
    """Opens Dagster's pages on this machine, at http://127.0.0.1:3000 unless told otherwise; ends with Ctrl-C."""
    from vwe_dagster.instance.seed_runs import open_instance  # noqa: PLC0415

    home = find_home()
    workspace = home.workspace
    _refuse_taken(port)
    with open_instance(home):
        # Opening ends the runs whose process was killed: they would count as running in the UI.
        say(notices(), f"The UI opens at http://127.0.0.1:{port} in a few seconds; Ctrl-C ends it.")
    # A shell that starts us in the background has us ignore these, and Dagster would inherit that.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    arguments = ["dev", "--host", "127.0.0.1", "--port", str(port), "--workspace", str(workspace)]
    os.execve(sys.executable, [sys.executable, "-m", "dagster", *arguments], {**os.environ, **home.environment})  # noqa: S606


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
