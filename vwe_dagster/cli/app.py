"""The command line, ``vwe``: builds worlds, searches seeds, maintains the pool of engines, serves maps and the UI.

Results go to standard output; progress, remarks and errors go to standard error. Only the commands that need Dagster
import it: loading it takes longer than running the others.
"""

from __future__ import annotations

import importlib.metadata
from typing import Annotated, Final

import typer

from vwe_dagster.cli.commands import (
    bench,
    docs,
    engine,
    export,
    find,
    hosts,
    locations,
    metrics,
    open_world,
    pool,
    publish,
    purge,
    seeds,
    serve,
    survey,
    tiles,
    ui,
    worlds,
)
from vwe_dagster.cli.commands.common import CommandError, InputError
from vwe_dagster.cli.console import notices, output, say
from vwe_dagster.cli.examples import complete_help
from vwe_dagster.cli.exit_codes import BAD_INPUT, FAILED, INTERRUPTED, INTERRUPTED_MESSAGE
from vwe_dagster.config.broker import BrokerError
from vwe_dagster.config.home import HomeError
from vwe_dagster.config.hosts import HostsError
from vwe_dagster.config.object_storage import ObjectStorageError
from vwe_dagster.engine.messages import EngineError
from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.formats.fwl import SaveError
from vwe_dagster.kernels.garbage import collect_rarely
from vwe_dagster.seeds.lists import SeedListError
from vwe_dagster.seeds.seed import SeedError
from vwe_dagster.store import StoreError
from vwe_dagster.world.grid import GridError


def _show_version(wanted: bool) -> None:  # noqa: FBT001  typer passes it by position
    if wanted:
        say(output(), f"vwe {importlib.metadata.version('vwe-dagster')}")
        raise typer.Exit


app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Turn Valheim seeds into world data.",
    epilog="Exit codes: 0 success, 1 failure, 2 invalid command or seed, 130 interrupted. "
    "Write a seed that begins with '-' after --, as in: vwe world -- -abc",
)
app.command()(worlds.world)
app.command(name="import")(worlds.import_)
app.command(epilog=export.EPILOG)(export.export)
app.command()(tiles.tiles)
app.command()(worlds.seed)
app.command()(worlds.show)
app.command()(locations.locations)
app.command(cls=find.FindCommand)(find.find)
app.command()(serve.serve)
app.command(name="open")(open_world.open_world)
app.command()(ui.ui)
app.command()(hosts.worker)
app.command()(hosts.hosts)
app.command()(docs.docs)
app.command()(publish.publish)
app.command()(purge.purge)
app.add_typer(seeds.app, name="seeds")
app.add_typer(survey.app, name="survey")
app.add_typer(pool.app, name="pool")
app.add_typer(engine.app, name="engine")
app.add_typer(bench.app, name="bench")
app.add_typer(metrics.app, name="metrics")
complete_help(app)


@app.callback()
def _vwe(
    *,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Turn Valheim seeds into world data."""


BAD_INPUT_ERRORS: Final = (
    SeedError,
    SeedListError,
    SaveError,
    GridError,
    HomeError,
    HostsError,
    BrokerError,
    ObjectStorageError,
    InputError,
)
"""The errors for which ``vwe`` prints the message and exits with :data:`BAD_INPUT`."""

FAILURES: Final = (StoreError, EngineError, ExportError, CommandError)
"""The errors for which ``vwe`` prints the message and exits with :data:`FAILED`."""


def run() -> int:
    """Run ``vwe`` and return its exit code; expected errors are printed as one message each."""
    collect_rarely()
    try:
        code: int = app(standalone_mode=False) or 0
    except typer.TyperException as error:
        # Without arguments typer has already printed the help; the error has no message.
        if error.format_message():
            say(notices(), _usage_message(error), "red")
        code = error.exit_code
    except BAD_INPUT_ERRORS as error:
        say(notices(), str(error), "red")
        code = BAD_INPUT
    except FAILURES as error:
        say(notices(), str(error), "red")
        code = FAILED
    if code == INTERRUPTED:
        say(notices(), INTERRUPTED_MESSAGE, "red")
    return code


def _usage_message(error: typer.TyperException) -> str:
    message = error.format_message()
    if hasattr(error, "option_name"):
        message += "\nWrite a seed that begins with '-' after --, as in: vwe world -- -abc"
    return message
