"""What the position alone decides, the same in every world: rings around the centre, and the Ashlands' ridge.

The borders of the rings are ragged by a sine of the bearing, which is dear; so :func:`survey` asks for it only near a
border, and its answer is kept for every further world on the same grid.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import kernel
from vwe_dagster.worldgen.numerics import f, length
from vwe_dagster.worldgen.terrain import (
    EDGE,
    ashlands_ridge,
    is_ashlands,
    is_beyond,
    is_deep_north,
    is_near_trench,
    metres,
)

IN_ASHLANDS, IN_DEEP_NORTH, IN_TRENCH = 1, 2, 4
IN_SWAMP_RING, IN_MISTLANDS_RING, IN_PLAINS_RING, IN_FOREST_RING, IN_OUTER_FOREST = 8, 16, 32, 64, 128


class Rings(NamedTuple):
    """The survey of a grid.

    Attributes:
        zone: uint8, ``[z, x]``: the bits above, by the tests of section 6 of the specification.
        start, stop: int32, ``[z]``: the columns of each row that lie in the world, up to before ``stop``.
        trench: float32: 200 m times both gaps (section 7), for each place IN_TRENCH inside the world, row by row.
        trench_start: int64, ``[z]``: where each row's begin in ``trench``.
        ridge: float64: the Ashlands' ridge for each place IN_ASHLANDS inside the world, row by row.
        ridge_start: int64, ``[z]``: where each row's begin in ``ridge``.
    """

    zone: npt.NDArray[np.uint8]
    start: npt.NDArray[np.int32]
    stop: npt.NDArray[np.int32]
    trench: npt.NDArray[np.float32]
    trench_start: npt.NDArray[np.int64]
    ridge: npt.NDArray[np.float64]
    ridge_start: npt.NDArray[np.int64]


@kernel
def _zone(x: float, z: float, max_swamp: float) -> int:
    """The bits of one place."""
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


@kernel
def survey(x: npt.NDArray[np.float32], z: npt.NDArray[np.float32], max_swamp: float) -> Rings:
    """Surveys the grid of the columns ``x`` and rows ``z``, ascending float32 metres."""
    zone = np.empty((z.size, x.size), np.uint8)
    start, stop = np.zeros(z.size, np.int32), np.zeros(z.size, np.int32)
    trench_start, ridge_start = np.empty(z.size, np.int64), np.empty(z.size, np.int64)
    trenches = ridges = 0
    for i in range(z.size):
        trench_start[i], ridge_start[i] = trenches, ridges
        for j in range(x.size):
            zone[i, j] = _zone(np.float64(x[j]), np.float64(z[i]), max_swamp)
            if length(np.float64(x[j]), np.float64(z[i])) > EDGE:
                continue
            if stop[i] == 0:
                start[i] = j
            stop[i] = j + 1
            trenches += 1 if zone[i, j] & IN_TRENCH else 0
            ridges += 1 if zone[i, j] & IN_ASHLANDS else 0
    trench, ridge = np.empty(trenches, np.float32), np.empty(ridges)
    trenches = ridges = 0
    for i in range(z.size):
        for j in range(start[i], stop[i]):
            xj, zi = np.float64(x[j]), np.float64(z[i])
            if zone[i, j] & IN_TRENCH:
                trench[trenches] = metres(xj, zi)
                trenches += 1
            if zone[i, j] & IN_ASHLANDS:
                ridge[ridges] = ashlands_ridge(xj, zi)
                ridges += 1
    return Rings(zone, start, stop, trench, trench_start, ridge, ridge_start)
