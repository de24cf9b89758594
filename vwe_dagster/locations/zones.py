"""The state of each zone of 64 m: whether it is free, its area, and the rings and rivers that it touches."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import inlined_kernel, inner_kernel, kernel
from vwe_dagster.locations.plain import ZONES
from vwe_dagster.worldgen import one_point, terrain
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.numerics import f, length
from vwe_dagster.worldgen.rings import (
    IN_ASHLANDS,
    IN_DEEP_NORTH,
    IN_FOREST_RING,
    IN_MISTLANDS_RING,
    IN_OUTER_FOREST,
    IN_PLAINS_RING,
    IN_SWAMP_RING,
    IN_TRENCH,
)
from vwe_dagster.worldgen.river_field import cell_points

SPAN = 2 * ZONES + 1
AREA, TAKEN, CALM, WET, NEAR_WET = 3, 4, 8, 16, 32
"""Bits of a zone: its area, 0 for unknown; taken; whether its rings are known; whether it, or a neighbor, has rivers.

Taken zones have no area.
"""
RINGS = 8
"""Number of bits that the rings are shifted by."""
CALM_REACH_M = 33.0
"""Radius of the terrain around a point for which the bits of its zone are valid."""
CALM_M = 46.0 + CALM_REACH_M
"""Radius around the center of a zone within which its bits are valid: half its diagonal and CALM_REACH_M."""


class Zones(NamedTuple):
    """The state of the zones, each array ``[SPAN * SPAN]``.

    Attributes:
        biome: int8, the biome at the center; -1 for unknown.
        bits: uint16, see :data:`AREA`.
    """

    biome: npt.NDArray[np.int8]
    bits: npt.NDArray[np.uint16]


@kernel
def make_zones() -> Zones:
    """Return zones that are free and otherwise unknown."""
    return Zones(np.full(SPAN * SPAN, -1, np.int8), np.zeros(SPAN * SPAN, np.uint16))


@inlined_kernel
def zone_number(zx: int, zz: int) -> int:
    """Return the place of a zone in the arrays of :class:`Zones`."""
    return (zz + ZONES) * SPAN + zx + ZONES


@inner_kernel
def survey_zone(c: WorldConstants, start: npt.NDArray[np.int32], zones: Zones, zone: int) -> int:
    """Return the bits of a free zone, and store them in ``zones``; ``start`` is that of the river field."""
    zx, zz = zone % SPAN - ZONES, zone // SPAN - ZONES
    bits = _area_of(c, zones, zone, zx, zz)
    x, z = 64.0 * zx, 64.0 * zz
    if _is_calm(c, x, z):
        bits |= CALM | rings_at(c, x, z) << RINGS
    for j in range(zz - 1, zz + 2):
        for i in range(zx - 1, zx + 2):
            first, last = cell_points(start, i, j)
            if first < last:
                bits |= WET | NEAR_WET if i == zx and j == zz else NEAR_WET
    zones.bits[zone] = bits
    return bits


@inner_kernel
def _area_of(c: WorldConstants, zones: Zones, zone: int, zx: int, zz: int) -> int:
    for j in range(-1, 2):
        for i in range(-1, 2):
            near = zone + j * SPAN + i
            if zones.biome[near] < 0:
                zones.biome[near] = one_point.biome(c, 64.0 * (zx + i), 64.0 * (zz + j))
            if zones.biome[near] != zones.biome[zone - SPAN - 1]:
                return 1
    return 2


@inner_kernel
def _is_calm(c: WorldConstants, x: float, z: float) -> bool:
    """Return whether all points within CALM_M are in the same rings, and far from trenches, the center and the rim."""
    d = length(x, z)
    ragged = terrain.WAVE + 1.0 + CALM_M
    is_calm = max(terrain.CHANNELS_FROM, c.min_mountain) + CALM_M < d < terrain.RIM - CALM_M
    for shift in (-4000.0, 4000.0):
        is_calm &= abs(length(x, f(z + shift)) - 12000.0) > 400.0 + ragged
    for radius in (600.0, 3000.0, 5000.0, 6000.0):
        is_calm &= abs(d - radius) > ragged
    for radius in (2000.0, 8000.0, c.max_swamp):
        is_calm &= abs(d - radius) > CALM_M
    return is_calm


@inner_kernel
def rings_at(c: WorldConstants, x: float, z: float) -> int:
    """Return the bits of :mod:`~vwe_dagster.worldgen.rings` at a point."""
    d, bits = length(x, z), 0
    bits |= IN_ASHLANDS if terrain.is_ashlands(x, z) else 0
    bits |= IN_DEEP_NORTH if terrain.is_deep_north(x, z) else 0
    if terrain.is_near_trench(length(x, f(z - 4000.0))) or terrain.is_near_trench(length(x, f(z + 4000.0))):
        bits |= IN_TRENCH
    bits |= IN_SWAMP_RING if 2000.0 < d < c.max_swamp else 0
    bits |= IN_MISTLANDS_RING if d < 10000.0 and terrain.is_beyond(d, 6000.0, x, z) else 0
    bits |= IN_PLAINS_RING if d < 8000.0 and terrain.is_beyond(d, 3000.0, x, z) else 0
    bits |= IN_FOREST_RING if d < 6000.0 and terrain.is_beyond(d, 600.0, x, z) else 0
    bits |= IN_OUTER_FOREST if terrain.is_beyond(d, 5000.0, x, z) else 0
    return bits
