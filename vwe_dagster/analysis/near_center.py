"""The surroundings of the center before rivers are carved, which a survey computes in a few milliseconds per seed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vwe_dagster.analysis.columns import NEAR_M, NEAR_RADII_KM
from vwe_dagster.analysis.disc import Disc
from vwe_dagster.analysis.lands import MeasuredLands
from vwe_dagster.world.biomes import BIOMES
from vwe_dagster.world.grid import SEA_LEVEL_M
from vwe_dagster.worldgen import World
from vwe_dagster.worldgen.planes import fill_planes
from vwe_dagster.worldgen.river_field import no_rivers

NEAR_CELL_M = 24.0
"""Distance between the samples of the surroundings."""

_AXIS = ((np.arange(2 * int(NEAR_M / NEAR_CELL_M)) + 0.5) * NEAR_CELL_M - NEAR_M).astype(np.float32)
_COORDINATES_M = _AXIS.astype(np.float64)
_INSIDE = _COORDINATES_M[:, np.newaxis] ** 2 + _COORDINATES_M**2 <= NEAR_M**2
_NO_RIVERS = no_rivers()


def near_center(world: World) -> Disc:
    """Return the ground within 3 km of the center before rivers are carved, sampled every 24 m."""
    planes = fill_planes(world.constants, lambda: _NO_RIVERS, _AXIS, _AXIS)
    return Disc(
        cell_m=NEAR_CELL_M,
        cell_area_km2=NEAR_CELL_M**2 / 1e6,
        coordinates_m=_COORDINATES_M,
        inside=_INSIDE,
        land=_INSIDE & (planes.height >= SEA_LEVEL_M),
        biome=planes.biome,
        height=planes.height,
    )


def near_center_columns(ground: Disc) -> Mapping[str, float | None]:
    """Return the unrounded values of the columns of depth ``start``; the result may have other keys, too."""
    measured = MeasuredLands.of_disc(ground, tuple(1000.0 * radius for radius in NEAR_RADII_KM), (0.0, 0.0))
    areas = measured.areas
    columns: dict[str, float | None] = {}
    for radius, dry, cells in zip(NEAR_RADII_KM, areas.dry_cells, areas.biome_cells, strict=True):
        columns[f"land_{radius}km_km2"] = int(dry) * ground.cell_area_km2
        for biome in BIOMES:
            columns[f"{biome.name.lower()}_{radius}km_km2"] = int(cells[biome]) * ground.cell_area_km2
    for biome in BIOMES:
        patch = measured.first_patch(biome)
        columns[f"{biome.name.lower()}_near_m"] = None if patch is None else patch.distance_m
    columns["start_land_near_km2"] = areas.start_cells * ground.cell_area_km2
    columns["highest_3km_above_sea_m"] = areas.highest_m - SEA_LEVEL_M if np.isfinite(areas.highest_m) else None
    return columns
