"""Properties that depend only on the position and are equal in all worlds: rings, and the Ashlands' ridge.

A sine of the bearing makes the borders of the rings ragged. It is costly, so :func:`survey` computes it only near a
border, and the result is kept for further worlds on the same grid.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import inlined_kernel, kernel
from vwe_dagster.kernels.vectors import LANES, Lanes, absolute, any_of, as_f64, f64, i32, load, store
from vwe_dagster.worldgen.lane_terrain import distance_lanes
from vwe_dagster.worldgen.numerics import f, length
from vwe_dagster.worldgen.terrain import (
    EDGE,
    WAVE,
    ashlands_ridge,
    is_ashlands,
    is_beyond,
    is_deep_north,
    is_near_trench,
    meters,
)

IN_ASHLANDS, IN_DEEP_NORTH, IN_TRENCH = 1, 2, 4
IN_SWAMP_RING, IN_MISTLANDS_RING, IN_PLAINS_RING, IN_FOREST_RING, IN_OUTER_FOREST = 8, 16, 32, 64, 128

CACHE_BYTES = 64 * 2**20
"""Surveys are kept up to this size: a dozen grids of 2048 x 2048."""


class Rings(NamedTuple):
    """The survey of a grid with ``n`` columns, a multiple of LANES; a block is LANES columns.

    Attributes:
        zone: uint8, ``[z, x]``: the bits that this module defines, by the tests of section 6 of the specification.
        start, stop: int32, ``[z]``: the blocks of each row that reach into the world, up to before ``stop``.
        begin, end: int32, ``[z]``: the columns of each row that are in the world, up to before ``end``.
        trench_block, ridge_block: int32, ``[z, n // LANES]``: the row of ``trench`` or ``ridge`` that has the values of
            a block; -1 for blocks that have none.
        trench: float32, ``[.., LANES]``: 200 m times both gaps (section 7).
        ridge: float64, ``[.., LANES]``: the Ashlands' ridge; 0 at other places.
    """

    zone: npt.NDArray[np.uint8]
    start: npt.NDArray[np.int32]
    stop: npt.NDArray[np.int32]
    begin: npt.NDArray[np.int32]
    end: npt.NDArray[np.int32]
    trench_block: npt.NDArray[np.int32]
    ridge_block: npt.NDArray[np.int32]
    trench: npt.NDArray[np.float32]
    ridge: npt.NDArray[np.float64]


@kernel
def zone_of_point(x: float, z: float, max_swamp: float) -> int:
    """Return the bits of one place."""
    d = length(x, z)
    zone = 0
    if is_ashlands(x, z):
        zone |= IN_ASHLANDS
    if is_deep_north(x, z):
        zone |= IN_DEEP_NORTH
    if is_near_trench(length(x, f(z - 4000.0))) or is_near_trench(length(x, f(z + 4000.0))):
        zone |= IN_TRENCH
    if 2000.0 < d < max_swamp:
        zone |= IN_SWAMP_RING
    if d < 10000.0 and is_beyond(d, 6000.0, x, z):
        zone |= IN_MISTLANDS_RING
    if d < 8000.0 and is_beyond(d, 3000.0, x, z):
        zone |= IN_PLAINS_RING
    if d < 6000.0 and is_beyond(d, 600.0, x, z):
        zone |= IN_FOREST_RING
    if is_beyond(d, 5000.0, x, z):
        zone |= IN_OUTER_FOREST
    return zone


@inlined_kernel
def _is_near(distance: Lanes, radius: float) -> Lanes:
    return absolute(distance - radius) <= WAVE + 1.0


@inlined_kernel
def is_near_border(d: Lanes, south: Lanes, north: Lanes) -> Lanes:
    """Return whether places are near a ragged border, from their distances to the center and to the rings' centers."""
    is_near = _is_near(d, 600.0) | _is_near(d, 3000.0) | _is_near(d, 5000.0) | _is_near(d, 6000.0)
    return is_near | _is_near(south, 12000.0) | _is_near(north, 12000.0)


@inlined_kernel
def zone_of_distances(d: Lanes, south: Lanes, north: Lanes, max_swamp: float) -> Lanes:
    """Return the bits of places that are not near a ragged border, from the distances of :func:`is_near_border`."""
    zone = i32(south > 12000.0) * IN_ASHLANDS | i32(north > 12000.0) * IN_DEEP_NORTH
    near_trench = (absolute(south - 12000.0) <= 501.0) | (absolute(north - 12000.0) <= 501.0)
    zone |= i32(near_trench) * IN_TRENCH | i32((d > 2000.0) & (d < max_swamp)) * IN_SWAMP_RING
    zone |= i32((d < 10000.0) & (d > 6000.0)) * IN_MISTLANDS_RING | i32((d < 8000.0) & (d > 3000.0)) * IN_PLAINS_RING
    return zone | i32((d < 6000.0) & (d > 600.0)) * IN_FOREST_RING | i32(d > 5000.0) * IN_OUTER_FOREST


@kernel
def _zones(x: npt.NDArray[np.float32], z: npt.NDArray[np.float32], max_swamp: float) -> npt.NDArray[np.uint8]:
    """Return the bits of every place of a grid."""
    zone = np.empty((z.size, x.size), np.uint8)
    for i in range(z.size):
        zi = np.float64(z[i])
        for j in range(0, x.size, LANES):
            X = as_f64(load(x, j))
            d = distance_lanes(X, f64(zi))
            south, north = distance_lanes(X, f64(f(zi - 4000.0))), distance_lanes(X, f64(f(zi + 4000.0)))
            if any_of(is_near_border(d, south, north)):
                for k in range(j, j + LANES):
                    zone[i, k] = zone_of_point(np.float64(x[k]), zi, max_swamp)
            else:
                store(zone, (i, j), zone_of_distances(d, south, north, max_swamp))
    return zone


@kernel
def _extents(
    x: npt.NDArray[np.float32], z: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return the first column of each row that is in the world, and the one after the last."""
    begin, end = np.zeros(z.size, np.int32), np.zeros(z.size, np.int32)
    for i in range(z.size):
        zi, first, last = np.float64(z[i]), 0, x.size
        while first < last and length(np.float64(x[first]), zi) > EDGE:
            first += 1
        while first < last and length(np.float64(x[last - 1]), zi) > EDGE:
            last -= 1
        begin[i], end[i] = first, last
    return begin, end


@kernel
def survey(x: npt.NDArray[np.float32], z: npt.NDArray[np.float32], max_swamp: float) -> Rings:
    """Survey the grid of the columns ``x``, a multiple of LANES, and rows ``z``, ascending float32 meters."""
    zone = _zones(x, z, max_swamp)
    begin, end = _extents(x, z)
    start, stop = begin // np.int32(LANES), (end + np.int32(LANES - 1)) // np.int32(LANES)
    blocks = x.size // LANES
    trench_block, ridge_block = np.full((z.size, blocks), -1, np.int32), np.full((z.size, blocks), -1, np.int32)
    trenches = ridges = 0
    for i in range(z.size):
        for b in range(start[i], stop[i]):
            bits = 0
            for k in range(b * LANES, (b + 1) * LANES):
                bits |= zone[i, k]
            if bits & IN_TRENCH:
                trench_block[i, b] = trenches
                trenches += 1
            if bits & IN_ASHLANDS:
                ridge_block[i, b] = ridges
                ridges += 1
    trench, ridge = np.full((trenches, LANES), np.float32(200)), np.zeros((ridges, LANES))
    for i in range(z.size):
        for b in range(start[i], stop[i]):
            for k in range(LANES):
                at = b * LANES + k
                xk, zi = np.float64(x[at]), np.float64(z[i])
                if zone[i, at] & IN_TRENCH:
                    trench[trench_block[i, b], k] = meters(xk, zi)
                if zone[i, at] & IN_ASHLANDS:
                    ridge[ridge_block[i, b], k] = ashlands_ridge(xk, zi)
    return Rings(zone, start, stop, begin, end, trench_block, ridge_block, trench, ridge)


class _Cache:
    """Surveys by grid, the latest last; the oldest are dropped while all together take more than CACHE_BYTES."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[bytes, bytes, float], Rings] = {}

    def get(self, x: npt.NDArray[np.float32], z: npt.NDArray[np.float32], max_swamp: float) -> Rings:
        key = x.tobytes(), z.tobytes(), max_swamp
        with self._lock:
            found = self._kept.pop(key, None)
        found = found or survey(x, z, max_swamp)
        with self._lock:
            self._kept[key] = found
            while sum(map(size_of, self._kept.values())) > CACHE_BYTES and len(self._kept) > 1:
                del self._kept[next(iter(self._kept))]
        return found


def size_of(rings: Rings) -> int:
    """Return the size of a survey in bytes."""
    return sum(array.nbytes for array in rings)


survey_of = _Cache().get
"""Return the survey of a grid, cached because a warm engine samples the same grids repeatedly."""
