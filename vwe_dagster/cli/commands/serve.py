"""The command ``vwe serve``: serve the map pages of all worlds on this machine."""

from __future__ import annotations

import os
import sys
import webbrowser
from typing import Annotated

import typer

from vwe_dagster.cli.commands.web import address, listen, serve_until_ended
from vwe_dagster.cli.console import notices, say
from vwe_dagster.config.home import Home, find_home
from vwe_dagster.config.hosts import allowed_hosts
from vwe_dagster.config.map_server import HOST, PORT, recorded_map_server
from vwe_dagster.seeds.seed import Seed


def serve(
    *,
    port: Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="The port; 0 for any free one.")] = PORT,
    open_: Annotated[bool, typer.Option("--open", help="Also open the browser.")] = False,
) -> None:
    """Serve the map pages of all worlds on this machine, by default at http://127.0.0.1:8080.

    Reload a page to see worlds that were built since. Ctrl-C stops the server.
    """
    serve_page(find_home(), port, "", open_browser=open_)


def serve_page(home: Home, port: int, page: str, *, open_browser: bool) -> None:
    """Serve the map pages until Ctrl-C.

    Args:
        home: the home whose worlds are served.
        port: the port; 0 for any free one.
        page: the page to show, relative to the root of the server.
        open_browser: whether to open the page in the browser.

    Raises:
        CommandError: the port cannot be used.
    """
    # Imported here because loading these takes longer than other commands run.
    from vwe_dagster.config.location_table import location_table_from_environment  # noqa: PLC0415
    from vwe_dagster.exporting.facts import NATIVE_GAME_VERSION  # noqa: PLC0415
    from vwe_dagster.site.builds import Builds  # noqa: PLC0415
    from vwe_dagster.site.server import site_app  # noqa: PLC0415
    from vwe_dagster.store import WorldStore  # noqa: PLC0415

    hosts = allowed_hosts()
    table = location_table_from_environment(NATIVE_GAME_VERSION)
    # A server with configured host names may have remote visitors; these must not start builds on this machine.
    builds = None if hosts else Builds(_world_command, {**os.environ, **home.environment})
    app = site_app(WorldStore(home.data), hosts, home=home.folder, builds=builds, table=table)
    with listen(HOST, port, command=("serve",)) as listener:
        worlds = address(HOST, listener)
        with recorded_map_server(home.folder, worlds):
            say(notices(), f"The worlds are at {worlds}; Ctrl-C stops the server.")
            if open_browser:
                # The socket is listening already, so the browser waits until the server answers.
                webbrowser.open(f"{worlds}/{page}")
            serve_until_ended(app, listener)


def _world_command(seed: Seed) -> list[str]:
    return [sys.executable, "-m", "vwe_dagster.cli", "world", "--", seed.key]
