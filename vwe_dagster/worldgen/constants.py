"""The constants that distinguish worlds: the offsets drawn from the seed. Section 4 of the specification."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vwe_dagster.worldgen.unity_random import init_state, range_int

WORLD_GEN_VERSIONS = (0, 1, 2)
_MIN_MOUNTAIN = (1500.0, 1000.0, 1000.0)
_MIN_MIST = (0.5, 0.5, 0.4)
_MAX_SWAMP = (8000.0, 8000.0, 6000.0)


class WorldConstants(NamedTuple):
    """The noise offsets of a world and the limits of its world-gen version, all float64."""

    o0: float
    o1: float
    o2: float
    o3: float
    o4: float
    min_mountain: float
    min_mist: float
    max_swamp: float


class RiverSeeds(NamedTuple):
    """The seeds of the two random streams of pre-generation."""

    river: int
    stream: int


def draw_constants(seed: int, version: int) -> tuple[WorldConstants, RiverSeeds]:
    """Draw the constants of a world.

    Args:
        seed: the seed as a signed 32-bit integer.
        version: the world-gen version: 0, 1 or 2.
    """
    state = init_state(seed)
    o0, o1, o2, o3 = (float(range_int(state, -10000, 10000)) for _ in range(4))
    seeds = RiverSeeds(*(int(range_int(state, -2147483648, 2147483647)) for _ in range(2)))
    o4 = float(range_int(state, -10000, 10000))
    min_mist = float(np.float32(_MIN_MIST[version]))
    return WorldConstants(o0, o1, o2, o3, o4, _MIN_MOUNTAIN[version], min_mist, _MAX_SWAMP[version]), seeds
