"""The terrain meets every figure known of the game: check values, counts and digests."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from vwe_dagster.world.biomes import Biome
from vwe_dagster.worldgen import Terrain, World
from vwe_dagster.worldgen.digest import KNOWN_DIGESTS, terrain_digest
from vwe_dagster.worldgen.noise import perlin
from vwe_dagster.worldgen.unity_random import init_state, range_float
from vwe_dagster_tests.worldgen.known_worlds import BIOME_CELLS, MWD8, POINTS, bits


@pytest.fixture(scope="module")
def terrain() -> Terrain:
    return World(MWD8).grid()


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (0, 0, "3EEE3846"),
        (0.5, 0.5, "3E97E886"),
        (-0.5, 0.5, "3E97E886"),
        (0.25, 0.75, "3ED36A82"),
        (123.456, 789.012, "3F24108F"),
        (257, 1.5, "3F224403"),
        (255.99998, 0, "3EEE36ED"),
        (-16.08, -6.08, "3F0412B8"),
        (-20.5, 20.499, "3E97ABE0"),
        (4.2, -4.2, "3F05C0F3"),
        (16777216, 0.5, "3E97E886"),
    ],
)
def test_perlin_noise_is_unitys(x: float, y: float, expected: str) -> None:
    assert bits(perlin(float(np.float32(x)), float(np.float32(y)))) == expected


def test_random_numbers_are_unitys() -> None:
    assert init_state(MWD8).view(np.int32).tolist() == [-1772362158, 1690419291, 383686376, 619426185]
    state = init_state(744350289)
    greatest = range_float(state, 60.0, 100.0)
    assert bits(greatest) == "42BF3B2E"
    assert bits(range_float(state, 60.0, greatest)) == "42A84292"
    assert bits(range_float(state, 20.0, 20.0)) == "41A00000"
    assert [bits(range_float(state, -10000.0, 10000.0)) for _ in range(2)] == ["C5A7D51C", "C60BD134"]
    assert bits(range_float(state, 0.0, 6.2831855)) == "40A67D69"


def test_equal_bounds_are_not_always_met() -> None:
    state = init_state(1)
    drawn = np.array([range_float(state, 20.0, 20.0) for _ in range(4000)], np.float32)
    assert set(np.unique(drawn)) == {np.float32(20.0), np.float32(20.000002)}
    assert 0.015 < (drawn != 20).mean() < 0.035


def test_constants_are_drawn_in_the_games_order() -> None:
    world = World(MWD8)
    assert world.constants[:5] == (-6080, 4986, -7704, -59, 718)
    assert world._river_seeds == (744350289, 952983356)  # noqa: SLF001


@pytest.mark.parametrize(("x", "z", "base", "biome", "height"), POINTS)
def test_single_points(x: float, z: float, base: str, biome: str, height: str) -> None:
    world = World(MWD8)
    assert bits(float(world.base_height(x, z))) == base
    assert world.biome(x, z) is Biome[biome]
    assert bits(float(world.height(x, z))) == height


def test_waters(terrain: Terrain) -> None:
    world = terrain.world
    waters = world._waters  # noqa: SLF001
    assert len(world.waterways.lakes) == 111
    assert len(world.waterways.rivers) == 140
    assert waters.accepted[0] == 2135
    assert len(waters.first_streams.begins) - 1 == 1973
    assert len(waters.second_streams.begins) - 1 == 20
    assert np.count_nonzero(np.diff(waters.field.start)) == 23_380
    assert len(waters.field.x) == 675_579


@pytest.mark.parametrize("seed", KNOWN_DIGESTS)
def test_digest(seed: int) -> None:
    assert terrain_digest(World(seed).grid()) == KNOWN_DIGESTS[seed]


def test_biome_counts(terrain: Terrain) -> None:
    counts = np.bincount(terrain.biome.ravel(), minlength=len(Biome))
    assert {biome.name: counts[biome] for biome in Biome if counts[biome]} == BIOME_CELLS


def _binary16_ties_away(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    nearest = values.astype(np.float16)
    farther = (nearest.view(np.uint16) + 1).view(np.float16)
    exact = np.abs(values.astype(np.float64))
    below, above = np.abs(nearest.astype(np.float64)), np.abs(farther.astype(np.float64))
    is_tie = (exact != below) & (exact - below == above - exact)
    codes: npt.NDArray[np.uint16] = np.add(nearest.view(np.uint16), is_tie, dtype=np.uint16)
    return codes


def test_heights_in_the_games_own_map_cache(terrain: Terrain) -> None:
    codes = _binary16_ties_away(terrain.height)
    heights = codes.view(np.float16)
    assert (heights.min(), heights.max()) == (-400, 457)
    assert len(np.unique(codes)) == 32_978
    assert np.count_nonzero(codes == 0) == 263_724
    assert np.count_nonzero(codes == 0x8000) == 1
    subnormal = codes[(codes & 0x7C00 == 0) & (codes & 0x3FF != 0)]
    assert (len(np.unique(subnormal)), len(subnormal)) == (304, 363)


@pytest.mark.parametrize("seed", [0, 1, -(2**31), 2**31 - 1])
def test_counts_that_no_seed_changes(seed: int) -> None:
    terrain = World(seed).grid()
    assert np.count_nonzero(terrain.biome == Biome.ASHLANDS) == 1_361_539
    assert np.count_nonzero(terrain.height == -400) == 1_788_980


@pytest.mark.parametrize(
    ("x", "z", "expected"),
    [(0, 0, "3F826CE4"), (1000, -2000, "3F8272BD"), (-4321, 1234, "3F7E649D"), (9000, 500, "3F6C641F")],
)
def test_forest_factor(x: float, z: float, expected: str) -> None:
    assert bits(float(World(0).forest(x, z))) == expected


def test_forest_cells_of_the_games_map(terrain: Terrain) -> None:
    land = terrain.height >= 30
    is_forest = (
        (terrain.biome == Biome.MEADOWS) & (terrain.forest < np.float32(1.15))
        | (terrain.biome == Biome.PLAINS) & (terrain.forest < np.float32(0.8))
        | (terrain.biome == Biome.BLACK_FOREST)
    )
    assert np.count_nonzero(land & is_forest) == 186_552


def test_mist_cells_of_the_games_map(terrain: Terrain) -> None:
    mistlands = terrain.forest[(terrain.height >= 30) & (terrain.biome == Biome.MISTLANDS)]
    low, high = np.float32(1.1), np.float32(1.3)
    n = np.clip((mistlands - low) / (high - low), np.float32(0), np.float32(1))
    mist = np.clip(1 - n * n * (3 - 2 * n), 0, 1)
    assert np.count_nonzero(np.round(255 * mist) == 255) == 142_747
