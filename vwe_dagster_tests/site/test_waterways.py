"""Rivers and streams of the page: their water where they have banks, and none of their course through the sea."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import scipy.ndimage

from vwe_dagster.engine.messages import WorldRequest
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.extraction.engine_export import canonical_world
from vwe_dagster.site.waterways import is_land, waterways
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.worlds import draw_world, make_world

WIDEST_M = 100.0
"""Greatest width of a river, measured in the game's own code."""


def points_of(line: list[int]) -> npt.NDArray[np.float64]:
    """Return points every few meters along a line of the page: x and z, ``[n, 2]``."""
    vertices = np.array(line, np.float64).reshape(-1, 3)[:, :2]
    pieces = [np.linspace(start, end, 20) for start, end in itertools.pairwise(vertices)]
    return np.concatenate(pieces)


def rivers_along(*courses: list[tuple[float, float]], width_m: float = 60, kind: str = "river") -> pd.DataFrame:
    """Return a river table with a line through the given points, with a vertex every 10 m."""
    tables = []
    for line, course in enumerate(courses):
        points = np.concatenate(
            [
                np.linspace(start, end, max(2, int(np.hypot(*np.subtract(end, start)) / 10)))
                for start, end in itertools.pairwise(course)
            ]
        )
        columns = {"kind": kind, "line": np.int32(line), "vertex": np.arange(len(points), dtype=np.int32)}
        tables.append(pd.DataFrame({**columns, "x_m": points[:, 0], "z_m": points[:, 1], "width_m": width_m}))
    return pd.concat(tables, ignore_index=True).astype({"kind": "category"})


@pytest.fixture(scope="module")
def world() -> CanonicalWorld:
    """Return a world of the native engine with samples 24 m apart, fine enough for the beds of most rivers."""
    grid = Grid.of_world(1024)
    export = NativeEngine().generate(WorldRequest(seed=298112588, grid=grid))
    return canonical_world(export.planes, export.lines, grid)


def test_no_line_is_over_the_open_sea(world: CanonicalWorld) -> None:
    # The open sea is water without land within the widest river's reach and two samples.
    cell_m = world.grid.cell_m
    to_land_m = scipy.ndimage.distance_transform_edt(~is_land(world)) * cell_m
    found = waterways(world)
    assert len(found["rivers"]) > 50
    assert len(found["streams"]) > 500
    for line in found["rivers"] + found["streams"]:
        column, row = np.rint((points_of(line) - world.grid.first_m) / cell_m).astype(np.int64).T
        assert to_land_m[row, column].max() <= WIDEST_M + 2 * cell_m


def test_river_is_drawn_where_it_crosses_an_island_and_not_beyond() -> None:
    island = draw_world(
        "~~~~~~~~~~~~",
        "~~~mmmmmm~~~",
        "~~~mmmmmm~~~",
        "~~~wwwwww~~~",
        "~~~mmmmmm~~~",
        "~~~mmmmmm~~~",
        *["~~~~~~~~~~~~"] * 6,
    )
    # The channel is the fourth row from the north, 250 m north of the middle, from -300 to 300 m.
    rivers = rivers_along([(-550, 250), (550, 250)])
    ((*line,),) = waterways(dataclasses.replace(island, rivers=rivers))["rivers"]
    x, z = points_of(line).T
    assert (x.min(), x.max()) == (pytest.approx(-300, abs=60), pytest.approx(300, abs=60))
    assert set(z) == {250}


def test_width_is_that_of_the_water() -> None:
    across = np.full((200, 200), 40.0)
    across[96:104] = 29.0
    canyon = dataclasses.replace(make_world(across, cell_m=5), rivers=rivers_along([(-300, 0), (300, 0)], width_m=80))
    ((*line,),) = waterways(canyon)["rivers"]
    assert line[2::3] == [pytest.approx(40, abs=3)] * (len(line) // 3)


def test_short_contact_with_land_is_not_drawn() -> None:
    cape = np.full((200, 200), 10.0)
    cape[:, 98:102] = 40.0
    course = dataclasses.replace(make_world(cape, cell_m=5), rivers=rivers_along([(-400, 0), (400, 0)]))
    assert waterways(course)["rivers"] == []


def test_line_after_line_is_drawn_separately() -> None:
    land = make_world(np.full((200, 200), 40.0), cell_m=5)
    rivers = rivers_along([(-300, 100), (300, 100)], [(-300, -100), (300, -100)])
    first, second = waterways(dataclasses.replace(land, rivers=rivers))["rivers"]
    assert (first[:2], first[-3:-1], second[:2], second[-3:-1]) == ([-300, 100], [300, 100], [-300, -100], [300, -100])


def test_lake_is_shown_on_land_and_not_in_the_sea() -> None:
    ground = np.full((200, 200), 10.0)
    ground[:, :100] = 40.0
    ground[90:110, 30:50] = 20.0
    lakes = pd.DataFrame({"x_m": [-600.0, 700.0], "z_m": [0.0, 0.0]})
    world = dataclasses.replace(make_world(ground, cell_m=10), lakes=lakes)
    assert waterways(world)["lakes"] == [[-600, 0]]


def test_world_with_unknown_rivers_has_no_waterways() -> None:
    assert waterways(make_world(np.full((4, 4), 40.0))) == {"rivers": [], "streams": [], "lakes": []}
