"""Base height, biome and pre-generation height of scattered points, LANES points at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import inlined_kernel
from vwe_dagster.kernels.vectors import (
    Lanes,
    any_of,
    bits,
    i32,
    lane,
    load,
    lowest_bit,
    rounded,
    select,
    store,
)
from vwe_dagster.worldgen import lane_terrain, rings, terrain
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.lane_noise import perlin_lanes
from vwe_dagster.worldgen.numerics import f
from vwe_dagster.worldgen.terrain import CHANNELS_FROM, RIM

Whole = npt.NDArray[np.int32]


@inlined_kernel
def base_lanes(c: WorldConstants, x: Lanes, z: Lanes, d: Lanes) -> Lanes:
    """Return the base height of points, float32 lanes, from coordinates and distances to the center, float64 lanes."""
    X, Z = x + (100000.0 + c.o0), z + (100000.0 + c.o1)
    p0 = perlin_lanes(X * f(0.002) * 0.5, Z * f(0.002) * 0.5)
    p1 = perlin_lanes(X * f(0.003) * 0.5, Z * f(0.003) * 0.5)
    p2, p3 = perlin_lanes(X * f(0.002), Z * f(0.002)), perlin_lanes(X * f(0.003), Z * f(0.003))
    p4, p5 = perlin_lanes(X * f(0.005), Z * f(0.005)), perlin_lanes(X * f(0.01), Z * f(0.01))
    a = perlin_lanes(X * f(0.002) * 0.25 + f(0.123), Z * f(0.002) * 0.25 + f(0.15123))
    b = perlin_lanes(X * f(0.002) * 0.25 + f(0.321), Z * f(0.002) * 0.25 + f(0.231))
    h = lane_terrain.base_of_noise(p0, p1, p2, p3, p4, p5, a, b)
    if any_of(d < CHANNELS_FROM):
        h = lane_terrain.central_base_of_noise(p0, p1, p2, p3, p4, p5, a, b, d)
    if any_of((d < c.min_mountain) | (d > RIM)):
        h = lane_terrain.shape_base(c.min_mountain, h, d)
    return h


@inlined_kernel
def zone_lanes(x: Lanes, z: Lanes, d: Lanes, max_swamp: float, wanted: Lanes, zone: Whole) -> Lanes:
    """Return the bits of :mod:`~vwe_dagster.worldgen.rings`, int32 lanes.

    Near a ragged border only the wanted points have exact bits. ``zone`` is a buffer for LANES of them.
    """
    south, north = (
        lane_terrain.distance_lanes(x, rounded(z - 4000.0)),
        lane_terrain.distance_lanes(x, rounded(z + 4000.0)),
    )
    found = rings.zone_of_distances(d, south, north, max_swamp)
    near = bits(wanted & rings.is_near_border(d, south, north))
    if near == 0:
        return found
    store(zone, 0, found)
    while near != 0:
        k = lowest_bit(near)
        near &= near - 1
        zone[k] = rings.zone_of_point(lane(x, k), lane(z, k), max_swamp)
    return load(zone, 0)


@inlined_kernel
def mask_lanes(offset: float, x: Lanes, z: Lanes) -> Lanes:
    """Return :func:`~vwe_dagster.worldgen.terrain.mask` of points, float32 lanes."""
    return perlin_lanes(rounded(x + offset) * f(0.001), rounded(z + offset) * f(0.001))


@inlined_kernel
def fixed_biomes(zone: Lanes, base: Lanes) -> Lanes:
    """Return the biomes that follow from rings and base height, int32 lanes; 0 where masks decide."""
    where = select(base > np.float32(0.4), i32(terrain.MOUNTAIN), i32(0))
    where = select((zone & rings.IN_DEEP_NORTH) != 0, i32(terrain.DEEP_NORTH), where)
    where = select(base <= np.float32(0.02), i32(terrain.OCEAN), where)
    return select((zone & rings.IN_ASHLANDS) != 0, i32(terrain.ASHLANDS), where)


@inlined_kernel
def swamp_lanes(c: WorldConstants, x: Lanes, z: Lanes, zone: Lanes, base: Lanes, wanted: Lanes) -> Lanes:
    """Return the biomes of :func:`fixed_biomes`, and the Swamp at wanted points."""
    where = fixed_biomes(zone, base)
    swampy = wanted & (where == 0) & ((zone & rings.IN_SWAMP_RING) != 0)
    swampy = swampy & (base > np.float32(0.05)) & (base < np.float32(0.25))
    if any_of(swampy):
        where = select(swampy & (mask_lanes(c.o0, x, z) > np.float32(0.6)), i32(terrain.SWAMP), where)
    return where


@inlined_kernel
def other_biomes(c: WorldConstants, x: Lanes, z: Lanes, zone: Lanes, where: Lanes, wanted: Lanes) -> Lanes:
    """Return the biomes of all points from those of :func:`swamp_lanes`; only the wanted points are tried by masks."""
    is_open = wanted & (where == 0)
    misty = is_open & ((zone & rings.IN_MISTLANDS_RING) != 0)
    if any_of(misty):
        is_mist = misty & (mask_lanes(c.o4, x, z) > np.float32(c.min_mist))
        where = select(is_mist, i32(terrain.MISTLANDS), where)
    plain = is_open & (where == 0) & ((zone & rings.IN_PLAINS_RING) != 0)
    if any_of(plain):
        where = select(plain & (mask_lanes(c.o1, x, z) > np.float32(0.4)), i32(terrain.PLAINS), where)
    wooded = is_open & (where == 0) & ((zone & rings.IN_FOREST_RING) != 0)
    if any_of(wooded):
        where = select(wooded & (mask_lanes(c.o2, x, z) > np.float32(0.4)), i32(terrain.BLACK_FOREST), where)
    outer = select((zone & rings.IN_OUTER_FOREST) != 0, i32(terrain.BLACK_FOREST), i32(terrain.MEADOWS))
    return select(where == 0, outer, where)


@inlined_kernel
def biome_lanes(c: WorldConstants, x: Lanes, z: Lanes, zone: Lanes, base: Lanes, wanted: Lanes) -> Lanes:
    """Return the biomes of the wanted points, int32 lanes; other points are computed without masks."""
    return other_biomes(c, x, z, zone, swamp_lanes(c, x, z, zone, base, wanted), wanted)
