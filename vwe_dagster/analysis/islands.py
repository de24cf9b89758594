"""Landmasses and islands: connected land."""

from __future__ import annotations

import dataclasses
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from vwe_dagster.analysis.disc import Disc
from vwe_dagster.analysis.kernels import measure_islands, steps_inland
from vwe_dagster.analysis.patches import Patches, find_patches, number_cells
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.grid import SEA_LEVEL_M

ISLAND_AREA_KM2 = 0.01
"""A landmass larger than this, one hectare, is an island; smaller ones are rocks and shoals."""


@dataclasses.dataclass(frozen=True)
class Landmasses:
    """The landmasses of a disc: land cells that are connected by their sides. Numbers count from 1, by area.

    The largest comes first, of equally large ones the one that begins furthest south, then west.

    Attributes:
        patches: the patches of land, whose numbers are in another order.
        number_of_patch: number of the landmass of each patch, int32 ``[patch + 1]``; 0 at 0.
        number: number of the landmass at every cell of the disc, int32 ``[z, x]``; 0 off land.
        cells: number of cells of each landmass, int64 ``[landmass]``.
    """

    patches: Patches
    number_of_patch: npt.NDArray[np.int32]
    number: npt.NDArray[np.int32]
    cells: npt.NDArray[np.int64]

    @classmethod
    def of_disc(cls, disc: Disc) -> Self:
        """Find the landmasses of a disc."""
        patches = find_patches(disc.land.view(np.uint8))
        by_area = 1 + np.argsort(-patches.cells[1:], kind="stable")
        number_of_patch = np.zeros(patches.cells.size, dtype=np.int32)
        number_of_patch[by_area] = np.arange(1, patches.cells.size)
        number = number_cells(patches, number_of_patch, *disc.land.shape)
        return cls(patches, number_of_patch, number, patches.cells[by_area])


def island_table(disc: Disc, landmasses: Landmasses, shorelines_m: npt.NDArray[np.float64]) -> pd.DataFrame:
    """Measure every island.

    Args:
        disc: the measured part of the world.
        landmasses: its landmasses.
        shorelines_m: lengths of :func:`vwe_dagster.analysis.shoreline.shorelines_m`.

    Returns:
        One row for each landmass larger than :data:`ISLAND_AREA_KM2`, the largest first. Columns:

        - ``island``: its number, counted from 1.
        - ``area_km2``: area of its cells.
        - ``centroid_x_m``, ``centroid_z_m``: mean position of its cells; it may be outside the island.
        - ``peak_above_sea_m``, ``peak_x_m``, ``peak_z_m``: its highest cell, of equally high ones the southernmost,
          then the westernmost.
        - ``inland_x_m``, ``inland_z_m``: its cell furthest from all water, as
          :func:`vwe_dagster.analysis.kernels.steps_inland` measures it, with ties as for the peak.
        - ``nearest_m``, ``nearest_bearing_deg``: distance and compass bearing from the center of the world to the
          nearest of its cells, with ties as for the peak.
        - ``shoreline_km``: length of its shore, lakes included.
        - ``dominant_biome``, ``dominant_biome_share``: the biome that covers most of it, and the fraction it covers.
        - ``is_start``: whether it is the start island, the one whose ``nearest_m`` is smallest, the larger one of two
          at the same distance. It contains the center of the world, where players first appear, or is nearest to it.
    """
    areas_km2 = landmasses.cells * disc.cell_area_km2
    areas_km2 = areas_km2[areas_km2 > ISLAND_AREA_KM2]
    count = areas_km2.size
    steps = steps_inland(landmasses.patches, *disc.land.shape)
    measures = measure_islands(
        landmasses.patches,
        landmasses.number_of_patch,
        (disc.height, disc.biome, steps),
        disc.coordinates_m,
        np.zeros((count, len(Biome)), np.int64),
    )
    peak, nearest, inland, biomes = measures.peak, measures.nearest, measures.inland, measures.biome_cells
    nearest_m = disc.distance_m(nearest)
    cell_count = landmasses.cells[:count]
    return pd.DataFrame(
        {
            "island": np.arange(1, count + 1, dtype=np.int32),
            "area_km2": areas_km2,
            "centroid_x_m": measures.x_sum_m / cell_count,
            "centroid_z_m": measures.z_sum_m / cell_count,
            "peak_above_sea_m": disc.height.ravel()[peak].astype(np.float64) - SEA_LEVEL_M,
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
