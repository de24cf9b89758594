"""The points of each biome and the sectors of a world, as :mod:`~vwe_dagster.locations.plain` finds them, but faster.

Points have numbers in a grid with a border of one cell on each side, so that every point has four neighbors.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import flat, inner_kernel, kernel
from vwe_dagster.locations.plain import ASHLANDS, DEEP_NORTH, OCEAN, P, grid_at, is_outside
from vwe_dagster.worldgen.numerics import f, length

STRIDE = P + 2
CELLS = STRIDE * STRIDE
HIGH = 16
"""Bit of a cell at 30 m or higher; the bits below hold the biome, and a visited cell or the Ocean is 0."""
BIOMES = 10
OCEAN_SECTOR = 2

Points = npt.NDArray[np.int32]


class PointLists(NamedTuple):
    """The points of each biome, and the sector of each point.

    Attributes:
        points, high: int32 numbers of all points and of those at 30 m and above, ``[n]``.
        start, high_start: int64, ``[11]``: the points of biome b are ``start[b]`` to ``start[b + 1]``.
        sector: uint16, ``[CELLS]``; empty if not requested.
        biome_of: uint8, the biome of each sector.
    """

    points: Points
    start: npt.NDArray[np.int64]
    high: Points
    high_start: npt.NDArray[np.int64]
    sector: npt.NDArray[np.uint16]
    biome_of: npt.NDArray[np.uint8]


@kernel
def half_width(j: int) -> int:
    """Return the number of points of row ``j`` that are within the world, on each side of the center."""
    z = grid_at(j)
    n = min(P // 2, int(math.sqrt(max(0.0, 110250008.0 - z * z)) / 12.0) + 2)
    while n > 0 and is_outside(grid_at(P // 2 + n - 1), z):
        n -= 1
    return n


@kernel
def find_points(
    biome: npt.NDArray[np.uint8], height: npt.NDArray[np.float32], with_ocean: bool, with_sectors: bool
) -> PointLists:
    """Find the points and sectors of a grid, each plane ``[z, x]``.

    Args:
        biome: indices of biomes.
        height: heights in meters.
        with_ocean: whether the points of the Ocean are needed; otherwise their list is empty.
        with_sectors: whether the sectors are needed.
    """
    cells, counts = np.zeros(CELLS, np.uint8), np.zeros(BIOMES + 1, np.int64)
    for j in range(P):
        _fill_row(biome[j], height[j], half_width(j), (j + 1) * STRIDE + 1, cells, counts)
    counts[OCEAN + 1] = P * P - counts.sum() if with_ocean else 0
    start = np.cumsum(counts)
    points, high = np.empty(start[-1], np.int32), np.empty(start[-1], np.int32)
    end, high_end = start.copy(), start.copy()
    sector = np.full(CELLS if with_sectors else 0, OCEAN_SECTOR, np.uint16)
    if with_ocean:
        _list_ocean(cells, points, end)
    biome_of = [np.uint8(ASHLANDS), np.uint8(DEEP_NORTH), np.uint8(OCEAN)]
    stack = np.empty(start[-1] + 1, np.int32)
    for j in range(P):
        at, last = (j + 1) * STRIDE + 1 + P // 2 - half_width(j), (j + 1) * STRIDE + 1 + P // 2 + half_width(j)
        while at < last:
            code = cells[at]
            if code == 0:
                at += 1
                continue
            b = code & (HIGH - 1)
            if b == ASHLANDS or b == DEEP_NORTH:  # noqa: PLR1714, SIM109
                points[end[b]] = at
                end[b] += 1
                high[high_end[b]] = at
                high_end[b] += code >= HIGH
                if with_sectors:
                    sector[at] = b - ASHLANDS
            else:
                number = len(biome_of) if with_sectors else -1
                _fill_sector(cells, at, b, number, stack, points, high, end, high_end, sector)
                if with_sectors:
                    biome_of.append(np.uint8(b))
            at += 1
    return _close(points, high, start, end, high_end, sector, np.array(biome_of))


@inner_kernel
def _fill_row(
    biome: npt.NDArray[np.uint8],
    height: npt.NDArray[np.float32],
    half: int,
    begin: int,
    cells: npt.NDArray[np.uint8],
    counts: npt.NDArray[np.int64],
) -> None:
    """Write the cells of a row, whose first point is cell ``begin``, and add its points by biome to ``counts[1:]``."""
    first, last = P // 2 - half, P // 2 + half
    for i in flat(first, last):
        b = biome[i]
        is_high = np.uint8(HIGH) if height[i] >= np.float32(30.0) else np.uint8(0)
        cells[np.uint64(begin) + i] = np.uint8(0) if b == np.uint8(OCEAN) else b | is_high
    for b in range(BIOMES):
        if b != OCEAN:
            wanted, count = np.uint8(b), np.int32(0)
            for i in flat(first, last):
                count += np.int32(biome[i] == wanted)
            counts[b + 1] += count


@inner_kernel
def _list_ocean(cells: npt.NDArray[np.uint8], points: Points, end: npt.NDArray[np.int64]) -> None:
    """List the points of the Ocean: the cells that are 0 within the border before any cell is visited."""
    for j in range(P):
        for at in range((j + 1) * STRIDE + 1, (j + 1) * STRIDE + 1 + P):
            if cells[at] == 0:
                points[end[OCEAN]] = at
                end[OCEAN] += 1


@inner_kernel
def _fill_sector(
    cells: npt.NDArray[np.uint8],
    first: int,
    b: int,
    number: int,
    stack: Points,
    points: Points,
    high: Points,
    end: npt.NDArray[np.int64],
    high_end: npt.NDArray[np.int64],
    sector: npt.NDArray[np.uint16],
) -> None:
    """Visit the cells of a sector depth first and list all but the first; write their ``number`` if it is not -1."""
    count, high_count, size = end[b], high_end[b], np.int64(1)
    cells[first], stack[0] = 0, first
    if number >= 0:
        sector[first] = number
    while size > 0:
        size -= 1
        at = np.int64(stack[size])
        for near in (at + 1, at - 1, at + STRIDE, at - STRIDE):
            code = cells[near]
            if code & (HIGH - 1) == b:
                cells[near] = 0
                points[count], high[high_count], stack[size] = near, near, near
                count, high_count, size = count + 1, high_count + (code >> 4), size + 1
                if number >= 0:
                    sector[near] = number
    end[b], high_end[b] = count, high_count


@kernel
def _close(
    points: Points,
    high: Points,
    begin: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
    high_end: npt.NDArray[np.int64],
    sector: npt.NDArray[np.uint16],
    biome_of: npt.NDArray[np.uint8],
) -> PointLists:
    """Close the gaps between the lists."""
    start, high_start = np.zeros(BIOMES + 1, np.int64), np.zeros(BIOMES + 1, np.int64)
    for b in range(BIOMES):
        start[b + 1] = start[b] + end[b] - begin[b]
        high_start[b + 1] = high_start[b] + high_end[b] - begin[b]
        points[start[b] : start[b + 1]] = points[begin[b] : end[b]]
        high[high_start[b] : high_start[b + 1]] = high[begin[b] : high_end[b]]
    return PointLists(points[: start[-1]], start, high[: high_start[-1]], high_start, sector, biome_of)


@kernel
def sector_metrics(
    lists: PointLists, height: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return edge, mean and distance of each sector, as :func:`~vwe_dagster.locations.plain.sector_metrics`."""
    n, sector = len(lists.biome_of), lists.sector
    edge, mean, far = np.zeros(n, np.int64), np.zeros(n), np.zeros(n)
    cx, cz = np.zeros(n, np.float32), np.zeros(n, np.float32)
    low, high = np.full(n, np.inf), np.full(n, -np.inf)
    is_edge = np.empty(P, np.bool_)
    for j in range(1, P - 1):
        row = (j + 1) * STRIDE + 1
        _find_edges(sector[row - STRIDE :], sector[row - 1 :], sector[row + STRIDE :], is_edge)
        half = half_width(j)
        for i in range(1, P - 1):
            if is_edge[i]:
                s = sector[row + i]
                h = np.float64(height[j, i]) if P // 2 - half <= i < P // 2 + half else -1000.0
                edge[s] += 1
                cx[s] += np.float32(i)
                cz[s] += np.float32(j)
                low[s], high[s] = min(low[s], h), max(high[s], h)
    for s in range(n):
        if edge[s] > 0:
            x = f((f(np.float64(cx[s]) / edge[s]) - 1024.0) * 12.0 + 6.0)
            z = f((f(np.float64(cz[s]) / edge[s]) - 1024.0) * 12.0 + 6.0)
            mean[s], far[s] = f((low[s] + high[s]) / 2.0), length(x, z)
    return edge, mean, far


@inner_kernel
def _find_edges(
    south: npt.NDArray[np.uint16],
    west: npt.NDArray[np.uint16],
    north: npt.NDArray[np.uint16],
    is_edge: npt.NDArray[np.bool_],
) -> None:
    """Find the points of a row that have a neighbor in another sector; ``west`` begins one point before the row."""
    for i in flat(0, P):
        here = west[i + np.uint64(1)]
        differs = (here != west[i]) | (here != west[i + np.uint64(2)])
        is_edge[i] = differs | (here != south[i]) | (here != north[i])
