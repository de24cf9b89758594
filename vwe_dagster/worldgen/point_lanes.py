"""Biomes and heights of many scattered points, LANES points at a time.

A noise or formula is computed for all points of a vector if one of them needs it. Rivers, the Ashlands, the slope of
Mountains and the trenches concern few points and are computed one by one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import borrowing_kernel, inlined_kernel, inner_kernel, kernel
from vwe_dagster.kernels.vectors import (
    LANES,
    Lanes,
    any_of,
    bits,
    f32,
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
from vwe_dagster.worldgen.one_point import mountain_of, rivers_at
from vwe_dagster.worldgen.river_field import DEEPEST_BED, RiverField
from vwe_dagster.worldgen.scattered import base_lanes, biome_lanes, zone_lanes


class Points(NamedTuple):
    """Points and their properties, ``[LANES]``.

    Attributes:
        x, z: float64 meters, numbers of float32.
        zone, biome: int32: the bits of the rings, and the index.
        base, ground: float32: the base height, and the ground in units of 200 m, before or after rivers.
        scale: float32, the meters of a unit of ground.
    """

    x: npt.NDArray[np.float64]
    z: npt.NDArray[np.float64]
    zone: npt.NDArray[np.int32]
    biome: npt.NDArray[np.int32]
    base: npt.NDArray[np.float32]
    ground: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]


@kernel
def make_points() -> Points:
    """Return arrays for LANES points."""
    return Points(
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros(LANES, np.int32),
        np.zeros(LANES, np.int32),
        np.zeros(LANES, np.float32),
        np.zeros(LANES, np.float32),
        np.zeros(LANES, np.float32),
    )


@borrowing_kernel
def find_biomes(c: WorldConstants, points: Points) -> None:
    """Fill in the zone, the base height and the biome of points."""
    x, z = load(points.x, 0), load(points.z, 0)
    d = lane_terrain.distance_lanes(x, z)
    every = d == d  # noqa: PLR0124  a mask of all points
    base, zone = base_lanes(c, x, z, d), zone_lanes(x, z, d, c.max_swamp, every, points.zone)
    store(points.zone, 0, zone)
    store(points.base, 0, base)
    store(points.biome, 0, biome_lanes(c, x, z, zone, base, every))


@borrowing_kernel
def find_heights(c: WorldConstants, rivers: RiverField, points: Points) -> None:
    """Fill in the biome of points and their height, in ``ground``, in meters."""
    find_biomes(c, points)
    x, z, where, base = load(points.x, 0), load(points.z, 0), load(points.biome, 0), load(points.base, 0)
    is_inside = lane_terrain.distance_lanes(x, z) <= terrain.EDGE
    is_dry = (where == terrain.OCEAN) | (where == terrain.ASHLANDS)
    is_swamp, is_mist = where == terrain.SWAMP, where == terrain.MISTLANDS
    U, V = rounded(x + 100000.0 + c.o3), rounded(z + 100000.0 + c.o3)
    ground, p1, p4, m = base, f32(0), f32(0), f32(0)
    if any_of(is_inside & ~is_dry & ~is_swamp):
        p1, p4 = perlin_lanes(U * f(0.1), V * f(0.1)), perlin_lanes(U * f(0.4), V * f(0.4))
        ground = _upland(U, V, where, base, p1)
    if any_of(is_inside & is_mist):
        m = _mist(U, V)
        ground = select(is_mist, lane_terrain.mistlands_ground(base, m), ground)
    if any_of(is_inside & is_swamp):
        S, T = rounded(x + 100000.0), rounded(z + 100000.0)
        swamp = lane_terrain.swamp_ground(
            perlin_lanes(S * f(0.04), T * f(0.04)), perlin_lanes(S * f(0.08), T * f(0.08))
        )
        ground = select(is_swamp, swamp, ground)
        p1 = select(is_swamp, perlin_lanes(S * f(0.1), T * f(0.1)), p1)
        p4 = select(is_swamp, perlin_lanes(S * f(0.4), T * f(0.4)), p4)
    store(points.ground, 0, ground)
    _lower_to_rivers(rivers, points, bits(is_inside & ~is_dry & (ground > np.float32(DEEPEST_BED))))
    ground = load(points.ground, 0)
    steps = lane_terrain.mistlands_steps(ground, m, p1, p4)
    ground = select(is_mist, steps, lane_terrain.fine(ground, p1, p4))
    store(points.ground, 0, select(is_dry, base, ground))
    _add_rare(c, points, bits(is_inside & ((where == terrain.ASHLANDS) | (where == terrain.MOUNTAIN))))
    _scale(points, bits(is_inside & ((load(points.zone, 0) & rings.IN_TRENCH) != 0)))
    heights = load(points.ground, 0) * load(points.scale, 0)
    store(points.ground, 0, select(is_inside, heights, np.float32(terrain.VOID)))


@inlined_kernel
def _upland(U: Lanes, V: Lanes, where: Lanes, base: Lanes, p1: Lanes) -> Lanes:
    """Return the ground of lowlands and Mountains before rivers."""
    p01, p02 = perlin_lanes(U * f(0.01), V * f(0.01)), perlin_lanes(U * f(0.02), V * f(0.02))
    d = lane_terrain.detail(p01, p02, perlin_lanes(U * f(0.05), V * f(0.05)), p1)
    is_north, is_plains, is_forest = where == terrain.DEEP_NORTH, where == terrain.PLAINS, where == terrain.BLACK_FOREST
    ground = lane_terrain.lowland_ground(base, d, is_north, is_plains, is_forest)
    return select(where == terrain.MOUNTAIN, lane_terrain.mountain_ground(base, d), ground)


@inlined_kernel
def _mist(U: Lanes, V: Lanes) -> Lanes:
    """Return the ruggedness of the Mistlands."""
    s = f(0.7)
    p0, p1 = perlin_lanes(U * f(0.02) * s, V * f(0.02) * s), perlin_lanes(U * f(0.04) * s, V * f(0.04) * s)
    p2, p3 = perlin_lanes(U * f(0.03) * s, V * f(0.03) * s), perlin_lanes(U * f(0.05) * s, V * f(0.05) * s)
    return lane_terrain.mist(p0, p1, p2, p3)


@inner_kernel
def _lower_to_rivers(rivers: RiverField, points: Points, left: int) -> None:
    """Lower the ground of some points, given as bits, to the beds of their rivers."""
    while left != 0:
        k = lowest_bit(left)
        left &= left - 1
        points.ground[k] = rivers_at(rivers, points.x[k], points.z[k], np.float64(points.ground[k]))


@inner_kernel
def _add_rare(c: WorldConstants, points: Points, left: int) -> None:
    """Turn the base height of Ashlands into their ground, and add the effect of the slope to Mountains."""
    while left != 0:
        k = lowest_bit(left)
        left &= left - 1
        x, z, h = points.x[k], points.z[k], np.float64(points.ground[k])
        if points.biome[k] == terrain.MOUNTAIN:
            points.ground[k] = mountain_of(c, x, z, h)
        else:
            points.ground[k] = terrain.ashlands(c, x, z, h, terrain.ashlands_ridge(x, z))[0]


@inner_kernel
def _scale(points: Points, left: int) -> None:
    """Fill in the scale of points; those that may be in a trench are given as bits."""
    points.scale[:] = np.float32(200)
    while left != 0:
        k = lowest_bit(left)
        left &= left - 1
        points.scale[k] = terrain.meters(points.x[k], points.z[k])
