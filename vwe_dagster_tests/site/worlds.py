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
    write_extracted,
    write_picture,
    write_processed,
    write_raw,
    write_tile,
)
from vwe_dagster.store import Recipe, WorldStore


def publish_world(store: WorldStore, key: str, *, size: int, pictures: bool = False, making: str = "1") -> None:
    """Publishes the stages of a world.

    Args:
        store: where.
        key: its seed.
        size: samples along each side of the map.
        pictures: whether the stage ``renders`` is made, too, with a thumbnail.
        making: tells one making of a world from another.
    """
    seed, grid = parse_seed(key), Grid.of_world(size)
    export = publish_raw(store, key, size=size, making=making)
    world = canonical_world(export.planes, export.lines, grid)
    raw = store.manifest(seed, "raw")
    assert raw is not None
    recipe = dataclasses.replace(raw.recipe, inputs={"raw": raw.digest})
    with store.publish(seed, "extracted", recipe) as draft:
        write_extracted(draft, world, {})
    with store.publish(seed, "processed", recipe) as draft:
        write_processed(draft, analyse(world))
    if pictures:
        with store.publish(seed, "renders", recipe) as draft:
            write_picture(draft, THUMBNAIL, render_thumbnail(world))


def publish_raw(
    store: WorldStore, key: str, *, size: int, world_gen_version: int = 2, making: str = "1"
) -> WorldExport:
    """Publishes the stage ``raw`` of a world; see :func:`publish_world`."""
    seed, grid = parse_seed(key), Grid.of_world(size)
    export = NativeEngine().generate(WorldRequest(seed.number, grid, world_gen_version=world_gen_version))
    inputs = {"world_gen_version": world_gen_version}
    with store.publish(seed, "raw", Recipe(inputs, making, dataclasses.asdict(export.engine), grid)) as draft:
        write_raw(draft, export)
    return export


def publish_tile(store: WorldStore, key: str, content: bytes, *, of: str) -> None:
    """Publishes a stage ``tiles`` with the one tile of the map at zoom 0.

    Args:
        store: where.
        key: the seed of the world.
        content: the tile.
        of: the digest of the planes that it was drawn of.
    """
    choice = TileChoice(("map",), 0)
    recipe = Recipe({"extracted": of, **choice.inputs()}, "1", {}, None)
    with store.publish(parse_seed(key), "tiles", recipe) as draft:
        write_tile(draft, "map", (0, 0, 0, content))
