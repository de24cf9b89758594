"""The commands on worlds: ``vwe world``, ``import``, ``seed`` and ``show``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vwe_dagster.catalog.names import parse_catalog, remarks, same_world
from vwe_dagster.commands.common import CommandError, InputError, SeedText, parse_seeds, registered
from vwe_dagster.commands.pool import settings_of
from vwe_dagster.grid import MAX_SIZE, MIN_SIZE, Grid
from vwe_dagster.home import find_home
from vwe_dagster.seed_lists import SeedListError, read_seed_list
from vwe_dagster.seeds import Seed, SeedError
from vwe_dagster.store import STAGES, WorldStore
from vwe_dagster.terminal import notices, output, say, show_facts, showing_run, undiverted_notices

if TYPE_CHECKING:
    from rich.console import Console

    from vwe_dagster.runs import Instance

_SHOWN_SINGLY = 10
"""Worlds of a command whose files are told one by one."""

Force = Annotated[bool, typer.Option("--force", help="Make everything again, even what is up to date.")]


def world(
    seeds: Annotated[
        list[str] | None, typer.Argument(metavar="[SEED]...", help="Seeds as typed in the game, or @ and an integer.")
    ] = None,
    *,
    file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Also the seeds of a list: .txt, one a line; .csv with a column seed; .json."
        ),
    ] = None,
    size: Annotated[int, typer.Option(help=f"Samples along each side of the map, {MIN_SIZE} to {MAX_SIZE}.")] = 2048,
    world_gen_version: Annotated[
        int, typer.Option(min=0, max=2, help="2 for worlds made since 2022, 1 or 0 for older ones.")
    ] = 2,
    force: Force = False,
) -> None:
    """Makes worlds: registers the seeds and materializes their four assets.

    What is up to date stays as it is. A seed that fails does not stop the others.
    """
    parsed = list(dict.fromkeys([*parse_seeds(seeds or []), *(_listed(file) if file is not None else [])]))
    if not parsed:
        raise InputError("There is no seed to make a world of; name one, such as HHcLC5acQt, or a list with --file.")
    Grid.of_world(size)
    raw = {"size": size, "world_gen_version": world_gen_version, "force": force}
    others = {asset: {"force": force} for asset in ("extracted", "processed", "renders")}
    _make(parsed, {"raw_export": raw, **others})


def import_(
    seed: SeedText,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder with an export of another program.")],
    *,
    force: Force = False,
) -> None:
    """Makes a world from an export of another program instead of an engine.

    The folder holds the JSON of the older export plugin, or the tiles of a valheim-map.world export.
    """
    (parsed,) = parse_seeds([seed])
    if not folder.is_dir():
        raise SeedError(f"{folder} is no folder; name the one that the exported files lie in.")
    config: dict[str, dict[str, object]] = {asset: {"force": force} for asset in ("extracted", "processed", "renders")}
    config["extracted"]["foreign_export"] = str(folder.resolve())
    _make([parsed], config)


def seed(seed: SeedText) -> None:
    """Tells the integer of a seed, its folder, and which other seeds of the catalog are the same world."""
    (parsed,) = parse_seeds([seed])
    home = find_home()
    store = WorldStore(home.data)
    keys = registered(home)
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
    for sentence in remarks(parsed, [other for other in catalog if other not in twins]):
        say(notices(), sentence)


def show(seed: SeedText) -> None:
    """Shows what is known of a world that has been made: biomes, islands, peaks."""
    from vwe_dagster.showing import show_files, show_world  # noqa: PLC0415

    (parsed,) = parse_seeds([seed])
    store = WorldStore(find_home().data)
    manifest = store.manifest(parsed, "processed")
    if manifest is None:
        raise CommandError(f"The world of {parsed.key} has not been made yet; make it with: {_world_command(parsed)}")
    show_world(output(), store, manifest)
    show_files(output(), store, parsed)


def _listed(path: Path) -> Sequence[Seed]:
    """The seeds of a list; one that has anything else in it is refused."""
    seed_list = read_seed_list(path)
    if seed_list.refused:
        faults = [f"{refused.place}: {refused.reason}" for refused in seed_list.refused]
        raise SeedListError("\n".join([f"{path} has what is no seed; mend it, then run this again.", *faults]))
    return seed_list.seeds


def _make(seeds: Sequence[Seed], config: Mapping[str, Mapping[str, object]]) -> None:
    """Makes worlds, several in a run, and says where the outcome lies."""
    from vwe_dagster.assets.batch import SEEDS_PER_RUN  # noqa: PLC0415
    from vwe_dagster.assets.seeds import side_by_side  # noqa: PLC0415
    from vwe_dagster.runs import open_instance  # noqa: PLC0415

    home = find_home()
    # A setting that cannot be used is refused before anything is registered.
    settings_of()
    keys: list[str] = [seed.key for seed in seeds]
    failed: set[str] = set()
    with undiverted_notices() as console, open_instance(home) as instance:
        instance.register(seeds)
        for batch in side_by_side(instance.keys(), keys, SEEDS_PER_RUN):
            failed.update(_make_batch(console, instance, batch, config))
    _tell_made(WorldStore(home.data), [seed for seed in seeds if seed.key not in failed])
    if failed:
        raise CommandError(
            f"Failed: {', '.join(key for key in keys if key in failed)}. The UI (vwe ui) has the log of each run."
        )


def _make_batch(
    console: Console, instance: Instance, keys: Sequence[str], config: Mapping[str, Mapping[str, object]]
) -> Collection[str]:
    """Makes worlds in one run; returns the keys that failed."""
    title = keys[0] if len(keys) == 1 else f"{len(keys)} seeds, {keys[0]} to {keys[-1]}"
    with showing_run(console, title) as listener:
        try:
            return instance.make_worlds(keys, config=config, listener=listener)
        except Exception as error:  # noqa: BLE001  whatever happens to one batch, the others are made
            say(console, f"{title} failed unexpectedly: {error!r}", "red")
            return keys


def _tell_made(store: WorldStore, seeds: Sequence[Seed]) -> None:
    from vwe_dagster.showing import show_files  # noqa: PLC0415

    if len(seeds) > _SHOWN_SINGLY:
        say(output(), f"{len(seeds)} worlds are ready.", "bold")
        return
    for seed in seeds:
        say(output(), f"The world of {seed.key} is ready.", "bold")
        show_files(output(), store, seed)


def _world_command(seed: Seed) -> str:
    return f"vwe world {'-- ' if seed.key.startswith('-') else ''}{seed.key}"
