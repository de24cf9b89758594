"""Landmasses and islands: land that hangs together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from vwe_dagster.analysis.disc import Disc
from vwe_dagster.analysis.kernels import first_lowest, number_patches, steps_inland
from vwe_dagster.world.biomes import Biome

ISLAND_AREA_KM2 = 0.01
"""A landmass larger than this, one hectare, is an island; smaller ones are rocks and shoals."""


def number_landmasses(disc: Disc) -> npt.NDArray[np.int32]:
    """Finds the landmasses: the land cells that hang together by their sides, not by corners only.

    Returns:
        The number of the landmass at every cell of the disc, 0 where there is no land. Numbers count from 1 by area,
        the largest first, of equally large ones the one that begins furthest south (then west).
    """
    patch, sizes, _ = number_patches(disc.land.view(np.uint8))
    number_of_patch = np.zeros(sizes.size, dtype=np.int32)
    number_of_patch[1 + np.argsort(-sizes[1:], kind="stable")] = np.arange(1, sizes.size)
    return number_of_patch[patch]


def island_table(disc: Disc, landmass: npt.NDArray[np.int32], shorelines_m: npt.NDArray[np.float64]) -> pd.DataFrame:
    """Measures every island.

    Args:
        disc: the measured part of the world.
        landmass: numbers of :func:`number_landmasses`.
        shorelines_m: lengths of :func:`vwe_dagster.analysis.shoreline.shorelines_m`.

    Returns:
        One row for each landmass larger than :data:`ISLAND_AREA_KM2`, the largest first. Columns:

        - ``island``: its number, counted from 1.
        - ``area_km2``: area of its cells.
        - ``centroid_x_m``, ``centroid_z_m``: mean position of its cells; it need not lie on the island.
        - ``peak_height_m``, ``peak_x_m``, ``peak_z_m``: its highest cell, of equally high ones the southernmost,
          then the westernmost.
        - ``inland_x_m``, ``inland_z_m``: its cell furthest from all water, as
          :func:`vwe_dagster.analysis.kernels.steps_inland` measures it, with ties as for the peak.
        - ``nearest_m``, ``nearest_bearing_deg``: distance and compass bearing from the centre of the world to the
          nearest of its cells, with ties as for the peak.
        - ``shoreline_km``: length of its shore, lakes included.
        - ``dominant_biome``, ``dominant_biome_share``: the biome that covers most of it, and the fraction it covers.
        - ``is_start``: whether it is the start island, the one whose ``nearest_m`` is smallest, the larger one of two
          at the same distance. It holds the centre of the world, where players first appear, or lies nearest to it.
    """
    cells = np.flatnonzero(landmass)
    areas_km2 = np.bincount(landmass.ravel()[cells], minlength=1)[1:] * disc.cell_area_km2
    areas_km2 = areas_km2[areas_km2 > ISLAND_AREA_KM2]
    count = areas_km2.size
    cells = cells[landmass.ravel()[cells] <= count]
    island = landmass.ravel()[cells] - 1
    peak = cells[first_lowest(island, -disc.height.ravel()[cells], count)]
    nearest = cells[first_lowest(island, disc.distance_m2.ravel()[cells], count)]
    nearest_m = disc.distance_m(nearest)
    biomes = np.bincount(island * len(Biome) + disc.biome.ravel()[cells], minlength=count * len(Biome))
    biomes = biomes.reshape(count, len(Biome))
    cell_count = biomes.sum(axis=1)
    steps = steps_inland(disc.land).ravel()[cells].astype(np.float32)
    inland = cells[first_lowest(island, -steps, count)]
    return pd.DataFrame(
        {
            "island": np.arange(1, count + 1, dtype=np.int32),
            "area_km2": areas_km2,
            "centroid_x_m": np.bincount(island, disc.x_m(cells), count) / cell_count,
            "centroid_z_m": np.bincount(island, disc.z_m(cells), count) / cell_count,
            "peak_height_m": disc.height.ravel()[peak].astype(np.float64),
            "peak_x_m": disc.x_m(peak),
            "peak_z_m": disc.z_m(peak),
            "inland_x_m": disc.x_m(inland),
            "inland_z_m": disc.z_m(inland),
            "nearest_m": nearest_m,
            "nearest_bearing_deg": disc.bearing_deg(nearest),
            "shoreline_km": shorelines_m[1 : count + 1] / 1000,
            "dominant_biome": pd.Series([Biome(index).game_name for index in biomes.argmax(axis=1)], dtype="str"),
            "dominant_biome_share": biomes.max(axis=1) / cell_count,
            "is_start": np.isin(np.arange(count), nearest_m.argsort(kind="stable")[:1]),
        }
    )
