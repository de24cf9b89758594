"""Tiles: contents, seams, and the set of tiles."""

from __future__ import annotations

import dataclasses
import io
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vwe_dagster.extraction.terrain import terrain_of
from vwe_dagster.rendering import palette, tile_styles
from vwe_dagster.rendering.biome_map import UNDERWATER, underwater_table
from vwe_dagster.rendering.symbols import MEADOWS_FOREST, PLAINS_FOREST
from vwe_dagster.rendering.tiles import (
    MAX_ZOOM,
    NATIVE_ZOOM,
    STYLES,
    TILE_PIXELS,
    TileError,
    WorldTiles,
    _Block,
)
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.grid import MAP_WIDTH_M, SEA_LEVEL_M, WORLD_RADIUS_M, Grid
from vwe_dagster.worldgen import World
from vwe_dagster_tests.worlds import PLATEAUS, SEED_NUMBER, native_world, plateau_world

Pixels = npt.NDArray[np.uint8]

PLATEAUS_WORLD = plateau_world(Grid.of_world(512))
PLATEAUS_TILES = WorldTiles(PLATEAUS_WORLD)


@pytest.fixture(scope="module")
def terrain() -> World:
    return World(SEED_NUMBER)


@pytest.fixture(scope="module")
def native(terrain: World) -> WorldTiles:
    """Return the tiles of a world of the native engine."""
    return WorldTiles(native_world(Grid.of_world(256)), terrain)


def pixels(tile: bytes) -> Pixels:
    """Return red, green, blue and alpha of a tile, north up."""
    return np.asarray(Image.open(io.BytesIO(tile)).convert("RGBA"))


def tile_of(zoom: int, x_m: float, z_m: float) -> tuple[int, int]:
    """Return the tile that contains a place."""
    side_m = MAP_WIDTH_M / (1 << zoom)
    return int((x_m + MAP_WIDTH_M / 2) // side_m), int((MAP_WIDTH_M / 2 - z_m) // side_m)


def color_at(tiles: WorldTiles, style: str, zoom: int, x_m: float, z_m: float) -> tuple[int, ...]:
    """Return the color of the pixel that contains a place."""
    pixel_m = MAP_WIDTH_M / (TILE_PIXELS << zoom)
    row, column = int((MAP_WIDTH_M / 2 - z_m) // pixel_m), int((x_m + MAP_WIDTH_M / 2) // pixel_m)
    tile = pixels(tiles.tile(style, zoom, *tile_of(zoom, x_m, z_m)))
    return tuple(tile[row % TILE_PIXELS, column % TILE_PIXELS].tolist())


def centers(zoom: int, x: int, y: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return world x and z of the pixels of a tile, ``[row, column]``."""
    pixel_m = MAP_WIDTH_M / (TILE_PIXELS << zoom)
    across, down = (np.arange(TILE_PIXELS) + number * TILE_PIXELS + 0.5 for number in (x, y))
    return tuple(np.meshgrid(across * pixel_m - MAP_WIDTH_M / 2, MAP_WIDTH_M / 2 - down * pixel_m))


@pytest.mark.parametrize("style", STYLES)
def test_pyramid_has_every_tile_once_and_equal_to_a_single_one(style: str) -> None:
    zooms = (3, 0, 2, 2) if style == "map" else (1, 0, 0)
    made = list(PLATEAUS_TILES.pyramid(style, zooms=zooms))
    by_number = {(zoom, x, y): content for zoom, x, y, content in made}
    assert len(made) == len(by_number)
    assert set(by_number) == {(zoom, x, y) for zoom in zooms for x in range(1 << zoom) for y in range(1 << zoom)}
    for number in {(0, 0, 0), (1, 1, 0), (2, 1, 1), (3, 4, 3), (3, 1, 1), (3, 0, 0)} & by_number.keys():
        assert by_number[number] == PLATEAUS_TILES.tile(style, *number)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    ("zoom", "x_m", "z_m"),
    [(5, 2166, -7302), (5, 1206, -9006), (5, 0, 10_400), (4, -1794, 2706)],
    ids=["mountain", "ashlands", "edge", "swamp"],
)
def test_neighboring_tiles_equal_one_painting_of_all(
    style: str, zoom: int, x_m: float, z_m: float, native: WorldTiles
) -> None:
    x, y = (number // 2 * 2 for number in tile_of(zoom, x_m, z_m))
    together = native._tiles_of(tile_styles.STYLES[style], _Block(zoom, x, y, 2))  # noqa: SLF001
    assert len({content for *_, content in together}) > 1
    for _, column, row, content in together:
        assert native.tile(style, zoom, column, row) == content


@settings(max_examples=25)
@given(st.integers(0, MAX_ZOOM), st.sampled_from(list(PLATEAUS)))
def test_place_is_on_the_tile_of_the_web_map_scheme(zoom: int, biome: Biome) -> None:
    color = color_at(PLATEAUS_TILES, "biomes", zoom, *PLATEAUS[biome])
    expected = underwater_table()[biome + (UNDERWATER if biome is Biome.OCEAN else 0)]
    assert color == (*expected.tolist(), 255)


def test_biomes_beyond_the_native_zoom_are_sampled_by_the_engine(native: WorldTiles, terrain: World) -> None:
    zoom, x, y = 5, *tile_of(5, 2166, -7302)
    x_m, z_m = centers(zoom, x, y)
    biome = np.asarray(terrain.biome(x_m, z_m), dtype=np.uint8)
    classes = biome + (np.asarray(terrain.height(x_m, z_m)) < SEA_LEVEL_M) * np.uint8(UNDERWATER)
    drawn = pixels(native.tile("biomes", zoom, x, y))[..., :3]
    # Colors are blurred at borders.
    around = np.lib.stride_tricks.sliding_window_view(classes, (3, 3)).reshape(254, 254, 9)
    alike = (around == around[..., :1]).all(axis=-1)
    assert 0.5 < alike.mean() < 1
    np.testing.assert_array_equal(drawn[1:-1, 1:-1][alike], underwater_table()[classes[1:-1, 1:-1][alike]])


def test_without_an_engine_zooms_beyond_the_native_one_are_enlarged() -> None:
    x, y = tile_of(NATIVE_ZOOM, 3000, 0)
    native = Image.open(io.BytesIO(PLATEAUS_TILES.tile("heights", NATIVE_ZOOM, x, y))).convert("RGB")
    finer = Image.open(io.BytesIO(PLATEAUS_TILES.tile("heights", NATIVE_ZOOM + 1, 2 * x, 2 * y))).convert("RGB")
    quarter = np.asarray(native.crop((0, 0, 128, 128)), dtype=float)
    assert np.abs(np.asarray(finer.reduce(2), dtype=float) - quarter).mean() < 4


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("zoom", [0, 1, 3, 5])
def test_tiles_are_transparent_beyond_the_edge_of_the_world_and_nowhere_else(style: str, zoom: int) -> None:
    x, y = tile_of(zoom, WORLD_RADIUS_M - 50, 0)
    alpha = pixels(PLATEAUS_TILES.tile(style, zoom, x, y))[..., 3]
    radius, pixel_m = np.hypot(*centers(zoom, x, y)), MAP_WIDTH_M / (TILE_PIXELS << zoom)
    assert alpha.shape == (TILE_PIXELS, TILE_PIXELS)
    assert set(alpha[radius < WORLD_RADIUS_M - pixel_m].tolist()) == {255}
    assert set(alpha[radius > WORLD_RADIUS_M + pixel_m].tolist()) <= {0}
    assert not pixels(PLATEAUS_TILES.tile(style, 3, 0, 0)).any()


@pytest.mark.parametrize(
    ("biome", "forest", "wooded"),
    [
        (Biome.MEADOWS, MEADOWS_FOREST - 0.1, True),
        (Biome.MEADOWS, MEADOWS_FOREST + 0.1, False),
        (Biome.PLAINS, PLAINS_FOREST - 0.1, True),
        (Biome.PLAINS, PLAINS_FOREST + 0.1, False),
        (Biome.BLACK_FOREST, 2.0, True),
        (Biome.SWAMP, 0.1, False),
        (Biome.MOUNTAIN, 0.1, False),
    ],
)
def test_forest_is_shown_where_it_grows(biome: Biome, forest: float, wooded: bool) -> None:
    world = dataclasses.replace(PLATEAUS_WORLD, forest=np.full_like(PLATEAUS_WORLD.forest, forest))
    red, green, blue, _ = color_at(WorldTiles(world), "forest", NATIVE_ZOOM, *PLATEAUS[biome])
    bare = palette.FOREST_STOPS[0][1]
    assert (green > red + 4 and green > blue + 20) == wooded
    assert (math.dist((red, green, blue), bare) < 6) != wooded


@pytest.mark.parametrize(
    ("style", "zoom", "x", "y", "sentence"),
    [
        ("nothing", 0, 0, 0, "Unknown style of tiles 'nothing'; choose from map, biomes, heights, forest."),
        ("map", 6, 0, 0, "Invalid zoom 6; choose 0 to 5."),
        ("map", -1, 0, 0, "Invalid zoom -1"),
        ("map", 2, 4, 0, "No tile 4, 0 at zoom 2; x and y are from 0 to 3."),
        ("map", 2, 0, -1, "No tile 0, -1"),
    ],
)
def test_unknown_style_zoom_or_tile_is_rejected(style: str, zoom: int, x: int, y: int, sentence: str) -> None:
    with pytest.raises(TileError, match=sentence):
        PLATEAUS_TILES.tile(style, zoom, x, y)


def test_invalid_pyramid_is_rejected_before_any_tile() -> None:
    with pytest.raises(TileError, match="Unknown style"):
        PLATEAUS_TILES.pyramid("nothing")
    with pytest.raises(TileError, match="Invalid zoom 6"):
        PLATEAUS_TILES.pyramid("map", zooms=range(7))


def test_concurrent_threads_get_the_same_tiles(native: WorldTiles, terrain: World) -> None:
    x, y = tile_of(5, 606, -18)
    fresh = WorldTiles(native_world(Grid.of_world(256)), World(terrain.seed))
    with ThreadPoolExecutor(4) as threads:
        drawn = list(threads.map(lambda number: fresh.tile("map", 5, x + number % 2, y), range(6)))
    assert drawn == [native.tile("map", 5, x + number % 2, y) for number in range(6)]


@pytest.mark.parametrize("version", [0, 1, 2])
def test_imported_world_is_recognized_by_its_biomes(version: int) -> None:
    grid = Grid.of_world(128)
    sampled = World(7, version).grid(128)
    world = dataclasses.replace(plateau_world(grid), biome=sampled.biome, height=sampled.height)
    found = terrain_of(world, 7)
    assert found is not None
    assert (found.seed, found.version) == (7, version)
    assert terrain_of(world, 8) is None
    assert terrain_of(plateau_world(grid), 7) is None
