"""The row of statistics of one world, computed from its seed alone; a survey stores rows, not planes."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from vwe_dagster.analysis.columns import (
    COLUMNS,
    LANDMARK_COUNT,
    Column,
    ColumnType,
    Depth,
    columns_of,
)
from vwe_dagster.analysis.disc import Disc
from vwe_dagster.analysis.islands import ISLAND_AREA_KM2
from vwe_dagster.analysis.lands import MeasuredLands
from vwe_dagster.analysis.near_center import near_center, near_center_columns
from vwe_dagster.analysis.place_columns import Places, place_columns
from vwe_dagster.analysis.rivers import RiverStatistics, rivers_of_seed
from vwe_dagster.analysis.sailing import sailing_m
from vwe_dagster.locations.world_locations import SUPPORTED_VERSION
from vwe_dagster.world.biomes import BIOMES
from vwe_dagster.world.grid import SEA_LEVEL_M, Grid
from vwe_dagster.worldgen import World

Value = int | float | None

_GRID = 2048
_FAR_M = 5000.0


def seed_row(number: int, depth: Depth, world_gen_version: int = 2) -> Mapping[str, Value]:
    """Return the row of a seed: a value or null for each of ``columns_of(depth)``, by name, in that order.

    Each value equals the one that the stage ``processed`` stores of that seed's world on the grid of 2048.

    Args:
        number: the seed as a signed 32-bit integer.
        depth: the parts that are computed.
        world_gen_version: the world-gen version.
    """
    world = World(number, world_gen_version)
    if depth is Depth.START:
        return make_row(near_center_columns(near_center(world)), depth)
    terrain = world.grid(_GRID)
    disc = Disc.of_planes(Grid.of_world(_GRID), terrain.biome, terrain.height)
    places = None
    if world.version == SUPPORTED_VERSION:
        count = LANDMARK_COUNT if depth is Depth.WORLD else None
        places = Places.of_seed(world.locations(upto=count, grid=terrain))
    return make_row(world_columns(world, lands_of(disc, places), rivers_of_seed(world), places), depth)


def lands_of(disc: Disc, places: Places | None) -> MeasuredLands:
    """Find and measure the lands of a world; players appear at the sacrificial stones, or at the center if unknown."""
    return MeasuredLands.of_disc(disc, (_FAR_M, math.inf), (0.0, 0.0) if places is None else places.spawn)


def world_columns(
    world: World | None, measured: MeasuredLands, rivers: RiverStatistics, places: Places | None
) -> dict[str, object]:
    """Return the unrounded values of all columns that are known for a world; the result may have other keys, too.

    Args:
        world: the world of the terrain library; None if the measured world differs from it or may differ. The columns
            of depth ``start`` are missing then.
        measured: its lands, see :func:`lands_of`.
        rivers: statistics of its rivers.
        places: its places; None if unknown.
    """
    columns: dict[str, object] = {}
    if world is not None:
        columns |= near_center_columns(near_center(world))
    columns |= _whole(measured, rivers)
    columns |= _start_land(measured)
    columns |= _biomes(measured)
    sailed_m = sailing_m(measured)
    columns |= {f"{biome.name.lower()}_sail_m": float(sailed_m[biome]) for biome in BIOMES}
    if places is not None:
        found = place_columns(places, measured.are_on_start_land)
        known = places.depth.includes
        columns |= {name: value for name, value in found.items() if name in COLUMNS and COLUMNS[name].depth in known}
    return columns


def make_row(columns: Mapping[str, object], depth: Depth = Depth.ALL) -> dict[str, Value]:
    """Return the row of a depth: the columns' values rounded, null where they are missing.

    Args:
        columns: values by name, not rounded; names that are not columns are ignored.
        depth: the depth of the row.
    """
    return {column.name: _rounded(column, columns.get(column.name)) for column in columns_of(depth)}


def _rounded(column: Column, value: object) -> Value:
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    if column.type is ColumnType.COUNT:
        return int(value)
    rounded = round(float(value), column.decimals) + 0.0
    return float(np.float32(rounded % 360 if column.unit == "°" else rounded))


def _whole(measured: MeasuredLands, rivers: RiverStatistics) -> dict[str, object]:
    disc, areas = measured.disc, measured.areas
    cells = areas.landmass_cells
    far, everywhere = areas.dry_cells.tolist()
    largest = int(cells.max(initial=0))
    return {
        "islands": int(np.count_nonzero(cells * disc.cell_area_km2 > ISLAND_AREA_KM2)),
        "largest_island_km2": largest * disc.cell_area_km2 if largest * disc.cell_area_km2 > ISLAND_AREA_KM2 else None,
        "land_5km_km2": far * disc.cell_area_km2,
        "highest_peak_above_sea_m": areas.highest_m - SEA_LEVEL_M if everywhere else None,
        "rivers": rivers.river_count,
        "river_length_km": rivers.river_length_km,
        "lakes": rivers.lake_count,
    }


def _start_land(measured: MeasuredLands) -> dict[str, object]:
    disc, areas = measured.disc, measured.areas
    if not areas.start_land:
        return {}
    biomes = int(areas.biomes_of_land[areas.start_land])
    return {
        "start_land_km2": areas.start_cells * disc.cell_area_km2,
        "start_land_highest_above_sea_m": areas.start_highest_m - SEA_LEVEL_M,
        "start_land_biomes": biomes.bit_count(),
        **{
            f"{biome.name.lower()}_start_land_km2": int(areas.start_biome_cells[biome]) * disc.cell_area_km2
            for biome in BIOMES
        },
    }


def _biomes(measured: MeasuredLands) -> dict[str, object]:
    columns: dict[str, object] = {}
    disc, areas = measured.disc, measured.areas
    for biome in BIOMES:
        key, patch = biome.name.lower(), measured.first_patch(biome)
        columns[f"{key}_5km_km2"] = int(areas.biome_cells[0, biome]) * disc.cell_area_km2
        columns[f"{key}_all_km2"] = int(areas.biome_cells[1, biome]) * disc.cell_area_km2
        columns[f"{key}_largest_km2"] = int(areas.largest[biome]) * disc.cell_area_km2
        if patch is not None:
            columns[f"{key}_first_m"] = patch.distance_m
            columns[f"{key}_first_deg"] = patch.bearing_deg
            columns[f"{key}_first_km2"] = patch.area_km2
    return columns
