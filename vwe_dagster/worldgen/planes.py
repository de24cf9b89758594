"""Biome and height of a whole grid, block by block, from the same formulas as single points.

A block of a row takes four passes: the base height, the biome, the ground with its river beds, and the finish: the
Ashlands and the trenches. Noise comes
from :mod:`~vwe_dagster.worldgen.lattice`, and a channel is only asked for where a biome needs it; what the position
alone decides comes from :mod:`~vwe_dagster.worldgen.rings`.
"""

from __future__ import annotations

import concurrent.futures
import functools
import os
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.worldgen import lattice, rings, terrain
from vwe_dagster.worldgen.ashlands import CellAxis, ashlands_run, make_cell_axis
from vwe_dagster.worldgen.compiling import kernel
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.lattice import BLOCK, Axis, Spread, block_noise, make_spread, noise_row
from vwe_dagster.worldgen.numerics import f, length
from vwe_dagster.worldgen.rings import Rings
from vwe_dagster.worldgen.river_field import RiverField, add_rivers_of, cell_index, cell_of

DEEPEST_BED = np.float32(0.12)
"""Rivers leave ground alone that is not higher, see :func:`~vwe_dagster.worldgen.river_field.carve`."""

STRIP = 64
"""Rows that a thread takes at a time."""

Floats = npt.NDArray[np.float32]


class Planes(NamedTuple):
    """What there is of every place, each ``[z, x]``.

    Attributes:
        biome: uint8 indices of :class:`vwe_dagster.biomes.Biome`.
        height: float32 metres.
        lava: float32, how much of a place is lava, 0 to 1.
    """

    biome: npt.NDArray[np.uint8]
    height: Floats
    lava: Floats


def _needed_channels() -> npt.NDArray[np.bool_]:
    """Whether a biome's ground needs a channel of the lattice, ``[biome, channel]``."""
    needed = np.zeros((terrain.MISTLANDS + 1, lattice.CHANNELS), np.bool_)
    detailed = [terrain.MEADOWS, terrain.PLAINS, terrain.BLACK_FOREST, terrain.DEEP_NORTH, terrain.MOUNTAIN]
    needed[detailed, lattice.DETAIL_01 : lattice.DETAIL_4 + 1] = True
    needed[terrain.MOUNTAIN, lattice.DETAIL_2] = True
    needed[terrain.MISTLANDS, [lattice.DETAIL_1, lattice.DETAIL_4]] = True
    needed[terrain.MISTLANDS, lattice.MIST : lattice.MIST + 4] = True
    needed[terrain.SWAMP, lattice.SWAMP_04 : lattice.SWAMP_4 + 1] = True
    needed[terrain.ASHLANDS, lattice.LAVA : lattice.LAVA_DIP + 1] = True
    return needed


NEEDED = _needed_channels()


class Sampling(NamedTuple):
    """A grid as one world sees it.

    Attributes:
        x, z: float32 metres: the columns and rows, ascending.
        columns, rows: the same as axes.
        west, east, south, north: the axes 1 m to each side, for the slope of mountains.
        cell_columns, cell_rows: the axes of the Ashlands' cellular noise.
        rings: the survey of the grid.
    """

    x: Floats
    z: Floats
    columns: Axis
    rows: Axis
    west: Axis
    east: Axis
    south: Axis
    north: Axis
    cell_columns: CellAxis
    cell_rows: CellAxis
    rings: Rings


class Workspace(NamedTuple):
    """What the passes over a row hand on, by column.

    Attributes:
        spread: what rows share of their noise.
        noise: float32, the channels of the lattice, ``[CHANNELS, n]``.
        side_noise: float32, the base height's channels once more, for the slope of mountains, ``[8, n]``.
        sides: float32, the base height 1 m to the west, east, south and north, ``[4, n]``.
        mist: float32, the Mistlands' ruggedness.
        cells, hills: float64, the noises of the Ashlands.
    """

    spread: Spread
    noise: Floats
    side_noise: Floats
    sides: Floats
    mist: Floats
    cells: npt.NDArray[np.float64]
    hills: npt.NDArray[np.float64]


@kernel
def make_workspace(n: int) -> Workspace:
    """A workspace for rows of ``n`` columns."""
    return Workspace(
        make_spread(),
        np.empty((lattice.CHANNELS, n), np.float32),
        np.empty((8, n), np.float32),
        np.empty((4, n), np.float32),
        np.empty(n, np.float32),
        np.empty(n),
        np.empty(n),
    )


@kernel
def make_sampling(c: WorldConstants, x: Floats, z: Floats, surveyed: Rings) -> Sampling:
    """Prepares a grid of columns ``x`` and rows ``z`` for one world."""
    metre = np.float32(1)
    return Sampling(
        x,
        z,
        lattice.make_axis(c, x, False),
        lattice.make_axis(c, z, True),
        lattice.make_axis(c, x - metre, False),
        lattice.make_axis(c, x + metre, False),
        lattice.make_axis(c, z - metre, True),
        lattice.make_axis(c, z + metre, True),
        make_cell_axis(c, x),
        make_cell_axis(c, z),
        surveyed,
    )


@kernel
def _base_from_noise(start: int, stop: int, noise: Floats, out: Floats) -> None:
    """The base height of a part of a row as it is between the centre and the rim of the world."""
    p0, p1, p2, p3 = noise[0, start:stop], noise[1, start:stop], noise[2, start:stop], noise[3, start:stop]
    p4, p5, a, b = noise[4, start:stop], noise[5, start:stop], noise[6, start:stop], noise[7, start:stop]
    target = out[start:stop]
    for j in range(target.size):
        target[j] = terrain.base_from_noise(
            np.float64(p0[j]),
            np.float64(p1[j]),
            np.float64(p2[j]),
            np.float64(p3[j]),
            np.float64(p4[j]),
            np.float64(p5[j]),
            np.float64(a[j]),
            np.float64(b[j]),
            1.0,
        )


@kernel
def _shape(c: WorldConstants, x: Floats, aside: float, z: float, start: int, stop: int, out: Floats) -> None:
    """Gives the centre and the rim of the world their shape, in a row ``aside`` metres to the east of the columns."""
    centre, rim = max(terrain.CHANNELS_FROM, c.min_mountain) + 1.0, terrain.RIM - 1.0
    west, east = np.float64(x[start]) + aside, np.float64(x[stop - 1]) + aside
    nearest, farthest = max(west, -east, 0.0), max(-west, east)
    if nearest * nearest + z * z > centre * centre and farthest * farthest + z * z < rim * rim:
        return
    for j in range(start, stop):
        xj = f(np.float64(x[j]) + aside)
        d2 = xj * xj + z * z
        if d2 < centre * centre:
            out[j] = terrain.base_height(c, xj, z)
        elif d2 > rim * rim:
            out[j] = terrain.shape_base(c, np.float64(out[j]), length(xj, z))


@kernel
def _base_block(
    c: WorldConstants, s: Sampling, row: int, begin: int, start: int, stop: int, w: Workspace, out: Floats
) -> None:
    """The base height of a block: section 5 of the specification."""
    for k in range(lattice.BASE, lattice.BASE + 8):
        block_noise(s.columns, s.rows, w.spread, k, row, begin, start, stop, w.noise[k])
    _base_from_noise(start, stop, w.noise, out)
    _shape(c, s.x, 0.0, np.float64(s.z[row]), start, stop, out)


@kernel
def _rings_that_matter(zone: npt.NDArray[np.uint8], base: Floats) -> int:
    """The bits of :mod:`~vwe_dagster.worldgen.rings` at the places whose biome neither position nor base decides."""
    bits = np.uint8(0)
    for j in range(zone.size):
        is_open = np.float32(0.02) < base[j] <= np.float32(0.4)
        is_open &= (zone[j] & np.uint8(rings.IN_ASHLANDS | rings.IN_DEEP_NORTH)) == 0
        bits |= zone[j] if is_open else np.uint8(0)
    return np.int64(bits)


@kernel
def _biome_block(
    c: WorldConstants,
    s: Sampling,
    row: int,
    begin: int,
    start: int,
    stop: int,
    w: Workspace,
    base: Floats,
    out: npt.NDArray[np.uint8],
) -> None:
    """The biomes of a block inside the world: section 6 of the specification."""
    zone, heights, target = s.rings.zone[row, start:stop], base[start:stop], out[start:stop]
    matter = _rings_that_matter(zone, heights)
    for ring, k in (
        (rings.IN_SWAMP_RING, lattice.MASK_SWAMP),
        (rings.IN_MISTLANDS_RING, lattice.MASK_MISTLANDS),
        (rings.IN_PLAINS_RING, lattice.MASK_PLAINS),
        (rings.IN_FOREST_RING, lattice.MASK_BLACK_FOREST),
    ):
        if matter & ring:
            block_noise(s.columns, s.rows, w.spread, k, row, begin, start, stop, w.noise[k])
    swamp, mistlands = w.noise[lattice.MASK_SWAMP, start:stop], w.noise[lattice.MASK_MISTLANDS, start:stop]
    plains, forest = w.noise[lattice.MASK_PLAINS, start:stop], w.noise[lattice.MASK_BLACK_FOREST, start:stop]
    min_mist = np.float32(c.min_mist)
    for j in range(target.size):
        bits, h = zone[j], heights[j]
        biome = terrain.BLACK_FOREST if bits & rings.IN_OUTER_FOREST else terrain.MEADOWS
        if bits & rings.IN_FOREST_RING and forest[j] > np.float32(0.4):
            biome = terrain.BLACK_FOREST
        if bits & rings.IN_PLAINS_RING and plains[j] > np.float32(0.4):
            biome = terrain.PLAINS
        if bits & rings.IN_MISTLANDS_RING and mistlands[j] > min_mist:
            biome = terrain.MISTLANDS
        in_swamp_band = np.float32(0.05) < h < np.float32(0.25)
        if bits & rings.IN_SWAMP_RING and in_swamp_band and swamp[j] > np.float32(0.6):
            biome = terrain.SWAMP
        if h > np.float32(0.4):
            biome = terrain.MOUNTAIN
        if bits & rings.IN_DEEP_NORTH:
            biome = terrain.DEEP_NORTH
        if h <= np.float32(0.02):
            biome = terrain.OCEAN
        if bits & rings.IN_ASHLANDS:
            biome = terrain.ASHLANDS
        target[j] = biome


@kernel
def _void_block(
    zone: npt.NDArray[np.uint8], start: int, stop: int, biome: npt.NDArray[np.uint8], height: Floats
) -> None:
    """What lies beyond the edge of the world."""
    for j in range(start, stop):
        biome[j] = terrain.ASHLANDS if zone[j] & rings.IN_ASHLANDS else terrain.OCEAN
        height[j] = terrain.VOID


@kernel
def _noise_for(
    s: Sampling, row: int, begin: int, start: int, stop: int, biome: npt.NDArray[np.uint8], w: Workspace
) -> None:
    """The noise that the biomes of a block need, each channel from the first to the last place that needs it."""
    first, last = np.full(terrain.MISTLANDS + 1, stop), np.full(terrain.MISTLANDS + 1, start)
    for j in range(start, stop):
        where = biome[j]
        first[where] = min(first[where], j)
        last[where] = j + 1
    for k in range(lattice.DETAIL_01, lattice.CHANNELS):
        begins, ends = stop, start
        for where in range(terrain.MEADOWS, terrain.MISTLANDS + 1):
            if NEEDED[where, k]:
                begins, ends = min(begins, first[where]), max(ends, last[where])
        if begins < ends:
            block_noise(s.columns, s.rows, w.spread, k, row, begin, begins, ends, w.noise[k])


@kernel
def _bed_run(where: int, start: int, stop: int, w: Workspace, ground: Floats) -> None:
    """Turns the base height of a run of one biome, in ``ground``, into its ground before rivers."""
    target = ground[start:stop]
    if where == terrain.SWAMP:
        p04, p08 = w.noise[lattice.SWAMP_04, start:stop], w.noise[lattice.SWAMP_08, start:stop]
        for j in range(target.size):
            target[j] = terrain.swamp_ground(np.float64(p04[j]), np.float64(p08[j]))
    elif where == terrain.MISTLANDS:
        p0, p1 = w.noise[lattice.MIST, start:stop], w.noise[lattice.MIST + 1, start:stop]
        p2, p3 = w.noise[lattice.MIST + 2, start:stop], w.noise[lattice.MIST + 3, start:stop]
        mist = w.mist[start:stop]
        for j in range(target.size):
            m = terrain.mist(np.float64(p0[j]), np.float64(p1[j]), np.float64(p2[j]), np.float64(p3[j]))
            mist[j] = m
            target[j] = terrain.mistlands_ground(np.float64(target[j]), m)
    else:
        p01, p02 = w.noise[lattice.DETAIL_01, start:stop], w.noise[lattice.DETAIL_02, start:stop]
        p05, p1 = w.noise[lattice.DETAIL_05, start:stop], w.noise[lattice.DETAIL_1, start:stop]
        for j in range(target.size):
            d = terrain.detail(np.float64(p01[j]), np.float64(p02[j]), np.float64(p05[j]), np.float64(p1[j]))
            target[j] = terrain.upland_ground(where, np.float64(target[j]), d)


@kernel
def _carve_run(field: RiverField, x: Floats, z: float, start: int, stop: int, ground: Floats) -> None:
    """Lowers the ground of a run to the beds of its rivers, river cell by river cell."""
    begin = start
    while begin < stop:
        cell = cell_of(np.float64(x[begin]), z)
        column = cell_index(np.float64(x[begin]))
        end = begin + 1
        while end < stop and cell_index(np.float64(x[end])) == column:
            end += 1
        if cell >= 0 and field.start[cell] < field.start[cell + 1]:
            for j in range(begin, end):
                if ground[j] > DEEPEST_BED:
                    ground[j] = add_rivers_of(field, cell, np.float64(x[j]), z, np.float64(ground[j]))
        begin = end


@kernel
def _fine_run(start: int, stop: int, p1: Floats, p4: Floats, ground: Floats) -> None:
    """Adds the finest bumps to the ground of a run."""
    target, p1, p4 = ground[start:stop], p1[start:stop], p4[start:stop]
    for j in range(target.size):
        target[j] = terrain.fine(np.float64(target[j]), np.float64(p1[j]), np.float64(p4[j]))


@kernel
def _steps_run(start: int, stop: int, w: Workspace, ground: Floats) -> None:
    """Steps the ground of a run of Mistlands."""
    p1, p4 = w.noise[lattice.DETAIL_1, start:stop], w.noise[lattice.DETAIL_4, start:stop]
    target, mist = ground[start:stop], w.mist[start:stop]
    for j in range(target.size):
        target[j] = terrain.mistlands_steps(
            np.float64(target[j]), np.float64(mist[j]), np.float64(p1[j]), np.float64(p4[j])
        )


@kernel
def _base_aside(
    c: WorldConstants,
    s: Sampling,
    columns: Axis,
    rows: Axis,
    aside: float,
    z: float,
    row: int,
    start: int,
    stop: int,
    w: Workspace,
    out: Floats,
) -> None:
    """The base height of a run a metre off."""
    for k in range(8):
        noise_row(columns, rows, lattice.BASE + k, row, start, stop, w.side_noise[k])
    _base_from_noise(start, stop, w.side_noise, out)
    _shape(c, s.x, aside, z, start, stop, out)


@kernel
def _tilt_run(c: WorldConstants, s: Sampling, row: int, start: int, stop: int, w: Workspace, ground: Floats) -> None:
    """Adds to the ground of a run of Mountain what its slope makes of the noise."""
    z = np.float64(s.z[row])
    _base_aside(c, s, s.west, s.rows, -1.0, z, row, start, stop, w, w.sides[0])
    _base_aside(c, s, s.east, s.rows, 1.0, z, row, start, stop, w, w.sides[1])
    _base_aside(c, s, s.columns, s.south, 0.0, f(z - 1.0), row, start, stop, w, w.sides[2])
    _base_aside(c, s, s.columns, s.north, 0.0, f(z + 1.0), row, start, stop, w, w.sides[3])
    west, east, south, north = w.sides[0], w.sides[1], w.sides[2], w.sides[3]
    for j in range(start, stop):
        tilt = terrain.mountain_tilt(
            np.float64(west[j]), np.float64(east[j]), np.float64(south[j]), np.float64(north[j])
        )
        ground[j] = terrain.mountain_top(np.float64(ground[j]), np.float64(w.noise[lattice.DETAIL_2, j]), tilt)


@kernel
def _ground_block(
    c: WorldConstants,
    field: RiverField,
    s: Sampling,
    row: int,
    start: int,
    stop: int,
    reached: npt.NDArray[np.int64],
    biome: npt.NDArray[np.uint8],
    w: Workspace,
    ground: Floats,
    lava: Floats,
) -> None:
    """Turns the base height of a block, in ``ground``, into its ground, one run of a biome after the other.

    ``reached[0]`` is how far the row has come in the ridge of the rings; it is moved on.
    """
    z, begin = np.float64(s.z[row]), start
    while begin < stop:
        where, end = biome[begin], begin + 1
        while end < stop and biome[end] == where:
            end += 1
        if where == terrain.ASHLANDS:
            ridge = s.rings.ridge[reached[0] : reached[0] + end - begin]
            ashlands_run(
                s.cell_columns, s.cell_rows, s.x, z, ridge, row, begin, end, w.noise, w.cells, w.hills, ground, lava
            )
            reached[0] += end - begin
        elif where != terrain.OCEAN:
            _bed_run(where, begin, end, w, ground)
            _carve_run(field, s.x, z, begin, end, ground)
            if where == terrain.MISTLANDS:
                _steps_run(begin, end, w, ground)
            elif where == terrain.SWAMP:
                _fine_run(begin, end, w.noise[lattice.SWAMP_1], w.noise[lattice.SWAMP_4], ground)
            else:
                _fine_run(begin, end, w.noise[lattice.DETAIL_1], w.noise[lattice.DETAIL_4], ground)
            if where == terrain.MOUNTAIN:
                _tilt_run(c, s, row, begin, end, w, ground)
        begin = end


@kernel
def _metres_block(s: Sampling, row: int, start: int, stop: int, reached: npt.NDArray[np.int64], ground: Floats) -> None:
    """Turns the ground of a block into metres, less in the trenches.

    ``reached[1]`` is how far the row has come in the trench of the rings; it is moved on.
    """
    zone = s.rings.zone[row]
    for j in range(start, stop):
        scale = 200.0
        if zone[j] & rings.IN_TRENCH:
            scale = np.float64(s.rings.trench[reached[1]])
            reached[1] += 1
        ground[j] = f(np.float64(ground[j]) * scale)


@kernel
def fill_rows(
    c: WorldConstants,
    field: RiverField,
    s: Sampling,
    first: int,
    last: int,
    biome: npt.NDArray[np.uint8],
    height: Floats,
    lava: Floats,
) -> None:
    """Writes the rows ``first`` to before ``last`` of the planes, each ``[z, x]``; of lava only what is not 0.

    Block by block, and within a block row by row: so a block's columns stay in the nearest cache.
    """
    n = s.x.size
    w = make_workspace(n)
    reached = np.stack((s.rings.ridge_start[first:last], s.rings.trench_start[first:last]), axis=1)
    for begin in range(0, n, BLOCK):
        end = min(begin + BLOCK, n)
        w.spread.cell[:] = -1
        for row in range(first, last):
            zone = s.rings.zone[row]
            start = min(max(begin, s.rings.start[row]), end)
            stop = max(min(end, s.rings.stop[row]), start)
            _void_block(zone, begin, start, biome[row], height[row])
            _void_block(zone, stop, end, biome[row], height[row])
            if start == stop:
                continue
            _base_block(c, s, row, begin, start, stop, w, height[row])
            _biome_block(c, s, row, begin, start, stop, w, height[row], biome[row])
            _noise_for(s, row, begin, start, stop, biome[row], w)
            _ground_block(c, field, s, row, start, stop, reached[row - first], biome[row], w, height[row], lava[row])
            _metres_block(s, row, start, stop, reached[row - first], height[row])


@functools.lru_cache(maxsize=2)
def _survey_of(x: bytes, z: bytes, max_swamp: float) -> Rings:
    """The survey of a grid, kept for further worlds: a warm engine samples the same grid again and again."""
    surveyed: Rings = rings.survey(np.frombuffer(x, np.float32), np.frombuffer(z, np.float32), max_swamp)
    return surveyed


def fill_planes(c: WorldConstants, field: RiverField, x: Floats, z: Floats) -> Planes:
    """The planes of every crossing of ascending columns and rows."""
    sampling = make_sampling(c, x, z, _survey_of(x.tobytes(), z.tobytes(), c.max_swamp))
    shape = z.size, x.size
    planes = Planes(np.empty(shape, np.uint8), np.empty(shape, np.float32), np.zeros(shape, np.float32))
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        strips = [
            pool.submit(fill_rows, c, field, sampling, first, min(first + STRIP, z.size), *planes)
            for first in range(0, z.size, STRIP)
        ]
    for strip in strips:
        strip.result()
    return planes
