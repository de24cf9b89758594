"""The length of the shore: where the ground crosses sea level."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from vwe_dagster.analysis.disc import Disc
from vwe_dagster.kernels.compiling import flat, kernel
from vwe_dagster.world.grid import SEA_LEVEL_M

_PIECES = 6
"""Kinds of pieces of the contour in a square: around each corner, and from side to opposite side in two directions."""


def shorelines_m(disc: Disc, landmass: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.float64]:
    """Measure the shore of every landmass: the contour at sea level, traced by marching squares.

    In each square between four neighboring cell centers the contour is a straight line between the points where the
    height, linear along the square's sides, crosses 30 m. It separates two landmasses that touch only at a corner, so
    each stretch of shore belongs to one landmass. Only squares that are inside the disc with all four
    corners count: neither the edge of the world nor the edge of the grid is a shore. Lakes inside a landmass have
    shores too.

    Shores are fractal: the finer the grid, the longer they get. Compare lengths of equal grids only.

    Args:
        disc: the measured part of the world.
        landmass: number of the landmass of every cell, 0 where there is none, see
            :class:`vwe_dagster.analysis.islands.Landmasses`.
        count: number of landmasses.

    Returns:
        Length in meters by number of the landmass; at 0, where there is no landmass, 0.
    """
    lengths = _contour_lengths(disc.height, disc.land, disc.inside, landmass, count)
    return sum(lengths, np.zeros(count + 1)) * disc.cell_m


@kernel
def _contour_lengths(
    height: npt.NDArray[np.float32],
    land: npt.NDArray[np.bool_],
    inside: npt.NDArray[np.bool_],
    landmass: npt.NDArray[np.int32],
    count: int,
) -> npt.NDArray[np.float64]:
    """Return the lengths by kind of piece and landmass, ``[piece, landmass + 1]``, in sides of a square."""
    lengths = np.zeros((_PIECES, count + 1))
    rows, columns = land.shape
    is_crossed = np.zeros(columns, np.bool_)
    on_land, number, crossing = np.empty(4, np.bool_), np.empty(4, np.int32), np.empty(4)
    for z in range(rows - 1):
        for x in flat(0, max(columns - 1, 0)):
            west, east = land[z, x] ^ land[z + 1, x], land[z, x + np.uint64(1)] ^ land[z + 1, x + np.uint64(1)]
            is_crossed[x] = west | east | (land[z, x] ^ land[z, x + np.uint64(1)])
        for crossed in np.flatnonzero(is_crossed):
            x = int(crossed)
            if not (inside[z, x] and inside[z, x + 1] and inside[z + 1, x] and inside[z + 1, x + 1]):
                continue
            # Anticlockwise from the south-western corner, and from each corner to the next one.
            for corner, (cz, cx) in enumerate(((z, x), (z, x + 1), (z + 1, x + 1), (z + 1, x))):
                on_land[corner], number[corner] = land[cz, cx], landmass[cz, cx]
            crossing[0] = _crossing(height[z, x], height[z, x + 1])
            crossing[1] = _crossing(height[z, x + 1], height[z + 1, x + 1])
            crossing[2] = _crossing(height[z + 1, x + 1], height[z + 1, x])
            crossing[3] = _crossing(height[z + 1, x], height[z, x])
            _add_pieces(lengths, on_land, number, crossing)
    return lengths


@kernel
def _crossing(height_m: float, following_m: float) -> float:
    """Return where the contour crosses the side from a corner to the following one, as a fraction of the side."""
    return (SEA_LEVEL_M - np.float64(height_m)) / (np.float64(following_m) - np.float64(height_m))


@kernel
def _add_pieces(
    lengths: npt.NDArray[np.float64],
    land: npt.NDArray[np.bool_],
    number: npt.NDArray[np.int32],
    crossing: npt.NDArray[np.float64],
) -> None:
    """Add the pieces of the contour in one square; land, number of the landmass and crossing are by corner, ``[4]``."""
    for corner in range(4):
        following, opposite, former = (corner + 1) & 3, (corner + 2) & 3, (corner + 3) & 3
        alone = land[corner] != land[following] and land[corner] != land[former]
        if alone and (land[corner] or land[following] == land[opposite]):
            length = math.hypot(crossing[corner], 1 - crossing[former])
            lengths[corner, max(number[corner], number[following])] += length
    for corner in range(2):
        following, opposite, former = corner + 1, corner + 2, (corner + 3) & 3
        across = land[corner] != land[following] and land[opposite] != land[former]
        if across and land[following] == land[opposite]:
            length = math.hypot(1, crossing[corner] + crossing[opposite] - 1)
            lengths[4 + corner, max(number[corner], number[following])] += length
