"""The length of the shore."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vwe_dagster.analysis.world import analyze
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import SEA_LEVEL_M, WORLD_RADIUS_M
from vwe_dagster_tests.worlds import draw_world, make_world, random_worlds


def shoreline_m(world: CanonicalWorld) -> float:
    shoreline_km = analyze(world).statistics["shoreline_km"]
    assert isinstance(shoreline_km, float)
    return shoreline_km * 1000


def cone(radius_m: float, size: int, cell_m: float) -> CanonicalWorld:
    """A round hill in the center that meets the sea at a radius."""
    at_m = (np.arange(size) - (size - 1) / 2) * cell_m
    return make_world(SEA_LEVEL_M + (radius_m - np.hypot(at_m[:, np.newaxis], at_m)) / 10, cell_m=cell_m)


@given(st.floats(200, 2300), st.sampled_from([(100, 50.0), (401, 12.0)]))
def test_the_shore_of_a_round_island(radius_m: float, sampling: tuple[int, float]) -> None:
    assert shoreline_m(cone(radius_m, *sampling)) == pytest.approx(2 * np.pi * radius_m, rel=0.02)


def test_a_lake_has_a_shore_as_long_as_an_island_of_its_shape() -> None:
    island = cone(1000, 100, 50)
    lake = make_world(2 * SEA_LEVEL_M - island.height, cell_m=50)
    assert shoreline_m(lake) == pytest.approx(shoreline_m(island))


def test_a_single_cell_is_a_diamond() -> None:
    # Halfway between 40 m and 20 m is sea level: the diamond's corners are half a cell from the cell's center.
    height = np.full((5, 5), 20.0)
    height[2, 2] = 40
    analysis = analyze(make_world(height, cell_m=200))
    assert analysis.islands["shoreline_km"].tolist() == pytest.approx([4 * 0.1 * np.sqrt(2)])
    assert analysis.statistics["shoreline_km"] == pytest.approx(4 * 0.1 * np.sqrt(2))


def test_a_slanted_coast_is_as_long_as_it_is() -> None:
    at = np.arange(9)
    height = SEA_LEVEL_M + (at[:, np.newaxis] - 4) - 0.5 * (at - 4)
    assert shoreline_m(make_world(height)) == pytest.approx(np.hypot(800, 400))


def test_neither_the_edge_of_the_grid_nor_of_the_world_is_a_shore() -> None:
    assert shoreline_m(make_world(np.full((20, 20), 40.0), cell_m=100)) == 0
    at_m = (np.arange(40) - 19.5) * 600
    inside = np.hypot(at_m[:, np.newaxis], at_m) <= WORLD_RADIUS_M
    assert shoreline_m(make_world(np.where(inside, 40.0, -400.0), cell_m=600)) == 0


def test_islands_that_touch_at_a_corner_have_shores_of_their_own() -> None:
    apart = analyze(draw_world("~~~~~", "~m~~~", "~~~~~", "~~~m~", "~~~~~", cell_m=200)).islands
    touching = analyze(draw_world("~~~~", "~m~~", "~~m~", "~~~~", cell_m=200)).islands
    assert touching["shoreline_km"].tolist() == pytest.approx(apart["shoreline_km"].tolist())


def test_a_finer_grid_of_the_same_ground_has_a_longer_shore() -> None:
    rough = np.random.default_rng(1).normal(30, 5, (64, 64))
    assert shoreline_m(make_world(rough, cell_m=10)) > 1.5 * shoreline_m(make_world(rough[::2, ::2], cell_m=20))


@given(random_worlds())
def test_square_by_square_it_is_the_same(world: CanonicalWorld) -> None:
    assert shoreline_m(world) == pytest.approx(_shoreline_square_by_square_m(world))


def _shoreline_square_by_square_m(world: CanonicalWorld) -> float:
    """The contour as one would draw it by hand: a line around each land corner, or between the two crossings."""
    at_m = world.grid.coordinates().astype(np.float64)
    total = 0.0
    for row, column in itertools.product(range(world.grid.size - 1), repeat=2):
        corners = [(row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column)]
        if any(np.hypot(at_m[z], at_m[x]) > WORLD_RADIUS_M for z, x in corners):
            continue
        crossings = {}
        for side, (start, end) in enumerate(itertools.pairwise([*corners, corners[0]])):
            low, high = sorted((start, end), key=lambda corner: world.height[corner])
            if world.height[low] < SEA_LEVEL_M <= world.height[high]:
                rise = (SEA_LEVEL_M - world.height[low]) / (world.height[high] - world.height[low])
                crossings[side] = np.array(low) + rise * (np.array(high) - np.array(low))
        if len(crossings) == 2:
            first, second = crossings.values()
            total += float(np.linalg.norm(first - second))
        elif crossings:
            land = [side for side, corner in enumerate(corners) if world.height[corner] >= SEA_LEVEL_M]
            total += sum(float(np.linalg.norm(crossings[side] - crossings[(side - 1) % 4])) for side in land)
    return total * world.grid.cell_m
