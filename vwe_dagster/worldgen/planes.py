"""Biome and height of a whole grid, block by block, from the same formulas as single points.

A block of a row takes four passes: the base height, the biome, the ground with its river beds, and the finish: the
Ashlands and the trenches. Noise comes
from :mod:`~vwe_dagster.worldgen.lattice`, and a channel is only asked for where a biome needs it; what the position
alone decides comes from :mod:`~vwe_dagster.worldgen.rings`.
"""

from __future__ import annotations

import concurrent.futures
import functools
import math
import os
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.worldgen import lattice, rings, terrain
from vwe_dagster.worldgen.compiling import kernel
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.lattice import Axis, noise_row
from vwe_dagster.worldgen.numerics import f, length
from vwe_dagster.worldgen.rings import Rings
from vwe_dagster.worldgen.river_field import RiverField, carve, cell_index, cell_of

BLOCK = 256
"""Columns that are computed together: what their noise needs stays in the nearest cache from row to row."""

DETAILED = ~(1 << terrain.SWAMP | 1 << terrain.MISTLANDS)
"""The biomes, as bits ``1 << index``, that the detail noise is for."""

STRIP = 64
"""Rows that a thread takes at a time."""

Floats = npt.NDArray[np.float32]


class Sampling(NamedTuple):
    """A grid as one world sees it.

    Attributes:
        x, z: float32 metres: the columns and rows, ascending.
        columns, rows: the same as axes.
        west, east, south, north: the axes 1 m to each side, for the slope of mountains.
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
    rings: Rings


class Carving(NamedTuple):
    """The sums that :func:`~vwe_dagster.worldgen.river_field.add_rivers` makes, for each column of a row, float64."""

    weight: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]
    widths: npt.NDArray[np.float64]


class Workspace(NamedTuple):
    """What the passes over a row hand on, float32 by column.

    Attributes:
        noise: the channels of the lattice, ``[CHANNELS, n]``.
        base_noise: the base height's channels once more, for the slope of mountains, ``[8, n]``.
        sides: the base height 1 m to the west, east, south and north, ``[4, n]``.
        detail, mist: the detail and the Mistlands' ruggedness.
        fine, swamp, steps: the finished ground of most biomes, of Swamp and of Mistlands.
        carving: the sums of the river points.
    """

    noise: Floats
    base_noise: Floats
    sides: Floats
    detail: Floats
    mist: Floats
    fine: Floats
    swamp: Floats
    steps: Floats
    carving: Carving


@kernel
def make_workspace(n: int) -> Workspace:
    """A workspace for rows of ``n`` columns."""
    return Workspace(
        np.empty((lattice.CHANNELS, n), np.float32),
        np.empty((8, n), np.float32),
        np.empty((4, n), np.float32),
        np.empty(n, np.float32),
        np.empty(n, np.float32),
        np.empty(n, np.float32),
        np.empty(n, np.float32),
        np.empty(n, np.float32),
        Carving(np.empty(n), np.empty(n), np.empty(n)),
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
        surveyed,
    )


@kernel
def _base_block(columns: Axis, rows: Axis, row: int, start: int, stop: int, noise: Floats, out: Floats) -> None:
    """The base height of a block as it is between the centre and the rim of the world."""
    for k in range(8):
        noise_row(columns, rows, lattice.BASE + k, row, start, stop, noise[k])
    p0, p1, p2, p3, p4, p5, a, b = noise[0], noise[1], noise[2], noise[3], noise[4], noise[5], noise[6], noise[7]
    for j in range(start, stop):
        out[j] = terrain.base_from_noise(
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
def _shape_block(c: WorldConstants, x: Floats, z: float, start: int, stop: int, out: Floats) -> None:
    """Gives the centre and the rim of the world their shape."""
    centre = max(terrain.CHANNELS_FROM, c.min_mountain) + 1.0
    for j in range(start, stop):
        xj = np.float64(x[j])
        d2 = xj * xj + z * z
        if d2 < centre * centre:
            out[j] = terrain.base_height(c, xj, z)
        elif d2 > 9999.0 * 9999.0:
            out[j] = terrain.shape_base(c, np.float64(out[j]), length(xj, z))


@kernel
def _biome_block(
    c: WorldConstants,
    s: Sampling,
    row: int,
    start: int,
    stop: int,
    noise: Floats,
    base: Floats,
    out: npt.NDArray[np.uint8],
) -> None:
    """The biomes of a block inside the world: section 6 of the specification."""
    for k in range(lattice.MASK_SWAMP, lattice.MASK_BLACK_FOREST + 1):
        noise_row(s.columns, s.rows, k, row, start, stop, noise[k])
    zone = s.rings.zone[row]
    for j in range(start, stop):
        bits, h = zone[j], np.float64(base[j])
        biome = terrain.BLACK_FOREST if bits & rings.IN_OUTER_FOREST else terrain.MEADOWS
        if bits & rings.IN_FOREST_RING and np.float64(noise[lattice.MASK_BLACK_FOREST, j]) > f(0.4):
            biome = terrain.BLACK_FOREST
        if bits & rings.IN_PLAINS_RING and np.float64(noise[lattice.MASK_PLAINS, j]) > f(0.4):
            biome = terrain.PLAINS
        if bits & rings.IN_MISTLANDS_RING and np.float64(noise[lattice.MASK_MISTLANDS, j]) > c.min_mist:
            biome = terrain.MISTLANDS
        if bits & rings.IN_SWAMP_RING and f(0.05) < h < f(0.25) and np.float64(noise[lattice.MASK_SWAMP, j]) > f(0.6):
            biome = terrain.SWAMP
        if h > f(0.4):
            biome = terrain.MOUNTAIN
        if bits & rings.IN_DEEP_NORTH:
            biome = terrain.DEEP_NORTH
        if h <= f(0.02):
            biome = terrain.OCEAN
        if bits & rings.IN_ASHLANDS:
            biome = terrain.ASHLANDS
        out[j] = biome


@kernel
def _void_block(
    zone: npt.NDArray[np.uint8], start: int, stop: int, biome: npt.NDArray[np.uint8], height: Floats
) -> None:
    """What lies beyond the edge of the world."""
    for j in range(start, stop):
        biome[j] = terrain.ASHLANDS if zone[j] & rings.IN_ASHLANDS else terrain.OCEAN
        height[j] = terrain.VOID


@kernel
def _carving_block(field: RiverField, x: Floats, z: float, start: int, stop: int, out: Carving) -> None:
    """Sums the river points of a block, cell by cell, in the order that the game sums them in."""
    out.weight[start:stop] = 0.0
    out.weights[start:stop] = 0.0
    out.widths[start:stop] = 0.0
    begin = start
    while begin < stop:
        cell = cell_of(np.float64(x[begin]), z)
        column = cell_index(np.float64(x[begin]))
        end = begin + 1
        while end < stop and cell_index(np.float64(x[end])) == column:
            end += 1
        if cell >= 0:
            _carve_segment(field, cell, x, z, begin, end, out)
        begin = end


@kernel
def _carve_segment(field: RiverField, cell: int, x: Floats, z: float, begin: int, end: int, out: Carving) -> None:
    """Sums the points of one cell over the places of one row that lie in it."""
    for i in range(field.start[cell], field.start[cell + 1]):
        dz, r2 = f(np.float64(field.z[i]) - z), np.float64(field.radius2[i])
        if dz * dz >= r2:
            continue
        px, r = np.float64(field.x[i]), np.float64(field.radius[i])
        for j in range(begin, end):
            dx = f(px - np.float64(x[j]))
            d2 = f(dx * dx + dz * dz)
            if d2 < r2:
                w = f(1.0 - f(math.sqrt(d2)) / r)
                out.weight[j] = max(out.weight[j], w)
                out.widths[j] = f(out.widths[j] + r * w)
                out.weights[j] = f(out.weights[j] + w)


@kernel
def _block_noise(s: Sampling, row: int, start: int, stop: int, present: int, noise: Floats) -> None:
    """The noise that the biomes of a block need; ``present`` has bit ``1 << index`` for each biome in it."""
    if present & DETAILED:
        for k in (lattice.DETAIL_01, lattice.DETAIL_02, lattice.DETAIL_05):
            noise_row(s.columns, s.rows, k, row, start, stop, noise[k])
    if present & ~(1 << terrain.SWAMP):
        for k in (lattice.DETAIL_1, lattice.DETAIL_4):
            noise_row(s.columns, s.rows, k, row, start, stop, noise[k])
    if present & (1 << terrain.MOUNTAIN):
        noise_row(s.columns, s.rows, lattice.DETAIL_2, row, start, stop, noise[lattice.DETAIL_2])
    if present & (1 << terrain.MISTLANDS):
        for k in range(lattice.MIST, lattice.MIST + 4):
            noise_row(s.columns, s.rows, k, row, start, stop, noise[k])
    if present & (1 << terrain.SWAMP):
        for k in range(lattice.SWAMP_04, lattice.CHANNELS):
            noise_row(s.columns, s.rows, k, row, start, stop, noise[k])


@kernel
def _tilt_block(c: WorldConstants, s: Sampling, row: int, start: int, stop: int, noise: Floats, out: Floats) -> None:
    """The base height of a block 1 m to the west, east, south and north, to the four rows of ``out``."""
    z, metre = s.z[row], np.float32(1)
    _base_block(s.west, s.rows, row, start, stop, noise, out[0])
    _shape_block(c, s.x - metre, np.float64(z), start, stop, out[0])
    _base_block(s.east, s.rows, row, start, stop, noise, out[1])
    _shape_block(c, s.x + metre, np.float64(z), start, stop, out[1])
    _base_block(s.columns, s.south, row, start, stop, noise, out[2])
    _shape_block(c, s.x, np.float64(z - metre), start, stop, out[2])
    _base_block(s.columns, s.north, row, start, stop, noise, out[3])
    _shape_block(c, s.x, np.float64(z + metre), start, stop, out[3])


@kernel
def _detail_block(start: int, stop: int, noise: Floats, out: Floats) -> None:
    """The detail of a block, to the same places of ``out``."""
    p01, p02, p05 = noise[lattice.DETAIL_01], noise[lattice.DETAIL_02], noise[lattice.DETAIL_05]
    p1 = noise[lattice.DETAIL_1]
    for j in range(start, stop):
        out[j] = terrain.detail(np.float64(p01[j]), np.float64(p02[j]), np.float64(p05[j]), np.float64(p1[j]))


@kernel
def _mist_block(start: int, stop: int, noise: Floats, out: Floats) -> None:
    """The ruggedness of a block of Mistlands, to the same places of ``out``."""
    p0, p1, p2, p3 = (
        noise[lattice.MIST],
        noise[lattice.MIST + 1],
        noise[lattice.MIST + 2],
        noise[lattice.MIST + 3],
    )
    for j in range(start, stop):
        out[j] = terrain.mist(np.float64(p0[j]), np.float64(p1[j]), np.float64(p2[j]), np.float64(p3[j]))


@kernel
def _bed_block(start: int, stop: int, biome: npt.NDArray[np.uint8], w: Workspace, ground: Floats) -> None:
    """Turns the base height of a block, in ``ground``, into its ground with river beds, before the finest bumps."""
    for j in range(start, stop):
        where, base = biome[j], np.float64(ground[j])
        if where in (terrain.OCEAN, terrain.ASHLANDS):
            continue
        if where == terrain.SWAMP:
            h = terrain.swamp_ground(np.float64(w.noise[lattice.SWAMP_04, j]), np.float64(w.noise[lattice.SWAMP_08, j]))
        elif where == terrain.MISTLANDS:
            h = terrain.mistlands_ground(base, np.float64(w.mist[j]))
        elif where == terrain.MOUNTAIN:
            h = terrain.mountain_ground(base, np.float64(w.detail[j]))
        else:
            h = terrain.lowland_ground(where, base, np.float64(w.detail[j]))
        if w.carving.weight[j] > 0.0:
            h = carve(h, w.carving.weight[j], f(w.carving.widths[j] / w.carving.weights[j]))
        ground[j] = h


@kernel
def _fine_block(start: int, stop: int, p1: Floats, p4: Floats, ground: Floats, out: Floats) -> None:
    """The ground of a block with its finest bumps, to the same places of ``out``."""
    for j in range(start, stop):
        out[j] = terrain.fine(np.float64(ground[j]), np.float64(p1[j]), np.float64(p4[j]))


@kernel
def _steps_block(start: int, stop: int, w: Workspace, ground: Floats) -> None:
    """The ground of a block as the Mistlands step it, to the same places of ``w.steps``."""
    p1, p4, m, out = w.noise[lattice.DETAIL_1], w.noise[lattice.DETAIL_4], w.mist, w.steps
    for j in range(start, stop):
        out[j] = terrain.mistlands_steps(np.float64(ground[j]), np.float64(m[j]), np.float64(p1[j]), np.float64(p4[j]))


@kernel
def _choose_block(start: int, stop: int, biome: npt.NDArray[np.uint8], w: Workspace, ground: Floats) -> None:
    """Gives each place of a block the finish of its biome."""
    for j in range(start, stop):
        where = biome[j]
        if where in (terrain.OCEAN, terrain.ASHLANDS):
            continue
        if where == terrain.SWAMP:
            ground[j] = w.swamp[j]
        elif where == terrain.MISTLANDS:
            ground[j] = w.steps[j]
        elif where == terrain.MOUNTAIN:
            tilt = terrain.mountain_tilt(
                np.float64(w.sides[0, j]),
                np.float64(w.sides[1, j]),
                np.float64(w.sides[2, j]),
                np.float64(w.sides[3, j]),
            )
            ground[j] = f(np.float64(w.fine[j]) + np.float64(w.noise[lattice.DETAIL_2, j]) * 2.0 * tilt)
        else:
            ground[j] = w.fine[j]


@kernel
def _ground_block(
    c: WorldConstants,
    s: Sampling,
    row: int,
    start: int,
    stop: int,
    biome: npt.NDArray[np.uint8],
    w: Workspace,
    ground: Floats,
) -> None:
    """Turns the base height of a block, in ``ground``, into its ground; not of Ocean and Ashlands."""
    present = 0
    for j in range(start, stop):
        present |= 1 << biome[j]
    present &= ~(1 << terrain.OCEAN | 1 << terrain.ASHLANDS)
    if present == 0:
        return
    _block_noise(s, row, start, stop, present, w.noise)
    if present & DETAILED:
        _detail_block(start, stop, w.noise, w.detail)
    if present & (1 << terrain.MISTLANDS):
        _mist_block(start, stop, w.noise, w.mist)
    _bed_block(start, stop, biome, w, ground)
    if present & (1 << terrain.SWAMP):
        _fine_block(start, stop, w.noise[lattice.SWAMP_1], w.noise[lattice.SWAMP_4], ground, w.swamp)
    if present & DETAILED:
        _fine_block(start, stop, w.noise[lattice.DETAIL_1], w.noise[lattice.DETAIL_4], ground, w.fine)
    if present & (1 << terrain.MISTLANDS):
        _steps_block(start, stop, w, ground)
    if present & (1 << terrain.MOUNTAIN):
        _tilt_block(c, s, row, start, stop, w.base_noise, w.sides)
    _choose_block(start, stop, biome, w, ground)


@kernel
def _finish_block(
    c: WorldConstants,
    s: Sampling,
    row: int,
    start: int,
    stop: int,
    biome: npt.NDArray[np.uint8],
    reached: npt.NDArray[np.int64],
    ground: Floats,
) -> None:
    """Turns the ground of a block into metres: the Ashlands, then the trenches.

    ``reached`` is how far the row has come in the ridge and in the trench of the rings; it is moved on.
    """
    z, zone = np.float64(s.z[row]), s.rings.zone[row]
    for j in range(start, stop):
        g = np.float64(ground[j])
        if biome[j] == terrain.ASHLANDS:
            g = terrain.ashlands(c, np.float64(s.x[j]), z, g, s.rings.ridge[reached[0]])[0]
            reached[0] += 1
        scale = 200.0
        if zone[j] & rings.IN_TRENCH:
            scale = np.float64(s.rings.trench[reached[1]])
            reached[1] += 1
        ground[j] = f(g * scale)


@kernel
def fill_rows(
    c: WorldConstants,
    field: RiverField,
    s: Sampling,
    first: int,
    last: int,
    biome: npt.NDArray[np.uint8],
    height: Floats,
) -> None:
    """Writes the biomes and heights of the rows ``first`` to before ``last`` to the planes, each ``[z, x]``.

    Block by block, and within a block row by row: so a block's columns stay in the nearest cache.
    """
    n = s.x.size
    w = make_workspace(n)
    reached = np.stack((s.rings.ridge_start[first:last], s.rings.trench_start[first:last]), axis=1)
    for begin in range(0, n, BLOCK):
        end = min(begin + BLOCK, n)
        for row in range(first, last):
            zone, z = s.rings.zone[row], np.float64(s.z[row])
            start = min(max(begin, s.rings.start[row]), end)
            stop = max(min(end, s.rings.stop[row]), start)
            _void_block(zone, begin, start, biome[row], height[row])
            _void_block(zone, stop, end, biome[row], height[row])
            if start == stop:
                continue
            _base_block(s.columns, s.rows, row, start, stop, w.noise, height[row])
            _shape_block(c, s.x, z, start, stop, height[row])
            _biome_block(c, s, row, start, stop, w.noise, height[row], biome[row])
            _carving_block(field, s.x, z, start, stop, w.carving)
            _ground_block(c, s, row, start, stop, biome[row], w, height[row])
            _finish_block(c, s, row, start, stop, biome[row], reached[row - first], height[row])


@functools.lru_cache(maxsize=2)
def _survey_of(x: bytes, z: bytes, max_swamp: float) -> Rings:
    """The survey of a grid, kept for further worlds: a warm engine samples the same grid again and again."""
    surveyed: Rings = rings.survey(np.frombuffer(x, np.float32), np.frombuffer(z, np.float32), max_swamp)
    return surveyed


def fill_planes(c: WorldConstants, field: RiverField, x: Floats, z: Floats) -> tuple[npt.NDArray[np.uint8], Floats]:
    """The biome indices and the heights in metres at every crossing of ascending columns and rows, each ``[z, x]``."""
    sampling = make_sampling(c, x, z, _survey_of(x.tobytes(), z.tobytes(), c.max_swamp))
    biome, height = np.empty((z.size, x.size), np.uint8), np.empty((z.size, x.size), np.float32)
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        strips = [
            pool.submit(fill_rows, c, field, sampling, first, min(first + STRIP, z.size), biome, height)
            for first in range(0, z.size, STRIP)
        ]
    for strip in strips:
        strip.result()
    return biome, height
