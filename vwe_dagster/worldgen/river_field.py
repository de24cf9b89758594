"""The points of rivers and streams by cells of 64 m, and the carving of the ground.

Section 8 of the specification, ``add_rivers``.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import borrowing_kernel, kernel
from vwe_dagster.worldgen.numerics import f, lerp, lerp_step

CELL_M = 64.0
REACH = 176
"""Cells run from -REACH to REACH - 1 along both axes: some 11,200 m, beyond the reach of any river or stream."""
SPAN = 2 * REACH
DEEPEST_BED = 0.12
"""Rivers do not change ground that is not higher, see :func:`carve`; less than the float32 of the game."""
SPARE = 16
"""Elements after the last point, so that a vector of points can begin at any point."""


class RiverField(NamedTuple):
    """The points of cell ``k`` are ``start[k]`` to ``start[k + 1]`` of the arrays, in the order of their sums.

    After each of the float32 arrays there is memory for SPARE more elements.

    Attributes:
        start: int32, ``[SPAN * SPAN + 1]``; cell ``(gx, gz)`` is ``(gz + REACH) * SPAN + gx + REACH``.
        x, z: float32 meters.
        radius: float32 meters.
    """

    start: npt.NDArray[np.int32]
    x: npt.NDArray[np.float32]
    z: npt.NDArray[np.float32]
    radius: npt.NDArray[np.float32]


def no_rivers() -> RiverField:
    """Return a field without points."""
    empty = np.empty(SPARE, np.float32)[:0]
    return RiverField(np.zeros(SPAN * SPAN + 1, np.int32), empty, empty, empty)


@kernel
def cell_index(v: float) -> int:
    """Return the column or row of the cell of a coordinate; 0 is around the center."""
    return np.int64(math.floor(f((v + CELL_M / 2.0) / CELL_M)))


@kernel
def cell_indices(coordinates: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Return the column or row of the cell of each coordinate."""
    indices = np.empty(coordinates.size, np.int64)
    for i in range(coordinates.size):
        indices[i] = cell_index(np.float64(coordinates[i]))
    return indices


@kernel
def cell_number(column: int, row: int) -> int:
    """Return the number of a cell; -1 outside the field."""
    if -REACH <= column < REACH and -REACH <= row < REACH:
        return (row + REACH) * SPAN + column + REACH
    return -1


@kernel
def cell_of(x: float, z: float) -> int:
    """Return the number of the cell of a point; -1 outside the field."""
    return cell_number(cell_index(x), cell_index(z))


@borrowing_kernel
def cell_points(start: npt.NDArray[np.int32], column: int, row: int) -> tuple[int, int]:
    """Return the first and the end index of a cell's points in a field with this ``start``; equal outside the field."""
    cell = cell_number(column, row)
    if cell < 0:
        return 0, 0
    return np.int64(start[cell]), np.int64(start[cell + 1])


@borrowing_kernel
def add_rivers(field: RiverField, x: float, z: float, h: float) -> float:
    """Return the ground ``h``, in units of 200 m, lowered to the beds of the rivers at a point."""
    cell = cell_of(x, z)
    if cell < 0:
        return h
    weight, weights, widths = 0.0, 0.0, 0.0
    for i in range(field.start[cell], field.start[cell + 1]):
        dx, dz = f(np.float64(field.x[i]) - x), f(np.float64(field.z[i]) - z)
        d2 = f(dx * dx + dz * dz)
        r = np.float64(field.radius[i])
        if d2 < f(r * r):
            w = f(1.0 - f(math.sqrt(d2)) / r)
            weight = max(weight, w)
            widths = f(widths + r * w)
            weights = f(weights + w)
    if weight <= 0.0:
        return h
    return carve(h, weight, f(widths / weights))


@kernel
def carve(h: float, weight: float, width: float) -> float:
    """Return the ground ``h`` lowered by a river: its width in meters, and ``weight``, 1 at its middle and 0 far away.

    Beds are at 0.12 or higher; lower ground is unchanged.
    """
    t = lerp_step(20.0, 60.0, width)
    bed = lerp(f(0.14), f(0.12), t)
    mid = lerp(f(0.139), f(0.128), t)
    if h > bed:
        h = lerp(h, bed, weight)
    if h > mid:
        h = lerp(h, mid, lerp_step(f(0.85), 1.0, weight))
    return h
