"""The table of biomes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from vwe_dagster.analysis.biomes import BIOME_COLUMNS
from vwe_dagster.analysis.world import analyze
from vwe_dagster.world.biomes import BIOMES, Biome
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import SEA_LEVEL_M, WORLD_RADIUS_M
from vwe_dagster_tests.analysis.biome_rows import biome_rows
from vwe_dagster_tests.worlds import draw_world, make_world, random_worlds


def test_a_drawn_world() -> None:
    world = draw_world(
        "~~~~~",
        "~mm~^",
        "~~~~^",
        "wm~w~",
        "ww~~~",
    )
    rows = biome_rows(analyze(world))
    assert rows["Meadows"] == {
        "area_km2": pytest.approx(0.07),
        "share_of_disc": pytest.approx(7 / 25),
        "land_area_km2": pytest.approx(0.03),
        "share_of_land": pytest.approx(3 / 5),
        "min_above_sea_m": -1,
        "mean_above_sea_m": pytest.approx((3 * 40 + 4 * 29) / 7 - 30),
        "max_above_sea_m": 10,
        "first_m": pytest.approx(np.nan, nan_ok=True),
        "first_bearing_deg": pytest.approx(np.nan, nan_ok=True),
        "first_km2": pytest.approx(np.nan, nan_ok=True),
        "patch_count": 3,
        "largest_patch_km2": pytest.approx(0.04),
    }
    assert rows["Mountain"]["largest_patch_km2"] == pytest.approx(0.02)
    assert tuple(analyze(world).biomes.columns) == BIOME_COLUMNS


def test_first_patch_is_measured_to_its_middle() -> None:
    """Cells are 0.09 km²: two are enough for a patch, also where one is shallow water."""
    world = draw_world(
        "~~~~~",
        "~~~~~",
        "mw~b~",
        "~~~~~",
        "~~~~~",
        cell_m=300,
    )
    rows = biome_rows(analyze(world))
    assert rows["Meadows"]["first_m"] == pytest.approx(450)
    assert rows["Meadows"]["first_bearing_deg"] == pytest.approx(270)
    assert rows["Meadows"]["first_km2"] == pytest.approx(0.18)
    assert np.isnan(rows["BlackForest"]["first_m"])


def test_patches_hang_together_by_their_sides_only() -> None:
    rows = biome_rows(analyze(draw_world("mb", "bm")))
    assert rows["Meadows"]["patch_count"] == rows["BlackForest"]["patch_count"] == 2


def test_a_biome_that_does_not_occur_has_a_row() -> None:
    rows = biome_rows(analyze(draw_world("mm", "mm")))
    assert list(rows) == [biome.game_name for biome in BIOMES]
    zeros = {"area_km2", "share_of_disc", "land_area_km2", "share_of_land", "patch_count", "largest_patch_km2"}
    assert {column for column, value in rows["Swamp"].items() if value == 0} == zeros
    assert all(np.isnan(value) for column, value in rows["Swamp"].items() if column not in zeros)


def test_cells_beyond_the_edge_of_the_world_do_not_count() -> None:
    height, biome = np.full((3, 3), 40.0), np.full((3, 3), Biome.MEADOWS)
    height[0, 0], biome[0, 0] = 90, Biome.SWAMP
    rows = biome_rows(analyze(make_world(height, biome, cell_m=10_000)))
    assert rows["Meadows"]["area_km2"] == pytest.approx(500)
    assert rows["Meadows"]["max_above_sea_m"] == 10
    assert rows["Swamp"]["area_km2"] == 0


@given(random_worlds())
def test_areas_and_shares_add_up(world: CanonicalWorld) -> None:
    analysis = analyze(world)
    rows, statistics = analysis.biomes, analysis.statistics
    assert rows["area_km2"].sum() == pytest.approx(statistics["disc_area_km2"])
    assert rows["land_area_km2"].sum() == pytest.approx(statistics["land_area_km2"])
    assert (rows["land_area_km2"] <= rows["area_km2"]).all()
    assert (rows["largest_patch_km2"] <= rows["area_km2"]).all()
    assert (rows["largest_patch_km2"] * rows["patch_count"] >= rows["area_km2"] * (1 - 1e-9)).all()
    if statistics["disc_area_km2"]:
        assert rows["share_of_disc"].sum() == pytest.approx(1)
    else:
        assert rows["share_of_disc"].isna().all()
    if statistics["land_area_km2"]:
        assert rows["share_of_land"].sum() == pytest.approx(1)
    else:
        assert rows["share_of_land"].isna().all()


@given(random_worlds())
def test_each_row_matches_the_cells_of_its_biome(world: CanonicalWorld) -> None:
    at_m = world.grid.coordinates().astype(np.float64)
    distance_m = np.hypot(at_m[:, np.newaxis], at_m)
    rows = biome_rows(analyze(world))
    for biome in BIOMES:
        covered = (world.biome == biome) & (distance_m <= WORLD_RADIUS_M)
        land = covered & (world.height >= SEA_LEVEL_M)
        row = rows[biome.game_name]
        assert row["area_km2"] == pytest.approx(covered.sum() * world.grid.cell_m**2 / 1e6)
        assert row["land_area_km2"] == pytest.approx(land.sum() * world.grid.cell_m**2 / 1e6)
        if covered.any():
            heights = world.height[covered].astype(np.float64) - SEA_LEVEL_M
            assert row["min_above_sea_m"] == heights.min()
            assert row["mean_above_sea_m"] == pytest.approx(heights.mean())
            assert row["max_above_sea_m"] == heights.max()
