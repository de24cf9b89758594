"""Places among the locations of a world: which they are, and which of them is nearest."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from vwe_dagster.analysis.places import PLACE_COLUMNS, PLACES, place_statistics, place_table
from vwe_dagster.world.canonical import LOCATION_COLUMNS


def locations(*rows: tuple[str, float, float]) -> pd.DataFrame:
    told = [(prefab, "", x, 31.0, z, 10.0, False) for prefab, x, z in rows]
    return pd.DataFrame(told, columns=list(LOCATION_COLUMNS)).astype(LOCATION_COLUMNS)


WORLD = locations(
    ("Vendor_BlackForest", 3000, 4000),
    ("GDKing", -600, 800),
    ("Crypt2", 1, 1),
    ("Vendor_BlackForest", -300, -400),
    ("Eikthyrnir", 120, 50),
    ("Eikthyrnir", -30, 40),
)


def test_places_are_told_in_order_with_the_nearest_first() -> None:
    table = place_table(WORLD)
    assert dict(table.dtypes.astype(str)) == PLACE_COLUMNS
    told = list(table[["kind", "name", "distance_m"]].itertuples(index=False, name=None))
    assert told == [
        ("boss", "Eikthyr", 50.0),
        ("boss", "Eikthyr", 130.0),
        ("boss", "The Elder", 1000.0),
        ("vendor", "Haldor", 500.0),
        ("vendor", "Haldor", 5000.0),
    ]


def test_statistics_tell_the_nearest_and_how_many_there_are() -> None:
    statistics = place_statistics(WORLD)
    assert statistics["location_count"] == len(WORLD)
    places = statistics["places"]
    assert isinstance(places, dict)
    assert list(places) == [place.name for place in PLACES.values()]
    assert places["Haldor"] == {
        "kind": "vendor",
        "count": 2,
        "nearest_m": 500.0,
        "nearest_x_m": -300.0,
        "nearest_z_m": -400.0,
    }
    assert places["Fader"] == {"kind": "boss", "count": 0, **dict.fromkeys(["nearest_m", "nearest_x_m", "nearest_z_m"])}


def test_a_world_whose_source_tells_of_no_locations_has_none_to_tell() -> None:
    assert place_statistics(None) == {"location_count": None, "places": None}
    assert len(place_table(locations())) == 0


@pytest.mark.parametrize("prefab", list(PLACES))
def test_every_place_is_found_by_its_prefab(prefab: str) -> None:
    (row,) = place_table(locations((prefab, 3, 4))).to_dict("records")
    assert (row["name"], row["kind"]) == (PLACES[prefab].name, PLACES[prefab].kind)
    assert math.isclose(row["distance_m"], 5)
