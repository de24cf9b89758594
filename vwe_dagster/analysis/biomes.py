"""The table of biomes: how much of a world each biome covers, how high it lies and how far away it begins."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import ndimage

from vwe_dagster.analysis.disc import Cells, Disc
from vwe_dagster.biomes import BIOMES, Biome


def biome_table(disc: Disc) -> pd.DataFrame:
    """Measures every biome inside the disc.

    Returns:
        One row for each of :data:`vwe_dagster.biomes.BIOMES`, in that order. A biome that does not occur has areas,
        shares and patches of 0 and nulls elsewhere. Columns:

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
    table = pd.DataFrame([_row(disc, biome) for biome in BIOMES])
    disc_km2 = np.count_nonzero(disc.inside) * disc.cell_area_km2
    land_km2 = np.count_nonzero(disc.land) * disc.cell_area_km2
    table.insert(2, "share_of_disc", table["area_km2"] / (disc_km2 or np.nan))
    table.insert(4, "share_of_land", table["land_area_km2"] / (land_km2 or np.nan))
    return table


def _row(disc: Disc, biome: Biome) -> dict[str, object]:
    covered = disc.inside & (disc.biome == biome)
    cells = np.flatnonzero(covered)
    land = cells[disc.land.ravel()[cells]]
    heights = disc.height.ravel()[cells]
    patches, patch_count = ndimage.label(covered)
    patch_cells = np.bincount(patches.ravel()[cells], minlength=1)
    return {
        "biome": biome.game_name,
        "area_km2": cells.size * disc.cell_area_km2,
        "land_area_km2": land.size * disc.cell_area_km2,
        "min_height_m": float(heights.min()) if heights.size else np.nan,
        "mean_height_m": float(heights.mean(dtype=np.float64)) if heights.size else np.nan,
        "max_height_m": float(heights.max()) if heights.size else np.nan,
        **_nearest(disc, cells, "nearest"),
        **_nearest(disc, land, "nearest_land"),
        "patch_count": patch_count,
        "largest_patch_km2": patch_cells.max() * disc.cell_area_km2,
    }


def _nearest(disc: Disc, cells: Cells, name: str) -> dict[str, float]:
    nearest = disc.nearest(cells)
    if not nearest.size:
        return {f"{name}_m": np.nan, f"{name}_bearing_deg": np.nan}
    return {
        f"{name}_m": float(disc.distance_m(nearest)[0]),
        f"{name}_bearing_deg": float(disc.bearing_deg(nearest)[0]),
    }
