"""The commands on the pool of warm engines: ``vwe pool``."""

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
    help="Maintain the pool of warm engines.",
    epilog="The settings of the pool are environment variables, as in VWE_POOL_MAX_WARM_CONTAINERS=2; the "
    "documentation lists them. Engines end by themselves when they are idle.",
)

MOST_SHOWN = 1_000_000

PoolName = Annotated[
    str | None,
    typer.Option("--pool", metavar="NAME", help="Which pool; that of VWE_POOL_NAME, or default, unless said."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead, for programs.")]
Slot = Annotated[int, typer.Argument(metavar="SLOT", min=0, help="A slot, as vwe pool status numbers them.")]
Last = Annotated[int, typer.Option(metavar="N", min=1, max=MOST_SHOWN, help="How many, the latest.")]


@app.command()
def status(
    *,
    pool: PoolName = None,
    live: Annotated[bool, typer.Option("--live", help="Keep showing it until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Shows every slot: its engine, who has it and since when, what it makes, and what went wrong last.

    An engine ends when its age or its number of jobs is reached and nobody uses it.
    """
    console = output()
    if live and (as_json or not console.is_terminal):
        raise InputError("--live needs a terminal and no --json; programs can repeat: vwe pool status --json")
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


# -1 is a number out of range, and not an option.
@app.command(context_settings={"ignore_unknown_options": True})
def warm(
    count: Annotated[int, typer.Argument(metavar="N", min=0, help="How many engines.")],
    *,
    pool: PoolName = None,
    as_json: AsJson = False,
) -> None:
    """Starts engines until there are N, and waits until they are ready.

    As many are kept until the pool is drained or nobody uses it: those that end by age are replaced by whoever next
    uses it. Where engines failed to start so often that none is started for a while, one is tried at once.
    """
    with open_named(pool, new=True) as opened, _showing_count("engines ready", count) as tell:
        ready = opened.warm(count, progress=tell)
    if as_json:
        print_json({"ready": ready, "asked": count})
    else:
        say(output(), f"{_engines(ready)} {'is' if ready == 1 else 'are'} ready.")


@app.command()
def drain(
    *,
    pool: PoolName = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=0, help="Wait no longer than this for engines in use.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ends all engines: the free ones now, those in use as soon as they are given back."""
    with open_named(pool) as opened:
        ended = opened.drain(timeout_s=timeout)
    if as_json:
        print_json({"ended": ended})
    else:
        say(output(), f"Ended {_engines(ended).lower()}." if ended else "There was no engine to end.")


@app.command()
def reap(*, pool: PoolName = None, as_json: AsJson = False) -> None:
    """Puts right what dead processes left behind; every use of the pool and the Dagster sensor do the same."""
    with open_named(pool) as opened:
        report = opened.reap()
    if as_json:
        print_json(dataclasses.asdict(report))
    else:
        for action in report.actions or ["There was nothing to put right."] * (report.problem is None):
            say(output(), action)
    if report.problem is not None:
        raise CommandError(report.problem)


@app.command()
def repair(*, pool: PoolName = None, as_json: AsJson = False) -> None:
    """Replace the ledger of the pool if it is damaged or an old copy, and end the pool's engines.

    No world is lost. The former ledger stays as it is; the history of jobs and engines begins again.
    """
    with open_named(pool) as opened:
        report = opened.repair()
    if as_json:
        print_json(dataclasses.asdict(report))
    elif report.problem is None:
        say(output(), "The ledger is sound; there was nothing to repair.")
    else:
        say(output(), f"The ledger could not be used: {report.problem}. A new one was begun beside {report.former}")
        say(
            output(),
            f"Ended {_engines(len(report.ended))}. The next lease gets a token of {report.first_token} or more.",
        )


@app.command()
def release(
    slot: Slot,
    *,
    force: Annotated[bool, typer.Option("--force", help="Take it from a holder that is alive, too.")] = False,
    pool: PoolName = None,
    as_json: AsJson = False,
) -> None:
    """Takes a slot away from its holder.

    What a living holder loses in this way is not published. Its engine is reset and goes to whoever comes next.
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
    lines: Annotated[int, typer.Option(metavar="N", min=1, help="How many lines, the latest.")] = 200,
    pool: PoolName = None,
    as_json: AsJson = False,
) -> None:
    """Prints what the engine of a slot has written, or the last one it had."""
    with open_named(pool) as opened:
        written = opened.log(slot, lines=lines)
    if as_json:
        print_json({"slot": slot, "lines": written.splitlines()})
    elif written.strip():
        typer.echo(written.rstrip("\n"))
    else:
        say(notices(), f"The engine of slot {slot} has written nothing, or its log is gone.")


@app.command()
def history(*, last: Last = 20, pool: PoolName = None, as_json: AsJson = False) -> None:
    """Lists the worlds that were asked of the pool, the latest first."""
    with open_named(pool) as opened:
        jobs = opened.history(last)
    if as_json:
        print_json([dataclasses.asdict(job) for job in jobs])
    elif not jobs:
        say(notices(), "No world has been asked of this pool yet.")
    else:
        from vwe_dagster.cli.pool_view import history_view  # noqa: PLC0415

        output().print(history_view(jobs), soft_wrap=False)


@app.command()
def events(
    *,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on until Ctrl-C; with --json, one document a line.")
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
    """The settings of a pool.

    Raises:
        InputError: the environment has one that cannot be used.
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
    """Opens the pool that the option ``--pool`` names, of the home that the environment names.

    Args:
        name: the pool's; None for the one for everybody.
        new: whether it may be one that nobody has used.

    Raises:
        InputError: the environment has a setting that cannot be used, or there is no such pool.
    """
    from vwe_dagster.pool.opening import open_pool  # noqa: PLC0415

    settings = settings_of(name)
    home = find_home()
    folder = home.pools / settings.folder_name
    if not (new or folder.is_dir() or settings == settings_of() or settings.engine == "valheim"):
        used = [each.name.partition(".") for each in sorted(home.pools.glob("*/"))]
        there = ", ".join(f"{name} ({launcher or 'process'})" for name, _, launcher in used)
        raise InputError(
            f"No pool named {settings.name} with the launcher {settings.launcher} has been used here; "
            + (f"there are: {there}." if there else "none has.")
        )
    with open_pool(settings, folder, data=home.data) as pool:
        yield pool


@contextlib.contextmanager
def _until_interrupted() -> Iterator[None]:
    """Ctrl-C is how one ends what goes on for ever; it is no failure."""
    with contextlib.suppress(KeyboardInterrupt):
        yield


@contextlib.contextmanager
def _showing_count(what: str, total: int) -> Iterator[Callable[[int, int], None]]:
    """On a terminal a bar that grows; elsewhere a line for each step."""
    console = notices()
    if not console.is_terminal:
        told = -1

        def tell(done: int, of: int) -> None:
            nonlocal told
            if done != told:
                say(console, f"{done} of {of} {what}")
            told = done

        yield tell
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
    """Prints what a command tells programs."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def _engines(count: int) -> str:
    return f"{count} engine{'' if count == 1 else 's'}"
