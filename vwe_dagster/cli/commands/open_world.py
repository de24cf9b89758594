"""The command ``vwe open``: open the page of a world in the browser."""

from __future__ import annotations

import contextlib
import urllib.parse
import webbrowser

from vwe_dagster.cli.commands.common import CommandError, SeedText, parse_seeds
from vwe_dagster.cli.commands.serve import serve_page
from vwe_dagster.cli.console import notices, say
from vwe_dagster.config.home import find_home
from vwe_dagster.config.local_servers import PORT, LocalServer, running_server
from vwe_dagster.site.pages import folder_of

_ANY_PORT = 0


def open_world(seed: SeedText) -> None:
    """Open the page of a world in the browser, and start the server of vwe serve if none is running.

    The world need not be built: the page then shows a preview.
    """
    (parsed,) = parse_seeds([seed])
    home = find_home()
    page = f"worlds/{urllib.parse.quote(folder_of(parsed.key))}/"
    server = running_server(home.folder, LocalServer.MAP)
    if server is not None:
        say(notices(), f"Opening {server}/{page}")
        webbrowser.open(f"{server}/{page}")
        return
    # If another program uses the default port, serve on any free one.
    with contextlib.suppress(CommandError):
        serve_page(home, PORT, page, open_browser=True)
        return
    serve_page(home, _ANY_PORT, page, open_browser=True)
