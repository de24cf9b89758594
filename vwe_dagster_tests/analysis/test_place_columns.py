"""Columns of places, on handwritten tables."""

from __future__ import annotations

import itertools
import math

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.analysis.place_columns import Places, Points, place_columns, tour_km, tour_stops
from vwe_dagster.world.canonical import LOCATION_COLUMNS

Spot = tuple[str, float, float]

COORDINATES = st.tuples(st.integers(-9000, 9000), st.integers(-9000, 9000))


def places_of(*spots: Spot) -> Places:
    rows = [(prefab, "", x_m, 40.0, z_m, 10.0, False) for prefab, x_m, z_m in spots]
    return Places.of_table(pd.DataFrame(rows, columns=list(LOCATION_COLUMNS)).astype(LOCATION_COLUMNS))


def east_of_center(points: Points) -> npt.NDArray[np.bool_]:
    east: npt.NDArray[np.bool_] = points[:, 0] > 0
    return east


def test_traders_are_measured_from_the_center() -> None:
    spots = [("Vendor_BlackForest", x_m, z_m) for x_m, z_m in ((3000, 0), (-900, 1200), (0, 3001), (600, 800))]
    columns = place_columns(places_of(*spots), east_of_center)
    assert (columns["haldor_m"], columns["haldor_second_m"]) == (1000, 1500)
    assert (columns["haldor_3km"], columns["haldor_start_land"]) == (3, 2)
    assert (columns["hildir_m"], columns["hildir_3km"]) == (None, 0)


def test_types_of_one_kind_are_counted_together() -> None:
    spots = [("Crypt2", 100.0, 0.0), ("Crypt3", -2500.0, 0.0), ("Crypt4", 9000.0, 0.0)]
    columns = place_columns(places_of(*spots), east_of_center)
    names = ("burial_chamber_count", "burial_chamber_2km", "burial_chamber_3km", "burial_chamber_start_land")
    assert [columns[name] for name in names] == [3, 1, 2, 2]


def test_altars_on_the_start_land_are_counted_by_boss() -> None:
    columns = place_columns(
        places_of(("Eikthyrnir", 5, 0), ("Eikthyrnir", 9, 0), ("GDKing", 9, 9), ("Bonemass", -9, 9)), east_of_center
    )
    assert (columns["start_land_bosses"], columns["start_land_altars"], columns["eikthyr_start_land"]) == (2, 3, 2)
    assert columns["boss_tour_km"] is None


def test_depth_is_that_of_the_types_present() -> None:
    assert places_of(("StartTemple", 0, 0), ("Bonemass", 0, 0)).depth is Depth.WORLD
    assert places_of(("Bonemass", 0, 0), ("Crypt2", 0, 0)).depth is Depth.ALL


def test_players_spawn_at_the_stones_or_at_the_center() -> None:
    assert places_of(("StartTemple", 12.5, -7)).spawn == (12.5, -7)
    assert places_of(("Bonemass", 12.5, -7)).spawn == (0, 0)


@given(COORDINATES, st.lists(st.lists(COORDINATES, min_size=1, max_size=3), min_size=1, max_size=4))
def test_tour_is_the_shortest_of_all_choices_of_altars(
    spawn: tuple[int, int], altars: list[list[tuple[int, int]]]
) -> None:
    ways = (itertools.pairwise([spawn, *choice]) for choice in itertools.product(*altars))
    shortest_m = min(sum(math.dist(here, there) for here, there in way) for way in ways)
    points = [np.array(each, float) for each in altars]
    assert tour_km(spawn, points) == pytest.approx(shortest_m / 1000)
    stops = tour_stops(spawn, points)
    assert stops is not None
    assert all(stop in there.tolist() for stop, there in zip(stops.tolist(), points, strict=True))
    assert np.hypot(*np.diff([spawn, *stops], axis=0).T).sum() == pytest.approx(shortest_m)


def test_tour_chooses_an_altar_further_from_the_center_if_the_way_is_shorter() -> None:
    altars = [np.array([[1000.0, 0.0], [0.0, -900.0]]), np.array([[2000.0, 0.0]])]
    assert tour_km((0.0, 0.0), altars) == 2
