"""The first stage of a grid: base height and biome, row by row, in blocks of LANES columns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import inlined_kernel, inner_kernel, kernel
from vwe_dagster.kernels.vectors import LANES, Lanes, any_of, as_f64, f64, i32, load, select, store
from vwe_dagster.worldgen import lane_terrain, lattice, rings, terrain
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.lattice import BASE, Columns, Rows, block_noise
from vwe_dagster.worldgen.rings import Rings
from vwe_dagster.worldgen.sampling import Floats

PANEL = 256 // LANES
"""Blocks that are computed together: the inputs of their noise stay in the nearest caches from row to row."""
WIDTH = PANEL * LANES
"""Columns of a panel."""
MASKS = (
    (rings.IN_SWAMP_RING, lattice.MASK_SWAMP, terrain.SWAMP),
    (rings.IN_MISTLANDS_RING, lattice.MASK_MISTLANDS, terrain.MISTLANDS),
    (rings.IN_PLAINS_RING, lattice.MASK_PLAINS, terrain.PLAINS),
    (rings.IN_FOREST_RING, lattice.MASK_BLACK_FOREST, terrain.BLACK_FOREST),
)
"""The biomes that a mask places, in the order in which they are tried: ring, noise channel, biome index."""


@inlined_kernel
def _is_shaped(c: WorldConstants, x: Floats, z: float, j: int) -> bool:
    """Return whether a block may touch the center or rim of the world, where distances from the center matter."""
    center, rim = max(terrain.CHANNELS_FROM, c.min_mountain) + 2.0, terrain.RIM - 2.0
    west, east = np.float64(x[j]), np.float64(x[j + LANES - 1])
    nearest, farthest = max(west, -east, 0.0), max(-west, east)
    return nearest * nearest + z * z < center * center or farthest * farthest + z * z > rim * rim


@inner_kernel
def base_row(
    c: WorldConstants,
    x: Floats,
    columns: Columns,
    rows: Rows,
    aside: float,
    z: float,
    row: int,
    first: int,
    last: int,
    noise: Floats,
    out: Floats,
) -> None:
    """Write the base height of blocks: section 5 of the specification.

    All noises are computed before the formula; block by block, the formula would wait for its noises.

    Args:
        c: the world.
        x: float32 meters: the columns of the grid.
        columns: the grid's columns, or those ``aside`` meters to the east of them.
        rows: the rows.
        aside: see above.
        z: the coordinate of the row in ``rows``.
        row: the row.
        first: the first block.
        last: the block after the last.
        noise: buffer for the eight noises, ``[8, WIDTH]``.
        out: receives the heights, from the start of the array.
    """
    for block in range(first, last):
        for k in range(lattice.BASE_CHANNELS):
            store(noise, (k, (block - first) * LANES), block_noise(columns, rows, BASE + k, row, block))
    for i in range(0, (last - first) * LANES, LANES):
        p0, p1, p2, p3 = load(noise, (0, i)), load(noise, (1, i)), load(noise, (2, i)), load(noise, (3, i))
        p4, p5, a, b = load(noise, (4, i)), load(noise, (5, i)), load(noise, (6, i)), load(noise, (7, i))
        j = first * LANES + i
        if _is_shaped(c, x, z, j):
            d = lane_terrain.distance_lanes(as_f64(load(x, j) + np.float32(aside)), f64(z))
            h = lane_terrain.central_base_of_noise(p0, p1, p2, p3, p4, p5, a, b, d)
            store(out, i, lane_terrain.shape_base(c.min_mountain, h, d))
        else:
            store(out, i, lane_terrain.base_of_noise(p0, p1, p2, p3, p4, p5, a, b))


@inlined_kernel
def _block_biome(c: WorldConstants, columns: Columns, rows: Rows, zone: Lanes, row: int, block: int, h: Lanes) -> Lanes:
    """Return the biomes of a block inside the world, int32 lanes: section 6 of the specification."""
    fixed = select((zone & rings.IN_OUTER_FOREST) != 0, i32(terrain.BLACK_FOREST), i32(terrain.MEADOWS))
    where = i32(0)
    where = select(h > np.float32(0.4), i32(terrain.MOUNTAIN), where)
    where = select((zone & rings.IN_DEEP_NORTH) != 0, i32(terrain.DEEP_NORTH), where)
    where = select(h <= np.float32(0.02), i32(terrain.OCEAN), where)
    where = select((zone & rings.IN_ASHLANDS) != 0, i32(terrain.ASHLANDS), where)
    for ring, channel, biome in MASKS:
        is_open = (where == 0) & ((zone & ring) != 0)
        limit = np.float32(0.4)
        if biome == terrain.SWAMP:
            is_open = is_open & (h > np.float32(0.05)) & (h < np.float32(0.25))
            limit = np.float32(0.6)
        elif biome == terrain.MISTLANDS:
            limit = np.float32(c.min_mist)
        if any_of(is_open):
            noise = block_noise(columns, rows, channel, row, block)
            where = select(is_open & (noise > limit), i32(biome), where)
    return select(where == 0, fixed, where)


@inner_kernel
def _biome_row(
    c: WorldConstants,
    columns: Columns,
    rows: Rows,
    zone: npt.NDArray[np.uint8],
    row: int,
    first: int,
    last: int,
    base: Floats,
    out: npt.NDArray[np.uint8],
) -> None:
    """Write the biomes of the blocks ``first`` to before ``last`` of a row."""
    for block in range(first, last):
        j = block * LANES
        store(out, j, _block_biome(c, columns, rows, load(zone, j), row, block, load(base, j)))


@inner_kernel
def _void_row(zone: npt.NDArray[np.uint8], start: int, stop: int, biome: npt.NDArray[np.uint8]) -> None:
    """Write the biomes of blocks beyond the edge of the world."""
    for j in range(start * LANES, stop * LANES, LANES):
        is_ashlands = (load(zone, j) & rings.IN_ASHLANDS) != 0
        store(biome, j, select(is_ashlands, i32(terrain.ASHLANDS), i32(terrain.OCEAN)))


@kernel
def fill_biomes(
    c: WorldConstants,
    x: Floats,
    z: Floats,
    columns: Columns,
    rows: Rows,
    surveyed: Rings,
    first: int,
    last: int,
    biome: npt.NDArray[np.uint8],
    base: Floats,
) -> None:
    """Write biome and base height of the rows ``first`` to before ``last`` to the planes, each ``[z, x]``.

    Panel by panel, and within a panel row by row, so that the inputs of its noise stay in the nearest cache.
    """
    blocks = x.size // LANES
    noise = np.empty((lattice.BASE_CHANNELS, WIDTH), np.float32)
    for row in range(first, last):
        _void_row(surveyed.zone[row], 0, surveyed.start[row], biome[row])
        _void_row(surveyed.zone[row], surveyed.stop[row], blocks, biome[row])
    for begin in range(0, blocks, PANEL):
        for row in range(first, last):
            start, stop = max(begin, surveyed.start[row]), min(begin + PANEL, surveyed.stop[row])
            if start < stop:
                here = base[row, start * LANES :]
                base_row(c, x, columns, rows, 0.0, np.float64(z[row]), row, start, stop, noise, here)
                _biome_row(c, columns, rows, surveyed.zone[row], row, start, stop, base[row], biome[row])


@kernel
def biome_plane(c: WorldConstants, x: Floats, z: Floats, surveyed: Rings) -> npt.NDArray[np.uint8]:
    """Return the biomes of all columns, a multiple of LANES, and rows, and compute only the noise that they need."""
    columns = lattice.make_columns(c, x, lattice.BIOME_CHANNELS)
    rows = lattice.make_rows(c, z, True, lattice.BIOME_CHANNELS)
    biome, base = np.empty((z.size, x.size), np.uint8), np.empty((z.size, x.size), np.float32)
    fill_biomes(c, x, z, columns, rows, surveyed, 0, z.size, biome, base)
    return biome
