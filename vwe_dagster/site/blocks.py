"""The exact planes of a world in blocks, so that a page reads them where somebody looks and nowhere else.

Block ``(x, y)`` holds the samples of columns ``256 x`` to ``256 x + 255`` and rows ``256 y`` to ``256 y + 255`` of the
world's own grid, ``x`` counted from the west and ``y`` from the **south**, as rows of planes are; the blocks at the
north and east edges have what is left. Its bytes are the heights, float32 little-endian metres, and after them the
biomes, uint8 indices; both row by row, the southernmost row first, each from west to east.
"""

from __future__ import annotations

import numpy as np

from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import Grid

BLOCK = 256
"""Samples along the side of a block."""


def blocks_a_side(grid: Grid) -> int:
    """How many blocks there are from west to east, and from south to north."""
    return -(-grid.size // BLOCK)


def block(world: CanonicalWorld, x: int, y: int) -> bytes:
    """The heights and biomes of a block that there is, see the module."""
    part = np.s_[y * BLOCK : (y + 1) * BLOCK, x * BLOCK : (x + 1) * BLOCK]
    return world.height[part].astype("<f4").tobytes() + world.biome[part].tobytes()
