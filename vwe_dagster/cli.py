"""The command line, ``vwe``: makes worlds, tells of seeds, opens the UI.

Results go to standard output; progress, remarks and errors to standard error. Dagster is imported only by the
commands that need it, for it takes longer to load than the others take to answer.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from vwe_dagster.catalog import parse_catalog, remarks, same_world
from vwe_dagster.grid import MAX_SIZE, MIN_SIZE, Grid, GridError
from vwe_dagster.home import Home, HomeError, find_home
from vwe_dagster.seeds import Seed, SeedError, parse_seed
from vwe_dagster.store import STAGES, StoreError, WorldStore
from vwe_dagster.terminal import notices, output, say, show_facts, show_table, showing_run, undiverted_notices

if TYPE_CHECKING:
    from rich.console import Console

    from vwe_dagster.runs import Instance

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
"""Exit codes besides 0."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Turns Valheim seeds into world data.",
    epilog="Exit codes: 0 all went well, 1 something failed, 2 the command or a seed in it is wrong, 130 interrupted. "
    "A seed that begins with '-' is written after --, as in: vwe world -- -abc",
)
seeds_app = typer.Typer(no_args_is_help=True, help="Registers, lists and removes seeds.")
app.add_typer(seeds_app, name="seeds")
bench_app = typer.Typer(no_args_is_help=True, help="Measures how fast things are on this machine.")
app.add_typer(bench_app, name="bench")

SeedTexts = Annotated[
    list[str], typer.Argument(metavar="SEED...", help="Seeds as typed in the game, or @ and an integer.")
]
SeedText = Annotated[str, typer.Argument(metavar="SEED", help="A seed as typed in the game, or @ and an integer.")]
Force = Annotated[bool, typer.Option("--force", help="Make everything again, even what is up to date.")]


def main() -> NoReturn:
    """Runs ``vwe``; errors meant for people end up as a sentence on standard error and an exit code."""
    try:
        code = app(standalone_mode=False)
    except typer.TyperException as error:
        # Without arguments typer has printed the help and has no more to say.
        if error.format_message():
            say(notices(), _usage_sentence(error), "red")
        code = error.exit_code
    except (SeedError, GridError, HomeError) as error:
        say(notices(), str(error), "red")
        code = BAD_INPUT
    except (StoreError, CommandError) as error:
        say(notices(), str(error), "red")
        code = FAILED
    if code == INTERRUPTED:
        say(notices(), "Interrupted.", "red")
    sys.exit(code)


class CommandError(RuntimeError):
    """A command that cannot do what it was asked for; the message is a sentence that says why."""


@app.command()
def world(
    seeds: SeedTexts,
    *,
    size: Annotated[int, typer.Option(help=f"Samples along each side of the map, {MIN_SIZE} to {MAX_SIZE}.")] = 2048,
    world_gen_version: Annotated[
        int, typer.Option(min=0, max=2, help="2 for worlds made since 2022, 1 or 0 for older ones.")
    ] = 2,
    force: Force = False,
) -> None:
    """Makes worlds: registers the seeds and materializes their four assets.

    What is up to date stays as it is. A seed that fails does not stop the others.
    """
    parsed = _parse(seeds)
    Grid.of_world(size)
    raw = {"size": size, "world_gen_version": world_gen_version, "force": force}
    others = {asset: {"force": force} for asset in ("extracted", "processed", "renders")}
    _make(parsed, {"raw_export": raw, **others})


@app.command(name="import")
def import_(
    seed: SeedText,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder with an export of another program.")],
    *,
    force: Force = False,
) -> None:
    """Makes a world from an export of another program instead of an engine.

    The folder holds the JSON of the older export plugin, or the tiles of a valheim-map.world export.
    """
    (parsed,) = _parse([seed])
    if not folder.is_dir():
        raise SeedError(f"{folder} is no folder; name the one that the exported files lie in.")
    config: dict[str, dict[str, object]] = {asset: {"force": force} for asset in ("extracted", "processed", "renders")}
    config["extracted"]["foreign_export"] = str(folder.resolve())
    _make([parsed], config)


@app.command()
def seed(seed: SeedText) -> None:
    """Tells the integer of a seed, its folder, and which other seeds of the catalog are the same world."""
    (parsed,) = _parse([seed])
    home = find_home()
    store = WorldStore(home.data)
    keys = _registered(home)
    catalog = parse_catalog([*keys, *(other.key for other in store.seeds())])
    made = [stage for stage in STAGES if store.manifest(parsed, stage)]
    twins = same_world(parsed, catalog)
    show_facts(
        output(),
        {
            "seed": parsed.key,
            "integer": parsed.number,
            "folder": store.folder(parsed, "raw").parent,
            "registered": "yes" if parsed.key in keys else "no",
            "made": ", ".join(made) or "nothing yet",
            "same world as": ", ".join(twin.key for twin in twins) or "no other seed of the catalog",
        },
    )
    for remark in remarks(parsed, [other for other in catalog if other not in twins]):
        say(notices(), remark)


@app.command()
def show(seed: SeedText) -> None:
    """Shows what is known of a world that has been made: biomes, islands, peaks."""
    from vwe_dagster.showing import show_files, show_world  # noqa: PLC0415

    (parsed,) = _parse([seed])
    store = WorldStore(find_home().data)
    manifest = store.manifest(parsed, "processed")
    if manifest is None:
        raise CommandError(f"The world of {parsed.key} has not been made yet; make it with: {_world_command(parsed)}")
    show_world(output(), store, manifest)
    show_files(output(), store, parsed)


@seeds_app.command()
def add(seeds: SeedTexts) -> None:
    """Registers seeds, so that they can be materialized in the UI."""
    from vwe_dagster.runs import open_instance  # noqa: PLC0415

    parsed = _parse(seeds)
    with open_instance(find_home()) as instance:
        known = set(instance.keys())
        for each in parsed:
            instance.register(each)
            say(output(), f"{each.key} was registered already." if each.key in known else f"{each.key} is registered.")
        _remark(parsed, instance.keys())


@seeds_app.command(name="list")
def list_() -> None:
    """Lists the seeds that are registered or have data."""
    home = find_home()
    store = WorldStore(home.data)
    keys = _registered(home)
    catalog = parse_catalog([*keys, *(seed.key for seed in store.seeds())])
    rows = []
    for each in catalog:
        made = [stage for stage in STAGES if store.manifest(each, stage)]
        twins = ", ".join(twin.key for twin in same_world(each, catalog))
        rows.append((each.key, each.number, "yes" if each.key in keys else "no", " ".join(made), twins))
    if rows:
        show_table(output(), "", ("seed", "integer", "registered", "made", "same world as"), rows)
    else:
        say(notices(), "There are no seeds yet; make a world with: vwe world HHcLC5acQt")
    for key in sorted(set(keys) - {each.key for each in catalog}):
        say(
            notices(), f"The partition {key!r} is no seed and cannot be made; remove it with: vwe seeds remove -- {key}"
        )


@seeds_app.command()
def remove(
    seeds: SeedTexts,
    *,
    keep_data: Annotated[
        bool, typer.Option("--keep-data", help="Unregister only; keep the data and the runs.")
    ] = False,
) -> None:
    """Removes seeds: the registration, the data, and the records of their runs.

    A seed that a run is working on is not removed.
    """
    from vwe_dagster.runs import SeedInFlightError, open_instance  # noqa: PLC0415

    home = find_home()
    store = WorldStore(home.data)
    failed = False
    with open_instance(home) as instance:
        registered = set(instance.keys())
        # The UI lets people register what is no seed: that can be removed too.
        _parse([key for key in seeds if key not in registered])
        for key in dict.fromkeys(seeds):
            try:
                instance.remove(key)
            except SeedInFlightError as error:
                say(notices(), str(error), "red")
                failed = True
                continue
            removed = ["its registration"] if key in registered else []
            if not keep_data:
                removed += _remove_data(store, instance, key)
            say(output(), f"{key}: removed {', '.join(removed) or 'nothing, for there was nothing'}.")
    if failed:
        raise typer.Exit(FAILED)


@app.command()
def ui(*, port: Annotated[int, typer.Option(help="The port on this machine.", min=1, max=65535)] = 3000) -> None:
    """Opens Dagster's pages on this machine, at http://127.0.0.1:3000 unless told otherwise; ends with Ctrl-C."""
    from vwe_dagster.runs import open_instance  # noqa: PLC0415

    home = find_home()
    workspace = home.workspace
    _refuse_taken(port)
    with open_instance(home):
        # Opening ends the runs whose process was killed: they would count as running in the UI.
        say(notices(), f"The UI opens at http://127.0.0.1:{port} in a few seconds; Ctrl-C ends it.")
    # A shell that starts us in the background has us ignore these, and Dagster would inherit that.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    arguments = ["dev", "--host", "127.0.0.1", "--port", str(port), "--workspace", str(workspace)]
    os.execve(sys.executable, [sys.executable, "-m", "dagster", *arguments], {**os.environ, **home.environment})  # noqa: S606


@bench_app.callback()
def bench() -> None:
    """Measures how fast things are on this machine."""


@bench_app.command(name="engine")
def bench_engine_() -> None:
    """Measures the native engine, in a minute: compiling, starting, and a world of 2048 x 2048 biomes and heights."""
    from vwe_dagster.bench import BenchError, bench_engine, spread  # noqa: PLC0415

    try:
        measured = bench_engine(lambda phase: say(notices(), phase))
    except BenchError as error:
        raise CommandError(str(error)) from error
    rows = [(name, *(f"{value:.3g}" for value in spread(values))) for name, values in measured.items()]
    show_table(output(), "Native engine, digests checked", ("figure", "min", "median", "max"), rows)


def _parse(texts: Sequence[str]) -> list[Seed]:
    """The seeds, each once, in the order given; if any is none, all the faults in one error."""
    seeds, faults = [], []
    for text in dict.fromkeys(texts):
        try:
            seeds.append(parse_seed(text))
        except SeedError as error:
            faults.append(str(error))
    if faults:
        raise SeedError("\n".join(faults))
    return seeds


def _make(seeds: Sequence[Seed], config: Mapping[str, Mapping[str, object]]) -> None:
    """Makes worlds one after the other and says where the outcome lies."""
    from vwe_dagster.runs import open_instance  # noqa: PLC0415
    from vwe_dagster.showing import show_files  # noqa: PLC0415

    home = find_home()
    store = WorldStore(home.data)
    with undiverted_notices() as console, open_instance(home) as instance:
        failed = [seed for seed in seeds if not _make_one(console, instance, seed, config)]
        for seed in seeds:
            if seed not in failed:
                say(output(), f"The world of {seed.key} is ready.", "bold")
                show_files(output(), store, seed)
    if failed:
        raise CommandError(
            f"Failed: {', '.join(seed.key for seed in failed)}. The UI (vwe ui) has the log of each run."
        )


def _make_one(console: Console, instance: Instance, seed: Seed, config: Mapping[str, Mapping[str, object]]) -> bool:
    with showing_run(console, seed.key) as listener:
        try:
            return instance.make_world(seed, config=config, listener=listener)
        except Exception as error:  # noqa: BLE001  whatever happens to one seed, the others are made
            say(console, f"{seed.key} failed unexpectedly: {error!r}", "red")
            return False


def _remove_data(store: WorldStore, instance: Instance, key: str) -> list[str]:
    """Removes the data of a seed and the records of its runs; says what that was."""
    removed = []
    runs = instance.forget_runs(key)
    if runs:
        removed.append(f"the records of {runs} run{'s' if runs > 1 else ''}")
    try:
        seed = parse_seed(key)
    except SeedError:
        return removed
    folder = store.folder(seed, "raw").parent
    if folder.exists():
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        store.remove(seed)
        removed.append(f"{size / 1e6:.1f} MB of data in {folder}")
    return removed


def _registered(home: Home) -> list[str]:
    """The registered partition keys; none where the instance has never been used."""
    if not home.instance.is_dir():
        return []
    from vwe_dagster.runs import open_instance  # noqa: PLC0415

    with open_instance(home) as instance:
        return list(instance.keys())


def _remark(seeds: Iterable[Seed], keys: Iterable[str]) -> None:
    catalog = parse_catalog(keys)
    for remark in dict.fromkeys(remark for seed in seeds for remark in remarks(seed, catalog)):
        say(notices(), remark)


def _world_command(seed: Seed) -> str:
    return f"vwe world {'-- ' if seed.key.startswith('-') else ''}{seed.key}"


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CommandError(
                f"Port {port} cannot be used ({error.strerror}); name another, as in: vwe ui --port {port + 1}"
            ) from error


def _usage_sentence(error: typer.TyperException) -> str:
    sentence = error.format_message()
    if hasattr(error, "option_name"):
        sentence += "\nA seed that begins with '-' is written after --, as in: vwe world -- -abc"
    return sentence


if __name__ == "__main__":
    main()
