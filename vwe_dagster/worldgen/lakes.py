"""Lakes: the low points of a world, merged until none is within 800 m of another. Section 8 of the specification."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import kernel
from vwe_dagster.kernels.vectors import LANES, any_of, as_f64, bits, f64, lowest_bit, numbers
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.game_vectors import are_equal, distance
from vwe_dagster.worldgen.lane_terrain import distance_lanes
from vwe_dagster.worldgen.numerics import f
from vwe_dagster.worldgen.scattered import base_lanes
from vwe_dagster.worldgen.terrain import RIM

SPACING_M = 128.0
SIDE = 157
"""Candidates along each axis: from -10,000 to 9,968 m."""
MERGE_M = 800.0
BUCKETS = 27
"""Buckets of MERGE_M along each axis, one more than needed at each end."""

NEARLY = 1.00001
"""Factor that exceeds any rounding error of a squared distance."""

Coordinates = npt.NDArray[np.float64]


@kernel
def low_points(c: WorldConstants) -> tuple[Coordinates, Coordinates]:
    """Return the candidates: x and z in meters, southernmost row first."""
    xs, zs = np.empty(SIDE * SIDE), np.empty(SIDE * SIDE)
    count = 0
    for row in range(SIDE):
        z = -RIM + SPACING_M * row
        for column in range(0, SIDE, LANES):
            x = -RIM + SPACING_M * as_f64(numbers() + column)
            d = distance_lanes(x, f64(z))
            is_inside = (d <= RIM) & (numbers() + column < SIDE)
            if not any_of(is_inside):
                continue
            found = bits(is_inside & (base_lanes(c, x, f64(z), d) < np.float32(0.05)))
            while found != 0:
                xs[count], zs[count] = -RIM + SPACING_M * (column + lowest_bit(found)), z
                found &= found - 1
                count += 1
    return xs[:count], zs[:count]


@kernel
def _bucket(v: float) -> int:
    return np.int64(math.floor((v + RIM) / MERGE_M)) + 1


@kernel
def find_lakes(c: WorldConstants) -> tuple[Coordinates, Coordinates]:
    """Return the lakes of a world, x and z in meters, in the order in which the game finds them.

    The game searches its whole list for the nearest point, removes it and moves the last point to its index.
    Here points stay in buckets, and ``place`` is the index that each would have in that list, which decides ties.
    """
    xs, zs = low_points(c)
    last = xs.size
    following = np.empty(last, np.int64)
    first = np.full((BUCKETS, BUCKETS), -1, np.int64)
    for i in range(last - 1, -1, -1):
        row, column = _bucket(zs[i]), _bucket(xs[i])
        following[i] = first[row, column]
        first[row, column] = i
    place, holder = np.arange(last), np.arange(last)
    is_taken = np.zeros(last, np.bool_)
    lakes_x, lakes_z = np.empty(last), np.empty(last)
    count, head = 0, 0
    while head < last:
        x, z = xs[holder[head]], zs[holder[head]]
        is_taken[holder[head]] = True
        head += 1
        while True:
            found = _nearest(xs, zs, first, following, place, is_taken, x, z)
            if found < 0:
                break
            x, z = f(f(x + xs[found]) * 0.5), f(f(z + zs[found]) * 0.5)
            is_taken[found] = True
            last -= 1
            moved = holder[last]
            holder[place[found]] = moved
            place[moved] = place[found]
        lakes_x[count], lakes_z[count] = x, z
        count += 1
    return lakes_x[:count], lakes_z[:count]


@kernel
def _nearest(
    xs: Coordinates,
    zs: Coordinates,
    first: npt.NDArray[np.int64],
    following: npt.NDArray[np.int64],
    place: npt.NDArray[np.int64],
    is_taken: npt.NDArray[np.bool_],
    x: float,
    z: float,
) -> int:
    """Return the nearest remaining point within reach, the first of the list among equals; -1 if there is none.

    Removed points are unlinked on the way.
    """
    best, nearest = -1, MERGE_M
    for row in range(_bucket(z) - 1, _bucket(z) + 2):
        for column in range(_bucket(x) - 1, _bucket(x) + 2):
            before, i = -1, first[row, column]
            while i >= 0:
                if is_taken[i]:
                    if before < 0:
                        first[row, column] = following[i]
                    else:
                        following[before] = following[i]
                else:
                    before = i
                    dx, dz = xs[i] - x, zs[i] - z
                    if dx * dx + dz * dz > nearest * nearest * NEARLY:
                        i = following[i]
                        continue
                    d = distance(xs[i], zs[i], x, z)
                    if (d < nearest or (d == nearest and best >= 0 and place[i] < place[best])) and not are_equal(
                        xs[i], zs[i], x, z
                    ):
                        best, nearest = i, d
                i = following[i]
    return best
