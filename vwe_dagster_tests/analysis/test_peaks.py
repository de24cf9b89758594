"""The highest peaks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from vwe_dagster.analysis.peaks import PEAK_COUNT, PEAK_ISOLATION_M
from vwe_dagster.analysis.world import analyze
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import SEA_LEVEL_M, WORLD_RADIUS_M
from vwe_dagster_tests.worlds import draw_world, make_world, random_worlds


def test_a_shoulder_and_a_neighbour_are_no_peaks() -> None:
    height = np.full((40, 40), 35.0)
    height[10, 10] = 300
    height[10, 11] = 290
    height[10, 19] = 250
    height[10, 30] = 200
    peaks = analyze(make_world(height)).peaks
    assert peaks["above_sea_m"].tolist()[:2] == [270, 170]
    assert 220 not in peaks["above_sea_m"].tolist()
    first = peaks.iloc[0]
    assert first[["peak", "x_m", "z_m", "biome", "island"]].tolist() == [1, -950, -950, "Meadows", 1]
    assert first["distance_m"] == pytest.approx(950 * np.sqrt(2))
    assert first["bearing_deg"] == pytest.approx(225)


def test_a_peak_on_a_rock_belongs_to_no_island() -> None:
    peaks = analyze(draw_world("~~~", "~^~", "~~~", cell_m=50)).peaks
    assert peaks["biome"].tolist() == [Biome.MOUNTAIN.game_name]
    assert peaks["island"].isna().tolist() == [True]


def test_flat_land_has_no_peaks() -> None:
    assert analyze(make_world(np.full((30, 30), 40.0), cell_m=1000)).peaks.empty


def test_ground_beyond_the_edge_hides_no_peak() -> None:
    height = np.full((45, 45), 40.0)
    height[22, 43], height[22, 44] = 50, 90
    peaks = analyze(make_world(height, cell_m=500)).peaks
    assert peaks[["above_sea_m", "x_m", "z_m"]].to_numpy().tolist() == [[20, WORLD_RADIUS_M, 0]]


@given(random_worlds())
def test_peaks_are_exactly_the_cells_of_the_definition(world: CanonicalWorld) -> None:
    at_m = world.grid.coordinates().astype(np.float64)
    z_m, x_m = (plane.ravel() for plane in np.meshgrid(at_m, at_m, indexing="ij"))
    inside = np.hypot(x_m, z_m) <= WORLD_RADIUS_M
    height = world.height.ravel()
    expected = []
    for cell in np.flatnonzero(inside & (height >= SEA_LEVEL_M)):
        near = inside & (np.hypot(x_m - x_m[cell], z_m - z_m[cell]) <= PEAK_ISOLATION_M)
        first_as_high = np.flatnonzero(near & (height == height[cell]))[0]
        if height[near].max() == height[cell] > height[near].min() and first_as_high == cell:
            expected.append((-height[cell], z_m[cell], x_m[cell]))
    peaks = analyze(world).peaks
    found = list(zip(-peaks["above_sea_m"] - SEA_LEVEL_M, peaks["z_m"], peaks["x_m"], strict=True))
    assert found == sorted(expected)[:PEAK_COUNT]
    assert peaks["peak"].tolist() == list(range(1, len(peaks) + 1))


@given(random_worlds())
def test_peaks_stand_apart(world: CanonicalWorld) -> None:
    peaks = analyze(world).peaks
    position = peaks["x_m"].to_numpy() + 1j * peaks["z_m"].to_numpy()
    apart_m = np.abs(position[:, np.newaxis] - position)
    assert (apart_m[np.triu_indices(len(peaks), 1)] > PEAK_ISOLATION_M).all()
