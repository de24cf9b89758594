"""Compiled loops that measure the cells of a disc."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.analysis.patches import Patches
from vwe_dagster.kernels.compiling import kernel


class KindMeasures(NamedTuple):
    """Measures of the cells of each kind, arrays by kind; cells are indices of the flattened plane.

    Attributes:
        cells: number of cells.
        land_cells: number of land cells.
        lowest_m: height of the lowest cell; infinity without cells.
        highest_m: height of the highest cell; -infinity without cells.
        total_m: sum of all heights: the sums of the runs along the rows, south to north.
    """

    cells: npt.NDArray[np.int64]
    land_cells: npt.NDArray[np.int64]
    lowest_m: npt.NDArray[np.float32]
    highest_m: npt.NDArray[np.float32]
    total_m: npt.NDArray[np.float64]


@kernel
def measure_kinds(
    patches: Patches,
    height: npt.NDArray[np.float32],
    land: npt.NDArray[np.bool_],
    count: int,
) -> KindMeasures:
    """Measure all cells of each kind.

    Args:
        patches: patches of the kinds.
        height: ``[z, x]``, meters.
        land: ``[z, x]``.
        count: number of kinds.
    """
    cells, land_cells = np.zeros(count, np.int64), np.zeros(count, np.int64)
    lowest_m, highest_m = np.full(count, np.inf, np.float32), np.full(count, -np.inf, np.float32)
    total_m = np.zeros(count)
    for run in range(patches.row.size):
        z, start, stop = patches.row[run], patches.start[run], patches.stop[run]
        kind = patches.kind[patches.patch[run]]
        low, high, total, land_of_run = lowest_m[kind], highest_m[kind], 0.0, 0
        for x in range(start, stop):
            height_m = height[z, x]
            # Not min() and max(), which take twice as long: they have rules for NaN.
            low = height_m if height_m < low else low  # noqa: FURB136
            high = height_m if height_m > high else high  # noqa: FURB136
            total += height_m
            land_of_run += land[z, x]
        lowest_m[kind], highest_m[kind] = low, high
        total_m[kind] += total
        cells[kind] += stop - start
        land_cells[kind] += land_of_run
    return KindMeasures(cells, land_cells, lowest_m, highest_m, total_m)


class IslandMeasures(NamedTuple):
    """Measures of the cells of each island, arrays by island; cells are indices of the flattened plane.

    Attributes:
        peak: the highest cell, the first one of equally high cells.
        nearest: the cell nearest to the center, likewise.
        inland: the cell with the most steps inland, likewise.
        x_sum_m: sum of the columns' coordinates.
        z_sum_m: sum of the rows' coordinates.
        biome_cells: number of cells of each biome, ``[island, biome]``.
    """

    peak: npt.NDArray[np.int64]
    nearest: npt.NDArray[np.int64]
    inland: npt.NDArray[np.int64]
    x_sum_m: npt.NDArray[np.float64]
    z_sum_m: npt.NDArray[np.float64]
    biome_cells: npt.NDArray[np.int64]


@kernel
def measure_islands(
    patches: Patches,
    island_of_patch: npt.NDArray[np.int32],
    planes: tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8], npt.NDArray[np.int32]],
    coordinates_m: npt.NDArray[np.float64],
    biome_cells: npt.NDArray[np.int64],
) -> IslandMeasures:
    """Measure all cells of each island.

    Args:
        patches: patches of land.
        island_of_patch: number of the island of each patch from 1, ``[patch + 1]``; other numbers are not measured.
        planes: heights, biomes and steps inland, each ``[z, x]``.
        coordinates_m: of the rows and of the columns.
        biome_cells: zeros, ``[island, biome]``; the cells of each biome are added.
    """
    height, biome, steps = planes
    columns, count = height.shape[1], biome_cells.shape[0]
    peak, nearest, inland = np.full(count, -1, np.int64), np.full(count, -1, np.int64), np.full(count, -1, np.int64)
    peak_m, nearest_m2, inland_steps = np.full(count, -np.inf), np.full(count, np.inf), np.full(count, -1, np.int64)
    x_sum_m, z_sum_m = np.zeros(count), np.zeros(count)
    square_m2 = coordinates_m**2
    for run in range(patches.row.size):
        island = island_of_patch[patches.patch[run]] - 1
        if island < 0 or island >= count:
            continue
        z = patches.row[run]
        x_sum, z_sum = x_sum_m[island], z_sum_m[island]
        highest, most, near = peak_m[island], inland_steps[island], nearest_m2[island]
        for x in range(patches.start[run], patches.stop[run]):
            x_sum += coordinates_m[x]
            z_sum += coordinates_m[z]
            biome_cells[island, biome[z, x]] += 1
            if height[z, x] > highest:
                highest, peak[island] = height[z, x], z * columns + x
            if steps[z, x] > most:
                most, inland[island] = steps[z, x], z * columns + x
            if square_m2[z] + square_m2[x] < near:
                near, nearest[island] = square_m2[z] + square_m2[x], z * columns + x
        x_sum_m[island], z_sum_m[island] = x_sum, z_sum
        peak_m[island], inland_steps[island], nearest_m2[island] = highest, most, near
    return IslandMeasures(peak, nearest, inland, x_sum_m, z_sum_m, biome_cells)


@kernel
def steps_inland(patches: Patches, rows: int, columns: int) -> npt.NDArray[np.int32]:
    """Return the distance of every land cell from the nearest cell that is not land.

    Everything beyond the plane counts as not land.

    Args:
        patches: patches of land.
        rows: height of the plane.
        columns: width of the plane.

    Returns:
        ``[z, x]``: 5 for each step to a side and 7 for each to a corner, on the shortest way; 0 off land.
    """
    steps = np.zeros((rows + 2, columns + 2), np.int32)
    for run in range(patches.row.size):
        z, start, stop = patches.row[run] + 1, patches.start[run] + 1, patches.stop[run] + 1
        west = np.int32(0)
        for x in range(start, stop):
            south = min(steps[z - 1, x] + 5, steps[z - 1, x - 1] + 7, steps[z - 1, x + 1] + 7)
            west = min(west + 5, south)
            steps[z, x] = west
    for run in range(patches.row.size - 1, -1, -1):
        z, start, stop = patches.row[run] + 1, patches.start[run] + 1, patches.stop[run] + 1
        east = np.int32(0)
        for x in range(stop - 1, start - 1, -1):
            north = min(steps[z + 1, x] + 5, steps[z + 1, x - 1] + 7, steps[z + 1, x + 1] + 7)
            east = min(east + 5, north, steps[z, x])
            steps[z, x] = east
    return steps[1:-1, 1:-1]
