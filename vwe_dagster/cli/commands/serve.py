"""The command ``vwe serve``: serve the map pages of all worlds on this machine."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import webbrowser
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from vwe_dagster.cli.commands.common import own_location_table
from vwe_dagster.cli.commands.published import PublishedUrl, open_published, report_left_out
from vwe_dagster.cli.commands.web import address, listen, serve_until_ended
from vwe_dagster.cli.console import notices, say
from vwe_dagster.config.home import Home, find_home
from vwe_dagster.config.hosts import allowed_hosts
from vwe_dagster.config.local_servers import HOST, PORT, LocalServer, recorded_server, running_server
from vwe_dagster.seeds.seed import Seed

if TYPE_CHECKING:
    from vwe_dagster.publishing.published_store import PublishedStore

_REFRESH_S = 60.0
"""Interval at which published worlds are brought up to date."""


def serve(
    *,
    port: Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="The port; 0 for any free one.")] = PORT,
    open_: Annotated[bool, typer.Option("--open", help="Also open the browser.")] = False,
    from_: PublishedUrl = None,
) -> None:
    """Serve the map pages of all worlds on this machine, by default at http://127.0.0.1:8080.

    Reload a page to see worlds that were built after it was opened. With --from, new and changed worlds appear within
    a minute. Ctrl-C stops the server.
    """
    home = find_home()
    if from_ is None:
        serve_page(home, port, "", open_browser=open_)
    else:
        _serve_published(home, from_, port, open_browser=open_)


def serve_page(home: Home, port: int, page: str, *, open_browser: bool) -> None:
    """Serve the map pages until Ctrl-C.

    Args:
        home: the home whose worlds are served.
        port: the port; 0 for any free one.
        page: the page to show, relative to the root of the server.
        open_browser: whether to open the page in the browser.

    Raises:
        CommandError: the port cannot be used.
        InputError: the location table that the environment names cannot be used.
    """
    # Imported here because loading these takes longer than running most other commands.
    from vwe_dagster.kernels.cache import are_kernels_cached  # noqa: PLC0415
    from vwe_dagster.site.builds import Builds  # noqa: PLC0415
    from vwe_dagster.site.server import site_app  # noqa: PLC0415
    from vwe_dagster.store import WorldStore  # noqa: PLC0415

    hosts = allowed_hosts()
    table = own_location_table()
    # A server with configured host names may have remote visitors; these must not start builds on this machine.
    builds = (
        None
        if hosts
        else Builds(
            _world_command,
            {**os.environ, **home.environment},
            ui=lambda: running_server(home.folder, LocalServer.UI),
        )
    )
    app = site_app(WorldStore(home.data), hosts, home=home.folder, builds=builds, table=table)
    with listen(HOST, port, command=("serve",)) as listener:
        worlds = address(HOST, listener)
        with recorded_server(home.folder, LocalServer.MAP, worlds):
            say(notices(), f"The worlds are at {worlds}; Ctrl-C stops the server.")
            if not are_kernels_cached():
                say(notices(), "Compiling the terrain kernels, once, about a minute; new seeds are shown after that.")
            if open_browser:
                # The socket is listening already, so the browser waits until the server answers.
                webbrowser.open(f"{worlds}/{page}")
            serve_until_ended(app, listener)


def _serve_published(home: Home, url: str, port: int, *, open_browser: bool) -> None:
    """Serve the pages of published worlds until Ctrl-C; pages start no builds."""
    from vwe_dagster.site.server import site_app  # noqa: PLC0415

    store = open_published(home, url, survey=True)
    app = site_app(store, allowed_hosts(), home=home.folder)
    with listen(HOST, port, command=("serve", "--from", url)) as listener, _refreshed(store):
        worlds = address(HOST, listener)
        say(notices(), f"The worlds of {url} are at {worlds}; Ctrl-C stops the server.")
        if open_browser:
            webbrowser.open(worlds)
        serve_until_ended(app, listener)


@contextlib.contextmanager
def _refreshed(store: PublishedStore) -> Iterator[None]:
    """Bring published worlds up to date at intervals during the block."""
    from vwe_dagster.store import StoreError  # noqa: PLC0415

    ended = threading.Event()

    def refresh() -> None:
        while not ended.wait(_REFRESH_S):
            try:
                report_left_out(store.refresh())
                store.refresh_survey()
            except StoreError as error:
                say(notices(), str(error), "yellow")

    threading.Thread(target=refresh, name="refresh", daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def _world_command(seed: Seed) -> list[str]:
    return [sys.executable, "-m", "vwe_dagster.cli.kept_world", seed.key]
