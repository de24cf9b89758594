"""Contour lines: their positions, their ends, and rejected settings."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
import scipy.interpolate
from hypothesis import given
from hypothesis import strategies as st

from vwe_dagster.analysis.contours import (
    MAX_TOLERANCE_M,
    MIN_INTERVAL_M,
    RIM_M,
    ContourError,
    Contours,
    Points,
    trace_contours,
)
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import SEA_LEVEL_M, WORLD_RADIUS_M, Grid
from vwe_dagster_tests.worlds import make_world, random_worlds

SPACINGS = st.floats(6, 60)


def cone(size: int = 81, cell_m: float = 60, rise: float = 0.1) -> CanonicalWorld:
    """A round hill that meets the sea 2000 m from the center."""
    at_m = (np.arange(size) - (size - 1) / 2) * cell_m
    return make_world(SEA_LEVEL_M + (2000 - np.hypot(at_m[:, np.newaxis], at_m)) * rise, cell_m=cell_m)


def is_ring(line: Points) -> bool:
    return bool((line[0] == line[-1]).all())


def vertices(contours: Contours) -> dict[float, Points]:
    return {contour.height_m: np.concatenate(contour.lines) for contour in contours.contours}


def bilinear(world: CanonicalWorld, points: Points) -> npt.NDArray[np.float64]:
    at_m = world.grid.coordinates().astype(np.float64)
    assert np.abs(points).max() <= at_m[-1] + 1e-6
    within = np.clip(points[:, ::-1], at_m[0], at_m[-1])
    heights = world.height.astype(np.float64)
    return np.asarray(scipy.interpolate.RegularGridInterpolator((at_m, at_m), heights)(within))


@given(SPACINGS)
def test_contours_of_a_cone_are_rings_at_the_distance_of_their_height(interval_m: float) -> None:
    contours = trace_contours(cone(), interval_m, tolerance_m=0)
    for contour in contours.contours:
        for line in contour.lines:
            radius_m = 2000 - (contour.height_m - SEA_LEVEL_M) / 0.1
            np.testing.assert_allclose(np.hypot(*line.T), radius_m, atol=60)
            assert is_ring(line) or radius_m > 2400


@given(st.floats(-1, 1), st.floats(-1, 1), SPACINGS)
def test_on_a_ramp_they_are_straight_and_evenly_spaced(east: float, north: float, interval_m: float) -> None:
    at_m = (np.arange(40) - 19.5) * 100
    world = make_world(SEA_LEVEL_M + 0.1 * (east * at_m + north * at_m[:, np.newaxis]), cell_m=100)
    for contour in trace_contours(world, interval_m, tolerance_m=0).contours:
        points = np.concatenate(contour.lines)
        np.testing.assert_allclose(0.1 * (points @ [east, north]), contour.number * interval_m, atol=1e-3)
        assert not any(is_ring(line) for line in contour.lines if len(line) > 1)


@given(random_worlds(), SPACINGS, st.sampled_from([0.0, 1.0, 40.0]))
def test_every_vertex_has_the_height_of_its_line(world: CanonicalWorld, interval_m: float, tolerance_m: float) -> None:
    for height_m, points in vertices(trace_contours(world, interval_m, tolerance_m)).items():
        np.testing.assert_allclose(bilinear(world, points), height_m, atol=1e-3)


@given(random_worlds(), SPACINGS)
def test_lines_are_closed_or_end_at_the_edge(world: CanonicalWorld, interval_m: float) -> None:
    at_m = world.grid.coordinates().astype(np.float64)
    cell_m = world.grid.cell_m
    for contour in trace_contours(world, interval_m, tolerance_m=0).contours:
        for line in contour.lines:
            if not is_ring(line):
                for end in (line[0], line[-1]):
                    at_grid_edge = bool(np.isclose(np.abs(end)[:, np.newaxis], np.abs(at_m[[0, -1]])).any())
                    assert at_grid_edge or math.hypot(*end) > RIM_M - 1.5 * cell_m


@given(SPACINGS)
def test_heights_count_from_the_shore_by_the_interval(interval_m: float) -> None:
    contours = trace_contours(cone(), interval_m, tolerance_m=0).contours
    assert [contour.height_m for contour in contours] == pytest.approx(
        [SEA_LEVEL_M + contour.number * interval_m for contour in contours]
    )
    assert all(later.number == earlier.number + 1 for earlier, later in pairwise(contours))
    assert {contour.kind for contour in contours if contour.number == 0} == {"shore"}
    assert {contour.kind for contour in contours if contour.number < 0} <= {"sea"}
    assert all(contour.is_index == (contour.number % 5 == 0) for contour in contours)
    assert contours[-1].height_m <= 230 <= contours[-1].height_m + interval_m


def test_higher_ground_is_to_the_left() -> None:
    def signed_area(line: Points) -> float:
        x, z = line.T
        return float(np.sum(x[:-1] * z[1:] - x[1:] * z[:-1]) / 2)

    hill, hollow = cone(), cone(rise=-0.1)
    assert all(signed_area(contour.lines[0]) > 0 for contour in trace_contours(hill, 40).contours if contour.number > 0)
    assert all(
        signed_area(contour.lines[0]) < 0 for contour in trace_contours(hollow, 40).contours if contour.number < 0
    )


def test_no_line_runs_along_the_cliff_into_the_void() -> None:
    grid = Grid.of_world(256)
    at_m = grid.coordinates().astype(np.float64)
    radius_m = np.hypot(at_m[:, np.newaxis], at_m)
    level = np.where(radius_m > WORLD_RADIUS_M, -400.0, 42.0)
    assert trace_contours(make_world(level, cell_m=grid.cell_m, first_m=grid.first_m), 10).contours == ()
    tilted = np.where(radius_m > WORLD_RADIUS_M, -400.0, SEA_LEVEL_M + at_m / 100)
    contours = trace_contours(make_world(tilted, cell_m=grid.cell_m, first_m=grid.first_m), 20, tolerance_m=0)
    for contour in contours.contours:
        (line,) = contour.lines
        np.testing.assert_allclose(line[:, 0], contour.number * 2000, atol=1)
        half_m = math.sqrt(RIM_M**2 - (contour.number * 2000) ** 2)
        np.testing.assert_allclose(np.abs(line[[0, -1], 1]), half_m, atol=2.5 * grid.cell_m)
        assert np.hypot(*line.T).max() <= RIM_M


@given(random_worlds(), st.floats(0.5, MAX_TOLERANCE_M))
def test_simplifying_only_takes_vertices_and_keeps_within_the_tolerance(
    world: CanonicalWorld, tolerance_m: float
) -> None:
    exact, simple = (vertices(trace_contours(world, 20, tolerance)) for tolerance in (0, tolerance_m))
    assert simple.keys() <= exact.keys()
    for height_m, points in simple.items():
        assert set(map(tuple, points.tolist())) <= set(map(tuple, exact[height_m].tolist()))


def test_a_straight_line_keeps_its_ends_only() -> None:
    at_m = (np.arange(40) - 19.5) * 100
    world = make_world(np.broadcast_to(SEA_LEVEL_M + at_m / 10 + 0.5, (40, 40)).copy(), cell_m=100)
    for contour in trace_contours(world, 50).contours:
        assert [len(line) for line in contour.lines] == [2]


def test_rings_smaller_than_the_tolerance_are_left_out() -> None:
    height = np.full((9, 9), 20.0)
    height[4, 4] = 40
    assert len(trace_contours(make_world(height, cell_m=10), 10, tolerance_m=0).contours) == 2
    assert trace_contours(make_world(height, cell_m=10), 10, tolerance_m=50).contours == ()


@pytest.mark.parametrize("interval_m", [0, -25, 0.5, math.nan, math.inf])
def test_invalid_interval_is_rejected(interval_m: float) -> None:
    with pytest.raises(ContourError, match=r"contour interval .* [Cc]hoose 1 m or more\."):
        trace_contours(cone(), interval_m)


@pytest.mark.parametrize("tolerance_m", [-1, 101, math.nan, math.inf])
def test_tolerance_out_of_range_is_rejected(tolerance_m: float) -> None:
    with pytest.raises(ContourError, match="0 to 100 m"):
        trace_contours(cone(), 25, tolerance_m)


def test_the_least_interval_is_allowed() -> None:
    assert len(trace_contours(cone(21, 240), MIN_INTERVAL_M).contours) > 200


def test_a_grid_beside_the_world_has_no_lines() -> None:
    beside = make_world(np.full((5, 5), 40.0), first_m=20_000)
    assert trace_contours(beside, 25) == Contours(25, 1.0, ())
