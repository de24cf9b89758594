"""Coordinates of pictures, and the samples at their pixels."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vwe_dagster.rendering.view import FLOOR_M, GridWindow, MapPlanes, MapView
from vwe_dagster.world.grid import MAP_WIDTH_M, WORLD_RADIUS_M, Grid
from vwe_dagster_tests.worlds import PLATEAUS, plateau_world

VIEWS = st.builds(MapView, st.integers(32, 2048), st.floats(1000, 50_000))
METERS = st.floats(-30_000, 30_000)
WORLD_GRIDS = st.integers(64, 400).map(Grid.of_world)
FOREIGN_GRIDS = st.builds(Grid, st.integers(64, 400), st.floats(20, 150), st.floats(-12_000, -5_000))


@given(VIEWS, METERS, METERS)
def test_point_survives_a_round_trip_to_the_picture(view: MapView, x_m: float, z_m: float) -> None:
    assert view.to_world(*view.to_pixel(x_m, z_m)) == pytest.approx((x_m, z_m), abs=1e-6)


@given(VIEWS, METERS, METERS, st.floats(1, 5000))
def test_north_is_up_and_east_is_right(view: MapView, x_m: float, z_m: float, way_m: float) -> None:
    column, row = view.to_pixel(x_m, z_m)
    east, north = view.to_pixel(x_m + way_m, z_m + way_m)
    assert east - column == pytest.approx(way_m / view.pixel_m, rel=1e-6)
    assert row - north == pytest.approx(way_m / view.pixel_m, rel=1e-6)


@given(VIEWS)
def test_centers_of_pixels(view: MapView) -> None:
    centers = view.centers()
    for pixel in (0, view.pixels // 2, view.pixels - 1):
        x_m, z_m = view.to_world(pixel + 0.5, pixel + 0.5)
        assert centers[pixel] == pytest.approx(x_m, abs=0.01)
        assert centers[view.pixels - 1 - pixel] == pytest.approx(z_m, abs=0.01)


@given(VIEWS)
def test_disc_is_the_middle_of_the_picture_at_the_same_scale(view: MapView) -> None:
    disc = view.disc()
    cut = (view.pixels - disc.pixels) // 2
    assert disc.pixels + 2 * cut == view.pixels
    assert disc.width_m >= min(view.width_m, 2 * WORLD_RADIUS_M)
    np.testing.assert_allclose(disc.centers(), view.centers()[cut : cut + disc.pixels], atol=0.01)


@settings(max_examples=40)
@given(WORLD_GRIDS | FOREIGN_GRIDS, st.integers(32, 300), st.floats(5000, 30_000))
def test_resampled_slope_keeps_its_values(grid: Grid, pixels: int, width_m: float) -> None:
    view = MapView(pixels, width_m)
    along = grid.coordinates().astype(np.float64)
    plane = (2 * along[None, :] + 5 * along[:, None]).astype(np.float32)
    resampled = GridWindow(grid, view).values(plane)
    centers = view.centers()
    margin_m = 2 * grid.cell_m + 2 * view.pixel_m
    inner = np.flatnonzero((centers > along[0] + margin_m) & (centers < along[-1] - margin_m))
    expected = 2 * centers[None, :] + 5 * centers[::-1, None]
    rows = view.pixels - 1 - inner[::-1]
    np.testing.assert_allclose(
        resampled[np.ix_(rows, inner)], expected[np.ix_(rows, inner)], atol=3.5 * max(grid.cell_m, view.pixel_m) + 1
    )


@settings(max_examples=40)
@given(WORLD_GRIDS | FOREIGN_GRIDS, st.integers(32, 300))
def test_single_sample_is_at_its_pixel(grid: Grid, pixels: int) -> None:
    view = MapView(pixels)
    biomes = GridWindow(grid, view).classes(plateau_world(grid).biome)
    covered_m = grid.first_m + (grid.size - 1) * grid.cell_m
    for biome, (x_m, z_m) in PLATEAUS.items():
        if grid.first_m < min(x_m, z_m) and max(x_m, z_m) < covered_m:
            column, row = view.to_pixel(x_m, z_m)
            assert biomes[int(row), int(column)] == biome


@settings(max_examples=40)
@given(
    st.sampled_from([96, 128, 256, 512, 1024]),
    st.integers(-3, 12),
    st.integers(-3, 12),
    st.sampled_from(["height", "biome", "forest"]),
)
def test_part_of_a_picture_equals_that_part_of_the_whole(size: int, row: int, column: int, name: str) -> None:
    world = plateau_world(Grid.of_world(size))
    whole, part_pixels = MapView(512), 64
    side_m = part_pixels * whole.pixel_m
    east_m, north_m = column * 48 * whole.pixel_m - MAP_WIDTH_M / 2, MAP_WIDTH_M / 2 - row * 48 * whole.pixel_m
    part = MapView(part_pixels, side_m, east_m + side_m / 2, north_m - side_m / 2)
    assert part.first_pixel() == (row * 48, column * 48)
    rows, columns = (np.clip(first * 48 + np.arange(part_pixels), 0, 511) for first in (row, column))
    seen = getattr(MapPlanes.of(world, part), name)
    expected = getattr(MapPlanes.of(world, whole), name)[np.ix_(rows, columns)]
    inner = np.ix_((rows > 16) & (rows < 495), (columns > 16) & (columns < 495))
    np.testing.assert_allclose(seen[inner], expected[inner], atol=1e-4)


def test_grid_of_the_pixels_is_only_flipped() -> None:
    world = plateau_world(Grid.of_world(256))
    planes = MapPlanes.of(world, MapView(256))
    np.testing.assert_array_equal(planes.biome, world.biome[::-1])
    np.testing.assert_array_equal(planes.height, np.maximum(world.height, FLOOR_M)[::-1])
    cut = MapPlanes.of(world, MapView(256).disc())
    side = len(cut.biome)
    first = (256 - side) // 2
    np.testing.assert_array_equal(cut.forest, planes.forest[first : first + side, first : first + side])


def test_inside_is_the_disc_of_the_world() -> None:
    view = MapView(512)
    planes = MapPlanes.of(plateau_world(Grid.of_world(64)), view)
    area_m2 = float(planes.inside.sum(dtype=np.float64)) * view.pixel_m**2
    assert area_m2 == pytest.approx(np.pi * WORLD_RADIUS_M**2, rel=1e-3)


def test_ground_without_samples_is_outside_the_world() -> None:
    grid = Grid(size=100, cell_m=50.0, first_m=-2475.0)
    view = MapView(256)
    inside = MapPlanes.of(plateau_world(grid), view).inside
    edge, middle = view.to_pixel(2500, 0)
    assert inside[int(middle), int(edge) - 1] == 1
    assert inside[int(middle), int(edge) + 1] == 0
    assert float(inside.sum()) * view.pixel_m**2 == pytest.approx(5000**2, rel=0.05)


def test_void_does_not_distort_the_sea_beside_it() -> None:
    world = plateau_world(Grid.of_world(128))
    planes = MapPlanes.of(world, MapView(512, MAP_WIDTH_M))
    beside = (planes.radius > 10_000) & (planes.radius < 10_500)
    assert float(planes.height[beside].max()) < 20


def test_planes_of_a_world_without_lava_have_none() -> None:
    world = plateau_world(Grid.of_world(64))
    assert MapPlanes.of(world, MapView(64)).lava is None
    lava = dataclasses.replace(world, lava=np.full((64, 64), 0.5, dtype=np.float32))
    assert MapPlanes.of(lava, MapView(64)).lava == pytest.approx(0.5)
