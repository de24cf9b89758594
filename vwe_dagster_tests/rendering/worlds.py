"""Small made-up worlds whose pictures can be told in advance."""

from __future__ import annotations

import numpy as np

from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import WORLD_RADIUS_M, Grid

PLATEAUS: dict[Biome, tuple[float, float]] = {
    Biome.DEEP_NORTH: (0, 8000),
    Biome.ASHLANDS: (0, -8000),
    Biome.MEADOWS: (3000, 0),
    Biome.BLACK_FOREST: (-3000, 0),
    Biome.SWAMP: (6000, 3000),
    Biome.MOUNTAIN: (-6000, 3000),
    Biome.PLAINS: (6000, -3000),
    Biome.MISTLANDS: (-6000, -3000),
    Biome.OCEAN: (0, 3000),
}
"""Where the middle of each level plateau of :func:`plateau_world` lies: x and z in metres."""

HALF_WIDTH_M = 900.0
"""Half the side of a plateau."""


def plateau_world(grid: Grid) -> CanonicalWorld:
    """Square, level islands, one a biome, in an ocean 25 m deep; the void beyond the edge."""
    along = grid.coordinates()
    x, z = np.meshgrid(along, along)
    biome = np.full(x.shape, Biome.OCEAN, dtype=np.uint8)
    height = np.full(x.shape, 5, dtype=np.float32)
    for kind, (middle_x, middle_z) in PLATEAUS.items():
        if kind is not Biome.OCEAN:
            here = (np.abs(x - middle_x) < HALF_WIDTH_M) & (np.abs(z - middle_z) < HALF_WIDTH_M)
            biome[here], height[here] = kind, 160 if kind is Biome.MOUNTAIN else 42
    height[np.hypot(x, z) > WORLD_RADIUS_M] = -400
    return CanonicalWorld(grid, biome, height, np.full(x.shape, 1.25, dtype=np.float32))
