"""Landmasses, islands and the start island."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from vwe_dagster.analysis.world import analyze
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import SEA_LEVEL_M
from vwe_dagster_tests.worlds import draw_world, make_world, random_worlds


def test_a_drawn_archipelago() -> None:
    islands = analyze(
        draw_world(
            "~~~~~~~",
            "~mmm~~~",
            "~mb~~~~",
            "~~~~~m~",
            "~~~~~^~",
            "~~~~~~~",
            "~~~~~~~",
            cell_m=200,
        )
    ).islands
    assert islands["island"].tolist() == [1, 2]
    assert islands["area_km2"].tolist() == pytest.approx([0.2, 0.08])
    assert islands["centroid_x_m"].tolist() == pytest.approx([-240, 400])
    assert islands["centroid_z_m"].tolist() == pytest.approx([320, -100])
    assert islands["inland_x_m"].tolist() == [-400, 400]
    assert islands["inland_z_m"].tolist() == [200, -200]
    assert islands["peak_above_sea_m"].tolist() == [10, 170]
    assert islands["peak_x_m"].tolist() == [-400, 400]
    assert islands["peak_z_m"].tolist() == [200, -200]
    assert islands["nearest_m"].tolist() == pytest.approx([200 * np.sqrt(2), 400])
    assert islands["nearest_bearing_deg"].tolist() == pytest.approx([315, 90])
    assert islands["dominant_biome"].tolist() == ["Meadows", "Meadows"]
    assert islands["dominant_biome_share"].tolist() == pytest.approx([0.8, 0.5])
    assert islands["is_start"].tolist() == [True, False]


def test_cell_furthest_inland_is_on_the_island_and_not_in_its_bay() -> None:
    (island,) = analyze(
        draw_world(
            "mmmmmmm",
            "m~~~~~m",
            "m~~~~~m",
            "m~~~~~m",
            "m~~~mmm",
            "m~~~mmm",
            "mmmmmmm",
        )
    ).islands.itertuples()
    assert (island.inland_x_m, island.inland_z_m) == (200, -200)


def test_land_that_touches_at_a_corner_is_two_islands() -> None:
    statistics = analyze(draw_world("~~~~", "~m~~", "~~m~", "~~~~", cell_m=200)).statistics
    assert statistics["island_count"] == 2


@pytest.mark.parametrize(("cell_m", "islands"), [(100.0, 0), (100.5, 1)])
def test_an_island_is_larger_than_one_hectare(cell_m: float, islands: int) -> None:
    analysis = analyze(draw_world("~~~", "~m~", "~~~", cell_m=cell_m))
    assert analysis.statistics["landmass_count"] == 1
    assert analysis.statistics["island_count"] == islands == len(analysis.islands)
    assert analysis.statistics["land_area_km2"] == pytest.approx(cell_m**2 / 1e6)


def test_sea_level_itself_is_land() -> None:
    assert analyze(make_world([[30, np.nextafter(np.float32(30), 0)], [29, 29]])).statistics["land_area_km2"] == 0.01


def test_the_start_island_holds_the_center_even_if_another_is_larger() -> None:
    analysis = analyze(
        draw_world(
            "bbbbb",
            "~~~~~",
            "~~mm~",
            "~~~~~",
            "~~~~~",
        )
    )
    assert analysis.islands["is_start"].tolist() == [False, True]
    assert analysis.statistics["start_island"] == 2
    assert analysis.statistics["start_island_nearest_m"] == 0
    assert analysis.statistics["start_island_area_km2"] == pytest.approx(0.02)
    assert analysis.statistics["largest_island_area_km2"] == pytest.approx(0.05)


def test_of_two_islands_at_the_same_distance_the_larger_is_the_start() -> None:
    islands = analyze(draw_world("~~~~~", "~~~~~", "mm~mm", "~~~~m", "~~~~~")).islands
    assert islands["area_km2"].tolist() == pytest.approx([0.03, 0.02])
    assert islands["nearest_m"].tolist() == [100, 100]
    assert islands["is_start"].tolist() == [True, False]


@given(random_worlds())
def test_islands_are_land_and_one_of_them_is_the_start(world: CanonicalWorld) -> None:
    analysis = analyze(world)
    islands: pd.DataFrame = analysis.islands
    statistics: dict[str, Any] = analysis.statistics
    assert islands["area_km2"].sum() <= statistics["land_area_km2"] * (1 + 1e-9)
    assert islands["shoreline_km"].sum() <= statistics["shoreline_km"] * (1 + 1e-9)
    assert islands["island"].tolist() == list(range(1, len(islands) + 1))
    assert islands["area_km2"].is_monotonic_decreasing
    assert islands["is_start"].sum() == min(len(islands), 1)
    assert islands.loc[islands["is_start"], "nearest_m"].eq(islands["nearest_m"].min()).all()
    assert (islands["dominant_biome_share"].between(0, 1, inclusive="right")).all()
    for x_m, z_m in zip(islands["inland_x_m"], islands["inland_z_m"], strict=True):
        assert world.height[world.grid.nearest(z_m), world.grid.nearest(x_m)] >= SEA_LEVEL_M
    if world.grid.cell_m > 100 and len(islands):
        assert islands["area_km2"].sum() == pytest.approx(statistics["land_area_km2"])
        assert islands["peak_above_sea_m"].max() == analysis.biomes["max_above_sea_m"].max()
