"""The Ashlands of a grid, row by row: FastNoise's noises, the ground, and the lava.

On a regular grid, the cell of the cellular noise that holds a column is the same in all rows, and the points of a row
of cells are the same for all columns. They are looked up once per row, and each block selects its own.
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
from vwe_dagster.worldgen.lane_terrain import clamp01
from vwe_dagster.worldgen.lattice import block_noise
from vwe_dagster.worldgen.noise import (
    CELL_POINTS,
    JITTER,
    SIMPLEX_GRADIENT_X,
    SIMPLEX_GRADIENT_Y,
    SIMPLEX_SKEW,
    SIMPLEX_UNSKEW,
)
from vwe_dagster.worldgen.numerics import f
from vwe_dagster.worldgen.rings import Rings
from vwe_dagster.worldgen.sampling import CELL_OCTAVES, CellAxis, Floats, Sampling

POINT_X, POINT_Z = (np.ascontiguousarray(CELL_POINTS[:, axis]) for axis in (0, 1))
GRADIENT_X, GRADIENT_Z = (np.tile(g.astype(np.float32), 2) for g in (SIMPLEX_GRADIENT_X, SIMPLEX_GRADIENT_Y))
Doubles = npt.NDArray[np.float64]


class AshlandsRoom(NamedTuple):
    """Buffers for the tables of a row, by cell, and for its sums, by column.

    Attributes:
        x, z: float32: the point of each cell, -1 to 1, ``[3, cells]``: southern, middle and northern row of cells.
        cells: float64, the sums of cellular noise, ``[n]``.
        land: float64, the ground of a block before lava, ``[LANES]``.
        noise: float32, the noises of the lava of a block, ``[4, LANES]``.
    """

    x: Floats
    z: Floats
    cells: Doubles
    land: Doubles
    noise: Floats


@kernel
def make_ashlands_room(columns: CellAxis) -> AshlandsRoom:
    """Return buffers for the rows of a grid with these columns."""
    n = columns.at.size
    cells = columns.cell[CELL_OCTAVES - 1, n - 1] - columns.cell[CELL_OCTAVES - 1, 0] + 3 + 2 * LANES
    return AshlandsRoom(
        np.zeros((3, cells), np.float32),
        np.zeros((3, cells), np.float32),
        np.empty(n),
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
def _fill_tables(room: AshlandsRoom, west: int, east: int, middle: int) -> None:
    """Look up the points of the columns of cells ``west`` to ``east`` in three rows of cells around ``middle``."""
    for south in range(3):
        for i in range(west, east + 1, LANES):
            places = cell_hashes(0, i32(i) + numbers(), i32(middle + south - 1)) & 255
            store(room.x, (south, i - west), gather(POINT_X, places))
            store(room.z, (south, i - west), gather(POINT_Z, places))


@inlined_kernel
def _squared_distance(dx: Lanes, dz: float, x: Lanes, z: Lanes) -> Lanes:
    """Return the squared distance to a cell point in a cell that is ``dx`` and ``dz`` away."""
    DX, DZ = dx + as_f64(x) * JITTER, as_f64(z) * JITTER + dz
    return DX * DX + DZ * DZ


@inlined_kernel
def _nearest_in_row(x: Floats, z: Floats, first: int, places: Lanes, is_wide: bool, dx: Lanes, dz: float) -> Lanes:
    """Return the squared distance to the nearest point of three cells of a row of cells, the first at the places."""
    nearest = f64(999999.0)
    for east in range(3):
        if is_wide:
            at = places + (first + east)
            px, pz = gather(x, at), gather(z, at)
        else:
            px, pz = permute(load(x, first + east), places), permute(load(z, first + east), places)
        nearest = least(nearest, _squared_distance(dx + (east - 1.0), dz, px, pz))
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
    """Add an octave of eased cellular noise to the sums of the blocks that have a ridge for it to shape."""
    middle, z = int(rows.cell[octave, row]), rows.place[octave, row]
    west, east = columns.cell[octave, first * LANES] - 1, columns.cell[octave, last * LANES - 1] + 1
    _fill_tables(room, west, east, middle)
    for block in range(first, last):
        ridge, at = surveyed.ridge_block[row, block], block * LANES
        if ridge < 0 or not any_of(load(surveyed.ridge, (ridge, 0)) > 0.0):
            continue
        cell, x = load(columns.cell, (octave, at)), load(columns.place, (octave, at))
        least_cell = columns.cell[octave, at]
        is_wide = columns.cell[octave, at + LANES - 1] - least_cell >= LANES
        places, dx = cell - least_cell, as_f64(cell) - x
        nearest = f64(999999.0)
        for south in range(3):
            dz = np.float64(middle + south - 1) - z
            found = _nearest_in_row(room.x[south], room.z[south], least_cell - west - 1, places, is_wide, dx, dz)
            nearest = least(nearest, found)
        t = clamp01(nearest)
        t = -2.0 * t * t * t + 3.0 * t * t
        store(room.cells, at, load(room.cells, at) + amplitude * rounded(t))


@inlined_kernel
def _floor(v: Lanes) -> Lanes:
    """Return FastNoise's floor, one too low for negative integers, as int32 lanes."""
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


@inner_kernel
def _land_row(
    x: Floats,
    z: float,
    columns: CellAxis,
    rows: CellAxis,
    surveyed: Rings,
    row: int,
    first: int,
    last: int,
    base: Floats,
    room: AshlandsRoom,
) -> None:
    """Turn the sums of cellular noise of the blocks into the ground before lava."""
    Z = rows.at[row] * 0.075
    for block in range(first, last):
        ridge, j = surveyed.ridge_block[row, block], block * LANES
        if ridge < 0:
            continue
        h = _land(as_f64(load(x, j)), z, as_f64(load(base, j)), load(surveyed.ridge, (ridge, 0)), load(room.cells, j))
        hills = clamp01((simplex_lanes(load(columns.at, j) * 0.075, f64(Z)) + 1.0) / 2.0)
        store(room.land, 0, hills)
        for i in range(LANES):
            room.land[i] = math.pow(room.land[i], f(1.4))
        store(room.cells, j, h * load(room.land, 0))


@inner_kernel
def _ashlands_row(
    s: Sampling, row: int, room: AshlandsRoom, biome: npt.NDArray[np.uint8], ground: Floats, lava: Floats
) -> None:
    """Turn the base height of the Ashlands of a row, in ``ground``, into their ground, and write the lava."""
    first, last = s.rings.start[row], s.rings.stop[row]
    while first < last and s.rings.ridge_block[row, first] < 0:
        first += 1
    while first < last and s.rings.ridge_block[row, last - 1] < 0:
        last -= 1
    if first == last:
        return
    room.cells[first * LANES : last * LANES] = 0.0
    amplitude = 1.0
    for octave in range(CELL_OCTAVES):
        _add_cells(s.cell_columns, s.cell_rows, s.rings, octave, row, first, last, amplitude, room)
        amplitude *= 0.5
    _land_row(s.x, np.float64(s.z[row]), s.cell_columns, s.cell_rows, s.rings, row, first, last, ground, room)
    for block in range(first, last):
        ridge, j = s.rings.ridge_block[row, block], block * LANES
        if ridge >= 0:
            is_ashlands, h = load(biome, j) == terrain.ASHLANDS, load(room.cells, j)
            store(ground, j, select(is_ashlands, as_f32(h), load(ground, j)))
            wanted = bits(is_ashlands & ((h - 0.15 - 0.02) / 0.01 > 0.0))
            if wanted != 0:
                for k in range(4):
                    store(room.noise, (k, 0), block_noise(s.columns, s.rows, lattice.LAVA + k, row, block))
                _add_lava(s.cell_columns, s.cell_rows, s.rings.ridge[ridge], row, j, wanted, room, ground, lava)


@inner_kernel
def _add_lava(
    columns: CellAxis,
    rows: CellAxis,
    ridge: Doubles,
    row: int,
    first: int,
    wanted: int,
    room: AshlandsRoom,
    ground: Floats,
    lava: Floats,
) -> None:
    """Add the lava to the dry places of a block, given as bits."""
    while wanted != 0:
        i = lowest_bit(wanted)
        wanted &= wanted - 1
        j, h = first + i, room.cells[first + i]
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
    room = make_ashlands_room(s.cell_columns)
    for row in range(first, last):
        _ashlands_row(s, row, room, biome[row], ground[row], lava[row])
