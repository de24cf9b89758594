"""The pictures: sizes, contents and reproducibility."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from PIL import Image

from vwe_dagster.analysis.world import analyze
from vwe_dagster.extraction.foreign import read_foreign
from vwe_dagster.rendering import palette
from vwe_dagster.rendering.biome_map import biome_thumbnail, render_biomes
from vwe_dagster.rendering.heights import render_heights
from vwe_dagster.rendering.legend import biome_entries
from vwe_dagster.rendering.map import paint_ground, render_map
from vwe_dagster.rendering.picture_size import PictureSize
from vwe_dagster.rendering.png import png_bytes
from vwe_dagster.rendering.relief import RELIEF_SIZE, Scene, render_relief
from vwe_dagster.rendering.sheet import MARGIN
from vwe_dagster.rendering.thumbnail import render_thumbnail
from vwe_dagster.rendering.view import MAP_PIXELS, THUMBNAIL_WIDTH_M, MapView
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import Grid, GridError
from vwe_dagster_tests.worlds import HALF_WIDTH_M, PLATEAUS, native_world, plateau_world

pytestmark = pytest.mark.slow

Render = Callable[[CanonicalWorld], Image.Image]
FULL_SIZE = PictureSize(MAP_PIXELS)
SHEETS: dict[str, Render] = {
    "map": lambda world: render_map(world, title="Plateaus", size=FULL_SIZE),
    "biomes": lambda world: render_biomes(world, title="Plateaus", size=FULL_SIZE),
    "heights": lambda world: render_heights(world, title="Plateaus", size=FULL_SIZE),
}
RENDERS: dict[str, Render] = SHEETS | {
    "relief": lambda world: render_relief(world, title="Plateaus", size=FULL_SIZE),
    "thumbnail": render_thumbnail,
}
GRID = Grid.of_world(512)


@pytest.fixture(scope="module")
def world() -> CanonicalWorld:
    return plateau_world(GRID)


@pytest.fixture(scope="module")
def pictures(world: CanonicalWorld) -> dict[str, Image.Image]:
    return {name: render(world) for name, render in RENDERS.items()}


def colors_around(
    picture: Image.Image, x_m: float, z_m: float, reach_m: float = 0.6 * HALF_WIDTH_M
) -> npt.NDArray[np.uint8]:
    """Return the colors of a sheet within a square around a place of the world, ``[pixel, 3]``."""
    view = MapView(MAP_PIXELS)
    left, top = view.to_pixel(x_m - reach_m, z_m + reach_m)
    right, bottom = view.to_pixel(x_m + reach_m, z_m - reach_m)
    box = (int(left) + MARGIN, int(top) + MARGIN, int(right) + MARGIN, int(bottom) + MARGIN)
    return np.asarray(picture.crop(box)).reshape(-1, 3)


def most_frequent(colors: npt.NDArray[np.uint8]) -> tuple[int, ...]:
    """Return the most frequent color: that of the ground, even if lines cross it."""
    return Counter(map(tuple, colors.tolist())).most_common(1)[0][0]


def difference(one: Image.Image, other: Image.Image) -> npt.NDArray[np.bool_]:
    """Return a mask of the pixels of the map that differ, row 0 north."""
    changed = (np.asarray(one) != np.asarray(other)).any(axis=-1)
    return np.asarray(changed[MARGIN : MARGIN + MAP_PIXELS, MARGIN : MARGIN + MAP_PIXELS])


def test_pictures_have_their_sizes(pictures: dict[str, Image.Image]) -> None:
    side = MAP_PIXELS + 2 * MARGIN
    assert {name: picture.size for name, picture in pictures.items()} == {
        "map": (side, side),
        "biomes": (side, side),
        "heights": (side, side),
        "relief": RELIEF_SIZE,
        "thumbnail": (256, 256),
    }
    assert {picture.mode for picture in pictures.values()} == {"RGB"}


@pytest.mark.parametrize("name", RENDERS)
def test_same_world_has_the_same_bytes(name: str, world: CanonicalWorld, pictures: dict[str, Image.Image]) -> None:
    assert png_bytes(pictures[name]) == png_bytes(RENDERS[name](world))


@pytest.mark.parametrize("biome", PLATEAUS)
def test_biomes_on_the_map_match_the_legend(biome: Biome, pictures: dict[str, Image.Image]) -> None:
    swatches = {name: np.asarray(swatch).reshape(-1, 3).mean(axis=0) for swatch, name in biome_entries()}
    shown = colors_around(pictures["map"], *PLATEAUS[biome]).mean(axis=0)
    nearest = min(swatches, key=lambda name: float(np.linalg.norm(swatches[name] - shown)))
    assert nearest == biome.title


@pytest.mark.parametrize("biome", [biome for biome in PLATEAUS if biome is not Biome.OCEAN])
def test_biomes_have_exactly_the_colors_of_the_palette(biome: Biome, pictures: dict[str, Image.Image]) -> None:
    assert most_frequent(colors_around(pictures["biomes"], *PLATEAUS[biome])) == palette.BIOME_COLORS[biome]


def test_biomes_are_paler_under_water(world: CanonicalWorld) -> None:
    drowned = dataclasses.replace(world, height=np.minimum(world.height, np.float32(29)))
    x_m, z_m = PLATEAUS[Biome.ASHLANDS]
    color = np.median(colors_around(render_biomes(drowned, title="Drowned"), x_m, z_m), axis=0)
    land, sea = np.array(palette.BIOME_COLORS[Biome.ASHLANDS]), np.array(palette.BIOME_COLORS[Biome.OCEAN])
    assert np.all((color > land) & (color < sea))


@pytest.mark.parametrize(("biome", "height_m"), [(Biome.MOUNTAIN, 160), (Biome.MEADOWS, 42), (Biome.OCEAN, 5)])
def test_heights_have_the_colors_of_their_scale(
    biome: Biome, height_m: float, pictures: dict[str, Image.Image]
) -> None:
    expected = palette.ramp(palette.HEIGHT_STOPS, np.array([float(height_m)]))[0]
    assert most_frequent(colors_around(pictures["heights"], *PLATEAUS[biome])) == tuple(expected.tolist())


@pytest.mark.parametrize("name", SHEETS)
def test_paper_is_beyond_the_edge_of_the_world(name: str, pictures: dict[str, Image.Image]) -> None:
    for x_m in (-9000, 9000):
        beyond = colors_around(pictures[name], x_m, 8000, reach_m=300)
        np.testing.assert_allclose(beyond.mean(axis=0), palette.PAPER, atol=10)


def test_the_thumbnail_has_the_north_at_the_top(pictures: dict[str, Image.Image]) -> None:
    view = MapView(256, THUMBNAIL_WIDTH_M)
    for biome in (Biome.DEEP_NORTH, Biome.ASHLANDS, Biome.MEADOWS):
        column, row = view.to_pixel(*PLATEAUS[biome])
        shown = np.asarray(pictures["thumbnail"])[int(row), int(column)]
        nearest = min(PLATEAUS, key=lambda kind: float(np.linalg.norm(palette.BIOME_COLORS[kind] - shown)))
        assert nearest is biome


def test_the_disc_of_the_world_touches_the_edges_of_the_thumbnail(pictures: dict[str, Image.Image]) -> None:
    thumbnail = pictures["thumbnail"]
    for place in ((128, 2), (128, 253), (2, 128), (253, 128)):
        assert thumbnail.getpixel(place) != palette.PAPER
    assert thumbnail.getpixel((2, 2)) == palette.PAPER


def test_thumbnails_of_two_worlds_differ_at_160_pixels() -> None:
    """The mean distance in Oklab is 0.095; between hillshaded thumbnails in the colors of the map it was 0.060."""
    labs = []
    for seed in (1, 2):
        small = render_thumbnail(native_world(GRID, seed)).resize((160, 160), Image.Resampling.BOX)
        labs.append(palette.oklab_from_linear(palette.linear_from_srgb(np.asarray(small))))
    assert np.linalg.norm(labs[0] - labs[1], axis=-1).mean() > 0.08


def test_biome_thumbnail_is_drawn_from_biomes_alone(world: CanonicalWorld) -> None:
    picture = biome_thumbnail(world.biome)
    view = MapView(256, THUMBNAIL_WIDTH_M)
    assert (picture.mode, picture.size) == ("RGB", (256, 256))
    for biome, place in PLATEAUS.items():
        column, row = view.to_pixel(*place)
        assert picture.getpixel((int(column), int(row))) == palette.BIOME_COLORS[biome]
    assert picture.getpixel((2, 2)) == palette.PAPER


def test_biome_thumbnail_of_another_grid_is_at_its_place() -> None:
    grid = Grid(size=100, cell_m=80.0, first_m=-1000.0)
    column, row = MapView(256, THUMBNAIL_WIDTH_M).to_pixel(3000, 0)
    picture = biome_thumbnail(plateau_world(grid).biome, grid)
    assert picture.getpixel((int(column), int(row))) == palette.BIOME_COLORS[Biome.MEADOWS]
    assert picture.getpixel((256 - int(column), int(row))) == palette.PAPER


def test_plane_smaller_than_a_world_needs_its_grid() -> None:
    with pytest.raises(GridError, match="64 to 8192"):
        biome_thumbnail(np.ones((10, 10), dtype=np.uint8))


@pytest.mark.parametrize("name", RENDERS)
@pytest.mark.parametrize(
    "grid", [Grid.of_world(64), Grid.of_world(333), Grid.of_world(2100), Grid(256, 78.125, -10_000.0)]
)
def test_grids_of_any_size_have_the_same_picture_except_at_shores(
    name: str, grid: Grid, pictures: dict[str, Image.Image]
) -> None:
    picture = RENDERS[name](plateau_world(grid))
    assert picture.size == pictures[name].size
    strength = np.abs(np.asarray(picture, dtype=np.int16) - np.asarray(pictures[name], dtype=np.int16)).mean()
    assert strength < 6


@pytest.mark.parametrize("name", RENDERS)
def test_world_of_ocean_alone_can_be_drawn(name: str, world: CanonicalWorld) -> None:
    empty = dataclasses.replace(world, biome=np.full_like(world.biome, Biome.OCEAN), height=np.zeros_like(world.height))
    assert np.asarray(RENDERS[name](empty)).std() > 5


def test_lava_glows_where_it_is(world: CanonicalWorld, pictures: dict[str, Image.Image]) -> None:
    x_m, z_m = PLATEAUS[Biome.ASHLANDS]
    lava = np.zeros_like(world.height)
    lava[GRID.nearest(z_m - 500) : GRID.nearest(z_m + 500), GRID.nearest(x_m - 500) : GRID.nearest(x_m + 500)] = 1
    glowing = render_map(dataclasses.replace(world, lava=lava), title="Plateaus")
    red, _, blue = colors_around(glowing, x_m, z_m, reach_m=200).mean(axis=0)
    assert red - blue > 100
    meadows = PLATEAUS[Biome.MEADOWS]
    np.testing.assert_array_equal(colors_around(glowing, *meadows), colors_around(pictures["map"], *meadows))


def test_a_river_is_drawn_along_its_line_and_on_land_only(
    world: CanonicalWorld, pictures: dict[str, Image.Image]
) -> None:
    x_m, z_m = PLATEAUS[Biome.MEADOWS]
    along = np.arange(x_m - 3 * HALF_WIDTH_M, x_m + 3 * HALF_WIDTH_M, 10, dtype=np.float32)
    rivers = pd.DataFrame(
        {
            "kind": pd.Categorical(["river"] * len(along)),
            "line": np.int32(0),
            "vertex": np.arange(len(along), dtype=np.int32),
            "x_m": along,
            "z_m": np.float32(z_m + 300),
            "width_m": np.float32(80),
        }
    )
    drawn = render_map(dataclasses.replace(world, rivers=rivers), title="Plateaus")
    rows, columns = np.nonzero(difference(drawn, pictures["map"])[:, :1600])
    west, north = MapView(MAP_PIXELS).to_pixel(x_m - HALF_WIDTH_M, z_m + 300)
    east, _ = MapView(MAP_PIXELS).to_pixel(x_m + HALF_WIDTH_M, z_m)
    assert np.abs(rows + 0.5 - north).max() < 3
    assert columns.min() == pytest.approx(west, abs=6)
    assert columns.max() == pytest.approx(east, abs=6)
    assert len(set(columns.tolist())) == columns.max() - columns.min() + 1


def test_empty_river_table_draws_no_rivers(world: CanonicalWorld, pictures: dict[str, Image.Image]) -> None:
    columns = {"line": "int32", "vertex": "int32", "x_m": "float32", "z_m": "float32", "width_m": "float32"}
    none = pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in columns.items()})
    drawn = render_map(dataclasses.replace(world, rivers=none), title="Plateaus")
    np.testing.assert_array_equal(difference(drawn, pictures["map"])[:1700], False)


def test_analysis_adds_peaks_and_figures(world: CanonicalWorld) -> None:
    height = world.height.copy()
    x_m, z_m = PLATEAUS[Biome.MOUNTAIN]
    height[GRID.nearest(z_m), GRID.nearest(x_m)] = 300
    peaked = dataclasses.replace(world, height=height)
    plain = render_map(peaked, title="Plateaus")
    changed = difference(render_map(peaked, title="Plateaus", analysis=analyze(peaked)), plain)
    column, row = MapView(MAP_PIXELS).to_pixel(x_m, z_m)
    assert changed[int(row) - 12 : int(row) + 12, int(column) - 12 : int(column) + 12].mean() > 0.1
    assert changed[150:260, 40:400].any()


def test_reused_ground_yields_the_same_pictures(world: CanonicalWorld, pictures: dict[str, Image.Image]) -> None:
    painted = paint_ground(world, PictureSize.of_grid(GRID))
    for name, picture in (
        ("map", render_map(world, title="Plateaus", painted=painted)),
        ("relief", render_relief(world, title="Plateaus", painted=painted)),
    ):
        np.testing.assert_array_equal(np.asarray(picture), np.asarray(pictures[name]))


def test_relief_shows_peaks_figures_and_any_title(world: CanonicalWorld, pictures: dict[str, Image.Image]) -> None:
    height = world.height.copy()
    x_m, z_m = PLATEAUS[Biome.MOUNTAIN]
    height[GRID.nearest(z_m), GRID.nearest(x_m)] = 300
    peaked = dataclasses.replace(world, height=height)
    plain, document = (
        np.asarray(render_relief(peaked, title="W" * 32, analysis=analysis)) for analysis in (None, analyze(peaked))
    )
    changed = (plain != document).any(axis=-1)
    column, row = Scene.of_size(*RELIEF_SIZE).to_pixel(x_m, z_m, 300)
    assert changed[int(row) - 35 : int(row) - 18, int(column) - 20 : int(column) + 20].any()
    assert changed[140:220, 40:300].any()
    lettered = (plain != np.asarray(pictures["relief"])).any(axis=-1)[:160]
    assert np.nonzero(lettered)[1].max() < 0.25 * RELIEF_SIZE[0]


def test_title_of_32_wide_letters_does_not_touch_the_compass(
    world: CanonicalWorld, pictures: dict[str, Image.Image]
) -> None:
    changed = difference(render_map(world, title="W" * 32), pictures["map"])
    _, columns = np.nonzero(changed)
    assert 600 < columns.max() < MAP_PIXELS // 2


def test_the_real_export_can_be_drawn(real_export: Path) -> None:
    world = read_foreign(real_export).world
    shown = colors_around(render_map(world, title="Real export", size=FULL_SIZE), 0, -9000, reach_m=800)
    red, green, _ = shown.mean(axis=0)
    assert red > green
