"""The command ``vwe metrics``: numbers on pools, stages and disk, for Prometheus."""

from __future__ import annotations

from typing import Annotated

import typer

from vwe_dagster.cli.commands.web import address, listen, serve_until_ended
from vwe_dagster.cli.console import notices, say
from vwe_dagster.config.home import find_home
from vwe_dagster.config.hosts import allowed_hosts
from vwe_dagster.web.hosts import bracketed

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
    from vwe_dagster.metrics.data_folder import DataFolder  # noqa: PLC0415
    from vwe_dagster.metrics.endpoint import metrics_app  # noqa: PLC0415

    home = find_home()
    hosts = (*allowed_hosts(), bracketed(host))
    data = DataFolder(home.data)
    with listen(host, port, command=("metrics", "serve", "--host", host)) as listener:
        data.start()
        say(notices(), f"Metrics are at {address(host, listener)}/metrics; Ctrl-C ends it.")
        serve_until_ended(metrics_app(home, data, hosts), listener)
