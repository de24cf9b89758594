"""Small worlds of the native engine, made as the pipeline makes them but without it."""

from __future__ import annotations

import dataclasses

from vwe_dagster.analysis.world import analyse
from vwe_dagster.engine.messages import WorldExport, WorldRequest
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.extraction.engine_export import canonical_world
from vwe_dagster.grid import Grid
from vwe_dagster.rendering.map import render_thumbnail
from vwe_dagster.rendering.pictures import THUMBNAIL
from vwe_dagster.seeds import parse_seed
from vwe_dagster.stages import (
    TileChoice,
    grid_of,
    write_extracted,
    write_picture,
    write_processed,
    write_raw,
    write_tile,
)
from vwe_dagster.store import Manifest, Recipe, WorldStore


def publish_world(store: WorldStore, key: str, *, size: int, pictures: bool = False, making: str = "1") -> None:
    """Publishes the stages of a world.

    Args:
        store: where.
        key: its seed.
        size: samples along each side of the map.
        pictures: whether the stage ``renders`` is made, too, with a thumbnail.
        making: tells one making of a world from another.
    """
    seed = parse_seed(key)
    export, raw = publish_raw(store, key, size=size, making=making)
    grid = grid_of(raw)
    world = canonical_world(export.planes, export.lines, grid)
    recipe = Recipe({"raw": raw.digest}, making, raw.recipe.made_by, grid)
    with store.publish(seed, "extracted", recipe) as draft:
        write_extracted(draft, world, {})
    with store.publish(seed, "processed", recipe) as draft:
        write_processed(draft, analyse(world))
    if pictures:
        with store.publish(seed, "renders", recipe) as draft:
            write_picture(draft, THUMBNAIL, render_thumbnail(world))


def publish_raw(
    store: WorldStore, key: str, *, size: int, making: str = "1", world_gen_version: int = 2
) -> tuple[WorldExport, Manifest]:
    """Publishes the stage ``raw`` of a world alone; see :func:`publish_world`."""
    seed, grid = parse_seed(key), Grid.of_world(size)
    export = NativeEngine().generate(WorldRequest(seed.number, grid, world_gen_version))
    recipe = Recipe({"world_gen_version": world_gen_version}, making, dataclasses.asdict(export.engine), grid)
    with store.publish(seed, "raw", recipe) as draft:
        write_raw(draft, export)
    manifest = store.manifest(seed, "raw")
    assert manifest is not None
    return export, manifest


def publish_tile(store: WorldStore, key: str, content: bytes, *, of: str, max_zoom: int = 0) -> None:
    """Publishes a stage ``tiles`` with the first tile of the map at its last zoom.

    Args:
        store: where.
        key: the seed of the world.
        content: the tile.
        of: the digest of the planes that it was drawn of.
        max_zoom: the last zoom.
    """
    choice = TileChoice(("map",), max_zoom)
    recipe = Recipe({"extracted": of, **choice.inputs()}, "1", {}, None)
    with store.publish(parse_seed(key), "tiles", recipe) as draft:
        write_tile(draft, "map", (max_zoom, 0, 0, content))
