"""A grid with the offsets of one world: the data that the kernels of all rows share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import kernel
from vwe_dagster.worldgen import lattice
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.lattice import Columns, Rows
from vwe_dagster.worldgen.noise import nearest_integer
from vwe_dagster.worldgen.numerics import f
from vwe_dagster.worldgen.rings import Rings
from vwe_dagster.worldgen.river_field import cell_indices

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
CELL_OCTAVES = 5
"""Octaves of the Ashlands' cellular noise."""


class CellAxis(NamedTuple):
    """The columns, or the rows, of a grid in the coordinates of the cellular noise.

    Attributes:
        at: float64, ``[n]``: the coordinate with the world's offset, meters.
        place: float64, ``[CELL_OCTAVES, n]``: the coordinate in cells of each octave.
        cell: int32, ``[CELL_OCTAVES, n]``: the nearest cell.
    """

    at: Doubles
    place: Doubles
    cell: npt.NDArray[np.int32]


class Sampling(NamedTuple):
    """A grid with the offsets of one world.

    Attributes:
        x, z: float32 meters: the columns, a multiple of LANES, and rows, ascending.
        columns, rows: the same as axes.
        west, east, south, north: the axes of the base height 1 m to each side, for the slope of mountains.
        cell_columns, cell_rows: the axes of the Ashlands' cellular noise.
        river_columns, river_rows: int64, the column or row of river cells that each is in.
        rings: the survey of the grid.
    """

    x: Floats
    z: Floats
    columns: Columns
    rows: Rows
    west: Columns
    east: Columns
    south: Rows
    north: Rows
    cell_columns: CellAxis
    cell_rows: CellAxis
    river_columns: npt.NDArray[np.int64]
    river_rows: npt.NDArray[np.int64]
    rings: Rings


@kernel
def make_cell_axis(c: WorldConstants, coordinates: Floats) -> CellAxis:
    """Return the axis of the coordinates, float32 meters ``[n]``."""
    n = coordinates.size
    at, place, cell = np.empty(n), np.empty((CELL_OCTAVES, n)), np.empty((CELL_OCTAVES, n), np.int32)
    for i in range(n):
        at[i] = np.float64(coordinates[i]) + f(100000.0 + c.o3)
        q = f(0.33)
        for k in range(CELL_OCTAVES):
            place[k, i] = at[i] * q * 0.01
            cell[k, i] = nearest_integer(place[k, i])
            q *= 2.0
    return CellAxis(at, place, cell)


@kernel
def make_sampling(c: WorldConstants, x: Floats, z: Floats, surveyed: Rings) -> Sampling:
    """Prepare a grid of columns ``x``, a multiple of LANES, and rows ``z`` for one world."""
    meter = np.float32(1)
    return Sampling(
        x,
        z,
        lattice.make_columns(c, x, lattice.CHANNELS),
        lattice.make_rows(c, z, True, lattice.CHANNELS),
        lattice.make_columns(c, x - meter, lattice.BASE_CHANNELS),
        lattice.make_columns(c, x + meter, lattice.BASE_CHANNELS),
        lattice.make_rows(c, z - meter, True, lattice.BASE_CHANNELS),
        lattice.make_rows(c, z + meter, True, lattice.BASE_CHANNELS),
        make_cell_axis(c, x),
        make_cell_axis(c, z),
        cell_indices(x),
        cell_indices(z),
        surveyed,
    )
