"""The table of biomes: how much of a world each biome covers, how high it lies and how far away it begins."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from vwe_dagster.analysis.disc import Cells, Disc
from vwe_dagster.analysis.kernels import first_lowest, gather, number_patches
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
        - ``min_height_m``, ``mean_height_m``, ``max_height_m``: over its cells, land and water.
        - ``nearest_m``, ``nearest_bearing_deg``: distance and compass bearing from the centre of the world to the
          nearest of its cells, land or water.
        - ``nearest_land_m``, ``nearest_land_bearing_deg``: the same to the nearest of its land, null where it has
          none, as the ocean. Biomes reach into the sea around them, so this is where one can set foot.
        - ``patch_count``, ``largest_patch_km2``: patches are its cells, land and water, that hang together by their
          sides; cells that touch at a corner only are two patches.
    """
    biome, distance_m2 = disc.biome * disc.inside, disc.distance_m2.ravel()
    land = biome * disc.land
    heights, starts = gather(biome.ravel(), disc.height.ravel(), len(Biome))
    land_cells = np.bincount(land[disc.land], minlength=len(Biome))
    nearest = first_lowest(biome.ravel(), distance_m2, len(Biome))
    nearest_land = first_lowest(land.ravel(), distance_m2, len(Biome))
    _, patch_cells, biome_of_patch = number_patches(biome)
    rows = [
        {
            "biome": each.game_name,
            "area_km2": int(starts[each + 1] - starts[each]) * disc.cell_area_km2,
            "land_area_km2": int(land_cells[each]) * disc.cell_area_km2,
            **_heights(heights[starts[each] : starts[each + 1]]),
            **_place(disc, nearest[each : each + 1], "nearest"),
            **_place(disc, nearest_land[each : each + 1], "nearest_land"),
            **_patches(disc, patch_cells[biome_of_patch == each]),
        }
        for each in BIOMES
    ]
    table = pd.DataFrame(rows)
    disc_km2 = np.count_nonzero(disc.inside) * disc.cell_area_km2
    land_km2 = np.count_nonzero(disc.land) * disc.cell_area_km2
    table.insert(2, "share_of_disc", table["area_km2"] / (disc_km2 or np.nan))
    table.insert(4, "share_of_land", table["land_area_km2"] / (land_km2 or np.nan))
    return table


def _heights(heights: npt.NDArray[np.float32]) -> dict[str, float]:
    if not heights.size:
        return dict.fromkeys(("min_height_m", "mean_height_m", "max_height_m"), np.nan)
    return {
        "min_height_m": float(heights.min()),
        "mean_height_m": float(heights.mean(dtype=np.float64)),
        "max_height_m": float(heights.max()),
    }


def _place(disc: Disc, cell: Cells, name: str) -> dict[str, float]:
    """Where a cell lies as seen from the centre of the world; -1 is no cell."""
    if cell[0] < 0:
        return {f"{name}_m": np.nan, f"{name}_bearing_deg": np.nan}
    return {f"{name}_m": float(disc.distance_m(cell)[0]), f"{name}_bearing_deg": float(disc.bearing_deg(cell)[0])}


def _patches(disc: Disc, cells: npt.NDArray[np.int64]) -> dict[str, float]:
    return {"patch_count": cells.size, "largest_patch_km2": int(cells.max(initial=0)) * disc.cell_area_km2}
