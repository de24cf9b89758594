"""The fast placement equals the plain transcription, whatever the world and the table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vwe_dagster.locations import placement, plain
from vwe_dagster.locations.location_table import LocationTable
from vwe_dagster.locations.table_file import shipped_table
from vwe_dagster.worldgen import World

SEEDS = st.integers(-(2**31), 2**31 - 1)


def assert_fast_equals_plain(seed: int, table: LocationTable, stop: int) -> int:
    """Return the number of instances."""
    world = World(seed)
    grid, rivers = world.grid(), world._waters.field  # noqa: SLF001
    given = world.constants, rivers, seed, grid.biome, grid.height, table, stop
    fast, expected = placement.place(*given), plain.place(*given)
    for name in expected._fields:
        np.testing.assert_array_equal(getattr(fast, name), getattr(expected, name), err_msg=name)
    return len(expected.x)


@settings(max_examples=5)
@given(seed=SEEDS)
def test_the_prioritized_types_of_a_random_world(seed: int) -> None:
    assert assert_fast_equals_plain(seed, shipped_table(), 23) > 400


@pytest.mark.slow
@settings(max_examples=2)
@given(seed=SEEDS)
def test_all_types_of_a_random_world(seed: int) -> None:
    assert assert_fast_equals_plain(seed, shipped_table(), 183) > 10_000
