"""The table of biomes: area, heights, patches and nearest patch of each biome."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from vwe_dagster.analysis.disc import Disc
from vwe_dagster.analysis.kernels import KindMeasures, measure_kinds
from vwe_dagster.analysis.lands import MeasuredLands
from vwe_dagster.analysis.patches import find_patches
from vwe_dagster.world.biomes import BIOMES, Biome
from vwe_dagster.world.grid import SEA_LEVEL_M

BIOME_COLUMNS = (
    *("biome", "area_km2", "share_of_disc", "land_area_km2", "share_of_land"),
    *("min_above_sea_m", "mean_above_sea_m", "max_above_sea_m", "first_m", "first_bearing_deg", "first_km2"),
    *("patch_count", "largest_patch_km2"),
)
"""Columns of :func:`biome_table`."""


def biome_table(measured: MeasuredLands) -> pd.DataFrame:
    """Measure every biome inside the disc of a world.

    Args:
        measured: the disc and its lands.

    Returns:
        One row for each of :data:`vwe_dagster.world.biomes.BIOMES`, in that order. A biome that does not occur
        has areas, shares and patches of 0 and nulls elsewhere. Columns:

        - ``biome``: the game's name of the biome.
        - ``area_km2``: area of its cells, land and water.
        - ``share_of_disc``: ``area_km2`` as a fraction of the area of all cells inside the disc.
        - ``land_area_km2``: area of its land, the cells at sea level (30 m) or above.
        - ``share_of_land``: ``land_area_km2`` as a fraction of all land; null in a world without land.
        - ``min_above_sea_m``, ``mean_above_sea_m``, ``max_above_sea_m``: heights above the sea over its cells, land
          and water. The mean is computed from a float64 sum, row by row; another order may differ in the last digit.
        - ``first_m``, ``first_bearing_deg``, ``first_km2``: distance and compass bearing of its first patch from the
          center of the world, and its area, see :class:`vwe_dagster.analysis.lands.FirstPatch`; null if there is none.
        - ``patch_count``, ``largest_patch_km2``: a patch is a set of its cells, land and water, that are connected by
          their sides; cells that touch only at a corner are in two patches.
    """
    disc = measured.disc
    patches = find_patches(disc.biome * disc.inside)
    measures = measure_kinds(patches, disc.height, disc.land, len(Biome))
    rows = [
        {
            "biome": each.game_name,
            "area_km2": int(measures.cells[each]) * disc.cell_area_km2,
            "land_area_km2": int(measures.land_cells[each]) * disc.cell_area_km2,
            **_heights(measures, each),
            **_first_patch(measured, each),
            **_patches(disc, patches.cells[patches.kind == each]),
        }
        for each in BIOMES
    ]
    table = pd.DataFrame(rows)
    disc_km2 = np.count_nonzero(disc.inside) * disc.cell_area_km2
    land_km2 = np.count_nonzero(disc.land) * disc.cell_area_km2
    table.insert(2, "share_of_disc", table["area_km2"] / (disc_km2 or np.nan))
    table.insert(4, "share_of_land", table["land_area_km2"] / (land_km2 or np.nan))
    return table


def _heights(measures: KindMeasures, biome: Biome) -> dict[str, float]:
    if not measures.cells[biome]:
        return dict.fromkeys(("min_above_sea_m", "mean_above_sea_m", "max_above_sea_m"), np.nan)
    return {
        "min_above_sea_m": float(measures.lowest_m[biome]) - SEA_LEVEL_M,
        "mean_above_sea_m": float(measures.total_m[biome] / measures.cells[biome]) - SEA_LEVEL_M,
        "max_above_sea_m": float(measures.highest_m[biome]) - SEA_LEVEL_M,
    }


def _first_patch(measured: MeasuredLands, biome: Biome) -> dict[str, float]:
    patch = measured.first_patch(biome)
    if patch is None:
        return dict.fromkeys(("first_m", "first_bearing_deg", "first_km2"), np.nan)
    return {
        "first_m": patch.distance_m,
        "first_bearing_deg": patch.bearing_deg,
        "first_km2": patch.area_km2,
    }


def _patches(disc: Disc, cells: npt.NDArray[np.int64]) -> dict[str, float]:
    return {"patch_count": cells.size, "largest_patch_km2": int(cells.max(initial=0)) * disc.cell_area_km2}
