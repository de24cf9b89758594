"""Patches of a plane, compared with a flood fill."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vwe_dagster.analysis.kernels import steps_inland
from vwe_dagster.analysis.patches import find_patches, number_cells
from vwe_dagster_tests.analysis.floods import flooded

SHAPES = st.tuples(st.integers(0, 9), st.integers(0, 9))
planes = SHAPES.flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 2)))


@given(planes)
def test_patches_are_those_of_a_flood_fill(kinds: npt.NDArray[np.uint8]) -> None:
    patches = find_patches(kinds)
    expected = flooded(kinds)
    count = int(expected.max(initial=0))
    numbers = np.arange(count + 1, dtype=np.int32)
    assert number_cells(patches, numbers, *kinds.shape).tolist() == expected.tolist()
    assert patches.cells.tolist() == [0, *(np.count_nonzero(expected == patch) for patch in numbers[1:])]
    assert patches.kind.tolist() == [0, *(kinds[expected == patch][0] for patch in numbers[1:])]


@given(planes)
def test_steps_inland_are_the_shortest_way_to_the_water(kinds: npt.NDArray[np.uint8]) -> None:
    land = (kinds > 0).astype(np.uint8)
    padded = np.pad(land, 1)
    water = np.argwhere(padded == 0)
    steps = steps_inland(find_patches(land), *land.shape)
    for z, x in np.ndindex(land.shape):
        away = np.abs(water - (z + 1, x + 1))
        straight = 5 * np.abs(away[:, 0] - away[:, 1]) + 7 * away.min(axis=1)
        assert steps[z, x] == (straight.min() if land[z, x] else 0)
