"""The exact planes of a world in blocks, so that a page loads only the part in view, and the ground of all samples.

Block ``(x, y)`` has the samples of columns ``256 x`` to ``256 x + 255`` and rows ``256 y`` to ``256 y + 255`` of the
world's own grid. Columns count from the west and rows from the **south**, as in the planes. The blocks at the north and
east edges may be smaller. Its bytes are the heights, float32 little-endian meters, followed by the biomes, uint8
indices. Both are stored row by row, the southernmost row first, each from west to east.

The ground of all samples is in the same order, one byte each: the biome in the lower four bits, :data:`DRY` and
:data:`WALKABLE`.
"""

from __future__ import annotations

import numpy as np

from vwe_dagster.analysis.lands import WADING_DEPTH_M
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import SEA_LEVEL_M, Grid

BLOCK = 256
"""Samples along the side of a block."""

DRY, WALKABLE = np.uint8(16), np.uint8(32)
"""Bits of samples at sea level or above, and of samples that are at most as deep as players can wade."""


def blocks_a_side(grid: Grid) -> int:
    """Return the number of blocks along each side of the grid."""
    return -(-grid.size // BLOCK)


def block(world: CanonicalWorld, x: int, y: int) -> bytes:
    """Return the bytes of an existing block, in the format of the module's docstring."""
    part = np.s_[y * BLOCK : (y + 1) * BLOCK, x * BLOCK : (x + 1) * BLOCK]
    return world.height[part].astype("<f4").tobytes() + world.biome[part].tobytes()


def ground(world: CanonicalWorld) -> bytes:
    """Return the content of ``ground.bin``, in the format of the module's docstring."""
    dry = np.where(world.height >= np.float32(SEA_LEVEL_M), DRY, np.uint8(0))
    walkable = np.where(world.height >= np.float32(SEA_LEVEL_M - WADING_DEPTH_M), WALKABLE, np.uint8(0))
    return (world.biome | dry | walkable).tobytes()
