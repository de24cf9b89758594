"""The locations match every known figure of the game: digests, first instances and counts of the game's log."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from vwe_dagster.locations.locations_digest import KNOWN_DIGESTS, KNOWN_LANDMARK_DIGESTS, locations_digest
from vwe_dagster.locations.world_locations import Locations
from vwe_dagster.seeds.seed import seed_number
from vwe_dagster.worldgen import World

MWD8 = -1772362158
LANDMARKS = "DN_Bossroom"
"""The last of the prioritized types."""

INSTANCES = {75539276: 12_228, -1772362158: 12_314, 319486907: 12_287, 1374011043: 12_430}

FIRST_INSTANCES: dict[str, list[tuple[float, float]]] = {
    "GoblinKing": [(5120, 1088), (-4928, 4096), (2752, -4544), (3584, 3840)],
    "GDKing": [(-4411.20, -2811.65), (187.52, -2750.61), (-2817.40, 1665.16), (-6330.78, 2946.71)],
    "Bonemass": [
        (-4354.74, -635.73),
        (3595.30, -1977.39),
        (-2684.19, 3522.14),
        (-4171.89, -4097.10),
        (1722.94, 2560.92),
    ],
    "Dragonqueen": [(5362.95, 3317.92), (4972.08, -3268.37), (2624.55, 1554.15)],
    "FaderLocation": [(-1152, -9024), (2944, -9152), (-5376, -8448)],
    "DN_Bossroom": [(-3456, 9088), (-1344, 9344), (320, 9536)],
}
"""Places of MWD8, x and z in meters, in order of placement."""

LOG_COUNTS = {"Crypt4": 170, "TarPit1": 91, "NorthVillage": 53, "SwampHut1_1": 33, "SwampHut2_1": 2, "GoblinCamp2_1": 0}
"""Counts of the game's own log for seed 319486907."""


@functools.cache
def all_of(seed: int) -> Locations:
    return World(seed).locations()


@pytest.fixture(scope="module")
def landmarks() -> Locations:
    return World(MWD8).locations(upto=LANDMARKS)


def bits(values: Locations, prefab: str) -> list[list[str]]:
    part = values.prefab == prefab
    points = np.stack([values.x, values.y, values.z], axis=1)[part]
    return [[f"{value:08X}" for value in point.view(np.uint32)] for point in points]


@pytest.mark.parametrize("seed", KNOWN_DIGESTS)
def test_digest_of_all_types(seed: int) -> None:
    assert len(all_of(seed)) == INSTANCES[seed]
    assert locations_digest(all_of(seed)) == KNOWN_DIGESTS[seed]


@pytest.mark.parametrize("seed", KNOWN_LANDMARK_DIGESTS)
def test_digest_of_the_prioritized_types(seed: int) -> None:
    locations = World(seed).locations(upto=23)
    assert len(locations) == 518
    assert locations_digest(locations) == KNOWN_LANDMARK_DIGESTS[seed]


def test_first_instances_to_the_bit(landmarks: Locations) -> None:
    assert bits(landmarks, "StartTemple") == [["428D06B0", "42076D4C", "C035C309"]]
    assert bits(landmarks, "Eikthyrnir") == [
        ["42DC8D76", "422C5693", "C28DC5EA"],
        ["C442BEEA", "424E1972", "43D605F9"],
        ["C41520E2", "4204989F", "C32DDB17"],
    ]
    assert landmarks.attempt[0] == 166
    assert landmarks.attempt[landmarks.prefab == "Eikthyrnir"][-1] == 21


@pytest.mark.parametrize("prefab", FIRST_INSTANCES)
def test_first_instances(landmarks: Locations, prefab: str) -> None:
    part = landmarks.prefab == prefab
    found = np.stack([landmarks.x[part], landmarks.z[part]], axis=1)
    np.testing.assert_allclose(found, FIRST_INSTANCES[prefab], atol=0.006)


def test_counts_of_the_games_log() -> None:
    prefabs = all_of(319486907).prefab
    assert {prefab: np.count_nonzero(prefabs == prefab) for prefab in LOG_COUNTS} == LOG_COUNTS
    assert not (prefabs == "StoneTowerRuins05_leet").any()


def test_figures_that_players_published() -> None:
    small = World(seed_number("138fmg")).locations()
    assert len(small) == 12_278
    np.testing.assert_allclose([small.x[0], small.z[0]], [-324.1, -325.3], atol=0.05)
    assert len(World(seed_number("bmbp74")).locations()) == 12_286
    haldor = World(12345).locations(kinds="haldor")
    assert round(float(np.hypot(haldor.x, haldor.z).min()), 1) == 2464.1
