"""Biome, base height and height of one point with vector instructions, equal to :mod:`~vwe_dagster.worldgen.terrain`.

A point needs up to sixteen noises, which are the lanes of a vector; the rest is the scalar formulas. Kernels that
visit scattered points, such as those of locations and streams, call :func:`biome`, :func:`height` and
:func:`biome_and_height`, or the steps that these consist of.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import borrowing_kernel, inlined_kernel, inner_kernel
from vwe_dagster.kernels.vectors import (
    Lanes,
    as_f32,
    as_f64,
    bits,
    f64x8,
    f64x16,
    lane,
    load8,
    load16,
    lowest_bit,
    mask16,
    rounded,
    select,
    sqrt,
)
from vwe_dagster.worldgen import terrain
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.lane_noise import perlin_lanes
from vwe_dagster.worldgen.noise import perlin
from vwe_dagster.worldgen.numerics import f, length
from vwe_dagster.worldgen.river_field import DEEPEST_BED, RiverField, carve, cell_of

SWAMP_MASK, MIST_MASK, PLAINS_MASK, FOREST_MASK, DETAIL = 8, 9, 10, 11, 12
"""Lanes of :func:`noises_of` after the eight of the base height; the detail has four."""

Doubles = npt.NDArray[np.float64]


def _single(*values: float) -> list[float]:
    return [float(np.float32(value)) for value in values]


_DETAIL = _single(0.01, 0.02, 0.05, 0.1)


def _factors() -> Doubles:
    """Return the two factors of the coordinates in each lane, and the numbers added to x and to z, ``[4, 16]``."""
    table = np.ones((4, 16))
    table[0] = _single(0.002, 0.003, 0.002, 0.003, 0.005, 0.01, 0.002, 0.002) + 4 * _single(0.001) + _DETAIL
    table[1, [0, 1, 6, 7]] = 0.5, 0.5, 0.25, 0.25
    table[2:] = 0
    table[2, 6:8], table[3, 6:8] = _single(0.123, 0.321), _single(0.15123, 0.231)
    return table


FACTORS = _factors()
BASE_TWICE = np.concatenate([FACTORS[:, :8], FACTORS[:, :8]], axis=1)
MISTY = np.array([_single(0.02, 0.04, 0.03, 0.05, 0.1, 0.4, 0, 0), [*_single(*4 * [0.7]), 1, 1, 1, 1]])
"""The factors of the Mistlands' noises, ``[2, 8]``: four of their own, then the finest bumps."""
SWAMPY = np.array([_single(0.04, 0.08, 0.1, 0.4, 0, 0, 0, 0), np.ones(8)])
"""The factors of the Swamp's noises, ``[2, 8]``."""


@inlined_kernel
def noises_of(c: WorldConstants, x: float, z: float) -> Lanes:
    """Return the noises of a point that its base height, biome and detail need, as 16 float32 lanes."""
    is_base, is_detail = mask16(0x00FF), mask16(0xF000)
    masks = select(mask16(0x0200), f64x16(c.o4), select(mask16(0x0400), f64x16(c.o1), f64x16(c.o2)))
    masks = select(is_detail, f64x16(100000.0 + c.o3), select(mask16(0x0100), f64x16(c.o0), masks))
    X = f64x16(x) + select(is_base, f64x16(100000.0 + c.o0), masks)
    Z = f64x16(z) + select(is_base, f64x16(100000.0 + c.o1), masks)
    X, Z = select(is_base, X, rounded(X)), select(is_base, Z, rounded(Z))
    first, second = load16(FACTORS, (0, 0)), load16(FACTORS, (1, 0))
    return perlin_lanes(X * first * second + load16(FACTORS, (2, 0)), Z * first * second + load16(FACTORS, (3, 0)))


@inlined_kernel
def _base_of_lanes(c: WorldConstants, p: Lanes, first: int, d: float) -> float:
    """Return the base height at the distance ``d`` from the center; its noises are eight lanes from ``first``."""
    h = terrain.base_from_noise(
        np.float64(lane(p, first)),
        np.float64(lane(p, first + 1)),
        np.float64(lane(p, first + 2)),
        np.float64(lane(p, first + 3)),
        np.float64(lane(p, first + 4)),
        np.float64(lane(p, first + 5)),
        np.float64(lane(p, first + 6)),
        np.float64(lane(p, first + 7)),
        terrain.channel_cut(d),
    )
    return terrain.shape_base(c, h, d)


@inlined_kernel
def base_of(c: WorldConstants, x: float, z: float, p: Lanes) -> float:
    """Return :func:`~vwe_dagster.worldgen.terrain.base_height` from the :func:`noises_of` a point."""
    return _base_of_lanes(c, p, 0, length(x, z))


@inlined_kernel
def biome_of(c: WorldConstants, x: float, z: float, base: float, p: Lanes) -> int:
    """Return :func:`~vwe_dagster.worldgen.terrain.biome` from the base height and the :func:`noises_of` a point."""
    if terrain.is_ashlands(x, z):
        return terrain.ASHLANDS
    if base <= f(0.02):
        return terrain.OCEAN
    if terrain.is_deep_north(x, z):
        return terrain.DEEP_NORTH
    if base > f(0.4):
        return terrain.MOUNTAIN
    d = length(x, z)
    is_swampy = np.float64(lane(p, SWAMP_MASK)) > f(0.6)
    if is_swampy and 2000.0 < d < c.max_swamp and f(0.05) < base < f(0.25):
        return terrain.SWAMP
    if np.float64(lane(p, MIST_MASK)) > c.min_mist and d < 10000.0 and terrain.is_beyond(d, 6000.0, x, z):
        return terrain.MISTLANDS
    if np.float64(lane(p, PLAINS_MASK)) > f(0.4) and d < 8000.0 and terrain.is_beyond(d, 3000.0, x, z):
        return terrain.PLAINS
    if np.float64(lane(p, FOREST_MASK)) > f(0.4) and d < 6000.0 and terrain.is_beyond(d, 600.0, x, z):
        return terrain.BLACK_FOREST
    return terrain.BLACK_FOREST if terrain.is_beyond(d, 5000.0, x, z) else terrain.MEADOWS


@inlined_kernel
def detail_of(p: Lanes) -> float:
    """Return :func:`~vwe_dagster.worldgen.terrain.detail` from the :func:`noises_of` a point."""
    return terrain.detail(
        np.float64(lane(p, DETAIL)),
        np.float64(lane(p, DETAIL + 1)),
        np.float64(lane(p, DETAIL + 2)),
        np.float64(lane(p, DETAIL + 3)),
    )


@borrowing_kernel
def rivers_at(field: RiverField, x: float, z: float, h: float) -> float:
    """Return :func:`~vwe_dagster.worldgen.river_field.add_rivers`, which tests 16 points of the cell at a time."""
    if h <= DEEPEST_BED:
        return h
    cell = cell_of(x, z)
    if cell < 0:
        return h
    weight, weights, widths = 0.0, 0.0, 0.0
    last = np.int64(field.start[cell + 1])
    for i in range(np.int64(field.start[cell]), last, 16):
        dx, dz = load16(field.x, i) - np.float32(x), load16(field.z, i) - np.float32(z)
        d2 = as_f32(as_f64(dx) * as_f64(dx) + as_f64(dz) * as_f64(dz))
        radius = load16(field.radius, i)
        hits = bits(d2 < radius * radius)
        if last - i < 16:
            hits &= (1 << (last - i)) - 1
        if hits == 0:
            continue
        near = as_f32(1.0 - as_f64(sqrt(d2)) / as_f64(radius))
        while hits != 0:
            k = lowest_bit(hits)
            hits &= hits - 1
            w, r = np.float64(lane(near, k)), np.float64(field.radius[i + k])
            weight = max(weight, w)
            widths = f(widths + r * w)
            weights = f(weights + w)
    return carve(h, weight, f(widths / weights)) if weight > 0.0 else h


@inner_kernel
def tilt_at(c: WorldConstants, x: float, z: float) -> float:
    """Return the slope of the base height at a point, see :func:`~vwe_dagster.worldgen.terrain.mountain_tilt`."""
    west, east = _two_bases(c, f(x - 1.0), z, f(x + 1.0), z)
    south, north = _two_bases(c, x, f(z - 1.0), x, f(z + 1.0))
    return terrain.mountain_tilt(west, east, south, north)


@inlined_kernel
def _two_bases(c: WorldConstants, ax: float, az: float, bx: float, bz: float) -> tuple[float, float]:
    is_first = mask16(0x00FF)
    X = select(is_first, f64x16(ax), f64x16(bx)) + (100000.0 + c.o0)
    Z = select(is_first, f64x16(az), f64x16(bz)) + (100000.0 + c.o1)
    first, second = load16(BASE_TWICE, (0, 0)), load16(BASE_TWICE, (1, 0))
    p = perlin_lanes(X * first * second + load16(BASE_TWICE, (2, 0)), Z * first * second + load16(BASE_TWICE, (3, 0)))
    return _base_of_lanes(c, p, 0, length(ax, az)), _base_of_lanes(c, p, 8, length(bx, bz))


@inlined_kernel
def eight_noises(factors: Doubles, U: float, V: float) -> Lanes:
    """Return noises of the detail, as 8 float32 lanes, by their two ``factors``, ``[2, 8]``."""
    first, second = load8(factors, (0, 0)), load8(factors, (1, 0))
    return perlin_lanes(f64x8(U) * first * second, f64x8(V) * first * second)


@inner_kernel
def mountain_of(c: WorldConstants, x: float, z: float, h: float) -> float:
    """Return the Mountain's ground at a point: ``h`` with the effect of its slope."""
    U, V = f(x + 100000.0 + c.o3), f(z + 100000.0 + c.o3)
    return terrain.mountain_top(h, perlin(U * f(0.2), V * f(0.2)), tilt_at(c, x, z))


@inner_kernel
def _swamp(rivers: RiverField, x: float, z: float) -> float:
    p = eight_noises(SWAMPY, f(x + 100000.0), f(z + 100000.0))
    h = rivers_at(rivers, x, z, terrain.swamp_ground(np.float64(lane(p, 0)), np.float64(lane(p, 1))))
    return terrain.fine(h, np.float64(lane(p, 2)), np.float64(lane(p, 3)))


@inner_kernel
def _mistlands(rivers: RiverField, x: float, z: float, base: float, U: float, V: float) -> float:
    p = eight_noises(MISTY, U, V)
    m = terrain.mist(np.float64(lane(p, 0)), np.float64(lane(p, 1)), np.float64(lane(p, 2)), np.float64(lane(p, 3)))
    h = rivers_at(rivers, x, z, terrain.mistlands_ground(base, m))
    return terrain.mistlands_steps(h, m, np.float64(lane(p, 4)), np.float64(lane(p, 5)))


@inlined_kernel
def ground_of(c: WorldConstants, rivers: RiverField, x: float, z: float, where: int, base: float, p: Lanes) -> float:
    """Return the height before the trenches, in units of 200 m, from the :func:`noises_of` a point."""
    if where == terrain.OCEAN:
        return base
    if where == terrain.SWAMP:
        return _swamp(rivers, x, z)
    if where == terrain.ASHLANDS:
        return terrain.ashlands(c, x, z, base, terrain.ashlands_ridge(x, z))[0]
    U, V = f(x + 100000.0 + c.o3), f(z + 100000.0 + c.o3)
    if where == terrain.MISTLANDS:
        return _mistlands(rivers, x, z, base, U, V)
    h = rivers_at(rivers, x, z, terrain.upland_ground(where, base, detail_of(p)))
    h = terrain.fine(h, np.float64(lane(p, DETAIL + 3)), perlin(U * f(0.4), V * f(0.4)))
    return mountain_of(c, x, z, h) if where == terrain.MOUNTAIN else h


@borrowing_kernel
def base_height(c: WorldConstants, x: float, z: float) -> float:
    """Return the base height of a point, as :func:`~vwe_dagster.worldgen.terrain.base_height`."""
    return base_of(c, x, z, noises_of(c, x, z))


@borrowing_kernel
def biome(c: WorldConstants, x: float, z: float) -> int:
    """Return the biome's index of a point whose coordinates are float32 numbers of meters."""
    p = noises_of(c, x, z)
    return biome_of(c, x, z, base_of(c, x, z, p), p)


@borrowing_kernel
def biome_and_height(c: WorldConstants, rivers: RiverField, x: float, z: float) -> tuple[int, float]:
    """Return the biome's index and the height in meters of a point, as the scalar formulas do."""
    p = noises_of(c, x, z)
    base = base_of(c, x, z, p)
    where = biome_of(c, x, z, base, p)
    if length(x, z) > terrain.EDGE:
        return where, terrain.VOID
    return where, f(ground_of(c, rivers, x, z, where, base, p) * terrain.meters(x, z))


@borrowing_kernel
def height(c: WorldConstants, rivers: RiverField, x: float, z: float) -> float:
    """Return the height in meters of a point, as :func:`~vwe_dagster.worldgen.terrain.height`."""
    return terrain.VOID if length(x, z) > terrain.EDGE else biome_and_height(c, rivers, x, z)[1]
