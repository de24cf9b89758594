"""Rivers in a strip of a grid: the places of a river cell are packed into vectors and tested against its points."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import inlined_kernel, kernel
from vwe_dagster.kernels.vectors import LANES, any_of, as_f32, as_f64, f32, greatest, load, select, sqrt, store
from vwe_dagster.worldgen import lane_terrain
from vwe_dagster.worldgen.river_field import DEEPEST_BED, RiverField, cell_points
from vwe_dagster.worldgen.sampling import Floats, Sampling

NOWHERE = 1e9
"""A coordinate that no river reaches."""


class Packed(NamedTuple):
    """The places of a river cell that rivers may lower.

    Attributes:
        row, column: int32, the place in the panel.
        x, z: float32 meters.
        ground: float32.
    """

    row: npt.NDArray[np.int32]
    column: npt.NDArray[np.int32]
    x: Floats
    z: Floats
    ground: Floats


@kernel
def make_packed(n: int) -> Packed:
    """Return arrays for ``n`` places."""
    room = n + LANES
    return Packed(
        np.empty(room, np.int32),
        np.empty(room, np.int32),
        np.empty(room, np.float32),
        np.empty(room, np.float32),
        np.empty(room, np.float32),
    )


@inlined_kernel
def carve_strip(
    field: RiverField, s: Sampling, strip: int, end: int, begin: int, ground: Floats, packed: Packed
) -> None:
    """Lower the ground of a panel, ``[row, column]``, whose rows are in one row of river cells.

    It sums like :func:`~vwe_dagster.worldgen.river_field.add_rivers`, for many places of a cell at a time.

    Args:
        field: the points of the rivers.
        s: the grid.
        strip: the first row.
        end: the row after the last.
        begin: the first block of the panel.
        ground: the ground of the panel, lowered in place.
        packed: buffers for the places of a cell.
    """
    columns, first = s.river_columns, begin * LANES
    j, stop = first, min(first + ground.shape[1], s.x.size)
    while j < stop:
        behind = j + 1
        while behind < stop and columns[behind] == columns[j]:
            behind += 1
        start, last = cell_points(field.start, columns[j], s.river_rows[strip])
        if start < last:
            count = _pack(s, strip, end, j, behind, first, ground, packed)
            for i in range(0, count, LANES):
                _carve_block(field, start, last, packed, i)
            for i in range(count):
                ground[packed.row[i], packed.column[i]] = packed.ground[i]
        j = behind


@inlined_kernel
def _pack(s: Sampling, strip: int, end: int, begin: int, stop: int, first: int, ground: Floats, packed: Packed) -> int:
    """Pack the places of a river cell that are above the deepest bed, and return their number."""
    count = 0
    for row in range(strip, end):
        for j in range(begin, stop):
            h = ground[row - strip, j - first]
            if h > DEEPEST_BED:
                packed.row[count], packed.column[count] = row - strip, j - first
                packed.x[count], packed.z[count], packed.ground[count] = s.x[j], s.z[row], h
                count += 1
    store(packed.x, count, f32(NOWHERE))
    return count


@inlined_kernel
def _carve_block(field: RiverField, start: int, last: int, packed: Packed, at: int) -> None:
    """Lower the ground of the packed places from ``at`` by the points ``start`` to before ``last`` of their cell."""
    x, z = load(packed.x, at), load(packed.z, at)
    weight, weights, widths = f32(0), f32(0), f32(0)
    for i in range(start, last):
        radius = field.radius[i]
        r2 = radius * radius
        dx, dz = x - field.x[i], z - field.z[i]
        if not any_of(dx * dx + dz * dz < r2 * np.float32(1.0001)):
            continue
        DX, DZ, r = as_f64(dx), as_f64(dz), np.float64(radius)
        d2 = as_f32(DX * DX + DZ * DZ)
        near = select(d2 < r2, as_f32(1.0 - as_f64(sqrt(d2)) / r), np.float32(0))
        weight, weights = greatest(weight, near), weights + near
        widths = as_f32(as_f64(widths) + as_f64(near) * r)
    if any_of(weight > np.float32(0)):
        ground = load(packed.ground, at)
        carved = lane_terrain.carve(ground, weight, widths / weights)
        store(packed.ground, at, select(weight > np.float32(0), carved, ground))
