"""The length of the shore: where the ground crosses sea level."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vwe_dagster.analysis.disc import Disc
from vwe_dagster.world.grid import SEA_LEVEL_M

_CORNERS = ((0, 0), (0, 1), (1, 1), (1, 0))
"""The corners of a square of four neighbouring cell centres, in rows north and columns east of the south-western one:
that one, and on around anticlockwise."""


def shorelines_m(disc: Disc, landmass: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """Measures the shore of every landmass: the contour at sea level, traced by marching squares.

    In each square between four neighbouring cell centres the contour is a straight line between the points where the
    height, linear along the square's sides, crosses 30 m. Two landmasses that touch at a corner only are kept apart
    by it, so a stretch of shore always belongs to one landmass. Only squares that lie inside the disc with all four
    corners count: neither the edge of the world nor the edge of the grid is a shore. Lakes inside a landmass have
    shores too.

    Shores are fractal: the finer the grid, the longer they get. Compare lengths of equal grids only.

    Args:
        disc: the measured part of the world.
        landmass: number of the landmass of every cell, 0 where there is none, see
            :func:`vwe_dagster.analysis.islands.number_landmasses`.

    Returns:
        Length in metres by number of the landmass; at 0, where there is no landmass, 0.
    """
    corners = _crossed_squares(disc)
    land, numbers = disc.land.ravel()[corners], landmass.ravel()[corners]
    heights = disc.height.ravel()[corners].astype(np.float64)
    lengths = np.zeros(int(landmass.max(initial=0)) + 1)
    for square, cells, owner in _segments(land, heights):
        numbers_of_segments = np.maximum(numbers[owner, square], numbers[(owner + 1) % 4, square])
        lengths += np.bincount(numbers_of_segments, cells, lengths.size)
    return lengths * disc.cell_m


def _crossed_squares(disc: Disc) -> npt.NDArray[np.intp]:
    """The squares that lie inside the disc and have both land and water at their corners: cells, ``[4, squares]``."""
    side = disc.coordinates_m.size

    def at_corner(plane: npt.NDArray[np.bool_], corner: tuple[int, int]) -> npt.NDArray[np.bool_]:
        north, east = corner
        return plane[north : side - 1 + north, east : side - 1 + east]

    land = [at_corner(disc.land, corner) for corner in _CORNERS]
    crossed = np.logical_or.reduce(land) & ~np.logical_and.reduce(land)
    crossed &= np.logical_and.reduce([at_corner(disc.inside, corner) for corner in _CORNERS])
    south, west = np.nonzero(crossed)
    return np.stack([(south + north) * side + west + east for north, east in _CORNERS])


def _segments(
    land: npt.NDArray[np.bool_], heights: npt.NDArray[np.float64]
) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.float64], int]]:
    """Pieces of the contour in squares given by their corners, ``[4, squares]``.

    Returns:
        Groups of pieces: the square of each, its length in sides of a square, and a corner such that it or the next
        corner is the land that the pieces of the group bound.
    """
    following = np.roll(land, -1, axis=0)
    rise = np.roll(heights, -1, axis=0) - heights
    # How far from a corner to the next one the contour is, as a fraction of the side.
    crossing = np.divide(SEA_LEVEL_M - heights, rise, out=np.zeros_like(heights), where=land != following)
    segments = []
    for a in range(4):
        b, c, d = (a + 1) % 4, (a + 2) % 4, (a + 3) % 4
        alone = (land[a] != land[b]) & (land[a] != land[d]) & (land[a] | (land[b] == land[c]))
        square = np.flatnonzero(alone)
        segments.append((square, np.hypot(crossing[a, square], 1 - crossing[d, square]), a))
    for a, c in ((0, 2), (1, 3)):
        across = (land[a] != land[a + 1]) & (land[a + 1] == land[c]) & (land[c] != land[(c + 1) % 4])
        square = np.flatnonzero(across)
        segments.append((square, np.hypot(1, crossing[a, square] + crossing[c, square] - 1), a))
    return segments
