"""Perlin noise along the rows of a grid, block by block, equal to the last bit.

A regular grid is separable: the lattice cell, the position in it and the fade along x depend on the column only, those
along z on the row only. :class:`Columns` and :class:`Rows` hold them for every noise channel of the terrain. A block is
LANES neighboring columns. They are in few lattice cells, whose gradients fit into a vector: each column selects its
own from that vector. Channels that are too fine for that look up every column.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import inlined_kernel, inner_kernel, kernel
from vwe_dagster.kernels.vectors import LANES, Lanes, f32, fused, gather, load, permute
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.lane_noise import blend_lanes, corner_table, noise_of_corners
from vwe_dagster.worldgen.noise import GRADIENT_X, GRADIENT_Y, PERMUTATION, fade
from vwe_dagster.worldgen.numerics import f

BASE = 0
"""The eight channels of the base height, in the order of the formula."""
BASE_CHANNELS = 8
MASK_SWAMP, MASK_MISTLANDS, MASK_PLAINS, MASK_BLACK_FOREST = 8, 9, 10, 11
BIOME_CHANNELS = 12
DETAIL_01, DETAIL_02, DETAIL_05, DETAIL_1, DETAIL_4, DETAIL_2 = 12, 13, 14, 15, 16, 17
"""The channels of the detail noise, named after their frequency: 0.01, 0.02, 0.05, 0.1, 0.4, 0.2."""
MIST = 18
"""The four channels of the Mistlands' own detail, in the order of the formula."""
SWAMP_04, SWAMP_08, SWAMP_1, SWAMP_4 = 22, 23, 24, 25
LAVA = 26
"""The three octaves of the noise that spreads lava."""
LAVA_DIP = 29
CHANNELS = 30


class Rows(NamedTuple):
    """The rows of a grid in the coordinates of the noise channels; every array is ``[channels, n]``.

    Attributes:
        cell: int32 lattice cell, 0 to 255.
        offset: float32 position in it, 0 to 1.
        faded: float32, the faded position.
    """

    cell: npt.NDArray[np.int32]
    offset: npt.NDArray[np.float32]
    faded: npt.NDArray[np.float32]


class Columns(NamedTuple):
    """The columns of a grid, a multiple of LANES, in the coordinates of the noise channels.

    Attributes:
        offset, faded: see :class:`Rows`.
        is_fine: bool, whether the cells of a block have more than LANES corners along x, ``[channels]``.
        first: int32, the least cell of each block; 0 in fine channels, ``[channels, n // LANES]``.
        place: int32, the number of cells from ``first`` to the cell of each column, ``[channels, n]``.
    """

    offset: npt.NDArray[np.float32]
    faded: npt.NDArray[np.float32]
    is_fine: npt.NDArray[np.bool_]
    first: npt.NDArray[np.int32]
    place: npt.NDArray[np.int32]


def _gradients(factors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return a gradient factor at every lattice corner, ``[row, column]``; one more block of columns repeats."""
    column, row = np.meshgrid(np.arange(256 + LANES) & 255, np.arange(257) & 255)
    return factors[PERMUTATION[PERMUTATION[column].astype(np.int64) + row]]


ALONG_X, ALONG_Z = _gradients(GRADIENT_X), _gradients(GRADIENT_Y)


@inner_kernel
def channel_arguments(c: WorldConstants, at: float, along_z: bool, out: npt.NDArray[np.float64]) -> None:
    """Write the argument of each channel's noise at one coordinate: sections 5, 6 and 7 of the specification."""
    X = at + (100000.0 + (c.o1 if along_z else c.o0))
    out[0], out[1] = X * f(0.002) * 0.5, X * f(0.003) * 0.5
    out[2], out[3] = X * f(0.002), X * f(0.003)
    out[4], out[5] = X * f(0.005), X * f(0.01)
    out[6] = X * f(0.002) * 0.25 + (f(0.15123) if along_z else f(0.123))
    out[7] = X * f(0.002) * 0.25 + (f(0.231) if along_z else f(0.321))
    if out.size == BASE_CHANNELS:
        return
    out[MASK_SWAMP], out[MASK_MISTLANDS] = f(c.o0 + at) * f(0.001), f(c.o4 + at) * f(0.001)
    out[MASK_PLAINS], out[MASK_BLACK_FOREST] = f(c.o1 + at) * f(0.001), f(c.o2 + at) * f(0.001)
    if out.size == BIOME_CHANNELS:
        return
    U = f(at + 100000.0 + c.o3)
    out[DETAIL_01], out[DETAIL_02], out[DETAIL_05] = U * f(0.01), U * f(0.02), U * f(0.05)
    out[DETAIL_1], out[DETAIL_4], out[DETAIL_2] = U * f(0.1), U * f(0.4), U * f(0.2)
    out[MIST], out[MIST + 1] = U * f(0.02) * f(0.7), U * f(0.04) * f(0.7)
    out[MIST + 2], out[MIST + 3] = U * f(0.03) * f(0.7), U * f(0.05) * f(0.7)
    S = f(at + 100000.0)
    out[SWAMP_04], out[SWAMP_08], out[SWAMP_1], out[SWAMP_4] = S * f(0.04), S * f(0.08), S * f(0.1), S * f(0.4)
    L = at + f(100000.0 + c.o3)
    out[LAVA] = f(L * f(0.01))
    out[LAVA + 1], out[LAVA + 2] = out[LAVA] * 2.0, out[LAVA] * 4.0
    out[LAVA_DIP] = f(L * 0.05 + (5000.0 if along_z else 5124.0))


@kernel
def make_rows(c: WorldConstants, coordinates: npt.NDArray[np.float32], along_z: bool, channels: int) -> Rows:
    """Return the rows at coordinates, float32 meters ``[n]`` along x or z, for the first ``channels`` channels."""
    shape = channels, coordinates.size
    whole, offset, faded = np.empty(shape, np.int32), np.empty(shape, np.float32), np.empty(shape, np.float32)
    argument = np.empty(channels)
    for i in range(coordinates.size):
        channel_arguments(c, np.float64(coordinates[i]), along_z, argument)
        for k in range(channels):
            value = abs(np.float32(argument[k]))
            whole[k, i] = np.int32(value)
            offset[k, i] = value - np.float32(whole[k, i])
            faded[k, i] = fade(offset[k, i])
            whole[k, i] &= 255
    return Rows(whole, offset, faded)


@kernel
def make_columns(c: WorldConstants, coordinates: npt.NDArray[np.float32], channels: int) -> Columns:
    """Return the columns at coordinates, float32 meters ``[n]``, for the first ``channels`` channels."""
    cell, offset, faded = make_rows(c, coordinates, False, channels)
    blocks = coordinates.size // LANES
    first, is_fine = np.zeros((channels, blocks), np.int32), np.zeros(channels, np.bool_)
    for k in range(channels):
        for b in range(blocks):
            first[k, b], span = _least_cell(cell[k], b * LANES)
            is_fine[k] |= span >= LANES - 1
        if is_fine[k]:
            first[k] = 0
        for i in range(coordinates.size):
            cell[k, i] = (cell[k, i] - first[k, i // LANES]) & 255
    return Columns(offset, faded, is_fine, first, cell)


@kernel
def _least_cell(cell: npt.NDArray[np.int32], start: int) -> tuple[int, int]:
    """Return the first cell of a block, and the number of cells from it to the last; cells wrap at 256."""
    west = east = 0
    for i in range(start + 1, start + LANES):
        apart = ((cell[i] - cell[start] + 128) & 255) - 128
        west, east = min(west, apart), max(east, apart)
    return (cell[start] + west) & 255, east - west


@inlined_kernel
def block_noise(columns: Columns, rows: Rows, k: int, row: int, block: int) -> Lanes:
    """Return the noise of channel ``k`` in a row of a block, float32 lanes."""
    j = block * LANES
    x, u, west = load(columns.offset, (k, j)), load(columns.faded, (k, j)), load(columns.place, (k, j))
    y, fz, v = rows.cell[k, row], f32(rows.offset[k, row]), f32(rows.faded[k, row])
    if columns.is_fine[k]:
        return noise_of_corners(gather(corner_table(), west + (y << 8)), x, fz, u, v)
    at = y, np.int64(columns.first[k, block])
    above, beyond, north = (at[0] + 1, at[1]), west + 1, fz - np.float32(1)
    gx, gz = load(ALONG_X, at), load(ALONG_Z, at) * fz
    g00 = fused(permute(gx, west), x, permute(gz, west))
    g10 = fused(permute(gx, beyond), x - np.float32(1), permute(gz, beyond))
    gx, gz = load(ALONG_X, above), load(ALONG_Z, above) * north
    g01 = fused(permute(gx, west), x, permute(gz, west))
    g11 = fused(permute(gx, beyond), x - np.float32(1), permute(gz, beyond))
    return blend_lanes(g00, g10, g01, g11, u, v)
