"""Biome and height of points of a zone, from the bits that hold for all points of the zone."""

from __future__ import annotations

import numpy as np

from vwe_dagster.kernels.compiling import inlined_kernel, inner_kernel
from vwe_dagster.kernels.vectors import Lanes, f64x16, lane, load16, mask16, select
from vwe_dagster.locations.zones import CALM, RINGS, rings_at
from vwe_dagster.worldgen import one_point, rings, terrain
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.lane_noise import perlin_lanes
from vwe_dagster.worldgen.noise import perlin
from vwe_dagster.worldgen.numerics import clamp01, f, length
from vwe_dagster.worldgen.river_field import RiverField

HIGHEST_NOISE = 1.2
"""Upper bound of Perlin noise, which spans -0.136 to 1.139."""
ALL_BIOMES = 0x3FF
"""Bits of all biomes, by index."""


@inlined_kernel
def base_of_lanes(p: Lanes, first: int, cut: float) -> float:
    """Return the base height before shaping; its noises are eight lanes from ``first`` onwards."""
    return terrain.base_from_noise(
        np.float64(lane(p, first)),
        np.float64(lane(p, first + 1)),
        np.float64(lane(p, first + 2)),
        np.float64(lane(p, first + 3)),
        np.float64(lane(p, first + 4)),
        np.float64(lane(p, first + 5)),
        np.float64(lane(p, first + 6)),
        np.float64(lane(p, first + 7)),
        cut,
    )


@inlined_kernel
def biome_by_rings(c: WorldConstants, ring: int, base: float, p: Lanes) -> int:
    """Return the biome of a point in these rings from its base height and its noises."""
    if ring & rings.IN_ASHLANDS:
        return terrain.ASHLANDS
    if base <= f(0.02):
        return terrain.OCEAN
    if ring & rings.IN_DEEP_NORTH:
        return terrain.DEEP_NORTH
    if base > f(0.4):
        return terrain.MOUNTAIN
    if ring & rings.IN_SWAMP_RING and f(0.05) < base < f(0.25) and lane(p, one_point.SWAMP_MASK) > np.float32(0.6):
        return terrain.SWAMP
    if ring & rings.IN_MISTLANDS_RING and np.float64(lane(p, one_point.MIST_MASK)) > c.min_mist:
        return terrain.MISTLANDS
    if ring & rings.IN_PLAINS_RING and lane(p, one_point.PLAINS_MASK) > np.float32(0.4):
        return terrain.PLAINS
    if ring & rings.IN_FOREST_RING and lane(p, one_point.FOREST_MASK) > np.float32(0.4):
        return terrain.BLACK_FOREST
    return terrain.BLACK_FOREST if ring & rings.IN_OUTER_FOREST else terrain.MEADOWS


@inner_kernel
def calm_tilt(c: WorldConstants, x: float, z: float) -> float:
    """Return the slope of the base height at a point of a calm zone."""
    west, east = _two_bases(c, f(x - 1.0), z, f(x + 1.0), z)
    south, north = _two_bases(c, x, f(z - 1.0), x, f(z + 1.0))
    return terrain.mountain_tilt(west, east, south, north)


@inlined_kernel
def _two_bases(c: WorldConstants, ax: float, az: float, bx: float, bz: float) -> tuple[float, float]:
    is_first, t = mask16(0x00FF), one_point.BASE_TWICE
    X = select(is_first, f64x16(ax), f64x16(bx)) + (100000.0 + c.o0)
    Z = select(is_first, f64x16(az), f64x16(bz)) + (100000.0 + c.o1)
    first, second = load16(t, (0, 0)), load16(t, (1, 0))
    p = perlin_lanes(X * first * second + load16(t, (2, 0)), Z * first * second + load16(t, (3, 0)))
    return base_of_lanes(p, 0, 1.0), base_of_lanes(p, 8, 1.0)


@inlined_kernel
def is_below(h: float, p1: float, scale: float, low: float) -> bool:
    """Return whether the ground is too low with any finest bumps and any rivers."""
    return f(f(terrain.fine(h, p1, HIGHEST_NOISE) * scale) - 30.0) < low


@inlined_kernel
def point_of(
    c: WorldConstants,
    rivers: RiverField,
    bits: int,
    wet: bool,
    wanted: int,
    low: float,
    high: float,
    x: float,
    z: float,
) -> tuple[float, float]:
    """Return the height and the vegetation of a point in or near a zone.

    The height is NaN if the biome is not wanted or the altitude is beyond its limits. The vegetation is complete.

    Args:
        c: the world.
        rivers: its rivers.
        bits: the bits of the zone.
        wet: whether rivers may be near.
        wanted: bits of the wanted biomes, by index.
        low: lowest altitude.
        high: highest altitude.
        x: east, meters.
        z: north, meters.
    """
    p = one_point.noises_of(c, x, z)
    ring, cut, scale, d = bits >> RINGS, 1.0, 200.0, 0.0
    if bits & CALM == 0:
        ring, d = rings_at(c, x, z), length(x, z)
        cut = terrain.channel_cut(d)
        if ring & rings.IN_TRENCH:
            scale = terrain.meters(x, z)
    base = base_of_lanes(p, 0, cut)
    if bits & CALM == 0:
        base = terrain.shape_base(c, base, d)
    where = biome_by_rings(c, ring, base, p)
    if wanted >> where & 1 == 0:
        return np.nan, 1.0
    a, U, V = 1.0, f(x + 100000.0 + c.o3), f(z + 100000.0 + c.o3)
    if d > terrain.EDGE:
        y = terrain.VOID
    elif where == terrain.ASHLANDS:
        ground, a = terrain.ashlands(c, x, z, base, terrain.ashlands_ridge(x, z))
        y, a = f(ground * scale), f(a)
    elif where == terrain.MISTLANDS:
        q = one_point.eight_noises(one_point.MISTY, U, V)
        m = terrain.mist(np.float64(lane(q, 0)), np.float64(lane(q, 1)), np.float64(lane(q, 2)), np.float64(lane(q, 3)))
        h = terrain.mistlands_ground(base, m)
        if wet:
            h = one_point.rivers_at(rivers, x, z, h)
        y = f(terrain.mistlands_steps(h, m, np.float64(lane(q, 4)), np.float64(lane(q, 5))) * scale)
        a = f(clamp01(m * 7.0))
    elif where == terrain.SWAMP:
        q = one_point.eight_noises(one_point.SWAMPY, f(x + 100000.0), f(z + 100000.0))
        h = terrain.swamp_ground(np.float64(lane(q, 0)), np.float64(lane(q, 1)))
        if wet:
            h = one_point.rivers_at(rivers, x, z, h)
        y = f(terrain.fine(h, np.float64(lane(q, 2)), np.float64(lane(q, 3))) * scale)
    elif where == terrain.OCEAN:
        y = f(base * scale)
    else:
        p1 = np.float64(lane(p, one_point.DETAIL + 3))
        h = terrain.upland_ground(where, base, one_point.detail_of(p))
        if where != terrain.MOUNTAIN and is_below(h, p1, scale, low):
            return np.nan, 1.0
        if wet:
            h = one_point.rivers_at(rivers, x, z, h)
        h = terrain.fine(h, p1, perlin(U * f(0.4), V * f(0.4)))
        if where == terrain.MOUNTAIN:
            tilt = calm_tilt(c, x, z) if bits & CALM else one_point.tilt_at(c, x, z)
            h = terrain.mountain_top(h, perlin(U * f(0.2), V * f(0.2)), tilt)
        y = f(h * scale)
        a = 0.0 if where == terrain.DEEP_NORTH else 1.0
    return y if low <= f(y - 30.0) <= high else np.nan, a
