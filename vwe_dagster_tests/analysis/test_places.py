"""Places among the locations of a world: their kinds, the nearest ones, candidates."""

from __future__ import annotations

import pandas as pd
import pytest

from vwe_dagster.analysis.places import PLACE_COLUMNS, known_kinds, place_statistics, place_table
from vwe_dagster.world.canonical import LOCATION_COLUMNS


def locations(*rows: tuple[str, float, float], placed: str | None = None) -> pd.DataFrame:
    table = [(prefab, "", x, 31.0, z, 10.0, prefab == placed) for prefab, x, z in rows]
    return pd.DataFrame(table, columns=list(LOCATION_COLUMNS)).astype(LOCATION_COLUMNS)


WORLD = locations(
    ("Vendor_BlackForest", 3000, 4000),
    ("GDKing", -600, 800),
    ("Crypt2", 3, 4),
    ("Vendor_BlackForest", -300, -400),
    ("Eikthyrnir", 120, 50),
    ("ModdedCastle", 1, 0),
    ("Eikthyrnir", -30, 40),
    ("Crypt3", 6, 8),
)


def test_places_are_ordered_by_kind_with_the_nearest_first() -> None:
    table = place_table(WORLD)
    assert dict(table.dtypes.astype(str)) == PLACE_COLUMNS
    assert list(table[["kind", "prefab", "distance_m"]].itertuples(index=False, name=None)) == [
        ("eikthyr", "Eikthyrnir", 50.0),
        ("eikthyr", "Eikthyrnir", 130.0),
        ("elder", "GDKing", 1000.0),
        ("haldor", "Vendor_BlackForest", 500.0),
        ("haldor", "Vendor_BlackForest", 5000.0),
        ("burial_chamber", "Crypt2", 5.0),
        ("burial_chamber", "Crypt3", 10.0),
        ("other", "ModdedCastle", 1.0),
    ]
    assert table["label"].tolist()[:3] == ["Eikthyr", "Eikthyr", "The Elder"]
    assert table["group"].tolist()[2:6] == ["boss", "trader", "trader", "dungeon"]
    assert table["bearing_deg"].tolist()[0] == pytest.approx(323.13, abs=0.01)


def test_statistics_of_a_kind() -> None:
    statistics = place_statistics(place_table(WORLD))
    assert statistics["location_count"] == len(WORLD)
    places = statistics["places"]
    assert isinstance(places, dict)
    assert list(places) == list(known_kinds())
    assert places["haldor"] == {
        "label": "Haldor",
        "group": "trader",
        "count": 2,
        "candidates": 2,
        "within_2km": 1,
        "nearest_m": 500.0,
        "nearest_bearing_deg": pytest.approx(216.87, abs=0.01),
        "nearest_x_m": -300.0,
        "nearest_z_m": -400.0,
    }
    nothing = dict.fromkeys(["nearest_m", "nearest_bearing_deg", "nearest_x_m", "nearest_z_m"])
    assert places["fader"] == {
        "label": "Fader", "group": "boss", "count": 0, "candidates": 0, "within_2km": 0, **nothing
    }  # fmt: skip
    assert sum(place["count"] for place in places.values()) == len(WORLD)


def test_only_unbuilt_instances_of_a_unique_type_are_candidates() -> None:
    candidates = place_table(WORLD).query("candidate")
    assert set(candidates["prefab"]) == {"Vendor_BlackForest"}
    assert not place_table(locations(("Vendor_BlackForest", 1, 1)))["candidate"].any()
    explored = locations(("Vendor_BlackForest", 1, 1), ("Vendor_BlackForest", 9, 9), placed="Vendor_BlackForest")
    assert not place_table(explored)["candidate"].any()


def test_world_whose_source_has_no_locations_has_no_statistics_of_places() -> None:
    assert place_statistics(None) == {"location_count": None, "places": None}


def test_world_without_a_single_location_has_empty_statistics() -> None:
    table = place_table(locations())
    assert dict(table.dtypes.astype(str)) == PLACE_COLUMNS
    assert len(table) == 0
    assert place_statistics(table)["location_count"] == 0
