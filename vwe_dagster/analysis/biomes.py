"""The table of biomes: how much of a world each biome covers, how high it lies and how far away it begins."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from vwe_dagster.analysis.disc import Cells, Disc
from vwe_dagster.analysis.kernels import KindMeasures, measure_kinds
from vwe_dagster.analysis.patches import find_patches
from vwe_dagster.world.biomes import BIOMES, Biome


def biome_table(disc: Disc) -> pd.DataFrame:
    """Measures every biome inside the disc.

    Returns:
        One row for each of :data:`vwe_dagster.world.biomes.BIOMES`, in that order. A biome that does not occur
        has areas, shares and patches of 0 and nulls elsewhere. Columns:

        - ``biome``: the game's name of it.
        - ``area_km2``: area of its cells, land and water.
        - ``share_of_disc``: that as a fraction of the area of all cells inside the disc.
        - ``land_area_km2``: area of its land, the cells at sea level (30 m) or above.
        - ``share_of_land``: that as a fraction of all land; null in a world without land.
        - ``min_height_m``, ``mean_height_m``, ``max_height_m``: over its cells, land and water. The mean is of a sum in
          float64, row by row: a sum in another order may differ in the last digit.
        - ``nearest_m``, ``nearest_bearing_deg``: distance and compass bearing from the center of the world to the
          nearest of its cells, land or water.
        - ``nearest_land_m``, ``nearest_land_bearing_deg``: the same to the nearest of its land, null where it has
          none, as the ocean. Biomes reach into the sea around them, so this is where one can set foot.
        - ``patch_count``, ``largest_patch_km2``: patches are its cells, land and water, that hang together by their
          sides; cells that touch at a corner only are two patches.
    """
    patches = find_patches(disc.biome * disc.inside)
    measures = measure_kinds(patches, disc.height, disc.land, disc.coordinates_m, len(Biome))
    rows = [
        {
            "biome": each.game_name,
            "area_km2": int(measures.cells[each]) * disc.cell_area_km2,
            "land_area_km2": int(measures.land_cells[each]) * disc.cell_area_km2,
            **_heights(measures, each),
            **_place(disc, measures.nearest[each : each + 1], "nearest"),
            **_place(disc, measures.nearest_land[each : each + 1], "nearest_land"),
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
        return dict.fromkeys(("min_height_m", "mean_height_m", "max_height_m"), np.nan)
    return {
        "min_height_m": float(measures.lowest_m[biome]),
        "mean_height_m": float(measures.total_m[biome] / measures.cells[biome]),
        "max_height_m": float(measures.highest_m[biome]),
    }


def _place(disc: Disc, cell: Cells, name: str) -> dict[str, float]:
    """Where a cell lies as seen from the centre of the world; -1 is no cell."""
    if cell[0] < 0:
        return {f"{name}_m": np.nan, f"{name}_bearing_deg": np.nan}
    return {f"{name}_m": float(disc.distance_m(cell)[0]), f"{name}_bearing_deg": float(disc.bearing_deg(cell)[0])}


def _patches(disc: Disc, cells: npt.NDArray[np.int64]) -> dict[str, float]:
    return {"patch_count": cells.size, "largest_patch_km2": int(cells.max(initial=0)) * disc.cell_area_km2}
