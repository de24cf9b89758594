"""The terrain library's world of a canonical world, where the two are the same: it knows more than the planes."""

from __future__ import annotations

import numpy as np

from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.worldgen import World
from vwe_dagster.worldgen.constants import WORLD_GEN_VERSIONS

_COMPARED = 64
"""Samples along each side whose biomes are compared: versions differ in far more than one of so many."""


def terrain_of(world: CanonicalWorld, seed_number: int) -> World | None:
    """The world of a seed in the version whose biomes are those of the planes; None where no version has them.

    Where two versions have the same biomes, it is the one with the nearer heights.

    Args:
        world: on any grid.
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
