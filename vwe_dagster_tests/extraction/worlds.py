"""Worlds of the native generator in canonical form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.worldgen import World

if TYPE_CHECKING:
    from vwe_dagster.world.grid import Grid

SEED_TEXT = "MWd8eV6svz"
SEED_NUMBER = -1772362158


def native_world(grid: Grid, seed: int = SEED_NUMBER) -> CanonicalWorld:
    """A world sampled on any grid."""
    terrain = World(seed).sample(grid.coordinates(), grid.coordinates())
    return CanonicalWorld(grid, terrain.biome, terrain.height, terrain.forest)
