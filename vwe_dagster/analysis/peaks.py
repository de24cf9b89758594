"""The highest peaks, each on its own: summits with nothing higher for a long way around."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pandas as pd

from vwe_dagster.analysis.disc import Cells, Disc
from vwe_dagster.world.biomes import Biome

PEAK_COUNT = 20
"""As many peaks are listed at most."""

PEAK_ISOLATION_M = 1000.0
"""A peak is the highest ground as far around as this."""


def peak_table(disc: Disc, landmass: npt.NDArray[np.int32], island_count: int) -> pd.DataFrame:
    """Finds the highest peaks by their topographic isolation.

    A peak is a land cell with no higher cell within :data:`PEAK_ISOLATION_M` of it, and some lower one: distances are
    between cell centres, cells outside the disc do not count. Where cells within that distance are equally high, only
    the southernmost of them can be a peak, then the westernmost. Two peaks are therefore always further apart than
    that, and a shoulder of a mountain is never a peak. A grid coarser than that distance shows no peaks.

    Args:
        disc: the measured part of the world.
        landmass: numbers of :func:`vwe_dagster.analysis.islands.number_landmasses`.
        island_count: how many of the landmasses are islands.

    Returns:
        The :data:`PEAK_COUNT` highest peaks, the highest first, or as many as there are. Columns:

        - ``peak``: its rank, counted from 1.
        - ``height_m``, ``x_m``, ``z_m``: its height and position.
        - ``distance_m``, ``bearing_deg``: distance and compass bearing from the centre of the world.
        - ``biome``: the game's name of the biome at the cell.
        - ``island``: number of the island it stands on; null on a landmass too small to be one.
    """
    cells = _highest_peaks(disc)
    island = pd.Series(landmass.ravel()[cells], dtype="Int32")
    return pd.DataFrame(
        {
            "peak": np.arange(1, cells.size + 1, dtype=np.int32),
            "height_m": disc.height.ravel()[cells].astype(np.float64),
            "x_m": disc.x_m(cells),
            "z_m": disc.z_m(cells),
            "distance_m": disc.distance_m(cells),
            "bearing_deg": disc.bearing_deg(cells),
            "biome": pd.Series([Biome(index).game_name for index in disc.biome.ravel()[cells]], dtype="str"),
            "island": island.where(island <= island_count),
        }
    )


def _highest_peaks(disc: Disc) -> Cells:
    if not disc.land.any():
        return np.empty(0, dtype=np.intp)
    reach = min(int(PEAK_ISOLATION_M // disc.cell_m), disc.coordinates_m.size)
    steps = np.arange(-reach, reach + 1) * disc.cell_m
    around = steps[:, np.newaxis] ** 2 + steps**2 <= PEAK_ISOLATION_M**2
    summits = _block_summits(disc)
    by_height = summits[np.argsort(-disc.height.ravel()[summits], kind="stable")]
    peaks = (cell for cell in by_height if _is_peak(disc, cell, around))
    return np.fromiter(itertools.islice(peaks, PEAK_COUNT), dtype=np.intp)


def _block_summits(disc: Disc) -> Cells:
    """The highest land cell of every square block of the disc, ascending; all peaks are among them.

    No block has two peaks, for its diagonal is not longer than the isolation of a peak.
    """
    side = disc.coordinates_m.size
    block = min(int(PEAK_ISOLATION_M // (np.sqrt(2) * disc.cell_m)) + 1, side)
    blocks = -(-side // block)
    land_m = np.full((blocks * block, blocks * block), -np.inf, dtype=np.float32)
    np.copyto(land_m[:side, :side], disc.height, where=disc.land)
    by_block = land_m.reshape(blocks, block, blocks, block).swapaxes(1, 2).reshape(blocks, blocks, block**2)
    row, column = np.divmod(by_block.argmax(axis=2), block)
    first = np.arange(blocks) * block
    cells = (row + first[:, np.newaxis]) * side + column + first
    return np.sort(cells[by_block.max(axis=2) > -np.inf])


def _is_peak(disc: Disc, cell: np.intp, around: npt.NDArray[np.bool_]) -> bool:
    side, reach = disc.coordinates_m.size, around.shape[0] // 2
    row, column = divmod(int(cell), side)
    south, west = max(row - reach, 0), max(column - reach, 0)
    window = np.s_[south : row + reach + 1, west : column + reach + 1]
    near = around[south - row + reach : side - row + reach, west - column + reach : side - column + reach]
    near = near & disc.inside[window]
    rise_m = disc.height[window] - disc.height[row, column]
    if np.any(near & (rise_m > 0)) or not np.any(near & (rise_m < 0)):
        return False
    first_level = np.argwhere(near & (rise_m == 0))[0]
    return bool((first_level == (row - south, column - west)).all())
