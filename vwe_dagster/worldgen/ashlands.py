"""The Ashlands of a grid, a run of columns at a time: FastNoise's noises along a row, the ground, and the lava.

As on every regular grid, where a column lies among the cells of the cellular noise is the same in all rows. Columns of
one cell share the nine cell points that may be the nearest, so that what is left of the noise is a flat loop.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import flat, inner_kernel, kernel
from vwe_dagster.worldgen import lattice, terrain
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.noise import CELL_JITTER, cell_hash, nearest_integer, simplex
from vwe_dagster.worldgen.numerics import f, smooth01

OCTAVES = 5
Doubles = npt.NDArray[np.float64]
Column = tuple[float, float, float, float, float, float]
"""Three cell points above one another: the jitter along x and the squared distance along z of each."""


class CellAxis(NamedTuple):
    """The columns, or the rows, of a grid as the cellular noise sees them.

    Attributes:
        at: float64, ``[n]``: the coordinate with the world's offset, metres.
        place: float64, ``[OCTAVES, n]``: the coordinate in cells of each octave.
        cell: int32, ``[OCTAVES, n]``: the nearest cell.
    """

    at: Doubles
    place: Doubles
    cell: npt.NDArray[np.int32]


@kernel
def make_cell_axis(c: WorldConstants, coordinates: npt.NDArray[np.float32]) -> CellAxis:
    """The axis of the coordinates, float32 metres ``[n]``."""
    n = coordinates.size
    at, place, cell = np.empty(n), np.empty((OCTAVES, n)), np.empty((OCTAVES, n), np.int32)
    for i in range(n):
        at[i] = np.float64(coordinates[i]) + f(100000.0 + c.o3)
        q = f(0.33)
        for k in range(OCTAVES):
            place[k, i] = at[i] * q * 0.01
            cell[k, i] = nearest_integer(place[k, i])
            q *= 2.0
    return CellAxis(at, place, cell)


@kernel
def _cell_column(i: int, j: int, z: float) -> Column:
    """The points of the cells ``(i, j - 1)`` to ``(i, j + 1)``, seen from the row at ``z`` cells."""
    south, here, north = cell_hash(0, i, j - 1) & 255, cell_hash(0, i, j) & 255, cell_hash(0, i, j + 1) & 255
    dz0 = (j - 1) - z + CELL_JITTER[south, 1]
    dz1 = j - z + CELL_JITTER[here, 1]
    dz2 = (j + 1) - z + CELL_JITTER[north, 1]
    return CELL_JITTER[south, 0], dz0 * dz0, CELL_JITTER[here, 0], dz1 * dz1, CELL_JITTER[north, 0], dz2 * dz2


@kernel
def _nearest(points: Column, dx: float) -> float:
    """The squared distance to the nearest of three cell points whose cells lie ``dx`` to the east."""
    dx0, dx1, dx2 = dx + points[0], dx + points[2], dx + points[4]
    return min(dx0 * dx0 + points[1], dx1 * dx1 + points[3], dx2 * dx2 + points[5])


@inner_kernel
def _add_cells(
    columns: CellAxis, rows: CellAxis, octave: int, row: int, start: int, stop: int, amplitude: float, out: Doubles
) -> None:
    """Adds an octave of eased cellular noise to the columns ``start`` to before ``stop`` of ``out``."""
    j, z = rows.cell[octave, row], rows.place[octave, row]
    cell, place = columns.cell, columns.place
    i = int(cell[octave, start])
    west, here, east = _cell_column(i - 1, j, z), _cell_column(i, j, z), _cell_column(i + 1, j, z)
    begin = start
    while True:
        end = begin + 1
        while end < stop and cell[octave, end] == i:
            end += 1
        middle = np.float64(i)
        for k in flat(begin, end):
            x = place[octave, k]
            nearest = min(_nearest(west, middle - 1.0 - x), _nearest(here, middle - x))
            nearest = min(nearest, _nearest(east, middle + 1.0 - x))
            out[k] += amplitude * smooth01(0.0, 1.0, nearest)
        if end == stop:
            return
        begin, before, i = end, i, int(cell[octave, end])
        if i == before + 1:
            west, here, east = here, east, _cell_column(i + 1, j, z)
        else:
            west, here, east = _cell_column(i - 1, j, z), _cell_column(i, j, z), _cell_column(i + 1, j, z)


@inner_kernel
def _cells_row(
    columns: CellAxis, rows: CellAxis, ridge: Doubles, row: int, start: int, stop: int, out: Doubles
) -> None:
    """Writes the eased cellular noise to the columns of a run; 0 at its ends where there is no ridge to shape."""
    out[start:stop] = 0.0
    first = start
    while first < stop and ridge[first - start] == 0.0:
        first += 1
    while stop > first and ridge[stop - 1 - start] == 0.0:
        stop -= 1
    if first == stop:
        return
    amplitude = 1.0
    for octave in range(OCTAVES):
        _add_cells(columns, rows, octave, row, first, stop, amplitude, out)
        amplitude *= 0.5


@inner_kernel
def _hills_row(columns: CellAxis, rows: CellAxis, row: int, start: int, stop: int, out: Doubles) -> None:
    """Writes the simplex noise to the columns ``start`` to before ``stop`` of ``out``."""
    z = rows.at[row] * 0.075
    at = columns.at
    for k in flat(start, stop):
        out[k] = simplex(at[k] * 0.075, z)


@inner_kernel
def ashlands_run(
    columns: CellAxis,
    rows: CellAxis,
    x: npt.NDArray[np.float32],
    z: float,
    ridge: Doubles,
    row: int,
    start: int,
    stop: int,
    noise: npt.NDArray[np.float32],
    cells: Doubles,
    hills: Doubles,
    ground: npt.NDArray[np.float32],
    lava: npt.NDArray[np.float32],
) -> None:
    """Turns the base height of a run of Ashlands, in ``ground``, into their ground, and writes how much is lava.

    ``ridge`` has a value for each column of the run; ``noise`` holds the channels of the lava, ``cells`` and ``hills``
    are room for sums.
    """
    _cells_row(columns, rows, ridge, row, start, stop, cells)
    _hills_row(columns, rows, row, start, stop, hills)
    p0, p1, p2 = noise[lattice.LAVA], noise[lattice.LAVA + 1], noise[lattice.LAVA + 2]
    for j in range(start, stop):
        r = ridge[j - start]
        h = terrain.ashlands_land(np.float64(x[j]), z, np.float64(ground[j]), r, cells[j], hills[j])
        dry = terrain.ashlands_dryness(h)
        molten = 0.0
        if dry > 0.0:
            molten = terrain.ashlands_lava(
                columns.at[j], rows.at[row], r, dry, np.float64(p0[j]), np.float64(p1[j]), np.float64(p2[j])
            )
        ground[j] = terrain.ashlands_ground(h, molten, np.float64(noise[lattice.LAVA_DIP, j]))
        lava[j] = molten
