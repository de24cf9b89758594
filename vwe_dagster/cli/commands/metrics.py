"""The command group ``vwe metrics``: serve metrics of pools, stages and disk for Prometheus."""

from __future__ import annotations

from typing import Annotated

import typer

from vwe_dagster.cli.commands.web import address, listen, serve_until_ended
from vwe_dagster.cli.console import notices, say
from vwe_dagster.config.broker import broker_from_environment
from vwe_dagster.config.home import find_home
from vwe_dagster.config.hosts import allowed_hosts
from vwe_dagster.web.hosts import bracketed

PORT = 9464

app = typer.Typer(no_args_is_help=True, help="Serve metrics of pools, stages and disk for Prometheus.")


@app.callback()
def _metrics() -> None:
    # With a single command and no callback, typer would parse the word serve as an argument.
    pass


@app.command()
def serve(
    *,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address of this machine to listen on.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="The port; 0 for any free one.")] = PORT,
) -> None:
    """Serve the metrics of this home at /metrics, and its health at /healthz, until Ctrl-C.

    The metrics are read from the files that all processes of the home share. No other process depends on this server.
    """
    # Imported here because loading these takes longer than running most other commands.
    from vwe_dagster.metrics.data_folder import DataFolder  # noqa: PLC0415
    from vwe_dagster.metrics.endpoint import metrics_app  # noqa: PLC0415

    home = find_home()
    hosts = (*allowed_hosts(), bracketed(host))
    data = DataFolder(home.data)
    with listen(host, port, command=("metrics", "serve", "--host", host)) as listener:
        data.start()
        say(notices(), f"Metrics are at {address(host, listener)}/metrics; Ctrl-C stops the server.")
        serve_until_ended(metrics_app(home, data, hosts, broker=broker_from_environment()), listener)
