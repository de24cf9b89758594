"""Comparison of the locations of two engines, type by type."""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from vwe_dagster.conformance.location_types import TypeDifference, type_differences

PLACES = st.builds(
    lambda prefab, x, z: {
        "kind": "location",
        "prefab": prefab,
        "group": "",
        "x_m": float(x),
        "y_m": 30.0,
        "z_m": float(z),
        "radius_m": 12.0,
        "placed": False,
    },
    st.sampled_from(["Crypt2", "Crypt3", "TarPit1"]),
    st.integers(-20, 20),
    st.integers(-20, 20),
)


def crypt(x: float, z: float, **others: object) -> dict[str, Any]:
    return {"prefab": "Crypt2", "group": "crypts", "x_m": x, "y_m": 30.0, "z_m": z, "radius_m": 12.0, **others}


@given(places=st.lists(PLACES, max_size=12), shuffle=st.randoms(use_true_random=False))
def test_order_of_locations_is_not_compared(places: list[dict[str, Any]], shuffle: Any) -> None:
    shuffled = [*places]
    shuffle.shuffle(shuffled)
    assert type_differences(shuffled, places) == ()


@given(one=st.lists(PLACES, max_size=12), other=st.lists(PLACES, max_size=12))
def test_comparison_is_symmetric(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    there = {each.prefab: each for each in type_differences(one, other)}
    back = {each.prefab: each for each in type_differences(other, one)}
    assert there.keys() == back.keys()
    for prefab, difference in there.items():
        assert dataclasses.replace(difference, farthest_m=None, mean_m=None) == dataclasses.replace(
            back[prefab], engine=back[prefab].native, native=back[prefab].engine, farthest_m=None, mean_m=None
        )
        assert difference.differing >= abs(difference.engine - difference.native)


def test_distance_is_to_the_nearest_differing_location() -> None:
    engine = [crypt(0, 0), crypt(103, 4), crypt(500, 12)]
    native = [crypt(500, 0), crypt(100, 0), crypt(0, 0)]
    assert type_differences(engine, native) == (TypeDifference("Crypt2", 2, 3, 3, 12.0, 8.5),)


def test_location_that_is_reported_twice_differs() -> None:
    assert type_differences([crypt(0, 0), crypt(0, 0)], [crypt(0, 0)]) == (
        TypeDifference("Crypt2", 1, 2, 1, None, None),
    )


def test_other_group_or_radius_differs_at_zero_distance() -> None:
    for changed in ({"group": ""}, {"radius_m": 13.0}):
        assert type_differences([crypt(0, 0, **changed)], [crypt(0, 0)]) == (
            TypeDifference("Crypt2", 1, 1, 1, 0.0, 0.0),
        )


def test_location_without_coordinates_differs_at_unknown_distance() -> None:
    for x in (None, "west", float("nan")):
        (found,) = type_differences([crypt(0, 0, x_m=x)], [crypt(0, 0)])
        assert (found.differing, found.farthest_m) == (1, None)
