"""Biome and height of a whole grid, block by block, from the same formulas as single points.

A block of a row takes four passes: the base height, the biome, the ground, one run of a biome after the other, and
metres with the trenches. Noise comes from :mod:`~vwe_dagster.worldgen.lattice`, and a channel is only asked for where a
biome needs it; the Ashlands come from :mod:`~vwe_dagster.worldgen.ashlands`, and what the position alone decides from
:mod:`~vwe_dagster.worldgen.rings`.
"""

from __future__ import annotations

import concurrent.futures
import functools
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import flat, inner_kernel, kernel
from vwe_dagster.kernels.cores import usable_cores
from vwe_dagster.worldgen import lattice, rings, terrain
from vwe_dagster.worldgen.ashlands import CellAxis, ashlands_run, make_cell_axis
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.lattice import BLOCK, Axis, Part, Spread, block_noise, make_part, make_spread
from vwe_dagster.worldgen.numerics import f, length
from vwe_dagster.worldgen.rings import Rings
from vwe_dagster.worldgen.river_field import DEEPEST_BED, RiverField, carve, cell_indices, cell_points

STRIP = 64
"""Rows that a thread takes at a time."""

Floats = npt.NDArray[np.float32]


class Planes(NamedTuple):
    """What there is of every place, each ``[z, x]``.

    Attributes:
        biome: uint8 indices of :class:`vwe_dagster.world.biomes.Biome`.
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
        river_columns, river_rows: int64, the column or row of river cells that each lies in.
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
    river_columns: npt.NDArray[np.int64]
    river_rows: npt.NDArray[np.int64]
    rings: Rings


class Workspace(NamedTuple):
    """What the passes over a row hand on, by column.

    Attributes:
        spread, spread_west, spread_east: what rows share of their noise, here and 1 m to the west and to the east.
        part: the columns that each channel of the noise is wanted for.
        biome_part: the columns from the first to the last place of each biome.
        noise: float32, the channels of the lattice, ``[CHANNELS, n]``.
        side_noise: float32, the base height's channels once more, for the slope of mountains, ``[8, n]``.
        sides: float32, the base height 1 m to the west, east, south and north, ``[4, n]``.
        mist: float32, the Mistlands' ruggedness.
        cells, hills: float64, the noises of the Ashlands.
        place, at: uint64 columns and float32 metres: the places of a river cell that rivers may lower.
        weight, weights, widths: float64, the sums that add_rivers makes, of these places.
    """

    spread: Spread
    spread_west: Spread
    spread_east: Spread
    part: Part
    biome_part: Part
    noise: Floats
    side_noise: Floats
    sides: Floats
    mist: Floats
    cells: npt.NDArray[np.float64]
    hills: npt.NDArray[np.float64]
    place: npt.NDArray[np.uint64]
    at: Floats
    weight: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]
    widths: npt.NDArray[np.float64]


@kernel
def make_workspace(n: int) -> Workspace:
    """A workspace for rows of ``n`` columns."""
    return Workspace(
        make_spread(),
        make_spread(),
        make_spread(),
        make_part(lattice.CHANNELS),
        make_part(terrain.MISTLANDS + 1),
        np.empty((lattice.CHANNELS, n), np.float32),
        np.empty((8, n), np.float32),
        np.empty((4, n), np.float32),
        np.empty(n, np.float32),
        np.empty(n),
        np.empty(n),
        np.empty(n, np.uint64),
        np.empty(n, np.float32),
        np.empty(n),
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
        cell_indices(x),
        cell_indices(z),
        surveyed,
    )


@inner_kernel
def _base_of_noise(noise: Floats, j: int, cut: float) -> float:
    return terrain.base_from_noise(
        np.float64(noise[0, j]),
        np.float64(noise[1, j]),
        np.float64(noise[2, j]),
        np.float64(noise[3, j]),
        np.float64(noise[4, j]),
        np.float64(noise[5, j]),
        np.float64(noise[6, j]),
        np.float64(noise[7, j]),
        cut,
    )


@inner_kernel
def _base_part(
    c: WorldConstants, x: Floats, aside: float, z: float, start: int, stop: int, noise: Floats, out: Floats
) -> None:
    """The base height of a part of a row from its noise, ``aside`` metres to the east of the columns."""
    for j in flat(start, stop):
        out[j] = _base_of_noise(noise, j, 1.0)
    # The rest is the shape of the centre and of the rim of the world.
    centre, rim = max(terrain.CHANNELS_FROM, c.min_mountain) + 1.0, terrain.RIM - 1.0
    west, east = np.float64(x[start]) + aside, np.float64(x[stop - 1]) + aside
    nearest, farthest = max(west, -east, 0.0), max(-west, east)
    if nearest * nearest + z * z > centre * centre and farthest * farthest + z * z < rim * rim:
        return
    for j in flat(start, stop):
        d = length(f(np.float64(x[j]) + aside), z)
        if d < terrain.CHANNELS_FROM:
            out[j] = _base_of_noise(noise, j, terrain.channel_cut(d))
        if d < centre or d > rim:
            out[j] = terrain.shape_base(c, np.float64(out[j]), d)


@inner_kernel
def _base_block(
    c: WorldConstants,
    s: Sampling,
    columns: Axis,
    rows: Axis,
    spread: Spread,
    aside_x: float,
    aside_z: float,
    row: int,
    begin: int,
    start: int,
    stop: int,
    part: Part,
    noise: Floats,
    out: Floats,
) -> None:
    """The base height of a part of a block: section 5 of the specification.

    ``columns`` and ``rows`` are the axes at places so many metres to the east and north of the grid's; ``noise`` is
    filled in on the way.
    """
    part.start[: lattice.BASE + 8], part.stop[: lattice.BASE + 8] = start, stop
    block_noise(columns, rows, spread, lattice.BASE, lattice.BASE + 8, row, begin, part, noise)
    _base_part(c, s.x, aside_x, f(np.float64(s.z[row]) + aside_z), start, stop, noise, out)


@inner_kernel
def _rings_that_matter(zone: npt.NDArray[np.uint8], base: Floats, start: int, stop: int) -> int:
    """The bits of :mod:`~vwe_dagster.worldgen.rings` at the places whose biome neither position nor base decides."""
    bits = np.uint8(0)
    for j in flat(start, stop):
        is_open = np.float32(0.02) < base[j] <= np.float32(0.4)
        is_open &= (zone[j] & np.uint8(rings.IN_ASHLANDS | rings.IN_DEEP_NORTH)) == 0
        bits |= zone[j] if is_open else np.uint8(0)
    return np.int64(bits)


@inner_kernel
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
    zone, noise = s.rings.zone[row], w.noise
    matter = _rings_that_matter(zone, base, start, stop)
    for ring, k in (
        (rings.IN_SWAMP_RING, lattice.MASK_SWAMP),
        (rings.IN_MISTLANDS_RING, lattice.MASK_MISTLANDS),
        (rings.IN_PLAINS_RING, lattice.MASK_PLAINS),
        (rings.IN_FOREST_RING, lattice.MASK_BLACK_FOREST),
    ):
        w.part.start[k], w.part.stop[k] = start, stop if matter & ring else start
    first, last = lattice.MASK_SWAMP, lattice.MASK_BLACK_FOREST + 1
    block_noise(s.columns, s.rows, w.spread, first, last, row, begin, w.part, w.noise)
    min_mist = np.float32(c.min_mist)
    for j in flat(start, stop):
        bits, h = zone[j], base[j]
        biome = terrain.BLACK_FOREST if bits & rings.IN_OUTER_FOREST else terrain.MEADOWS
        if bits & rings.IN_FOREST_RING and noise[lattice.MASK_BLACK_FOREST, j] > np.float32(0.4):
            biome = terrain.BLACK_FOREST
        if bits & rings.IN_PLAINS_RING and noise[lattice.MASK_PLAINS, j] > np.float32(0.4):
            biome = terrain.PLAINS
        if bits & rings.IN_MISTLANDS_RING and noise[lattice.MASK_MISTLANDS, j] > min_mist:
            biome = terrain.MISTLANDS
        in_swamp_band = np.float32(0.05) < h < np.float32(0.25)
        if bits & rings.IN_SWAMP_RING and in_swamp_band and noise[lattice.MASK_SWAMP, j] > np.float32(0.6):
            biome = terrain.SWAMP
        if h > np.float32(0.4):
            biome = terrain.MOUNTAIN
        if bits & rings.IN_DEEP_NORTH:
            biome = terrain.DEEP_NORTH
        if h <= np.float32(0.02):
            biome = terrain.OCEAN
        if bits & rings.IN_ASHLANDS:
            biome = terrain.ASHLANDS
        out[j] = biome


@inner_kernel
def _void_block(
    zone: npt.NDArray[np.uint8], start: int, stop: int, biome: npt.NDArray[np.uint8], height: Floats
) -> None:
    """What lies beyond the edge of the world."""
    for j in range(start, stop):
        biome[j] = terrain.ASHLANDS if zone[j] & rings.IN_ASHLANDS else terrain.OCEAN
        height[j] = terrain.VOID


@inner_kernel
def _noise_for(
    c: WorldConstants,
    s: Sampling,
    row: int,
    begin: int,
    start: int,
    stop: int,
    biome: npt.NDArray[np.uint8],
    w: Workspace,
) -> None:
    """The noise that the biomes of a block need, each channel from the first to the last place that needs it."""
    first, last = w.biome_part.start, w.biome_part.stop
    first[:], last[:] = stop, start
    for j in range(start, stop):
        where = biome[j]
        first[where] = min(first[where], j)
        last[where] = j + 1
    for k in range(lattice.DETAIL_01, lattice.CHANNELS):
        begins, ends = stop, start
        for where in range(terrain.MEADOWS, terrain.MISTLANDS + 1):
            if NEEDED[where, k]:
                begins, ends = min(begins, first[where]), max(ends, last[where])
        w.part.start[k], w.part.stop[k] = begins, ends
    block_noise(s.columns, s.rows, w.spread, lattice.DETAIL_01, lattice.CHANNELS, row, begin, w.part, w.noise)
    if first[terrain.MOUNTAIN] < last[terrain.MOUNTAIN]:
        _sides_block(c, s, row, begin, first[terrain.MOUNTAIN], last[terrain.MOUNTAIN], w)


@inner_kernel
def _bed_run(where: int, start: int, stop: int, w: Workspace, ground: Floats) -> None:
    """Turns the base height of a run of one biome, in ``ground``, into its ground before rivers."""
    noise, mist = w.noise, w.mist
    if where == terrain.SWAMP:
        for j in flat(start, stop):
            ground[j] = terrain.swamp_ground(
                np.float64(noise[lattice.SWAMP_04, j]), np.float64(noise[lattice.SWAMP_08, j])
            )
    elif where == terrain.MISTLANDS:
        for j in flat(start, stop):
            m = terrain.mist(
                np.float64(noise[lattice.MIST, j]),
                np.float64(noise[lattice.MIST + 1, j]),
                np.float64(noise[lattice.MIST + 2, j]),
                np.float64(noise[lattice.MIST + 3, j]),
            )
            mist[j] = m
            ground[j] = terrain.mistlands_ground(np.float64(ground[j]), m)
    else:
        for j in flat(start, stop):
            d = terrain.detail(
                np.float64(noise[lattice.DETAIL_01, j]),
                np.float64(noise[lattice.DETAIL_02, j]),
                np.float64(noise[lattice.DETAIL_05, j]),
                np.float64(noise[lattice.DETAIL_1, j]),
            )
            ground[j] = terrain.upland_ground(where, np.float64(ground[j]), d)


@inner_kernel
def _carve_run(field: RiverField, s: Sampling, row: int, start: int, stop: int, w: Workspace, ground: Floats) -> None:
    """Lowers the ground of a run to the beds of its rivers, river cell by river cell.

    It sums as :func:`~vwe_dagster.worldgen.river_field.add_rivers` does, for all places of a cell side by side, and is
    one function because a call for each cell would take longer than the sums.
    """
    starts, xs, zs, radius, radius2 = field.start, field.x, field.z, field.radius, field.radius2
    place, at, weight, weights, widths = w.place, w.at, w.weight, w.weights, w.widths
    z, begin = s.z[row], start
    while begin < stop:
        end = begin + 1
        while end < stop and s.river_columns[end] == s.river_columns[begin]:
            end += 1
        first, last = cell_points(starts, s.river_columns[begin], s.river_rows[row])
        count = np.uint64(0)
        if first < last:
            for j in flat(begin, end):
                if ground[j] > DEEPEST_BED:
                    place[count], at[count] = j, s.x[j]
                    weight[count] = weights[count] = widths[count] = 0.0
                    count += np.uint64(1)
        if count > 0:
            for i in flat(first, last):
                dz, r2 = np.float64(zs[i] - z), np.float64(radius2[i])
                dz2 = dz * dz
                if dz2 >= r2:
                    continue
                x, r = xs[i], np.float64(radius[i])
                for k in range(count):
                    dx = np.float64(x - at[k])
                    d2 = f(dx * dx + dz2)
                    if d2 < r2:
                        near = f(1.0 - f(math.sqrt(d2)) / r)
                        weight[k] = max(weight[k], near)
                        widths[k] = f(widths[k] + r * near)
                        weights[k] = f(weights[k] + near)
            for k in range(count):
                if weight[k] > 0.0:
                    j = place[k]
                    ground[j] = carve(np.float64(ground[j]), weight[k], f(widths[k] / weights[k]))
        begin = end


@inner_kernel
def _fine_run(start: int, stop: int, noise: Floats, tenth: int, ground: Floats) -> None:
    """Adds the finest bumps to the ground of a run, from the channel ``tenth`` and the one after it."""
    for j in flat(start, stop):
        ground[j] = terrain.fine(np.float64(ground[j]), np.float64(noise[tenth, j]), np.float64(noise[tenth + 1, j]))


@inner_kernel
def _steps_run(start: int, stop: int, w: Workspace, ground: Floats) -> None:
    """Steps the ground of a run of Mistlands."""
    noise, mist = w.noise, w.mist
    for j in flat(start, stop):
        p1, p4 = np.float64(noise[lattice.DETAIL_1, j]), np.float64(noise[lattice.DETAIL_4, j])
        ground[j] = terrain.mistlands_steps(np.float64(ground[j]), np.float64(mist[j]), p1, p4)


@inner_kernel
def _sides_block(c: WorldConstants, s: Sampling, row: int, begin: int, start: int, stop: int, w: Workspace) -> None:
    """The base height of a part of a block, a metre off in each direction."""
    part, noise, sides = w.part, w.side_noise, w.sides
    _base_block(c, s, s.west, s.rows, w.spread_west, -1.0, 0.0, row, begin, start, stop, part, noise, sides[0])
    _base_block(c, s, s.east, s.rows, w.spread_east, 1.0, 0.0, row, begin, start, stop, part, noise, sides[1])
    _base_block(c, s, s.columns, s.south, w.spread, 0.0, -1.0, row, begin, start, stop, part, noise, sides[2])
    _base_block(c, s, s.columns, s.north, w.spread, 0.0, 1.0, row, begin, start, stop, part, noise, sides[3])


@inner_kernel
def _tilt_run(start: int, stop: int, noise: Floats, sides: Floats, ground: Floats) -> None:
    """Adds to the ground of a run of Mountain what its slope makes of the noise."""
    for j in flat(start, stop):
        tilt = terrain.mountain_tilt(
            np.float64(sides[0, j]), np.float64(sides[1, j]), np.float64(sides[2, j]), np.float64(sides[3, j])
        )
        ground[j] = terrain.mountain_top(np.float64(ground[j]), np.float64(noise[lattice.DETAIL_2, j]), tilt)


@inner_kernel
def _ground_block(
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
            _carve_run(field, s, row, begin, end, w, ground)
            if where == terrain.MISTLANDS:
                _steps_run(begin, end, w, ground)
            elif where == terrain.SWAMP:
                _fine_run(begin, end, w.noise, lattice.SWAMP_1, ground)
            else:
                _fine_run(begin, end, w.noise, lattice.DETAIL_1, ground)
            if where == terrain.MOUNTAIN:
                _tilt_run(begin, end, w.noise, w.sides, ground)
        begin = end


@inner_kernel
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
        w.spread.cell[:] = w.spread_west.cell[:] = w.spread_east.cell[:] = -1
        for row in range(first, last):
            zone = s.rings.zone[row]
            start = min(max(begin, s.rings.start[row]), end)
            stop = max(min(end, s.rings.stop[row]), start)
            _void_block(zone, begin, start, biome[row], height[row])
            _void_block(zone, stop, end, biome[row], height[row])
            if start == stop:
                continue
            _base_block(
                c, s, s.columns, s.rows, w.spread, 0.0, 0.0, row, begin, start, stop, w.part, w.noise, height[row]
            )
            _biome_block(c, s, row, begin, start, stop, w, height[row], biome[row])
            _noise_for(c, s, row, begin, start, stop, biome[row], w)
            _ground_block(field, s, row, start, stop, reached[row - first], biome[row], w, height[row], lava[row])
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
    with concurrent.futures.ThreadPoolExecutor(usable_cores()) as pool:
        strips = [
            pool.submit(fill_rows, c, field, sampling, first, min(first + STRIP, z.size), *planes)
            for first in range(0, z.size, STRIP)
        ]
    for strip in strips:
        strip.result()
    return planes
