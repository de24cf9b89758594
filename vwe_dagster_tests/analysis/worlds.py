"""Small worlds with known answers, and strategies that make worlds up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from vwe_dagster.analysis.world import WorldAnalysis
from vwe_dagster.world.biomes import BIOMES, Biome
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import Grid

LEGEND: Mapping[str, tuple[Biome, float]] = {
    "~": (Biome.OCEAN, 10.0),
    "w": (Biome.MEADOWS, 29.0),
    "m": (Biome.MEADOWS, 40.0),
    "b": (Biome.BLACK_FOREST, 40.0),
    "^": (Biome.MOUNTAIN, 200.0),
}
"""What the letters of a drawn world stand for: biome and height in metres."""


def make_world(
    height: npt.ArrayLike, biome: npt.ArrayLike = Biome.MEADOWS, *, cell_m: float = 100, first_m: float | None = None
) -> CanonicalWorld:
    """A world of square planes ``[z, x]``, south first; centred on the centre of the world unless told otherwise."""
    heights = np.array(height, dtype=np.float32)
    size = len(heights)
    grid = Grid(size, cell_m, (1 - size) / 2 * cell_m if first_m is None else first_m)
    biomes = np.broadcast_to(np.asarray(biome, dtype=np.uint8), heights.shape)
    return CanonicalWorld(grid, biomes, heights, forest=np.ones_like(heights))


def draw_world(*rows: str, cell_m: float = 100, first_m: float | None = None) -> CanonicalWorld:
    """A world drawn in the letters of :data:`LEGEND`, as on a map: the first row is the northernmost."""
    cells = [[LEGEND[letter] for letter in row] for row in reversed(rows)]
    height = [[metres for _, metres in row] for row in cells]
    biome = [[kind for kind, _ in row] for row in cells]
    return make_world(height, biome, cell_m=cell_m, first_m=first_m)


@st.composite
def random_worlds(draw: st.DrawFn, *, distinct_heights: bool = False) -> CanonicalWorld:
    """Worlds of noise, centred on the centre of the world, from a patch of it to well beyond its edge."""
    size = draw(st.integers(2, 24))
    cell_m = draw(st.sampled_from([50.0, 300.0, 384.0, 950.0, 1250.0, 2000.0]))
    noise = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    lowest_m = draw(st.integers(-30, 31))
    if distinct_heights:
        height = lowest_m + noise.permutation(size * size).reshape(size, size) / 4
    else:
        height = np.round(noise.uniform(lowest_m, 40, (size, size)))
    biome = noise.choice(draw(st.lists(st.sampled_from(BIOMES), min_size=1, unique=True)), (size, size))
    return make_world(height, biome, cell_m=cell_m)


def turned(world: CanonicalWorld) -> CanonicalWorld:
    """The same world turned by a quarter, anticlockwise: what lay in the east lies in the north."""
    return make_world(
        np.rot90(world.height, -1), np.rot90(world.biome, -1), cell_m=world.grid.cell_m, first_m=world.grid.first_m
    )


def mirrored(world: CanonicalWorld) -> CanonicalWorld:
    """The same world with east and west exchanged."""
    return make_world(world.height[:, ::-1], world.biome[:, ::-1], cell_m=world.grid.cell_m, first_m=world.grid.first_m)


def biome_rows(analysis: WorldAnalysis) -> dict[Any, Any]:
    """The rows of the biome table, one mapping each, by the name of the biome."""
    return analysis.biomes.set_index("biome").to_dict("index")
