"""Single points, as the fast kernels compute them, equal the plain transcription bit for bit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vwe_dagster.kernels.compiling import kernel
from vwe_dagster.world.biomes import Biome
from vwe_dagster.worldgen import World, one_point
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.river_field import RiverField
from vwe_dagster_tests.worldgen.oracle import Floats, plain_points, scatter

WORLDS = [(298112588, 2), (-5, 0), (77, 1), (2**31 - 1, 2)]


def assert_same_bits(computed: npt.ArrayLike, expected: Floats) -> None:
    np.testing.assert_array_equal(np.asarray(computed).view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize(("seed", "version"), WORLDS)
def test_points_equal_the_plain_transcription(seed: int, version: int) -> None:
    world = World(seed, version)
    x, z = scatter(seed)
    biome, base, height, lava = plain_points(world, x, z)
    assert set(np.unique(biome)) == set(Biome) - {Biome.NONE}
    np.testing.assert_array_equal(world.biome(x, z), biome)
    assert_same_bits(world.base_height(x, z), base)
    assert_same_bits(world.height(x, z), height)
    assert_same_bits(world.lava(x, z), lava)


@settings(max_examples=20)
@given(
    seed=st.integers(-(2**31), 2**31 - 1),
    points=st.lists(st.tuples(*2 * [st.floats(-1e6, 1e6, width=32)]), min_size=1, max_size=40),
)
def test_any_point_and_any_number_of_points(seed: int, points: list[tuple[float, float]]) -> None:
    world = World(seed)
    x, z = (np.ascontiguousarray(column) for column in np.array(points, np.float32).T)
    biome, base, height, lava = plain_points(world, x, z)
    np.testing.assert_array_equal(world.biome(x, z), biome)
    assert_same_bits(world.base_height(x, z), base)
    assert_same_bits(world.height(x, z), height)
    assert_same_bits(world.lava(x, z), lava)


@kernel
def _one_by_one(c: WorldConstants, rivers: RiverField, x: Floats, z: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    biome, base, height, both = (
        np.empty_like(x),
        np.empty_like(x),
        np.empty_like(x),
        np.empty((x.size, 2), np.float32),
    )
    for i in range(x.size):
        xi, zi = np.float64(x[i]), np.float64(z[i])
        biome[i], base[i] = one_point.biome(c, xi, zi), one_point.base_height(c, xi, zi)
        height[i] = one_point.height(c, rivers, xi, zi)
        both[i, 0], both[i, 1] = one_point.biome_and_height(c, rivers, xi, zi)
    return biome, base, height, both


@pytest.mark.parametrize(("seed", "version"), WORLDS)
def test_kernels_for_one_point_equal_the_plain_transcription(seed: int, version: int) -> None:
    world = World(seed, version)
    x, z = scatter(seed, 2000)
    biome, base, height, _ = plain_points(world, x, z)
    found, bases, heights, both = _one_by_one(world.constants, world._waters.field, x, z)  # noqa: SLF001
    np.testing.assert_array_equal(found, biome)
    assert_same_bits(bases, base)
    assert_same_bits(heights, height)
    np.testing.assert_array_equal(both[:, 0], biome)
    assert_same_bits(np.ascontiguousarray(both[:, 1]), height)
