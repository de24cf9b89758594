"""Perlin noise along the rows of a grid, several times faster than point by point and equal to the last bit.

A regular grid is separable: the lattice cell, the position in it and the fade along x depend on the column only, those
along z on the row only. An :class:`Axis` holds them for every noise channel of the terrain, and :data:`CORNERS` the
gradients at the four corners of every lattice cell in one number, so that :func:`block_noise` is a flat loop of float32
arithmetic with one look-up that the compiler turns into vector instructions. Where several rows lie in the same row of
lattice cells, :class:`Spread` keeps what they share, and nothing is looked up.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import flat, inner_kernel, kernel
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.noise import GRADIENT_X, GRADIENT_Y, PERLIN_OFFSET, PERLIN_SCALE, PERMUTATION, fade
from vwe_dagster.worldgen.numerics import f

BASE = 0
"""The eight channels of the base height, in the order of the formula."""
MASK_SWAMP, MASK_MISTLANDS, MASK_PLAINS, MASK_BLACK_FOREST = 8, 9, 10, 11
DETAIL_01, DETAIL_02, DETAIL_05, DETAIL_1, DETAIL_4, DETAIL_2 = 12, 13, 14, 15, 16, 17
"""The channels of the detail noise, named after their frequency: 0.01, 0.02, 0.05, 0.1, 0.4, 0.2."""
MIST = 18
"""The four channels of the Mistlands' own detail, in the order of the formula."""
SWAMP_04, SWAMP_08, SWAMP_1, SWAMP_4 = 22, 23, 24, 25
LAVA = 26
"""The three octaves of the noise that spreads lava."""
LAVA_DIP = 29
CHANNELS = 30

BLOCK = 256
"""Columns that are computed together: what their noise needs stays in the nearest caches from row to row."""


class Axis(NamedTuple):
    """The columns, or the rows, of a grid as the noise channels see them; every array is ``[CHANNELS, n]``.

    Attributes:
        cell: int32 lattice cell, 0 to 255.
        offset: float32 position in it, 0 to 1.
        faded: float32, the faded position.
    """

    cell: npt.NDArray[np.int32]
    offset: npt.NDArray[np.float32]
    faded: npt.NDArray[np.float32]


class Part(NamedTuple):
    """The columns of each channel or of each biome: from ``start`` to before ``stop``, int64, ``[n]``."""

    start: npt.NDArray[np.int64]
    stop: npt.NDArray[np.int64]


class Spread(NamedTuple):
    """What the rows of a block share as long as they lie in one row of lattice cells.

    Attributes:
        cell: int64, ``[CHANNELS]``: the row of lattice cells that ``parts`` is of; -1 for none.
        parts: float32, ``[CHANNELS, 8, BLOCK]``: for the corners south-west, south-east, north-west and north-east, the
            term of the gradient that comes from x, and the factor of the one that comes from z.
    """

    cell: npt.NDArray[np.int64]
    parts: npt.NDArray[np.float32]


def _corner_gradients() -> npt.NDArray[np.int32]:
    """The gradient factors at the corners of every lattice cell, ``[row, column]``.

    Each number holds the corners south-west, south-east, north-west and north-east, x before z, from the lowest bits
    upwards, in two bits with a sign.
    """
    column, row = np.meshgrid(np.arange(257) & 255, np.arange(257) & 255)
    corner = PERMUTATION[PERMUTATION[column].astype(np.int64) + row]
    packed = np.zeros((256, 256), np.int64)
    for i, (north, east) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        hashes = corner[north : north + 256, east : east + 256]
        for j, gradient in enumerate((GRADIENT_X, GRADIENT_Y)):
            packed |= (gradient[hashes].astype(np.int64) & 3) << (4 * i + 2 * j)
    return packed.astype(np.int32)


CORNERS = _corner_gradients()


@inner_kernel
def channel_arguments(c: WorldConstants, at: float, along_z: bool, out: npt.NDArray[np.float64]) -> None:
    """Fills in what each channel's noise is asked for at one coordinate: sections 5, 6 and 7 of the specification."""
    X = at + (100000.0 + (c.o1 if along_z else c.o0))
    out[0], out[1] = X * f(0.002) * 0.5, X * f(0.003) * 0.5
    out[2], out[3] = X * f(0.002), X * f(0.003)
    out[4], out[5] = X * f(0.005), X * f(0.01)
    out[6] = X * f(0.002) * 0.25 + (f(0.15123) if along_z else f(0.123))
    out[7] = X * f(0.002) * 0.25 + (f(0.231) if along_z else f(0.321))
    out[MASK_SWAMP], out[MASK_MISTLANDS] = f(c.o0 + at) * f(0.001), f(c.o4 + at) * f(0.001)
    out[MASK_PLAINS], out[MASK_BLACK_FOREST] = f(c.o1 + at) * f(0.001), f(c.o2 + at) * f(0.001)
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
def make_axis(c: WorldConstants, coordinates: npt.NDArray[np.float32], along_z: bool) -> Axis:
    """The axis of the coordinates, float32 metres ``[n]``, along x or along z."""
    n = coordinates.size
    cell = np.empty((CHANNELS, n), np.int32)
    offset, faded = np.empty((CHANNELS, n), np.float32), np.empty((CHANNELS, n), np.float32)
    argument = np.empty(CHANNELS)
    for i in range(n):
        channel_arguments(c, np.float64(coordinates[i]), along_z, argument)
        for k in range(CHANNELS):
            value = abs(np.float32(argument[k]))
            whole = np.int64(value)
            cell[k, i] = whole & 255
            offset[k, i] = value - np.float32(whole)
            faded[k, i] = fade(offset[k, i])
    return Axis(cell, offset, faded)


@kernel
def make_part(n: int) -> Part:
    """No columns."""
    return Part(np.zeros(n, np.int64), np.zeros(n, np.int64))


@kernel
def make_spread() -> Spread:
    """A spread of nothing."""
    return Spread(np.full(CHANNELS, -1), np.empty((CHANNELS, 8, BLOCK), np.float32))


@kernel
def _factor(corners: np.int32, place: int) -> np.float32:
    """One of the eight factors in a number of :data:`CORNERS`."""
    return np.float32(np.int32(np.int32(corners << np.int32(30 - 2 * place)) >> np.int32(30)))


@kernel
def _blend(
    g00: np.float32, g10: np.float32, g01: np.float32, g11: np.float32, u: np.float32, v: np.float32
) -> np.float32:
    """The noise from the values of the four corners, faded along x and z."""
    l0 = (g10 - g00) * u + g00
    l1 = (g11 - g01) * u + g01
    return ((l1 - l0) * v + l0 + PERLIN_OFFSET) / PERLIN_SCALE


@kernel
def noise_of_corners(corners: np.int32, fx: np.float32, fy: np.float32, u: np.float32, v: np.float32) -> np.float32:
    """The noise in a lattice cell, from its number of :data:`CORNERS`, a position and the faded position in it."""
    fx1, fy1 = fx - np.float32(1), fy - np.float32(1)
    g00 = _factor(corners, 0) * fx + _factor(corners, 1) * fy
    g10 = _factor(corners, 2) * fx1 + _factor(corners, 3) * fy
    g01 = _factor(corners, 4) * fx + _factor(corners, 5) * fy1
    g11 = _factor(corners, 6) * fx1 + _factor(corners, 7) * fy1
    return _blend(g00, g10, g01, g11, u, v)


@inner_kernel
def block_noise(
    columns: Axis,
    rows: Axis,
    spread: Spread,
    first: int,
    last: int,
    row: int,
    begin: int,
    part: Part,
    out: npt.NDArray[np.float32],
) -> None:
    """Writes the noise of the channels ``first`` to before ``last`` in one row to their rows of ``out``, ``[.., x]``.

    Only in the wanted part of the block that begins at column ``begin``. If the next row lies in the same row of cells,
    what they share is kept in ``spread``. Channels are told apart here and not by the caller, because a call that hands
    over so many arrays takes as long as a hundred places.
    """
    cell, offset, faded, parts, before = columns.cell, columns.offset, columns.faded, spread.parts, np.uint64(begin)
    has_next = row + 1 < rows.cell.shape[1]
    for k in range(first, last):
        start, stop = part.start[k], part.stop[k]
        if start >= stop:
            continue
        y, fy, v = rows.cell[k, row], rows.offset[k, row], rows.faded[k, row]
        if spread.cell[k] != y:
            if not has_next or rows.cell[k, row + 1] != y:
                for j in flat(start, stop):
                    corners = CORNERS[y, np.uint32(cell[k, j])]
                    out[k, j] = noise_of_corners(corners, offset[k, j], fy, faded[k, j], v)
                continue
            _spread_block(columns, k, y, begin, parts)
            spread.cell[k] = y
        fy1 = fy - np.float32(1)
        for j in flat(start, stop):
            i = j - before
            g00, g10 = parts[k, 0, i] + parts[k, 1, i] * fy, parts[k, 2, i] + parts[k, 3, i] * fy
            g01, g11 = parts[k, 4, i] + parts[k, 5, i] * fy1, parts[k, 6, i] + parts[k, 7, i] * fy1
            out[k, j] = _blend(g00, g10, g01, g11, faded[k, j], v)


@inner_kernel
def _spread_block(columns: Axis, channel: int, y: int, begin: int, parts: npt.NDArray[np.float32]) -> None:
    """Fills in what the block from column ``begin`` on shares in the row ``y`` of lattice cells."""
    cell, offset, first = columns.cell, columns.offset, np.uint64(begin)
    for j in flat(begin, min(begin + BLOCK, cell.shape[1])):
        i, corners, fx = j - first, CORNERS[y, np.uint32(cell[channel, j])], offset[channel, j]
        fx1 = fx - np.float32(1)
        parts[channel, 0, i], parts[channel, 1, i] = _factor(corners, 0) * fx, _factor(corners, 1)
        parts[channel, 2, i], parts[channel, 3, i] = _factor(corners, 2) * fx1, _factor(corners, 3)
        parts[channel, 4, i], parts[channel, 5, i] = _factor(corners, 4) * fx, _factor(corners, 5)
        parts[channel, 6, i], parts[channel, 7, i] = _factor(corners, 6) * fx1, _factor(corners, 7)
