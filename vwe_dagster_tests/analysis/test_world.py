"""The analysis as a whole: any grid, any world, whichever way it is turned."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vwe_dagster.analysis.world import WorldAnalysis, analyze
from vwe_dagster.world.biomes import BIOMES, Biome
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import SEA_LEVEL_M, WORLD_RADIUS_M, Grid
from vwe_dagster.worldgen import World, forest_plane
from vwe_dagster_tests.analysis.biome_rows import biome_rows
from vwe_dagster_tests.worlds import make_world, mirrored, random_worlds, turned

ISLAND_MEASURES = ["area_km2", "peak_above_sea_m", "nearest_m", "dominant_biome_share", "shoreline_km"]
FIRST_PATCHES = ["first_bearing_deg", "first_km2"]
"""Of equally near patches, the southernmost counts."""

POSITION_KEYS = {"highest_peak_x_m", "highest_peak_z_m", "start_island", "start_island_area_km2", "biomes", "columns"}


def assert_same_measures(one: WorldAnalysis, other: WorldAnalysis) -> None:
    """Compare all measures that do not depend on the direction of north."""
    pd.testing.assert_frame_equal(one.biomes.drop(columns=FIRST_PATCHES), other.biomes.drop(columns=FIRST_PATCHES))
    one_island, other_island = (
        analysis.islands[ISLAND_MEASURES].round(9).sort_values(ISLAND_MEASURES, ignore_index=True)
        for analysis in (one, other)
    )
    pd.testing.assert_frame_equal(one_island, other_island)
    assert one.peaks["above_sea_m"].tolist() == other.peaks["above_sea_m"].tolist()
    for key in one.statistics.keys() - POSITION_KEYS:
        assert one.statistics[key] == pytest.approx(other.statistics[key]), key


@given(random_worlds(distinct_heights=True))
def test_a_turned_world_measures_the_same(world: CanonicalWorld) -> None:
    one, other = analyze(world), analyze(turned(world))
    assert_same_measures(one, other)
    assert other.peaks["z_m"].tolist() == one.peaks["x_m"].tolist()
    assert other.peaks["x_m"].tolist() == (-one.peaks["z_m"]).tolist()
    elsewhere = one.peaks["distance_m"] > 0
    bearing_deg = one.peaks.loc[elsewhere, "bearing_deg"]
    assert other.peaks.loc[elsewhere, "bearing_deg"].tolist() == pytest.approx(((bearing_deg - 90) % 360).tolist())


@given(random_worlds(distinct_heights=True))
def test_a_mirrored_world_measures_the_same(world: CanonicalWorld) -> None:
    one, other = analyze(world), analyze(mirrored(world))
    assert_same_measures(one, other)
    assert other.peaks["x_m"].tolist() == (-one.peaks["x_m"]).tolist()
    assert other.peaks["bearing_deg"].tolist() == pytest.approx(((-one.peaks["bearing_deg"]) % 360).tolist())


@given(st.integers(0, 2**32 - 1), st.integers(-50, 50))
def test_a_moved_world_keeps_its_shape(seed: int, cells: int) -> None:
    noise = np.random.default_rng(seed)
    height, biome = noise.normal(30, 10, (16, 16)), noise.choice(BIOMES, (16, 16))
    here, there = (analyze(make_world(height, biome, first_m=cells_m)) for cells_m in (-800, -800 + 100 * cells))
    shape = ["biome", "area_km2", "land_area_km2", "mean_above_sea_m", "patch_count", "largest_patch_km2"]
    pd.testing.assert_frame_equal(here.biomes[shape], there.biomes[shape])
    assert here.islands["shoreline_km"].tolist() == there.islands["shoreline_km"].tolist()
    for column in ("centroid_x_m", "centroid_z_m", "inland_x_m", "inland_z_m", "peak_x_m", "peak_z_m"):
        assert there.islands[column].tolist() == pytest.approx((here.islands[column] + 100 * cells).tolist())
    assert here.peaks["above_sea_m"].tolist() == there.peaks["above_sea_m"].tolist()


@given(st.integers(0, 2**32 - 1), st.integers(2, 4))
def test_finer_cells_of_the_same_ground_cover_the_same_areas(seed: int, parts: int) -> None:
    noise = np.random.default_rng(seed)
    height, biome = noise.normal(30, 10, (12, 12)), noise.choice(BIOMES, (12, 12))
    refined = [np.kron(plane, np.ones((parts, parts))) for plane in (height, biome)]
    coarse, fine = analyze(make_world(height, biome, cell_m=240)), analyze(make_world(*refined, cell_m=240 / parts))
    areas = ["area_km2", "land_area_km2", "largest_patch_km2", "patch_count", "min_above_sea_m", "max_above_sea_m"]
    pd.testing.assert_frame_equal(coarse.biomes[areas], fine.biomes[areas])
    measures = ["area_km2", "centroid_x_m", "centroid_z_m", "peak_above_sea_m", "dominant_biome"]
    pd.testing.assert_frame_equal(coarse.islands[measures], fine.islands[measures])


ALL_OCEAN = np.zeros((64, 64))


@pytest.mark.parametrize(
    "world",
    [
        pytest.param(make_world(ALL_OCEAN, Biome.OCEAN, cell_m=384), id="no land"),
        pytest.param(make_world(ALL_OCEAN + 40, cell_m=384), id="all land"),
        pytest.param(make_world(ALL_OCEAN + 40, cell_m=78.125, first_m=-10_000), id="20 km, sampled at corners"),
        pytest.param(make_world(ALL_OCEAN + 40, cell_m=12, first_m=50_000), id="beyond the world"),
        pytest.param(make_world(ALL_OCEAN + 40, cell_m=0.5, first_m=3_000), id="a square of 32 m"),
        pytest.param(make_world([[40.0, 20.0], [20.0, 20.0]], cell_m=5_000), id="coarser than a peak's isolation"),
    ],
)
def test_any_world_has_tables_and_json(world: CanonicalWorld) -> None:
    analysis = analyze(world)
    parsed = json.loads(json.dumps(analysis.statistics, allow_nan=False))
    # Their representations differ if the statistics contain NumPy numbers.
    assert repr(parsed) == repr(analysis.statistics)
    for table in (analysis.biomes, analysis.islands, analysis.peaks):
        pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(table.to_parquet())), table)


@pytest.mark.parametrize("height_m", [0, 40])
def test_tables_have_the_same_columns_whether_or_not_they_have_rows(height_m: float) -> None:
    height = np.full((20, 20), float(height_m))
    height[5, 5] += 5
    usual, this = analyze(make_world([[20, 20], [20, 40]], cell_m=800)), analyze(make_world(height, cell_m=500))
    assert this.islands.dtypes.equals(usual.islands.dtypes)
    assert this.peaks.dtypes.equals(usual.peaks.dtypes)


def test_world_without_land_has_nulls_for_measures_of_land() -> None:
    statistics = analyze(make_world(ALL_OCEAN, Biome.OCEAN, cell_m=384)).statistics
    counts = ("land_area_km2", "land_share_of_disc", "shoreline_km", "landmass_count", "island_count")
    assert [statistics[key] for key in counts] == [0] * len(counts)
    nulls = ("largest_island_area_km2", "start_island", "start_island_nearest_m", "highest_peak_above_sea_m")
    assert [statistics[key] for key in nulls] == [None] * len(nulls)


@pytest.fixture(scope="module")
def real_world() -> CanonicalWorld:
    """The world of ``HHcLC5acQt`` on 512 x 512 cells."""
    grid = Grid.of_world(512)
    terrain = World(298112588).grid(512)
    return CanonicalWorld(grid, terrain.biome, terrain.height, forest_plane(grid))


@pytest.fixture(scope="module")
def real_analysis(real_world: CanonicalWorld) -> WorldAnalysis:
    return analyze(real_world)


def test_a_real_world_measures_what_its_cells_say(real_world: CanonicalWorld, real_analysis: WorldAnalysis) -> None:
    land = real_world.height >= SEA_LEVEL_M
    statistics = real_analysis.statistics
    assert statistics["grid_size"] == 512
    assert statistics["disc_area_km2"] == pytest.approx(np.pi * (WORLD_RADIUS_M / 1000) ** 2, rel=1e-3)
    assert statistics["land_area_km2"] == pytest.approx(land.sum() * 0.048**2)
    assert statistics["highest_peak_above_sea_m"] == real_world.height.max() - SEA_LEVEL_M
    assert real_analysis.islands["peak_above_sea_m"].max() == real_world.height.max() - SEA_LEVEL_M


def test_a_real_world_is_as_its_definition_has_it(real_analysis: WorldAnalysis) -> None:
    rows = biome_rows(real_analysis)
    assert all(row["area_km2"] > 0 for row in rows.values())
    assert rows["Ocean"]["land_area_km2"] == 0
    assert rows["Swamp"]["first_m"] > 2000
    assert rows["Mistlands"]["first_m"] > 5900
    assert 90 < rows["AshLands"]["first_bearing_deg"] < 270
    assert not 90 < rows["DeepNorth"]["first_bearing_deg"] < 270
    peaks = real_analysis.peaks
    assert len(peaks) == 20
    assert set(peaks["biome"].head(5)) == {"Mountain"}
    start = real_analysis.islands[real_analysis.islands["is_start"]]
    assert start["nearest_m"].tolist() < [500.0]
    assert start["island"].tolist() == [real_analysis.statistics["start_island"]]


Change = Callable[[CanonicalWorld], CanonicalWorld]


@pytest.mark.parametrize("change", [turned, mirrored])
def test_real_world_has_the_same_measures_in_any_orientation(
    change: Change, real_world: CanonicalWorld, real_analysis: WorldAnalysis
) -> None:
    assert_same_measures(real_analysis, analyze(change(real_world)))


def test_the_grid_of_a_world_is_part_of_its_statistics() -> None:
    grid = Grid(64, 78.125, -10_000)
    statistics = analyze(make_world(ALL_OCEAN, cell_m=78.125, first_m=-10_000)).statistics
    assert Grid(statistics["grid_size"], statistics["grid_cell_m"], statistics["grid_first_m"]) == grid  # type: ignore[arg-type]
