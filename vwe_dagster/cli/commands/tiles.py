"""The command ``vwe tiles``: build map tiles for web pages."""

from __future__ import annotations

from typing import Annotated

import typer

from vwe_dagster.cli.commands.building import build_worlds, raise_if_failed, world_config
from vwe_dagster.cli.commands.common import CommandError, InputError, SeedTexts, parse_seeds
from vwe_dagster.cli.console import output, say, show_items
from vwe_dagster.config.home import find_home
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import WorldStore


def tiles(
    seeds: SeedTexts,
    *,
    style: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STYLE", help="One of map, biomes, heights, forest; can be repeated. The initial default is all."
        ),
    ] = None,
    max_zoom: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=5,
            help="The highest zoom: 3, the initial default, is 12 m per pixel; 5 is 3 m, with 16 times as many tiles.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Rebuild the tiles even if they are up to date.")] = False,
) -> None:
    """Build the tiles of worlds for maps on web pages: {style}/{z}/{x}/{y}.webp.

    A world that is not built yet is built first, on the grid of the game's own map. Without --style or --max-zoom, the
    previous choice stays.
    """
    from vwe_dagster.rendering.tiles import STYLES  # noqa: PLC0415

    unknown = sorted(set(style or []) - STYLES.keys())
    if unknown:
        names = ", ".join(map(repr, unknown))
        raise InputError(f"Unknown tile style {names}; choose from {', '.join(STYLES)}.")
    parsed = parse_seeds(seeds)
    home = find_home()
    store = WorldStore(home.data)
    new = [seed for seed in parsed if store.manifest(seed, "extracted") is None]
    failed = build_worlds(home, [(new, world_config())]) if new else set()
    ready = [seed for seed in parsed if seed.key not in failed]
    config = {"styles": style, "max_zoom": max_zoom, "force": force}
    given = {name: value for name, value in config.items() if value is not None}
    if ready:
        failed |= build_worlds(home, [(ready, {"tiles": given})])
    for seed in ready:
        if seed.key not in failed:
            _show_ready(store, seed)
    raise_if_failed(parsed, failed)


def _show_ready(store: WorldStore, seed: Seed) -> None:
    from vwe_dagster.store.stages import tile_choice  # noqa: PLC0415

    manifest = store.manifest(seed, "tiles")
    if manifest is None:
        raise CommandError(f"Another process removed the tiles of {seed.key} after they were built; run this again.")
    choice = tile_choice(manifest)
    megabytes = sum(entry.bytes for entry in manifest.files.values()) / 1e6
    say(output(), f"The tiles of {seed.key} are ready.", "bold")
    show_items(
        output(),
        {
            "styles": ", ".join(choice.styles),
            "tiles": f"{len(manifest.files):,}, zoom 0 to {choice.max_zoom}, {megabytes:.1f} MB",
            "folder": store.folder(seed, "tiles"),
        },
    )
