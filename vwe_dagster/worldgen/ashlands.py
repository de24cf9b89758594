"""The Ashlands of a grid, row by row: FastNoise's noises, the ground, and the lava.

The points of a row of cells are looked up once for all rows of the grid that are near it, and a block of columns tries
those of all cells around it. Selecting three cells for each column took twice as long.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import inlined_kernel, inner_kernel, kernel
from vwe_dagster.kernels.vectors import (
    LANES,
    Lanes,
    any_of,
    as_f32,
    as_f64,
    as_i32,
    bits,
    f64,
    gather,
    i32,
    least,
    load,
    lowest_bit,
    numbers,
    permute,
    rounded,
    select,
    sqrt,
    store,
)
from vwe_dagster.worldgen import lattice, terrain
from vwe_dagster.worldgen.lane_power import CERTAIN, is_uncertain, power
from vwe_dagster.worldgen.lane_terrain import clamp01
from vwe_dagster.worldgen.lattice import block_noise
from vwe_dagster.worldgen.noise import (
    CELL_JITTER,
    SIMPLEX_GRADIENT_X,
    SIMPLEX_GRADIENT_Y,
    SIMPLEX_SKEW,
    SIMPLEX_UNSKEW,
)
from vwe_dagster.worldgen.numerics import f
from vwe_dagster.worldgen.rings import Rings
from vwe_dagster.worldgen.sampling import CELL_OCTAVES, CellAxis, Floats, Sampling

POINT_X, POINT_Z = (np.ascontiguousarray(CELL_JITTER[:, axis]) for axis in (0, 1))
GRADIENT_X, GRADIENT_Z = (np.tile(g.astype(np.float32), 2) for g in (SIMPLEX_GRADIENT_X, SIMPLEX_GRADIENT_Y))
Doubles = npt.NDArray[np.float64]
HILLS = float(np.float32(1.4))
"""The exponent of the hills."""
FARTHEST_POINT = 0.4501
"""More than the distance of any cell point from the middle of its cell."""


class AshlandsRoom(NamedTuple):
    """Buffers for some rows of a grid.

    A row of the cells of an octave is kept while rows of the grid need it, in the slot that is its number modulo 3.

    Attributes:
        first_cell: int32, the westernmost cell of each octave, ``[CELL_OCTAVES]``.
        held: int32, the rows of cells that are kept, ``[CELL_OCTAVES, 3]``.
        x, z: float64, the distances of the cell points from the middles of their cells, ``[CELL_OCTAVES, 3, cells]``.
        squares: float64, the squared distances of the points of three rows of cells from the row of the grid along z,
            southern row first, ``[3, cells]``.
        cells: float64, the sums of cellular noise by column, ``[n]``.
        land, hills: float64, the ground of a block before lava and its factor before the power, ``[LANES]``.
        noise: float32, the noises of the lava of a block, ``[4, LANES]``.
    """

    first_cell: npt.NDArray[np.int32]
    held: npt.NDArray[np.int32]
    x: Doubles
    z: Doubles
    squares: Doubles
    cells: Doubles
    land: Doubles
    hills: Doubles
    noise: Floats


@kernel
def make_ashlands_room(columns: CellAxis, first: int, last: int) -> AshlandsRoom:
    """Return buffers for the blocks ``first`` to before ``last`` of rows."""
    first_cell = columns.cell[:, first * LANES] - np.int32(1)
    finest = CELL_OCTAVES - 1
    cells = columns.cell[finest, last * LANES - 1] + 2 - first_cell[finest] + LANES
    return AshlandsRoom(
        first_cell,
        np.full((CELL_OCTAVES, 3), np.int32(-(2**31)), np.int32),
        np.empty((CELL_OCTAVES, 3, cells)),
        np.empty((CELL_OCTAVES, 3, cells)),
        np.empty((3, cells)),
        np.empty(columns.at.size),
        np.empty(LANES),
        np.empty(LANES),
        np.empty((4, LANES), np.float32),
    )


@inlined_kernel
def cell_hashes(seed: int, x: Lanes, y: Lanes) -> Lanes:
    """Return :func:`~vwe_dagster.worldgen.noise.cell_hash` of int32 lanes."""
    n = (x * 1619) ^ (y * 31337) ^ seed
    n = n * n * n * 60493
    return (n >> 13) ^ n


@inlined_kernel
def _hold_row_of_cells(room: AshlandsRoom, octave: int, row: int) -> int:
    """Look up the points of a row of cells, unless they are kept, and return their slot."""
    slot = row % 3
    if room.held[octave, slot] != row:
        room.held[octave, slot] = row
        for i in range(0, room.x.shape[2] - LANES + 1, LANES):
            places = cell_hashes(0, i32(room.first_cell[octave] + i) + numbers(), i32(row)) & 255
            store(room.x, (octave, slot, i), gather(POINT_X, places))
            store(room.z, (octave, slot, i), gather(POINT_Z, places))
    return slot


@inlined_kernel
def _nearest_in_row(
    nearest: Lanes, x: Lanes, west: int, points: Doubles, squares: Doubles, first: int, n: int
) -> Lanes:
    """Return the lesser of ``nearest`` and the squared distances to the points of ``n`` cells from ``west`` on.

    ``first`` is the place of ``west`` in the arrays.
    """
    for i in range(n):
        along_x = (np.float64(west + i) - x) + points[first + i]
        nearest = least(nearest, along_x * along_x + squares[first + i])
    return nearest


@inner_kernel
def _add_cells(
    columns: CellAxis,
    rows: CellAxis,
    surveyed: Rings,
    octave: int,
    row: int,
    first: int,
    last: int,
    amplitude: float,
    room: AshlandsRoom,
) -> None:
    """Add an octave of eased cellular noise to the sums of the blocks that have a ridge.

    A block tries the points of all cells that any of its columns is next to. Points that are not next to a column are
    more than 1 away from it, and distances above 1 count as 1.
    """
    middle, z, first_cell = int(rows.cell[octave, row]), rows.place[octave, row], int(room.first_cell[octave])
    count = int(columns.cell[octave, last * LANES - 1]) + 2 - first_cell
    for south in range(3):
        slot = _hold_row_of_cells(room, octave, middle + south - 1)
        for i in range(0, count, LANES):
            along_z = (np.float64(middle + south - 1) - z) + load(room.z, (octave, slot, i))
            store(room.squares, (south, i), along_z * along_z)
    for block in range(first, last):
        ridge, at = surveyed.ridge_block[row, block], block * LANES
        if ridge < 0 or not any_of(load(surveyed.ridge, (ridge, 0)) > 0.0):
            continue
        west, x = int(columns.cell[octave, at]) - 1, load(columns.place, (octave, at))
        n, nearest = int(columns.cell[octave, at + LANES - 1]) + 2 - west, f64(1.0)
        for south in (1, 0, 2):
            apart = max(abs(middle + south - 1 - z) - FARTHEST_POINT, 0.0)
            if any_of(nearest > apart * apart):
                points = room.x[octave, (middle + south - 1) % 3]
                nearest = _nearest_in_row(nearest, x, west, points, room.squares[south], west - first_cell, n)
        t = -2.0 * nearest * nearest * nearest + 3.0 * nearest * nearest
        store(room.cells, at, load(room.cells, at) + amplitude * rounded(t))


@inlined_kernel
def _floor(v: Lanes) -> Lanes:
    """Return FastNoise's floor, which is one too low for negative integers, as int32 lanes."""
    whole = as_i32(v)
    return select(v >= 0.0, whole, whole - 1)


@inlined_kernel
def _simplex_corner(seed: int, i: Lanes, j: Lanes, x: Lanes, z: Lanes) -> Lanes:
    t = 0.5 - x * x - z * z
    gradient = cell_hashes(seed, i, j) & 7
    gx, gz = permute(load(GRADIENT_X, 0), gradient), permute(load(GRADIENT_Z, 0), gradient)
    t2 = t * t
    return select(t >= 0.0, t2 * t2 * (x * as_f64(gx) + z * as_f64(gz)), 0.0)


@inlined_kernel
def _simplex_octave(seed: int, x: Lanes, z: Lanes) -> Lanes:
    t = (x + z) * SIMPLEX_SKEW
    i, j = _floor(x + t), _floor(z + t)
    column, line = as_f64(i), as_f64(j)
    t = (column + line) * SIMPLEX_UNSKEW
    x0, z0 = x - (column - t), z - (line - t)
    is_east = x0 > z0
    i1, j1 = select(is_east, i32(1), i32(0)), select(is_east, i32(0), i32(1))
    x1, z1 = x0 - as_f64(i1) + SIMPLEX_UNSKEW, z0 - as_f64(j1) + SIMPLEX_UNSKEW
    x2, z2 = x0 - 1.0 + 0.42264973081037427, z0 - 1.0 + 0.42264973081037427
    first = _simplex_corner(seed, i, j, x0, z0) + _simplex_corner(seed, i + i1, j + j1, x1, z1)
    return 50.0 * (first + _simplex_corner(seed, i + 1, j + 1, x2, z2))


@inlined_kernel
def simplex_lanes(x: Lanes, z: Lanes) -> Lanes:
    """Return :func:`~vwe_dagster.worldgen.noise.simplex` of float64 lanes."""
    x, z = x * 0.01, z * 0.01
    return (_simplex_octave(0, x, z) + _simplex_octave(1, 2.0 * x, 2.0 * z) * 0.5) * (1.0 / 1.5)


@inlined_kernel
def _land(x: Lanes, z: float, base: Lanes, r: Lanes, cells: Lanes) -> Lanes:
    """Return :func:`~vwe_dagster.worldgen.terrain.ashlands_land` before it is multiplied by the hills' power."""
    e = 1.0 - clamp01((sqrt(x * x + z * z) - 10150.0) / 600.0)
    c = clamp01((cells + 1.0) / 2.0)
    blended = select(r < 0.5, 2.0 * r * c, 1.0 - 2.0 * (1.0 - r) * (1.0 - c))
    ridge = r * 0.5 + blended * 0.5
    h = base * 0.25 + f(0.15) * 0.75 + ridge * 0.5
    t = -2.0 * e * e * e + 3.0 * e * e
    t = rounded(t)
    return select(t <= 0.0, -1.0, select(t >= 1.0, h, -1.0 * (1.0 - t) + h * t))


@inlined_kernel
def _extent(surveyed: Rings, row: int) -> tuple[int, int]:
    """Return the first block of a row that has Ashlands, and the one after the last."""
    first, last = surveyed.start[row], surveyed.stop[row]
    while first < last and surveyed.ridge_block[row, first] < 0:
        first += 1
    while first < last and surveyed.ridge_block[row, last - 1] < 0:
        last -= 1
    return first, last


@inlined_kernel
def _is_molten(ridge: Lanes, p0: Lanes, p1: Lanes, p2: Lanes) -> Lanes:
    """Return whether :func:`~vwe_dagster.worldgen.terrain.ashlands_lava` of dry ground is more than 0."""
    t = clamp01(ridge / 0.5)
    scale = clamp01(0.5 * (1.0 - t) + t)
    return (as_f64(p0) + 0.5 * as_f64(p1) + 0.25 * as_f64(p2)) * scale > f(0.7)


@inner_kernel
def _ashlands_row(
    s: Sampling, row: int, room: AshlandsRoom, biome: npt.NDArray[np.uint8], ground: Floats, lava: Floats
) -> None:
    """Turn the base height of the Ashlands of a row, in ``ground``, into their ground, and write the lava."""
    first, last = _extent(s.rings, row)
    if first == last:
        return
    room.cells[first * LANES : last * LANES] = 0.0
    amplitude = 1.0
    for octave in range(CELL_OCTAVES):
        _add_cells(s.cell_columns, s.cell_rows, s.rings, octave, row, first, last, amplitude, room)
        amplitude *= 0.5
    for block in range(first, last):
        ridge = s.rings.ridge_block[row, block]
        if ridge >= 0:
            wanted = _ashlands_block(s, row, block, ridge, room, biome, ground)
            if wanted != 0:
                _finish_exactly(
                    s.cell_columns, s.cell_rows, s.rings.ridge[ridge], row, block, wanted, room, ground, lava
                )


@inlined_kernel
def _ashlands_block(
    s: Sampling, row: int, block: int, ridge: int, room: AshlandsRoom, biome: npt.NDArray[np.uint8], ground: Floats
) -> int:
    """Turn the base height of a block into ground without lava.

    Returns:
        The places, as bits, that may have lava or whose ground may be rounded wrongly.
    """
    j, r = block * LANES, load(s.rings.ridge, (ridge, 0))
    x, z, base = as_f64(load(s.x, j)), np.float64(s.z[row]), load(ground, j)
    land = _land(x, z, as_f64(base), r, load(room.cells, j))
    noise = simplex_lanes(load(s.cell_columns.at, j) * 0.075, f64(s.cell_rows.at[row] * 0.075))
    hills = clamp01((noise + 1.0) / 2.0)
    h, is_ashlands = land * power(hills, HILLS), load(biome, j) == terrain.ASHLANDS
    store(ground, j, select(is_ashlands, as_f32(h), base))
    store(room.land, 0, land)
    store(room.hills, 0, hills)
    wanted = is_uncertain(hills, h)
    is_dry = is_ashlands & (h * (1.0 + CERTAIN) - 0.15 - 0.02 > 0.0)
    if any_of(is_dry):
        for k in range(4):
            store(room.noise, (k, 0), block_noise(s.columns, s.rows, lattice.LAVA + k, row, block))
        is_molten = _is_molten(r, load(room.noise, (0, 0)), load(room.noise, (1, 0)), load(room.noise, (2, 0)))
        wanted = wanted | (is_dry & is_molten)
    return bits(wanted & is_ashlands)


@inner_kernel
def _finish_exactly(
    columns: CellAxis,
    rows: CellAxis,
    ridge: Doubles,
    row: int,
    block: int,
    wanted: int,
    room: AshlandsRoom,
    ground: Floats,
    lava: Floats,
) -> None:
    """Write the ground and lava of places of a block, given as bits, as the plain transcription does."""
    while wanted != 0:
        i = lowest_bit(wanted)
        wanted &= wanted - 1
        j, h = block * LANES + i, room.land[i] * math.pow(room.hills[i], HILLS)
        p0, p1, p2 = np.float64(room.noise[0, i]), np.float64(room.noise[1, i]), np.float64(room.noise[2, i])
        dry = terrain.ashlands_dryness(h)
        molten = terrain.ashlands_lava(columns.at[j], rows.at[row], ridge[i], dry, p0, p1, p2)
        ground[j], lava[j] = terrain.ashlands_ground(h, molten, np.float64(room.noise[3, i])), molten


@kernel
def fill_ashlands(
    s: Sampling, first: int, last: int, biome: npt.NDArray[np.uint8], ground: Floats, lava: Floats
) -> None:
    """Turn the base height of the Ashlands in the rows ``first`` to before ``last`` into their ground, units of 200 m.

    Only lava that is not 0 is written.
    """
    begin, end = s.x.size // LANES, 0
    for row in range(first, last):
        west, east = _extent(s.rings, row)
        if west < east:
            begin, end = min(begin, west), max(end, east)
    if begin >= end:
        return
    room = make_ashlands_room(s.cell_columns, begin, end)
    for row in range(first, last):
        _ashlands_row(s, row, room, biome[row], ground[row], lava[row])
