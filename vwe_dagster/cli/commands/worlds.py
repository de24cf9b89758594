"""The commands ``vwe world``, ``import``, ``seed`` and ``show``: build and show worlds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from vwe_dagster.cli.commands.building import Config, build_worlds, raise_if_failed, world_config
from vwe_dagster.cli.commands.common import (
    SHOWN_SINGLY,
    CommandError,
    InputError,
    OptionalSeedTexts,
    SeedText,
    parse_seeds,
    print_remarks,
    read_valid_list,
    registered_keys,
    suggestion,
)
from vwe_dagster.cli.console import notices, output, say, show_items
from vwe_dagster.config.home import find_home
from vwe_dagster.config.pool import EngineChoice
from vwe_dagster.engine.messages import LocationScope
from vwe_dagster.formats.fwl import SaveError, WorldFile, shown
from vwe_dagster.formats.save import Save, read_save
from vwe_dagster.seeds.lookalikes import LookAlikes, parse_keys
from vwe_dagster.seeds.seed import Seed, SeedError, parse_seed
from vwe_dagster.seeds.typable import typable_texts
from vwe_dagster.store import STAGES, WorldStore
from vwe_dagster.store.notes import Notes
from vwe_dagster.store.starting_keys import StartingKeys
from vwe_dagster.text.commands import vwe_command
from vwe_dagster.world.grid import MAX_SIZE, MIN_SIZE, Grid

_WORLD_GEN_VERSIONS = (0, 1, 2)
_TYPABLE_TEXTS = 5

Saves = Annotated[
    list[Path] | None,
    typer.Option(
        "--from-save",
        metavar="PATH",
        help="A world file of the game, .fwl or .fwl2, or the folder of a world of version 1.0; can be repeated.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Rebuild all stages, even those that are up to date.")]


def world(
    seeds: OptionalSeedTexts = None,
    *,
    file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Also the seeds of a list: .txt, one per line; .csv with a column seed; .json."
        ),
    ] = None,
    from_save: Saves = None,
    size: Annotated[
        int, typer.Option(metavar="N", help=f"Samples along each side of the map, {MIN_SIZE} to {MAX_SIZE}.")
    ] = 2048,
    world_gen_version: Annotated[
        int, typer.Option(metavar="N", min=0, max=2, help="2 for worlds created since 2022, 1 or 0 for older ones.")
    ] = 2,
    engine: Annotated[
        EngineChoice | None,
        typer.Option(
            metavar="ENGINE",
            help=f"The engine: {', '.join(EngineChoice)}; by default that of VWE_ENGINE, or native.",
        ),
    ] = None,
    locations: Annotated[
        LocationScope,
        typer.Option(
            help="The locations to place; landmarks are those that the game places first: bosses, traders and others."
        ),
    ] = LocationScope.ALL,
    force: Force = False,
) -> None:
    """Build worlds: register the seeds and materialize their four assets.

    Stages that are up to date are kept. A failed seed does not stop the others.
    """
    listed = read_valid_list(file) if file is not None else None
    named = [*parse_seeds(seeds or []), *(listed.seeds if listed is not None else [])]
    saves = [_saved(path) for path in from_save or []]
    versions = _versions(dict.fromkeys(named, world_gen_version), [save.world for save in saves])
    if not versions:
        raise InputError("No seed to build a world of; name one, such as HHcLC5acQt, or a list with --file.")
    Grid.of_world(size)
    for save in saves:
        _report_save(save)
    _store_save_data([save.world for save in saves], {} if listed is None else listed.notes)
    _build_and_show(
        [
            (
                [seed for seed in versions if versions[seed] == version],
                world_config(size, version, engine=engine, locations=locations, force=force),
            )
            for version in dict.fromkeys(versions.values())
        ]
    )


def import_(
    seed: SeedText,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder with the export of another program.")],
    *,
    force: Force = False,
) -> None:
    """Build a world from an export of another program instead of an engine.

    The folder has the JSON files of the older export plugin, or the tiles of a valheim-map.world export.
    """
    (parsed,) = parse_seeds([seed])
    if not folder.is_dir():
        raise SeedError(f"{folder} is not a folder; name the folder with the exported files.")
    config: dict[str, dict[str, object]] = {asset: {"force": force} for asset in ("extracted", "processed", "renders")}
    config["extracted"]["foreign_export"] = str(folder.resolve())
    _build_and_show([([parsed], config)])


def seed(
    seed: Annotated[
        str | None, typer.Argument(metavar="[SEED]", help="A seed as typed in the game, or @ and an integer.")
    ] = None,
    *,
    from_save: Annotated[
        Path | None,
        typer.Option(
            "--from-save", metavar="PATH", help="Use the seed of a world file of the game, or of a world's folder."
        ),
    ] = None,
) -> None:
    """Show the integer of a seed, its folder, and the other seeds of the catalog with the same world.

    Also shown are the shortest texts that the game accepts for the same world, the most readable first. With them you
    can play a seed that is only known as an integer.
    """
    if (seed is None) == (from_save is None):
        raise InputError("Name one seed, such as HHcLC5acQt, or the file or folder of a world with --from-save.")
    save = None if from_save is None else read_save(from_save)
    parsed = parse_seed(seed or "") if save is None else save.world.seed
    home = find_home()
    store = WorldStore(home.data)
    keys = registered_keys(home)
    look_alikes = LookAlikes(parse_keys([*keys, *(other.key for other in store.seeds())]))
    built = [stage for stage in STAGES if store.manifest(parsed, stage)]
    twins = look_alikes.same_world(parsed)
    show_items(
        output(),
        {
            **({} if save is None else _save_items(save)),
            "seed": parsed.key,
            "integer": parsed.number,
            "typed in game": " or ".join(typable_texts(parsed.number, limit=_TYPABLE_TEXTS)),
            "folder": store.folder(parsed, "raw").parent,
            "registered": "yes" if parsed.key in keys else "no",
            "built": ", ".join(built) or "nothing yet",
            "same world as": ", ".join(twin.key for twin in twins) or "no other seed of the catalog",
        },
    )
    print_remarks([parsed], [other.key for other in look_alikes.other_case(parsed)])
    if save is not None:
        _remark_save(save)


def show(seed: SeedText) -> None:
    """Show the totals, biomes, islands, peaks, bosses and traders of a built world."""
    from vwe_dagster.catalog.table import is_stale  # noqa: PLC0415
    from vwe_dagster.cli.world_view import show_files, show_world  # noqa: PLC0415

    (parsed,) = parse_seeds([seed])
    store = WorldStore(find_home().data)
    manifest = store.manifest(parsed, "processed")
    command = vwe_command("world", operands=[parsed.key])
    if manifest is None:
        hint = suggestion(parsed.key, (known.key for known in store.seeds()))
        raise CommandError(f"The world of {parsed.key} is not built yet; build it with: {command}{hint}")
    if is_stale(store, manifest):
        say(notices(), f"The statistics of {parsed.key} are stale; rebuild them with: {command}", "yellow")
    show_world(output(), store, manifest)
    show_files(output(), store, parsed)


def _saved(path: Path) -> Save:
    """Return the save at a path.

    Raises:
        SaveError: the save is invalid, or no engine supports its world-gen version.
    """
    save = read_save(path)
    world = save.world
    if world.world_gen_version not in _WORLD_GEN_VERSIONS:
        raise SaveError(
            f"{save.path}: the world {shown(world.name)} has the unknown world-gen version {world.world_gen_version}; "
            f"its terrain cannot be generated. Choose a world of version 0, 1 or 2."
        )
    return save


def _versions(named: dict[Seed, int], saves: Iterable[WorldFile]) -> dict[Seed, int]:
    """Return the world-gen version of every seed, including the seeds of world files.

    Raises:
        InputError: a seed is named with two versions.
    """
    versions = dict(named)
    for save in saves:
        version = versions.setdefault(save.seed, save.world_gen_version)
        if version != save.world_gen_version:
            raise InputError(
                f"{save.seed.key} is named with two world-gen versions: {version}, and {save.world_gen_version} of "
                f"the world {shown(save.name)}; choose one."
            )
    return versions


def _report_save(save: Save) -> None:
    world = save.world
    version = world.world_gen_version
    say(notices(), f"The world {shown(world.name)} has the seed {world.seed.key} and the world-gen version {version}.")
    _remark_save(save)


def _remark_save(save: Save) -> None:
    """Print which files were chosen and skipped, and remarks on the seed text of the save."""
    world = save.world
    label = world.label and f"Its seed text {shown(world.label)} is a label of {world.seed.key}, the same world."
    for sentence in (save.choice, *(f"Skipped {fault}" for fault in save.skipped), world.remark, label):
        if sentence:
            say(notices(), sentence)


def _store_save_data(worlds: Iterable[WorldFile], listed_notes: Mapping[str, str]) -> None:
    """Store the notes of a list, and the labels and world modifiers of saves.

    A label does not replace a note.
    """
    data = find_home().data
    notes, starting_keys = Notes(data), StartingKeys(data)
    known = notes.read()
    labels: dict[str, str] = {}
    for world in worlds:
        key = world.seed.key
        if world.label and key not in known:
            labels[key] = shown(world.label)
        if world.starting_keys:
            starting_keys.add({key: world.starting_keys})
        else:
            starting_keys.remove(key)
    notes.add({**labels, **listed_notes})


def _save_items(save: Save) -> dict[str, object]:
    world = save.world
    return {
        "world": shown(world.name),
        "file": save.path,
        "seed text": shown(world.seed_text),
        "world version": world.version,
        "world-gen version": world.world_gen_version,
        "modifiers": ", ".join(map(shown, world.starting_keys or ())) or "none",
    }


def _build_and_show(wanted: Sequence[tuple[Sequence[Seed], Config]]) -> None:
    """Build worlds and print the paths of their files."""
    home = find_home()
    seeds = [seed for group, _ in wanted for seed in group]
    failed = build_worlds(home, wanted)
    ready = [seed for seed in seeds if seed.key not in failed]
    _show_ready(WorldStore(home.data), ready)
    raise_if_failed(seeds, failed)
    if ready:
        say(notices(), f"Look at it in the browser with: {vwe_command('serve', '--open')}")


def _show_ready(store: WorldStore, seeds: Sequence[Seed]) -> None:
    from vwe_dagster.cli.world_view import show_files  # noqa: PLC0415

    if len(seeds) > SHOWN_SINGLY:
        say(output(), f"{len(seeds)} worlds are ready.", "bold")
        return
    for seed in seeds:
        say(output(), f"The world of {seed.key} is ready.", "bold")
        show_files(output(), store, seed)
