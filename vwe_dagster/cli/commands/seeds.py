"""The commands on the catalog of seeds: ``vwe seeds add``, ``list`` and ``remove``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vwe_dagster.cli.commands.common import FAILED, SeedTexts, parse_seeds, registered, remark
from vwe_dagster.cli.console import notices, output, say, show_table
from vwe_dagster.config.home import find_home
from vwe_dagster.seeds.lookalikes import parse_catalog, same_world
from vwe_dagster.seeds.seed import SeedError, parse_seed
from vwe_dagster.store import STAGES, WorldStore
from vwe_dagster.store.leftovers import bytes_in

if TYPE_CHECKING:
    from vwe_dagster.instance.seed_runs import SeedRuns

app = typer.Typer(no_args_is_help=True, help="Registers, lists and removes seeds.")


@app.command()
def add(seeds: SeedTexts) -> None:
    """Registers seeds, so that they can be materialized in the UI."""
    from vwe_dagster.instance.seed_runs import open_instance  # noqa: PLC0415

    parsed = parse_seeds(seeds)
    with open_instance(find_home()) as instance:
        known = set(instance.keys())
        instance.register(parsed)
        for each in parsed:
            say(output(), f"{each.key} was registered already." if each.key in known else f"{each.key} is registered.")
        remark(parsed, instance.keys())


@app.command(name="list")
def list_() -> None:
    """Lists the seeds that are registered or have data."""
    home = find_home()
    store = WorldStore(home.data)
    keys = registered(home)
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


@app.command()
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
    from vwe_dagster.instance.seed_runs import SeedInFlightError, open_instance  # noqa: PLC0415

    home = find_home()
    store = WorldStore(home.data)
    failed = False
    with open_instance(home) as instance:
        known = set(instance.keys())
        # The UI lets people register what is no seed: that can be removed too.
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
            say(output(), f"{key}: removed {', '.join(removed) or 'nothing, for there was nothing'}.")
    if failed:
        raise typer.Exit(FAILED)


def _remove_data(store: WorldStore, instance: SeedRuns, key: str) -> list[str]:
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
        size = bytes_in(folder)
        store.remove(seed)
        removed.append(f"{size / 1e6:.1f} MB of data in {folder}")
    return removed
