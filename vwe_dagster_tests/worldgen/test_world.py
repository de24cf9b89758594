"""The grid kernels equal the plain formulas at every point, whatever the world, version and grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.grid import Grid, GridError
from vwe_dagster.worldgen import Terrain, World, WorldError, forest_plane
from vwe_dagster_tests.worldgen.oracle import plain_points

SEEDS = st.integers(-(2**31), 2**31 - 1)


def assert_equals_the_points(terrain: Terrain) -> None:
    x, z = np.meshgrid(terrain.x, terrain.z)
    biome, _, height, lava = plain_points(terrain.world, x, z)
    np.testing.assert_array_equal(terrain.biome, biome)
    np.testing.assert_array_equal(terrain.height, height)
    np.testing.assert_array_equal(terrain.lava, lava)
    np.testing.assert_array_equal(terrain.forest, terrain.world.forest(x, z))


@settings(max_examples=15)
@given(seed=SEEDS, version=st.sampled_from([0, 1, 2]), size=st.integers(64, 400))
def test_a_grid_equals_its_points(seed: int, version: int, size: int) -> None:
    assert_equals_the_points(World(seed, version).grid(size))


@settings(max_examples=15)
@given(
    seed=SEEDS,
    size=st.sampled_from([1000, 2048, 5000, 8192]),
    corner=st.tuples(st.floats(0, 0.97), st.floats(0, 0.97)),
    shape=st.tuples(st.integers(1, 150), st.integers(1, 150)),
)
def test_a_rectangle_of_a_fine_grid_equals_its_points(
    seed: int, size: int, corner: tuple[float, float], shape: tuple[int, int]
) -> None:
    row, column = int(corner[0] * size), int(corner[1] * size)
    terrain = World(seed).grid(size, rows=slice(row, row + shape[0]), columns=slice(column, column + shape[1]))
    assert terrain.biome.shape == (min(shape[0], size - row), min(shape[1], size - column))
    assert_equals_the_points(terrain)


def test_the_center_in_every_version() -> None:
    for version in (0, 1, 2):
        assert_equals_the_points(
            World(298112588, version).grid(8192, rows=slice(3990, 4202), columns=slice(3596, 4596))
        )


def test_a_rectangle_is_cut_from_the_grid() -> None:
    world = World(298112588)
    whole = world.grid(256)
    part = world.grid(256, rows=slice(100, 140), columns=slice(30, 90))
    np.testing.assert_array_equal(part.biome, whole.biome[100:140, 30:90])
    np.testing.assert_array_equal(part.height, whole.height[100:140, 30:90])


def test_versions_differ_where_they_should() -> None:
    oldest, old, new = (World(298112588, version).grid(512) for version in (0, 1, 2))
    d = np.hypot(*np.meshgrid(new.x, new.z))
    assert (oldest.height != old.height).any()
    assert (np.where(d > 1600, oldest.height, 0) == np.where(d > 1600, old.height, 0)).mean() > 0.999
    assert np.count_nonzero(new.biome == Biome.MISTLANDS) > np.count_nonzero(old.biome == Biome.MISTLANDS)
    assert not (new.biome == Biome.SWAMP)[d > 6000].any()
    assert (old.biome == Biome.SWAMP)[d > 6000].any()


@pytest.mark.parametrize("size", [64, 65, 100, 255, 2048])
def test_cell_centers(size: int) -> None:
    coordinates = World(0).grid(size, rows=slice(0, 1)).x
    cell = 24576 / size
    expected = np.array([(i - size / 2) * cell + cell / 2 for i in range(size)], np.float32)
    np.testing.assert_array_equal(coordinates, expected)


def test_numbers_in_numbers_out_arrays_in_arrays_out() -> None:
    world = World(298112588)
    assert isinstance(world.biome(0, 0), Biome)
    for ask in (world.height, world.base_height, world.forest, world.lava):
        assert isinstance(ask(0, 0), float)
        assert np.asarray(ask([[0, 1, 2]], [[0], [5]])).shape == (2, 3)
    assert np.asarray(world.biome([0, 1], 0)).dtype == np.uint8
    assert world.height(20_000, 0) == -400


def test_lines_of_water_start_and_end_at_lakes() -> None:
    waterways = World(298112588).waterways
    assert waterways.rivers
    for river in waterways.rivers:
        step_and_bend = 13 + 0.05 * np.hypot(*(river[-1, :2] - river[0, :2]))
        assert np.hypot(*(waterways.lakes - river[0, :2]).T).min() < 1
        assert np.hypot(*(waterways.lakes - river[-1, :2]).T).min() < step_and_bend
        assert (river[:, 2] >= 59).all()
        assert (river[:, 2] <= 101).all()


def test_the_forest_plane_needs_no_world() -> None:
    np.testing.assert_array_equal(forest_plane(Grid.of_world(128)), World(5).grid(128).forest)


@pytest.mark.parametrize("seed", [2**31, -(2**31) - 1, "HHcLC5acQt", 1.5, True, None])
def test_invalid_seed_is_rejected(seed: int) -> None:
    with pytest.raises(WorldError, match=r"seed"):
        World(seed)


def test_invalid_version_is_rejected() -> None:
    for version in (3, -1, True):
        with pytest.raises(WorldError, match=r"choose 0, 1 or 2"):
            World(1, version)


def test_size_that_no_grid_has_is_rejected() -> None:
    with pytest.raises(GridError, match="64 to 8192"):
        World(1).grid(63)


@pytest.mark.parametrize("x", [float("nan"), float("inf"), 2e6])
def test_invalid_coordinate_is_rejected(x: float) -> None:
    with pytest.raises(WorldError, match="outside -1,000,000 to 1,000,000 meters"):
        World(1).height(x, 0)


@pytest.mark.parametrize(
    ("x", "z"), [("1", "2"), (1j, 0), (np.array(5, "M8[s]"), 0), (True, 0), ([1, 2], [1, 2, 3]), (1e300, 0)]
)
def test_invalid_coordinates_are_rejected(x: object, z: object) -> None:
    with pytest.raises(WorldError):
        World(1).height(x, z)  # type: ignore[arg-type]


@pytest.mark.parametrize("rows", [3, [1, 2], None, slice(None, None, -1), slice(0, 10, 2)])
def test_invalid_rectangle_is_rejected(rows: slice) -> None:
    with pytest.raises(WorldError, match="pass a slice without a step"):
        World(1).grid(64, rows=rows)


def test_columns_that_do_not_ascend_are_rejected() -> None:
    with pytest.raises(WorldError, match="greater than the one before"):
        World(1).sample([0, 0], [1])
