"""The public interface of the package: the types that are run and returned, and rejected requests."""

from __future__ import annotations

import numpy as np
import pytest

from vwe_dagster.locations.world_locations import LocationError, Locations
from vwe_dagster.worldgen import World, WorldError

SEED = -1772362158


@pytest.fixture(scope="module")
def landmarks() -> Locations:
    return World(SEED).locations(upto=23)


def test_arrays_have_equal_length_and_the_documented_types(landmarks: Locations) -> None:
    expected = {
        **dict.fromkeys(("x", "y", "z"), np.float32),
        **dict.fromkeys(("zone_x", "zone_z", "type_index", "attempt"), np.int32),
        "candidate": np.bool_,
    }
    assert {name: getattr(landmarks, name).dtype for name in expected} == expected
    assert {getattr(landmarks, name).shape for name in (*expected, "prefab", "kind")} == {(518,)}
    assert len(landmarks) == 518


def test_types_are_in_running_order(landmarks: Locations) -> None:
    assert (np.diff(landmarks.type_index) >= 0).all()
    for index in np.unique(landmarks.type_index):
        assert (np.diff(landmarks.attempt[landmarks.type_index == index]) > 0).all()
    assert list(dict.fromkeys(landmarks.kind))[:5] == ["spawn", "eikthyr", "yagluth", "elder", "bonemass"]


def test_a_prefab_and_a_number_of_types_stop_at_the_same_type() -> None:
    by_prefab, by_number = World(SEED).locations(upto="Bonemass"), World(SEED).locations(upto=5)
    np.testing.assert_array_equal(by_prefab.x, by_number.x)
    assert by_prefab.type_index.max() == 4
    assert len(World(SEED).locations(upto=0)) == 0


def test_kinds_are_cut_from_all_types(landmarks: Locations) -> None:
    traders = World(SEED).locations(kinds=["bog_witch", "haldor"])
    part = np.isin(landmarks.kind, ["haldor", "bog_witch"])
    np.testing.assert_array_equal(traders.x, landmarks.x[part])
    np.testing.assert_array_equal(traders.candidate, landmarks.candidate[part])
    assert traders.type_count == 22
    assert len(World(SEED).locations(kinds=[])) == 0
    assert len(World(SEED).locations(upto=3, kinds="haldor")) == 0


def test_instances_of_unique_types_are_candidates(landmarks: Locations) -> None:
    expected = {"haldor", "hildir", "bog_witch", "ancient_upgrade_station"}
    assert set(landmarks.kind[landmarks.candidate]) == expected
    assert landmarks.candidate[np.isin(landmarks.kind, list(expected))].all()
    assert not landmarks.candidate[landmarks.kind == "place_of_mystery"].any()


def test_a_given_grid_is_used_if_it_is_the_worlds(landmarks: Locations) -> None:
    world = World(SEED)
    np.testing.assert_array_equal(world.locations(upto=23, grid=world.grid()).x, landmarks.x)
    for grid in (World(1).grid(2048), world.grid(512), world.grid(rows=slice(0, 8))):
        with pytest.raises(LocationError, match=r"World\(-1772362158\)\.grid\(\)"):
            world.locations(upto=1, grid=grid)


def test_a_given_grid_is_not_changed() -> None:
    world = World(SEED)
    grid = world.grid()
    biome, height = grid.biome.copy(), grid.height.copy()
    world.locations(upto=1, grid=grid)
    np.testing.assert_array_equal(grid.biome, biome)
    np.testing.assert_array_equal(grid.height, height)


@pytest.mark.parametrize("version", [0, 1])
def test_older_world_gen_versions_are_rejected_with_the_reason(version: int) -> None:
    with pytest.raises(WorldError, match=f"version {version} are unknown: .* another algorithm"):
        World(1, version).locations()


def test_unknown_types_and_kinds_are_rejected() -> None:
    world = World(SEED)
    with pytest.raises(LocationError, match="no location type 'Haldor'"):
        world.locations(upto="Haldor")
    with pytest.raises(LocationError, match="from 0 to 183, not 184"):
        world.locations(upto=184)
    with pytest.raises(LocationError, match="Unknown kind of location 'haldr'; choose from abandoned_cabin, "):
        world.locations(kinds=["haldr"])
