"""The highest peaks: summits without higher ground within a long distance."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pandas as pd

from vwe_dagster.analysis.disc import Cells, Disc
from vwe_dagster.kernels.compiling import kernel
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.grid import SEA_LEVEL_M

PEAK_COUNT = 20
"""The largest number of listed peaks."""

PEAK_ISOLATION_M = 1000.0
"""Distance within which a peak is the highest ground."""


def peak_table(disc: Disc, landmass: npt.NDArray[np.int32], island_count: int) -> pd.DataFrame:
    """Find the highest peaks by their topographic isolation.

    A peak is a land cell with no higher cell within :data:`PEAK_ISOLATION_M` of it, and some lower one: distances are
    between cell centers, cells outside the disc do not count. Where cells within that distance are equally high, only
    the southernmost of them can be a peak, then the westernmost. Two peaks are therefore always further apart than
    that, and a shoulder of a mountain is never a peak. A grid coarser than that distance shows no peaks.

    Args:
        disc: the measured part of the world.
        landmass: numbers by cell, see :class:`vwe_dagster.analysis.islands.Landmasses`.
        island_count: number of landmasses that are islands.

    Returns:
        At most :data:`PEAK_COUNT` peaks, the highest first. Columns:

        - ``peak``: its rank, counted from 1.
        - ``above_sea_m``, ``x_m``, ``z_m``: its height above the sea and its position.
        - ``distance_m``, ``bearing_deg``: distance and compass bearing from the center of the world.
        - ``biome``: the game's name of the biome at the cell.
        - ``island``: number of its island; null on a landmass too small to be an island.
    """
    cells = _highest_peaks(disc)
    island = pd.Series(landmass.ravel()[cells], dtype="Int32")
    return pd.DataFrame(
        {
            "peak": np.arange(1, cells.size + 1, dtype=np.int32),
            "above_sea_m": disc.height.ravel()[cells].astype(np.float64) - SEA_LEVEL_M,
            "x_m": disc.x_m(cells),
            "z_m": disc.z_m(cells),
            "distance_m": disc.distance_m(cells),
            "bearing_deg": disc.bearing_deg(cells),
            "biome": pd.Series([Biome(index).game_name for index in disc.biome.ravel()[cells]], dtype="str"),
            "island": island.where(island <= island_count),
        }
    )


def _highest_peaks(disc: Disc) -> Cells:
    side = disc.coordinates_m.size
    if not disc.land.any():
        return np.empty(0, dtype=np.intp)
    # No block has two peaks, because its diagonal is not longer than the isolation of a peak.
    block = min(int(PEAK_ISOLATION_M // (np.sqrt(2) * disc.cell_m)) + 1, side)
    summits = _block_summits(disc.height, disc.land, block)
    summits = np.sort(summits[summits >= 0])
    by_height = summits[np.argsort(-disc.height.ravel()[summits], kind="stable")]
    reach = min(int(PEAK_ISOLATION_M // disc.cell_m), side)
    step_m2 = (np.arange(-reach, reach + 1, dtype=np.float64) * disc.cell_m) ** 2
    peaks = (cell for cell in by_height if _is_peak(disc.height, disc.inside, divmod(int(cell), side), step_m2))
    return np.fromiter(itertools.islice(peaks, PEAK_COUNT), dtype=np.intp)


@kernel
def _block_summits(height: npt.NDArray[np.float32], land: npt.NDArray[np.bool_], block: int) -> npt.NDArray[np.int64]:
    """Return the highest land cell of every square block, the first one of equally high cells; -1 without land."""
    rows, columns = height.shape
    across = -(-columns // block)
    summits = np.full(-(-rows // block) * across, -1, np.int64)
    heights_m = np.full(summits.size, -np.inf, np.float32)
    for z in range(rows):
        for block_x in range(across):
            at = z // block * across + block_x
            highest_m = heights_m[at]
            for x in range(block_x * block, min(block_x * block + block, columns)):
                if land[z, x] and height[z, x] > highest_m:
                    highest_m, summits[at] = height[z, x], z * columns + x
            heights_m[at] = highest_m
    return summits


@kernel
def _is_peak(
    height: npt.NDArray[np.float32],
    inside: npt.NDArray[np.bool_],
    cell: tuple[int, int],
    step_m2: npt.NDArray[np.float64],
) -> bool:
    """Return whether a cell is a peak.

    Args:
        height: ``[z, x]``, meters.
        inside: ``[z, x]``.
        cell: its row and column.
        step_m2: squared distance along an axis, by steps from ``-reach`` to ``reach``.
    """
    row, column = cell
    reach = step_m2.size // 2
    is_lower_around = False
    for z in range(max(row - reach, 0), min(row + reach + 1, height.shape[0])):
        for x in range(max(column - reach, 0), min(column + reach + 1, height.shape[1])):
            if not inside[z, x] or step_m2[z - row + reach] + step_m2[x - column + reach] > PEAK_ISOLATION_M**2:
                continue
            rise_m = height[z, x] - height[row, column]
            if rise_m > 0 or (rise_m == 0 and (z < row or (z == row and x < column))):
                return False
            is_lower_around |= rise_m < 0
    return is_lower_around
