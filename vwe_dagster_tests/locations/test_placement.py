"""The fast placement equals the plain transcription in random worlds and with random tables."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vwe_dagster.locations import placement, plain
from vwe_dagster.locations.instances import Instances
from vwe_dagster.locations.location_table import LocationTable, LocationTableError, LocationType
from vwe_dagster.locations.table_file import shipped_table
from vwe_dagster.world.biomes import Biome
from vwe_dagster.worldgen import Terrain, World

SEEDS = st.integers(-(2**31), 2**31 - 1)
WORLDS = (75539276, 319486907)
"""Seeds of the worlds in which tables are tested that the game does not have."""


@functools.cache
def world_and_grid(seed: int) -> tuple[World, Terrain]:
    world = World(seed)
    return world, world.grid()


def assert_fast_equals_plain(world: World, grid: Terrain, table: LocationTable, stop: int) -> Instances:
    """Compare both placements, and return the instances."""
    given = world.constants, world._waters.field, world.seed, grid.biome, grid.height, table, stop  # noqa: SLF001
    fast, expected = placement.place(*given), plain.place(*given)
    for name in expected._fields:
        np.testing.assert_array_equal(getattr(fast, name), getattr(expected, name), err_msg=name)
    return expected


@settings(max_examples=5)
@given(seed=SEEDS)
def test_the_prioritized_types_of_a_random_world(seed: int) -> None:
    world = World(seed)
    assert len(assert_fast_equals_plain(world, world.grid(), shipped_table(), 23).x) > 400


@pytest.mark.slow
@settings(max_examples=2)
@given(seed=SEEDS)
def test_all_types_of_a_random_world(seed: int) -> None:
    world = World(seed)
    assert len(assert_fast_equals_plain(world, world.grid(), shipped_table(), 183).x) > 10_000


def below(limit: float) -> st.SearchStrategy[float]:
    return st.one_of(st.just(0.0), st.floats(0, limit, width=32))


def types() -> st.SearchStrategy[LocationType]:
    """Draw types with values that no type of the game has: the Ocean, wide radii, scores that decide."""
    names = st.sampled_from(["", *(alt.name for alt in shipped_table().alt_biomes)])
    return st.builds(
        LocationType,
        prefab=st.sampled_from([f"Place{i}" for i in range(40)]),
        name=st.sampled_from(["Place", "WoodFarm1", "StoneTower1", "TrollCave02"]),
        biome=st.integers(1, 0x37F).filter(lambda mask: mask & ~0x37F == 0),
        area=st.integers(0, 3),
        quantity=st.integers(1, 12),
        prioritized=st.just(value=False),
        center_first=st.booleans(),
        unique=st.booleans(),
        min_altitude=st.sampled_from([-1000.0, -30.0, -2.0, 0.0, 1.0, 50.0]),
        max_altitude=st.sampled_from([60.0, 1000.0]),
        similar=below(800),
        group=st.sampled_from(["", "a", "b"]),
        max_similar=st.sampled_from([0.0, 0.0, 5000.0]),
        group_max=st.sampled_from(["", "a", "b"]),
        exterior=below(80),
        interior=below(80),
        min_delta=below(3),
        max_delta=st.floats(3, 100, width=32),
        in_forest=st.booleans(),
        forest_min=below(1),
        forest_max=st.floats(1, 2, width=32),
        min_vegetation=st.sampled_from([0.0, 0.0, 0.2]),
        max_vegetation=st.sampled_from([1.0, 1.0, 0.7]),
        surround=st.booleans(),
        surround_distance=st.floats(1, 60, width=32),
        surround_layers=st.integers(1, 3),
        surround_better=below(1),
        min_distance=below(3000),
        max_distance=st.sampled_from([0.0, 0.0, 8000.0]),
        min_center=below(3000),
        max_center=st.sampled_from([0.0, 0.0, 9000.0]),
        alt_biome=names,
    )


@settings(max_examples=15)
@given(seed=st.sampled_from(WORLDS), rows=st.lists(types(), min_size=1, max_size=4, unique_by=lambda t: t.prefab))
def test_a_table_of_random_types(seed: int, rows: list[LocationType]) -> None:
    table = dataclasses.replace(shipped_table(), types=tuple(rows))
    assert_fast_equals_plain(*world_and_grid(seed), table, len(rows))


def changed_type(prefab: str, **changes: Any) -> LocationTable:
    """Return a table of one type of the game, with changes."""
    (found,) = (t for t in shipped_table().types if t.prefab == prefab)
    return dataclasses.replace(shipped_table(), types=(dataclasses.replace(found, **changes),))


@pytest.mark.parametrize(
    "changes",
    [
        {"surround_better": 0.5},
        {"exterior": 0.0, "interior": 0.0},
        {"exterior": 50.0},
        {"interior": 90.0},
        {"biome": 0x100, "min_altitude": -1000.0, "max_delta": 99.0},
        {"biome": 0x301, "min_altitude": -1000.0, "max_delta": 99.0},
        {"biome": 0x100, "min_altitude": 0.0},
    ],
    ids=str,
)
def test_values_that_no_type_of_the_game_has(changes: dict[str, Any]) -> None:
    table = changed_type("AncientUpgradeStation", **changes)
    assert_fast_equals_plain(*world_and_grid(WORLDS[0]), table, 1)


def test_better_surroundings_are_fewer() -> None:
    world, grid = world_and_grid(WORLDS[0])
    attempts = [
        assert_fast_equals_plain(world, grid, changed_type("LeviathanLava", surround_better=better), 1).attempt[-1]
        for better in (0.0, 0.9)
    ]
    assert attempts[0] < attempts[1]


def test_a_biome_that_the_world_lacks_is_an_error() -> None:
    world, grid = world_and_grid(WORLDS[0])
    biome = np.where(grid.biome == Biome.SWAMP, Biome.MEADOWS, grid.biome).astype(np.uint8)
    given = world.constants, world._waters.field, world.seed, biome, grid.height  # noqa: SLF001
    with pytest.raises(LocationTableError, match="seed 75539276 has no Swamp, which types"):
        placement.place(*given, changed_type("Bonemass"), 1)
