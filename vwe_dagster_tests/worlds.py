"""Worlds for tests: drawn, random and native ones in memory, and worlds published to a data folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from vwe_dagster.analysis import CODE_VERSION
from vwe_dagster.analysis.columns import COLUMNS
from vwe_dagster.analysis.world import analyze
from vwe_dagster.engine.messages import LANDMARKS, WorldExport, WorldRequest
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.engine.native_locations import location_lines
from vwe_dagster.exporting.source import ExportSource
from vwe_dagster.extraction.engine_export import canonical_world
from vwe_dagster.rendering.pictures import THUMBNAIL
from vwe_dagster.rendering.thumbnail import render_thumbnail
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import Manifest, Recipe, Stage, WorldStore
from vwe_dagster.store.manifest import STATISTICS
from vwe_dagster.store.stages import (
    read_extracted,
    write_extracted,
    write_picture,
    write_processed,
    write_raw,
)
from vwe_dagster.world.biomes import BIOMES, Biome
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import WORLD_RADIUS_M, Grid
from vwe_dagster.worldgen import World
from vwe_dagster_tests.worldgen.known_worlds import MWD8

SEED_TEXT, SEED_NUMBER = "MWd8eV6svz", MWD8
"""The seed whose figures the tests know, as a text and as its integer."""

LEGEND: Mapping[str, tuple[Biome, float]] = {
    "~": (Biome.OCEAN, 10.0),
    "w": (Biome.MEADOWS, 29.0),
    "m": (Biome.MEADOWS, 40.0),
    "b": (Biome.BLACK_FOREST, 40.0),
    "^": (Biome.MOUNTAIN, 200.0),
}
"""Biome and height in meters by letter of a drawn world."""

PLATEAUS: dict[Biome, tuple[float, float]] = {
    Biome.DEEP_NORTH: (0, 8000),
    Biome.ASHLANDS: (0, -8000),
    Biome.MEADOWS: (3000, 0),
    Biome.BLACK_FOREST: (-3000, 0),
    Biome.SWAMP: (6000, 3000),
    Biome.MOUNTAIN: (-6000, 3000),
    Biome.PLAINS: (6000, -3000),
    Biome.MISTLANDS: (-6000, -3000),
    Biome.OCEAN: (0, 3000),
}
"""The middle of each level plateau of :func:`plateau_world`: x and z in meters."""

HALF_WIDTH_M = 900.0
"""Half the side of a plateau."""


def make_world(
    height: npt.ArrayLike, biome: npt.ArrayLike = Biome.MEADOWS, *, cell_m: float = 100, first_m: float | None = None
) -> CanonicalWorld:
    """Return a world of square planes ``[z, x]``, south first; by default around the center of the world."""
    heights = np.array(height, dtype=np.float32)
    size = len(heights)
    grid = Grid(size, cell_m, (1 - size) / 2 * cell_m if first_m is None else first_m)
    biomes = np.broadcast_to(np.asarray(biome, dtype=np.uint8), heights.shape)
    return CanonicalWorld(grid, biomes, heights, forest=np.ones_like(heights))


def draw_world(*rows: str, cell_m: float = 100, first_m: float | None = None) -> CanonicalWorld:
    """Return a world drawn in the letters of :data:`LEGEND`; the first row is the northernmost."""
    cells = [[LEGEND[letter] for letter in row] for row in reversed(rows)]
    height = [[meters for _, meters in row] for row in cells]
    biome = [[kind for kind, _ in row] for row in cells]
    return make_world(height, biome, cell_m=cell_m, first_m=first_m)


@st.composite
def random_worlds(draw: st.DrawFn, *, distinct_heights: bool = False) -> CanonicalWorld:
    """Draw worlds of noise around the center of the world, from a patch of it to far beyond its edge."""
    size = draw(st.integers(2, 24))
    cell_m = draw(st.sampled_from([50.0, 300.0, 384.0, 950.0, 1250.0, 2000.0]))
    noise = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    lowest_m = draw(st.integers(-30, 31))
    if distinct_heights:
        height = lowest_m + noise.permutation(size * size).reshape(size, size) / 4
    else:
        height = np.round(noise.uniform(lowest_m, 40, (size, size)))
    biome = noise.choice(draw(st.lists(st.sampled_from(BIOMES), min_size=1, unique=True)), (size, size))
    return make_world(height, biome, cell_m=cell_m)


def turned(world: CanonicalWorld) -> CanonicalWorld:
    """Return a world rotated counterclockwise by a quarter: the former east is in the north."""
    return make_world(
        np.rot90(world.height, -1), np.rot90(world.biome, -1), cell_m=world.grid.cell_m, first_m=world.grid.first_m
    )


def mirrored(world: CanonicalWorld) -> CanonicalWorld:
    """Return a world with east and west exchanged."""
    return make_world(world.height[:, ::-1], world.biome[:, ::-1], cell_m=world.grid.cell_m, first_m=world.grid.first_m)


def plateau_world(grid: Grid) -> CanonicalWorld:
    """Return square level islands, one per biome, in an ocean 25 m deep; the void is beyond the edge."""
    along = grid.coordinates()
    x, z = np.meshgrid(along, along)
    biome = np.full(x.shape, Biome.OCEAN, dtype=np.uint8)
    height = np.full(x.shape, 5, dtype=np.float32)
    for kind, (middle_x, middle_z) in PLATEAUS.items():
        if kind is not Biome.OCEAN:
            here = (np.abs(x - middle_x) < HALF_WIDTH_M) & (np.abs(z - middle_z) < HALF_WIDTH_M)
            biome[here], height[here] = kind, 160 if kind is Biome.MOUNTAIN else 42
    height[np.hypot(x, z) > WORLD_RADIUS_M] = -400
    return CanonicalWorld(grid, biome, height, np.full(x.shape, 1.25, dtype=np.float32))


def native_world(grid: Grid, seed: int = SEED_NUMBER) -> CanonicalWorld:
    """Sample a world of the native generator on any grid."""
    terrain = World(seed).sample(grid.coordinates(), grid.coordinates())
    return CanonicalWorld(grid, terrain.biome, terrain.height, terrain.forest)


def publish_world(
    store: WorldStore,
    key: str,
    grid: Grid,
    *,
    world_gen_version: int = 2,
    pictures: bool = False,
    locations: str | None = None,
    build: str = "1",
) -> ExportSource:
    """Publish the stages of a world of the native engine and return it as the source of exports.

    Args:
        store: the data folder.
        key: the seed of the world.
        grid: the grid of the samples.
        world_gen_version: the version of the terrain.
        pictures: publish the stage ``renders``, too, with a thumbnail.
        locations: the layer with the locations of the types that the game places first; None for no locations.
        build: distinguishes builds of the same world.
    """
    export, raw = publish_raw(store, key, grid, world_gen_version=world_gen_version, locations=locations, build=build)
    world = canonical_world(export.planes, export.lines, grid)
    _publish_stages(store, key, world, Recipe({"raw": raw.digest}, build, raw.recipe.made_by, grid))
    if pictures:
        recipe = dataclasses.replace(raw.recipe, inputs=_input(store, key, "extracted"))
        with store.publish(parse_seed(key), "renders", recipe) as draft:
            write_picture(draft, THUMBNAIL, render_thumbnail(world))
    return ExportSource(store, parse_seed(key))


def publish_raw(
    store: WorldStore,
    key: str,
    grid: Grid,
    *,
    world_gen_version: int = 2,
    locations: str | None = None,
    build: str = "1",
) -> tuple[WorldExport, Manifest]:
    """Publish the stage ``raw`` of a world alone; see :func:`publish_world`."""
    seed = parse_seed(key)
    export = NativeEngine().generate(WorldRequest(seed.number, grid, world_gen_version))
    if locations is not None:
        lines = location_lines(World(seed.number), LANDMARKS, None)
        export = dataclasses.replace(export, lines={**export.lines, locations: lines})
    recipe = Recipe({"world_gen_version": world_gen_version}, build, dataclasses.asdict(export.engine), grid)
    with store.publish(seed, "raw", recipe) as draft:
        write_raw(draft, export)
    return export, _manifest(store, key, "raw")


def publish_imported(store: WorldStore, key: str, world: CanonicalWorld) -> ExportSource:
    """Publish the stages of a world that another program generated and return it as the source of exports."""
    recipe = Recipe({"foreign_export": "plugin_json"}, "1", {"kind": "plugin_json"}, world.grid)
    _publish_stages(store, key, world, recipe)
    return ExportSource(store, parse_seed(key))


def publish_extracted_again(store: WorldStore, key: str) -> None:
    """Publish the stage ``extracted`` with another recipe, like a run that ends before ``processed``."""
    manifest = _manifest(store, key, "extracted")
    world = read_extracted(store, manifest)
    with store.publish(manifest.seed, "extracted", dataclasses.replace(manifest.recipe, code_version="again")) as draft:
        write_extracted(draft, world, {})


def publish_statistics(
    store: WorldStore, key: str, *, code_version: str = CODE_VERSION, **columns: float | None
) -> None:
    """Publish a stage ``processed`` with a row of statistics only: 1 unless the test sets another value."""
    statistics: dict[str, Any] = {"columns": {**dict.fromkeys(COLUMNS, 1), **columns}}
    recipe = Recipe(
        inputs={}, code_version=code_version, made_by={"kind": "native", "version": "1.0"}, grid=Grid.of_world(64)
    )
    with store.publish(parse_seed(key), "processed", recipe) as draft:
        draft.json(STATISTICS, statistics)


def _publish_stages(store: WorldStore, key: str, world: CanonicalWorld, recipe: Recipe) -> None:
    """Publish the stage ``extracted`` with a recipe, and the stage ``processed`` built from it."""
    with store.publish(parse_seed(key), "extracted", recipe) as draft:
        write_extracted(draft, world, {})
    recipe = dataclasses.replace(recipe, inputs=_input(store, key, "extracted"), code_version=CODE_VERSION)
    with store.publish(parse_seed(key), "processed", recipe) as draft:
        write_processed(draft, analyze(world))


def _input(store: WorldStore, key: str, stage: Stage) -> dict[str, str]:
    return {stage: _manifest(store, key, stage).digest}


def _manifest(store: WorldStore, key: str, stage: Stage) -> Manifest:
    manifest = store.manifest(parse_seed(key), stage)
    assert manifest is not None
    return manifest
