"""The command ``vwe metrics``: numbers on pools, stages and disk, for Prometheus."""

from __future__ import annotations

import contextlib
import socket
from typing import Annotated

import typer

from vwe_dagster.commands.common import CommandError
from vwe_dagster.home import find_home
from vwe_dagster.terminal import notices, say

PORT = 9464

app = typer.Typer(no_args_is_help=True, help="Serves metrics of pools, stages and disk, for Prometheus.")


@app.callback()
def _metrics() -> None:
    # With a single command and no callback, typer would take the word serve for an argument.
    pass


@app.command()
def serve(
    *,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address of this machine to listen at.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="The port; 0 for any free one.")] = PORT,
) -> None:
    """Serves the metrics of this home at /metrics until Ctrl-C, and at /healthz that it does.

    They come from what all processes of the home share; it matters to none whether this runs.
    """
    # They take longer to load than other commands take to answer.
    import uvicorn  # noqa: PLC0415

    from vwe_dagster.metrics.data_folder import DataFolder  # noqa: PLC0415
    from vwe_dagster.metrics.server import metrics_app  # noqa: PLC0415

    home = find_home()
    data = DataFolder(home.data)
    with _listening(host, port) as listener:
        data.start()
        number = listener.getsockname()[1]
        say(notices(), f"Metrics are at http://{_bracketed(host)}:{number}/metrics; Ctrl-C ends it.")
        settings = uvicorn.Config(metrics_app(home, data), log_level="warning", access_log=False)
        # Ctrl-C is how one ends it, and no failure.
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(settings).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise CommandError(
            f"{_bracketed(host)}:{port} cannot be listened at ({error.strerror}); name another, as in: "
            f"vwe metrics serve --port {port + 1 if port < 65535 else port - 1}"
        ) from error


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
