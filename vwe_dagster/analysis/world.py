"""The analysis of one world: its tables, and statistics that summarize them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from vwe_dagster.analysis.biomes import biome_table
from vwe_dagster.analysis.disc import Disc
from vwe_dagster.analysis.islands import ISLAND_AREA_KM2, Landmasses, island_table
from vwe_dagster.analysis.peaks import PEAK_ISOLATION_M, peak_table
from vwe_dagster.analysis.place_columns import Places
from vwe_dagster.analysis.places import place_statistics, place_table
from vwe_dagster.analysis.rivers import river_statistics
from vwe_dagster.analysis.row import lands_of, make_row, world_columns
from vwe_dagster.analysis.shoreline import shorelines_m
from vwe_dagster.locations.location_table import LocationTable
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import SEA_LEVEL_M, WORLD_RADIUS_M, Grid
from vwe_dagster.worldgen import World


@dataclasses.dataclass(frozen=True)
class WorldAnalysis:
    """The measures of a world; units are in the names of columns and keys.

    Attributes:
        biomes: one row per biome, see :func:`vwe_dagster.analysis.biomes.biome_table`.
        islands: one row per island, see :func:`vwe_dagster.analysis.islands.island_table`.
        peaks: one row per peak, see :func:`vwe_dagster.analysis.peaks.peak_table`.
        places: one row per location, see :func:`vwe_dagster.analysis.places.place_table`; None if the source of the
            world has no locations.
        statistics: see :func:`analyze`; only JSON's types, null for statistics that the world does not have.
    """

    biomes: pd.DataFrame
    islands: pd.DataFrame
    peaks: pd.DataFrame
    places: pd.DataFrame | None
    statistics: dict[str, object]


def analyze(
    world: CanonicalWorld, terrain: World | None = None, location_table: LocationTable | None = None
) -> WorldAnalysis:
    """Measure a world inside its edge, 10,500 m from its center.

    Any grid is valid; parts outside the grid are not measured. Land is every cell at sea level (30 m) or above, and the
    area of a region is the number of its cells times the area of a cell. Keys of the statistics:

    - ``grid_size``, ``grid_cell_m``, ``grid_first_m``: the grid, as in :class:`vwe_dagster.world.grid.Grid`.
    - ``world_radius_m``, ``sea_level_m``, ``island_min_area_km2``, ``peak_isolation_m``: the measures applied.
    - ``disc_area_km2``, ``land_area_km2``, ``land_share_of_disc``: area inside the edge of the world that the grid
      covers, and land in it.
    - ``shoreline_km``: length of the shore of all landmasses, islands or not; it grows with the resolution of the
      grid, see :func:`vwe_dagster.analysis.shoreline.shorelines_m`.
    - ``landmass_count``, ``island_count``: number of landmasses of any size, and of islands among them.
    - ``largest_island_area_km2``; ``start_island``, ``start_island_area_km2``, ``start_island_nearest_m``: the number
      of the start island, its area, and its distance from the center of the world.
    - ``highest_peak_above_sea_m``, ``highest_peak_x_m``, ``highest_peak_z_m``.
    - ``river_count``, ``river_length_km``, ``stream_count``, ``stream_length_km``, ``lake_count``: see
      :class:`vwe_dagster.analysis.rivers.RiverStatistics`.
    - ``location_count``, ``places``: see :func:`vwe_dagster.analysis.places.place_statistics`.
    - ``biomes``: the rows of the biome table by name of the biome.
    - ``columns``: the row of the world, see :data:`vwe_dagster.analysis.columns.COLUMNS`.

    Args:
        world: the world.
        terrain: the same world in the terrain library, if known. The columns of depth ``start`` are null without it.
        location_table: the table that its locations were placed by; the game's own if omitted.
    """
    disc = Disc.of_world(world)
    landmasses = Landmasses.of_disc(disc)
    shores_m = shorelines_m(disc, landmasses.number, landmasses.cells.size)
    islands = island_table(disc, landmasses, shores_m)
    peaks = peak_table(disc, landmasses.number, len(islands))
    places = None if world.locations is None else place_table(world.locations, location_table)
    rivers = river_statistics(world)
    located = None if world.locations is None else Places.of_table(world.locations)
    measured = lands_of(disc, located)
    biomes = biome_table(measured)
    statistics: dict[str, object] = {
        **_measures(world.grid),
        **_land(disc),
        "shoreline_km": float(shores_m.sum() / 1000),
        "landmass_count": int(landmasses.cells.size),
        "island_count": len(islands),
        **_extremes(islands, peaks),
        **rivers._asdict(),
        **place_statistics(places),
        "biomes": {row.pop("biome"): row for row in _rows(biomes)},
        "columns": make_row(world_columns(terrain, measured, rivers, located)),
    }
    return WorldAnalysis(biomes, islands, peaks, places, statistics)


def _measures(grid: Grid) -> dict[str, object]:
    return {
        "grid_size": grid.size,
        "grid_cell_m": grid.cell_m,
        "grid_first_m": grid.first_m,
        "world_radius_m": WORLD_RADIUS_M,
        "sea_level_m": SEA_LEVEL_M,
        "island_min_area_km2": ISLAND_AREA_KM2,
        "peak_isolation_m": PEAK_ISOLATION_M,
    }


def _land(disc: Disc) -> dict[str, object]:
    inside, land = int(np.count_nonzero(disc.inside)), int(np.count_nonzero(disc.land))
    return {
        "disc_area_km2": inside * disc.cell_area_km2,
        "land_area_km2": land * disc.cell_area_km2,
        "land_share_of_disc": land / inside if inside else None,
    }


def _extremes(islands: pd.DataFrame, peaks: pd.DataFrame) -> dict[str, object]:
    """Return the statistics of the largest island, the start island and the highest peak."""
    largest, highest = _first_row(islands), _first_row(peaks)
    start = _first_row(islands[islands["is_start"]])
    return {
        "largest_island_area_km2": largest["area_km2"],
        "start_island": start["island"],
        "start_island_area_km2": start["area_km2"],
        "start_island_nearest_m": start["nearest_m"],
        "highest_peak_above_sea_m": highest["above_sea_m"],
        "highest_peak_x_m": highest["x_m"],
        "highest_peak_z_m": highest["z_m"],
    }


def _rows(table: pd.DataFrame) -> list[dict[str, object]]:
    """Return the rows of a table in JSON's types, with None for nulls."""
    return [
        {str(column): None if pd.isna(value) else value for column, value in row.items()}
        for row in table.to_dict("records")
    ]


def _first_row(table: pd.DataFrame) -> dict[str, object]:
    rows = _rows(table.head(1))
    return rows[0] if rows else dict.fromkeys(table.columns)
