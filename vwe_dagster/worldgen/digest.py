"""The digest that a world's terrain is told by: one number for every biome and height of it."""

from __future__ import annotations

import hashlib

import numpy as np

from vwe_dagster.biomes import Biome
from vwe_dagster.grid import WORLD_RADIUS_M
from vwe_dagster.worldgen.world import Terrain


def terrain_digest(terrain: Terrain) -> str:
    """SHA-256 over a grid: biome indices as bytes, heights as little-endian float32, an int64 zero.

    Cells beyond the edge of the world, where the game's own map has nothing, count as Ocean at -1000 m. Section 10 of
    the terrain specification.
    """
    x, z = terrain.x.astype(np.float64), terrain.z.astype(np.float64)
    beyond = (x[None, :] ** 2 + z[:, None] ** 2).astype(np.float32) > WORLD_RADIUS_M**2
    biome = np.where(beyond, np.uint8(Biome.OCEAN), terrain.biome)
    height = np.where(beyond, np.float32(-1000), terrain.height).astype("<f4")
    return hashlib.sha256(biome.tobytes() + height.tobytes() + bytes(8)).hexdigest()
