"""Worlds in a data folder, made as the pipeline makes them but without it."""

from __future__ import annotations

import dataclasses

from vwe_dagster.analysis.world import analyse
from vwe_dagster.engine.messages import WorldExport, WorldRequest
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.extraction.engine_export import canonical_world
from vwe_dagster.rendering.map import render_thumbnail
from vwe_dagster.rendering.pictures import THUMBNAIL
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import Manifest, Recipe, Stage, WorldStore
from vwe_dagster.store.stages import read_extracted, write_extracted, write_picture, write_processed, write_raw
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import Grid


def publish_world(
    store: WorldStore,
    key: str,
    grid: Grid,
    *,
    world_gen_version: int = 2,
    pictures: bool = False,
    making: str = "1",
) -> None:
    """Publishes the stages of a world of the native engine.

    Args:
        store: where.
        key: its seed.
        grid: where the world is sampled.
        world_gen_version: by which version of the terrain.
        pictures: whether the stage ``renders`` is made, too, with a thumbnail.
        making: tells one making of a world from another.
    """
    export, raw = publish_raw(store, key, grid, world_gen_version=world_gen_version, making=making)
    world = canonical_world(export.planes, export.lines, grid)
    publish_stages(store, key, world, Recipe({"raw": raw.digest}, making, raw.recipe.made_by, grid))
    if pictures:
        recipe = dataclasses.replace(raw.recipe, inputs=_input(store, key, "extracted"))
        with store.publish(parse_seed(key), "renders", recipe) as draft:
            write_picture(draft, THUMBNAIL, render_thumbnail(world))


def publish_raw(
    store: WorldStore, key: str, grid: Grid, *, world_gen_version: int = 2, making: str = "1"
) -> tuple[WorldExport, Manifest]:
    """Publishes the stage ``raw`` of a world alone; see :func:`publish_world`."""
    seed = parse_seed(key)
    export = NativeEngine().generate(WorldRequest(seed.number, grid, world_gen_version))
    recipe = Recipe({"world_gen_version": world_gen_version}, making, dataclasses.asdict(export.engine), grid)
    with store.publish(seed, "raw", recipe) as draft:
        write_raw(draft, export)
    return export, _manifest(store, key, "raw")


def publish_stages(store: WorldStore, key: str, world: CanonicalWorld, recipe: Recipe) -> None:
    """Publishes the stages ``extracted``, by a recipe, and ``processed`` of it."""
    with store.publish(parse_seed(key), "extracted", recipe) as draft:
        write_extracted(draft, world, {})
    recipe = dataclasses.replace(recipe, inputs=_input(store, key, "extracted"))
    with store.publish(parse_seed(key), "processed", recipe) as draft:
        write_processed(draft, analyse(world))


def publish_extracted_again(store: WorldStore, key: str) -> None:
    """Publishes the stage ``extracted`` by another recipe, as a run does that ends before ``processed``."""
    manifest = _manifest(store, key, "extracted")
    world = read_extracted(store, manifest)
    with store.publish(manifest.seed, "extracted", dataclasses.replace(manifest.recipe, code_version="again")) as draft:
        write_extracted(draft, world, {})


def _input(store: WorldStore, key: str, stage: Stage) -> dict[str, str]:
    return {stage: _manifest(store, key, stage).digest}


def _manifest(store: WorldStore, key: str, stage: Stage) -> Manifest:
    manifest = store.manifest(parse_seed(key), stage)
    assert manifest is not None
    return manifest
