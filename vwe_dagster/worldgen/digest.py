"""The digest that identifies a world's terrain: one hash of all biomes and heights."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.grid import WORLD_RADIUS_M
from vwe_dagster.worldgen.world import Terrain

KNOWN_DIGESTS = {
    -1772362158: "351cb06407da501d10eb5b886a21794a032f60f4c278c30a9afc528b3c037146",
    75539276: "04e3a858cce5c177332a162c69e185611b22dfcf742f96fd22b5bb26debf0a68",
    -1633470316: "a953e58d8b9eceec0de855f747f1cb84ca8e768ffcc2f40abfb97bf81b8b097d",
}
"""The digest of the game's own terrain on the 2048 grid, by the integer of the seed, for worlds of version 2."""


def terrain_digest(terrain: Terrain) -> str:
    """Return the :func:`planes_digest` of a sampled terrain."""
    return planes_digest(terrain.x, terrain.z, terrain.biome, terrain.height)


def planes_digest(
    columns: npt.NDArray[np.float32],
    rows: npt.NDArray[np.float32],
    biome: npt.NDArray[np.uint8],
    height: npt.NDArray[np.float32],
) -> str:
    """Return the SHA-256 of a grid: biome indices as bytes, heights as little-endian float32, an int64 zero.

    Cells beyond the edge of the world, which the game's own map leaves empty, count as Ocean at -1000 m. Section 10 of
    the terrain specification.

    Args:
        columns: x in meters, ``[n]``.
        rows: z in meters, ``[m]``.
        biome: the indices, ``[m, n]``.
        height: the heights in meters, ``[m, n]``.
    """
    x, z = columns.astype(np.float64), rows.astype(np.float64)
    beyond = (x[None, :] ** 2 + z[:, None] ** 2).astype(np.float32) > WORLD_RADIUS_M**2
    biomes = np.where(beyond, np.uint8(Biome.OCEAN), biome)
    heights = np.where(beyond, np.float32(-1000), height).astype("<f4")
    return hashlib.sha256(biomes.tobytes() + heights.tobytes() + bytes(8)).hexdigest()
