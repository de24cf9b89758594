"""The commands on a single engine: ``vwe engine serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vwe_dagster.commands.common import InputError

app = typer.Typer(no_args_is_help=True, help="Serves an engine by itself, outside any pool.")


@app.callback()
def engine() -> None:
    """Serves an engine by itself, outside any pool."""


@app.command()
def serve(
    *,
    socket: Annotated[Path | None, typer.Option(metavar="PATH", help="Listen at this unix socket.")] = None,
    tcp: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Listen at this TCP address instead; needs --token-file.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file with the token that callers must send.")
    ] = None,
    name: Annotated[str, typer.Option(help="What the engine is called in its status.")] = "",
    idle_exit_minutes: Annotated[
        float | None, typer.Option(metavar="M", help="End when nobody has used the engine for so long.")
    ] = None,
) -> None:
    """Serves the native engine over the engine protocol, until Ctrl-C.

    As in: vwe engine serve --socket /tmp/engine.sock
    """
    from vwe_dagster.engine.serving import ServingError, serve  # noqa: PLC0415

    try:
        serve(socket_path=socket, tcp=tcp, token_file=token_file, name=name, idle_exit_minutes=idle_exit_minutes)
    except ServingError as error:
        raise InputError(str(error)) from error
