"""The command group ``vwe seeds``: register, list and remove seeds."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vwe_dagster.cli.commands.common import (
    SHOWN_SINGLY,
    InputError,
    OptionalSeedTexts,
    SeedTexts,
    parse_seeds,
    print_remarks,
    read_valid_list,
    registered_keys,
)
from vwe_dagster.cli.console import notices, output, say, show_table
from vwe_dagster.cli.exit_codes import FAILED
from vwe_dagster.config.home import find_home
from vwe_dagster.seeds.lookalikes import LookAlikes, parse_keys
from vwe_dagster.seeds.seed import Seed, SeedError, parse_seed
from vwe_dagster.seeds.typable import typable_key
from vwe_dagster.store import WorldStore
from vwe_dagster.store.leftovers import bytes_in
from vwe_dagster.store.notes import Notes
from vwe_dagster.store.starting_keys import StartingKeys
from vwe_dagster.text.commands import vwe_command

if TYPE_CHECKING:
    from vwe_dagster.instance.seed_runs import SeedRuns

_HEADINGS = ("seed", "integer", "registered", "stages", "same world as", "note", "typed in game")

app = typer.Typer(no_args_is_help=True, help="Register, list and remove seeds.")


@app.command()
def add(
    seeds: OptionalSeedTexts = None,
    *,
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also the seeds of a list: .txt, one per line; .csv; or .json."),
    ] = None,
) -> None:
    """Register seeds, so that they can be materialized in the UI."""
    from vwe_dagster.instance.seed_runs import open_instance  # noqa: PLC0415

    listed = read_valid_list(file) if file is not None else None
    parsed = list(dict.fromkeys([*parse_seeds(seeds or []), *(listed.seeds if listed is not None else [])]))
    if not parsed:
        raise InputError("No seed to register; name one, such as HHcLC5acQt, or a list with --file.")
    home = find_home()
    with open_instance(home) as instance:
        known = set(instance.keys())
        instance.register(parsed)
        if listed is not None:
            Notes(home.data).add(listed.notes)
        _report_registered(parsed, known)
        print_remarks(parsed, instance.keys())


def _report_registered(seeds: Sequence[Seed], known: Collection[str]) -> None:
    if len(seeds) > SHOWN_SINGLY:
        new = sum(seed.key not in known for seed in seeds)
        say(output(), f"{new} seeds are registered; {len(seeds) - new} were registered already.")
        return
    for seed in seeds:
        already = seed.key in known
        say(output(), f"{seed.key} was registered already." if already else f"{seed.key} is registered.")


@app.command(name="list")
def list_(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON: a list of objects.")] = False) -> None:
    """List the seeds that are registered or have data.

    Output to a pipe has a line of tab-separated fields per seed: seed, integer, registered, stages, seeds of the same
    world, note, and, for a seed that cannot be typed in the game, a text that can.
    """
    home = find_home()
    store = WorldStore(home.data)
    keys = registered_keys(home)
    known = set(keys)
    seeds = parse_keys([*keys, *(seed.key for seed in store.seeds(besides=keys))])
    look_alikes, notes = LookAlikes(seeds), Notes(home.data).read()
    rows = [
        {
            "seed": each.key,
            "integer": each.number,
            "registered": each.key in known,
            "stages": store.published_stages(each),
            "same_world_as": [other.key for other in look_alikes.same_world(each)],
            "note": notes.get(each.key),
            "typed_in_game": typable_key(each),
        }
        for each in seeds
    ]
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    elif rows:
        _show_seeds(rows)
    else:
        say(notices(), f"There are no seeds yet; build a world with: {vwe_command('world', operands=['HHcLC5acQt'])}")
    for key in sorted(known - {seed.key for seed in seeds}):
        say(notices(), f"The partition {key!r} is not a seed; {_removal_hint(key)}")


def _show_seeds(rows: Iterable[Mapping[str, Any]]) -> None:
    cells = [
        (
            row["seed"],
            row["integer"],
            "yes" if row["registered"] else "no",
            " ".join(row["stages"]),
            ", ".join(row["same_world_as"]),
            row["note"] or "",
            row["typed_in_game"] or "",
        )
        for row in rows
    ]
    if sys.stdout.isatty():
        show_table(output(), "", _HEADINGS, cells)
    else:
        sys.stdout.writelines("\t".join(map(str, row)) + "\n" for row in cells)


def _removal_hint(key: str) -> str:
    if "\0" in key:
        return "remove it on Dagster's page of partitions."
    return f"remove it with: {vwe_command('seeds', 'remove', operands=[key])}"


@app.command()
def remove(
    seeds: SeedTexts,
    *,
    keep_data: Annotated[
        bool, typer.Option("--keep-data", help="Unregister only; keep the data and the runs.")
    ] = False,
) -> None:
    """Remove seeds: their registrations, their data, and the records of their runs.

    A seed is not removed while a run is working on it.
    """
    from vwe_dagster.instance.seed_runs import SeedInFlightError, open_instance  # noqa: PLC0415

    home = find_home()
    store = WorldStore(home.data)
    failed = False
    with open_instance(home) as instance:
        known = set(instance.keys())
        # The UI can register partition keys that are not seeds; those can be removed too.
        parse_seeds([key for key in seeds if key not in known])
        for key in dict.fromkeys(seeds):
            try:
                instance.remove(key)
            except SeedInFlightError as error:
                say(notices(), str(error), "red")
                failed = True
                continue
            removed = ["its registration"] if key in known else []
            if not keep_data:
                removed += _remove_data(store, instance, key)
                Notes(home.data).remove(key)
                StartingKeys(home.data).remove(key)
            outcome = f"removed {', '.join(removed)}" if removed else "there was nothing to remove"
            say(output(), f"{key}: {outcome}.")
        instance.warm_statuses()
    if failed:
        raise typer.Exit(FAILED)


def _remove_data(store: WorldStore, instance: SeedRuns, key: str) -> list[str]:
    """Remove the data of a seed and the records of its runs; return phrases that describe them."""
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
        size = bytes_in(folder)
        store.remove(seed)
        removed.append(f"{size / 1e6:.1f} MB of data in {folder}")
    return removed
