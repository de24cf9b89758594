"""Recognition of imported worlds: finds the generator's world that equals a canonical one, to sample it anywhere."""

from __future__ import annotations

import numpy as np

from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.worldgen import World
from vwe_dagster.worldgen.constants import WORLD_GEN_VERSIONS

_COMPARED = 64
"""Samples along each side whose biomes are compared. Two versions differ in far more than one of them."""


def terrain_of(world: CanonicalWorld, seed_number: int) -> World | None:
    """Return the world of a seed in the version whose biomes equal those of the planes; None if there is none.

    If two versions have the same biomes, the one with the nearer heights is returned.

    Args:
        world: a world on any grid.
        seed_number: the seed's integer.
    """
    indices = np.unique(np.linspace(0, world.grid.size - 1, _COMPARED).round().astype(np.intp))
    coordinates = world.grid.coordinates()[indices]
    x, z = np.meshgrid(coordinates, coordinates)
    biomes = world.biome[np.ix_(indices, indices)]
    versions = (World(seed_number, version) for version in sorted(WORLD_GEN_VERSIONS, reverse=True))
    alike = [terrain for terrain in versions if np.array_equal(terrain.biome(x, z), biomes)]
    if len(alike) < 2:
        return alike[0] if alike else None
    heights = world.height[np.ix_(indices, indices)]
    return min(alike, key=lambda terrain: float(np.abs(terrain.height(x, z) - heights).sum()))
