"""The command group ``vwe pool``: show and control the pool of warm engines."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from vwe_dagster.cli.commands.common import CommandError, InputError
from vwe_dagster.cli.console import notices, output, say
from vwe_dagster.config.home import find_home

if TYPE_CHECKING:
    from vwe_dagster.pool.pool import EnginePool
    from vwe_dagster.pool.settings import PoolSettings

REFRESH_S = 0.5
FOLLOW_S = 0.2

app = typer.Typer(
    no_args_is_help=True,
    help="Show and control the pool of warm engines.",
    epilog="The settings of the pool are environment variables, such as VWE_POOL_MAX_WARM_CONTAINERS=2; the "
    "documentation lists them. Idle engines end by themselves.",
)

MAX_SHOWN = 1_000_000

PoolName = Annotated[
    str | None,
    typer.Option("--pool", metavar="NAME", help="The name of the pool; by default VWE_POOL_NAME, or 'default'."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Slot = Annotated[int, typer.Argument(metavar="SLOT", min=0, help="The number of a slot, as shown by vwe pool status.")]
Last = Annotated[int, typer.Option(metavar="N", min=1, max=MAX_SHOWN, help="Show the latest N entries.")]


@app.command()
def status(
    *,
    pool: PoolName = None,
    live: Annotated[bool, typer.Option("--live", help="Refresh the output until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show every slot: its engine, its holder and for how long, its world, and its last error.

    An engine that is not in use ends when it reaches its maximum age or number of jobs.
    """
    console = output()
    if live and (as_json or not console.is_terminal):
        raise InputError("--live needs a terminal and excludes --json; programs can repeat: vwe pool status --json")
    with open_named(pool) as opened:
        from vwe_dagster.cli.pool_view import pool_view  # noqa: PLC0415

        if as_json:
            print_json(opened.status().as_dict())
        elif not live:
            console.print(pool_view(opened.status(), opened.settings))
        else:
            with _until_interrupted(), Live(console=console, auto_refresh=False) as screen:
                while True:
                    screen.update(pool_view(opened.status(), opened.settings), refresh=True)
                    time.sleep(REFRESH_S)


# So that -1 is reported as a number out of range, not as an unknown option.
@app.command(context_settings={"ignore_unknown_options": True})
def warm(
    count: Annotated[int, typer.Argument(metavar="N", min=0, help="The number of engines.")],
    *,
    pool: PoolName = None,
    as_json: AsJson = False,
) -> None:
    """Start engines until there are N, and wait until they are ready.

    The pool keeps N engines until it is drained or idle: the next use of the pool replaces engines that ended by age.
    If the pool has paused starts after repeated failures, the command tries one start immediately.
    """
    with open_named(pool, new=True) as opened, _showing_count("engines ready", count) as progress:
        ready = opened.warm(count, progress=progress)
    if as_json:
        print_json({"ready": ready, "asked": count})
    else:
        say(output(), f"{_engines(ready)} {'is' if ready == 1 else 'are'} ready.")


@app.command()
def drain(
    *,
    pool: PoolName = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=0, help="The maximum time to wait for engines in use.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """End all engines: the free ones immediately, the others when their holders return them."""
    with open_named(pool) as opened:
        ended = opened.drain(timeout_s=timeout)
    if as_json:
        print_json({"ended": ended})
    else:
        say(output(), f"Ended {_engines(ended).lower()}." if ended else "No engine was running.")


@app.command()
def reap(*, pool: PoolName = None, as_json: AsJson = False) -> None:
    """Recover slots and end engines of dead processes; every use of the pool and the Dagster sensor do the same."""
    with open_named(pool) as opened:
        report = opened.reap()
    if as_json:
        print_json(dataclasses.asdict(report))
    else:
        for action in report.actions or ["There was nothing to repair."] * (report.problem is None):
            say(output(), action)
    if report.problem is not None:
        raise CommandError(report.problem)


@app.command()
def repair(*, pool: PoolName = None, as_json: AsJson = False) -> None:
    """Replace the ledger of the pool if it is damaged or an old copy, and end the pool's engines.

    No world is lost. The former ledger is kept; the history of jobs and engines starts over.
    """
    with open_named(pool) as opened:
        report = opened.repair()
    if as_json:
        print_json(dataclasses.asdict(report))
    elif report.problem is None:
        say(output(), "The ledger is intact; there was nothing to repair.")
    else:
        say(output(), f"The ledger was unusable: {report.problem}. A new one was created beside {report.former}")
        say(
            output(),
            f"Ended {_engines(len(report.ended))}. The next lease gets a token of {report.first_token} or more.",
        )


@app.command()
def release(
    slot: Slot,
    *,
    force: Annotated[bool, typer.Option("--force", help="Take the slot even from a live holder.")] = False,
    pool: PoolName = None,
    as_json: AsJson = False,
) -> None:
    """Take a slot away from its holder.

    A live holder can no longer publish its world. The engine is reset and becomes free.
    """
    with open_named(pool) as opened:
        done = opened.release(slot, force=force)
    if as_json:
        print_json({"slot": slot, "done": done})
    else:
        say(output(), done)


@app.command()
def logs(
    slot: Slot,
    *,
    lines: Annotated[int, typer.Option(metavar="N", min=1, help="Show the latest N lines.")] = 200,
    pool: PoolName = None,
    as_json: AsJson = False,
) -> None:
    """Print the log of a slot's engine, or of its last engine."""
    with open_named(pool) as opened:
        written = opened.log(slot, lines=lines)
    if as_json:
        print_json({"slot": slot, "lines": written.splitlines()})
    elif written.strip():
        typer.echo(written.rstrip("\n"))
    else:
        say(notices(), f"The engine of slot {slot} has logged nothing, or its log was removed.")


@app.command()
def history(*, last: Last = 20, pool: PoolName = None, as_json: AsJson = False) -> None:
    """List the jobs of the pool, latest first: worlds and surveys."""
    with open_named(pool) as opened:
        jobs = opened.history(last)
    if as_json:
        print_json([dataclasses.asdict(job) for job in jobs])
    elif not jobs:
        say(notices(), "This pool has had no job yet.")
    else:
        from vwe_dagster.cli.pool_view import history_view  # noqa: PLC0415

        output().print(history_view(jobs), soft_wrap=False)


@app.command()
def events(
    *,
    follow: Annotated[
        bool, typer.Option("--follow", help="Continue until Ctrl-C; with --json, one document per line.")
    ] = False,
    last: Last = 20,
    pool: PoolName = None,
    as_json: AsJson = False,
) -> None:
    """List the transitions of the slots from state to state, each with its reason, oldest first."""
    with open_named(pool) as opened:
        steps = opened.events(limit=last)
        if not follow:
            if as_json:
                print_json([dataclasses.asdict(step) for step in steps])
            elif not steps:
                say(notices(), "Nothing has happened in this pool yet.")
            else:
                _print_steps(steps)
            return
        seen = 0
        with _until_interrupted():
            while True:
                _print_steps(steps, as_lines_of_json=as_json)
                seen = max((step.id for step in steps), default=seen)
                time.sleep(FOLLOW_S)
                steps = opened.events(after=seen)


def settings_of(name: str | None = None) -> PoolSettings:
    """Return the settings of a pool; None is the default pool.

    Raises:
        InputError: a setting in the environment is invalid.
    """
    from vwe_dagster.config.pool import (  # noqa: PLC0415
        PoolSettingsError,
        engine_choice_from_environment,
        settings_of_pool,
    )

    try:
        engine_choice_from_environment()
        return settings_of_pool(name)
    except PoolSettingsError as error:
        raise InputError(str(error)) from error


@contextlib.contextmanager
def open_named(name: str | None, *, new: bool = False) -> Iterator[EnginePool]:
    """Open the pool of the option ``--pool`` in the home of the environment.

    Args:
        name: the name of the pool; None for the default pool.
        new: if true, create the pool if it does not exist.

    Raises:
        InputError: a setting in the environment is invalid, or the pool does not exist.
    """
    from vwe_dagster.pool.opening import open_pool  # noqa: PLC0415

    settings = settings_of(name)
    home = find_home()
    folder = home.pools / settings.folder_name
    if not (new or folder.is_dir() or settings == settings_of() or settings.engine == "valheim"):
        used = [each.name.partition(".") for each in sorted(home.pools.glob("*/"))]
        existing = ", ".join(f"{name} ({launcher or 'process'})" for name, _, launcher in used)
        raise InputError(
            f"No pool named {settings.name} with the launcher {settings.launcher} has been used here; "
            + (f"choose from: {existing}." if existing else "this home has no pool yet.")
        )
    with open_pool(settings, folder, data=home.data) as pool:
        yield pool


@contextlib.contextmanager
def _until_interrupted() -> Iterator[None]:
    """Leave the block on Ctrl-C, which is the normal end of an endless command, not a failure."""
    with contextlib.suppress(KeyboardInterrupt):
        yield


@contextlib.contextmanager
def _showing_count(what: str, total: int) -> Iterator[Callable[[int, int], None]]:
    """Show a count that grows to ``total``: on a terminal a bar, elsewhere a line per step."""
    console = notices()
    if not console.is_terminal:
        printed = -1

        def print_count(done: int, of: int) -> None:
            nonlocal printed
            if done != printed:
                say(console, f"{done} of {of} {what}")
            printed = done

        yield print_count
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(what, total=total)
        yield lambda done, of: progress.update(bar, completed=done, total=of)


def _print_steps(steps: list[Any], *, as_lines_of_json: bool = False) -> None:
    from vwe_dagster.cli.pool_view import step_line  # noqa: PLC0415

    for step in steps:
        typer.echo(json.dumps(dataclasses.asdict(step)) if as_lines_of_json else step_line(step))


def print_json(document: object) -> None:
    """Print a document as indented JSON."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _engines(count: int) -> str:
    return f"{count} engine{'' if count == 1 else 's'}"
