"""The row of statistics of one world, computed from its seed alone; a survey stores rows, not planes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.analysis.world import analyse
from vwe_dagster.world.biomes import BIOMES
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import Grid
from vwe_dagster.worldgen import World
from vwe_dagster.worldgen.biome_survey import BiomeSurvey

Value = int | float | None

_NEAR_M = 3000.0
_CELL_M = 12.0


def seed_row(number: int, depth: Depth, world_gen_version: int = 2) -> Mapping[str, Value]:
    """Return the row of a seed: a value or null for each of ``columns_of(depth)``, by name, in that order.

    Each value equals the one that the stage ``processed`` stores of that seed's world on the grid of 2048.

    Args:
        number: the seed as a signed 32-bit integer.
        depth: how much is computed.
        world_gen_version: the world-gen version.
    """
    world = World(number, world_gen_version)
    row = _near(world)
    if depth is not Depth.START:
        row |= _whole(world)
    return row


def _near(world: World) -> dict[str, Value]:
    survey = BiomeSurvey.of_disc(0, 0, _NEAR_M, _CELL_M)
    cells = np.bincount(survey.biomes(world).ravel(), minlength=32)
    return {
        f"{biome.name.lower()}_3km_km2": float(np.float32(cells[biome] * (_CELL_M / 1000) ** 2)) for biome in BIOMES
    }


def _whole(world: World) -> dict[str, Value]:
    terrain = world.grid()
    canonical = CanonicalWorld(Grid.of_world(2048), terrain.biome, terrain.height, terrain.forest)
    statistics = analyse(canonical).statistics
    land = statistics["land_area_km2"]
    islands = statistics["island_count"]
    return {
        "islands": islands if isinstance(islands, int) else None,
        "land_area_km2": float(np.float32(land)) if isinstance(land, float) else None,
    }
