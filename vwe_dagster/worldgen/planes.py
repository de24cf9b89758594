"""Biome and height of a whole grid, in two stages, from the same formulas as single points.

The first stage does not need rivers: base height and biome (:mod:`~vwe_dagster.worldgen.biome_rows`), and the Ashlands
(:mod:`~vwe_dagster.worldgen.ashlands`). The second turns the base height into the height
(:mod:`~vwe_dagster.worldgen.height_rows`). Threads take some rows at a time.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.cores import usable_cores
from vwe_dagster.kernels.vectors import LANES
from vwe_dagster.worldgen.ashlands import fill_ashlands
from vwe_dagster.worldgen.biome_rows import fill_biomes
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.height_rows import fill_heights
from vwe_dagster.worldgen.rings import survey_of
from vwe_dagster.worldgen.river_field import RiverField
from vwe_dagster.worldgen.sampling import Floats, Sampling, make_sampling

CHUNK = 64
"""Rows that a thread takes at a time."""


class Planes(NamedTuple):
    """The planes of a grid, each ``[z, x]``.

    Attributes:
        biome: uint8 indices of :class:`vwe_dagster.world.biomes.Biome`.
        height: float32 meters.
        lava: float32, the share of lava, 0 to 1.
    """

    biome: npt.NDArray[np.uint8]
    height: Floats
    lava: Floats


def fill_planes(c: WorldConstants, find_rivers: Callable[[], RiverField], x: Floats, z: Floats) -> Planes:
    """Compute the planes of all ascending columns and rows.

    ``find_rivers`` runs while other threads compute the first stage.
    """
    columns = np.concatenate((x, np.repeat(x[-1:], -x.size % LANES)))
    s = make_sampling(c, columns, z, survey_of(columns, z, c.max_swamp))
    shape = z.size, columns.size
    planes = Planes(np.empty(shape, np.uint8), np.empty(shape, np.float32), np.zeros(shape, np.float32))
    chunks = [(first, min(first + CHUNK, z.size)) for first in range(0, z.size, CHUNK)]
    with concurrent.futures.ThreadPoolExecutor(usable_cores()) as pool:
        rivers = pool.submit(find_rivers)
        dry = [pool.submit(_fill_dry, c, s, *chunk, planes) for chunk in chunks]
        field = rivers.result()
        wet = [
            pool.submit(fill_heights, c, field, s, *chunk, planes.biome, planes.height)
            for chunk, done in zip(chunks, dry, strict=True)
            if done.result() is None
        ]
    for done in wet:
        done.result()
    if columns.size == x.size:
        return planes
    n = x.size
    return Planes(planes.biome[:, :n].copy(), planes.height[:, :n].copy(), planes.lava[:, :n].copy())


def _fill_dry(c: WorldConstants, s: Sampling, first: int, last: int, planes: Planes) -> None:
    """Compute the first stage, which does not need rivers, for some rows."""
    fill_biomes(c, s.x, s.z, s.columns, s.rows, s.rings, first, last, planes.biome, planes.height)
    fill_ashlands(s, first, last, *planes)
