"""The second stage of a grid: from base height and biome to the height, by strips of rows.

A strip is a few rows that share a row of river cells. Its panels take four steps: the ground before rivers, row by
row; the rivers, river cell by river cell; the ground after rivers; and meters with the trenches. The Ashlands have no
rivers: :mod:`~vwe_dagster.worldgen.ashlands` computes them before this stage.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import inlined_kernel, kernel
from vwe_dagster.kernels.vectors import LANES, Lanes, any_of, f32, load, select, store
from vwe_dagster.worldgen import lane_terrain, lattice, terrain
from vwe_dagster.worldgen.biome_rows import PANEL, WIDTH, base_row
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.lattice import block_noise
from vwe_dagster.worldgen.numerics import f
from vwe_dagster.worldgen.river_field import RiverField
from vwe_dagster.worldgen.river_strips import Packed, carve_strip, make_packed
from vwe_dagster.worldgen.sampling import Floats, Sampling

STRIP = 8
"""Greatest number of rows of a strip."""
LOWLAND = 1 << terrain.MEADOWS | 1 << terrain.PLAINS | 1 << terrain.BLACK_FOREST | 1 << terrain.DEEP_NORTH
MOUNTAIN, SWAMP, MISTLANDS = 1 << terrain.MOUNTAIN, 1 << terrain.SWAMP, 1 << terrain.MISTLANDS
ASHLANDS = 1 << terrain.ASHLANDS
BIOMES = (1, 2, 3, 4, 5, 6, 7, 8, 9)


class Room(NamedTuple):
    """Buffers between the steps of a panel.

    Attributes:
        bits: int32, a bit for each biome that a block has, ``[STRIP, PANEL]``.
        ground: float32, the ground; 0 where no river can be, ``[STRIP, WIDTH]``.
        mist: float32, the Mistlands' ruggedness, ``[STRIP, WIDTH]``.
        bumps: float32, the noise of the frequency 0.1, ``[STRIP, WIDTH]``.
        sides: float32, the base height 1 m to the west, east, south and north, ``[4, WIDTH]``.
        noise: float32, the noises of the base height, ``[8, WIDTH]``.
        packed: buffers for the places of a river cell.
    """

    bits: npt.NDArray[np.int32]
    ground: Floats
    mist: Floats
    bumps: Floats
    sides: Floats
    noise: Floats
    packed: Packed


@kernel
def make_room() -> Room:
    """Return buffers for a panel."""
    return Room(
        np.empty((STRIP, PANEL), np.int32),
        np.empty((STRIP, WIDTH), np.float32),
        np.empty((STRIP, WIDTH), np.float32),
        np.empty((STRIP, WIDTH), np.float32),
        np.empty((4, WIDTH), np.float32),
        np.empty((lattice.BASE_CHANNELS, WIDTH), np.float32),
        make_packed(STRIP * WIDTH),
    )


@inlined_kernel
def _blocks(s: Sampling, row: int, panel: int) -> tuple[int, int]:
    """Return the blocks of a row that are in the panel from block ``panel`` onwards and reach into the world."""
    return max(panel, s.rings.start[row]), min(panel + PANEL, s.rings.stop[row])


@inlined_kernel
def _bits_of(where: Lanes) -> int:
    """Return a bit for each biome in the lanes."""
    found = 0
    for biome in range(terrain.MEADOWS, terrain.MISTLANDS + 1):
        if any_of(where == biome):
            found |= 1 << biome
    return found


@inlined_kernel
def _block_ground(s: Sampling, row: int, block: int, bits: int, where: Lanes, base: Lanes, p1: Lanes) -> Lanes:
    """Return the ground before rivers of the lowlands and the Mountain, which share the detail."""
    d = lane_terrain.detail(
        block_noise(s.columns, s.rows, lattice.DETAIL_01, row, block),
        block_noise(s.columns, s.rows, lattice.DETAIL_02, row, block),
        block_noise(s.columns, s.rows, lattice.DETAIL_05, row, block),
        p1,
    )
    is_north, is_plains = where == terrain.DEEP_NORTH, where == terrain.PLAINS
    ground = lane_terrain.lowland_ground(base, d, is_north, is_plains, where == terrain.BLACK_FOREST)
    if bits & MOUNTAIN:
        ground = select(where == terrain.MOUNTAIN, lane_terrain.mountain_ground(base, d), ground)
    return ground


@inlined_kernel
def _block_mist(s: Sampling, row: int, block: int) -> Lanes:
    return lane_terrain.mist(
        block_noise(s.columns, s.rows, lattice.MIST, row, block),
        block_noise(s.columns, s.rows, lattice.MIST + 1, row, block),
        block_noise(s.columns, s.rows, lattice.MIST + 2, row, block),
        block_noise(s.columns, s.rows, lattice.MIST + 3, row, block),
    )


@inlined_kernel
def _ground_row(
    s: Sampling, row: int, panel: int, biome: npt.NDArray[np.uint8], base: Floats, room: Room, r: int
) -> None:
    """Write the ground and noises of the blocks of a panel before rivers to row ``r`` of the buffers."""
    first, last = _blocks(s, row, panel)
    for block in range(first, last):
        j, at = block * LANES, (r, (block - panel) * LANES)
        where, h = load(biome, j), load(base, j)
        bits = _bits_of(where)
        room.bits[r, block - panel] = bits
        ground = f32(0)
        if bits & (LOWLAND | MOUNTAIN | MISTLANDS):
            p1 = block_noise(s.columns, s.rows, lattice.DETAIL_1, row, block)
            store(room.bumps, at, p1)
            if bits & (LOWLAND | MOUNTAIN):
                ground = _block_ground(s, row, block, bits, where, h, p1)
        if bits & MISTLANDS:
            m = _block_mist(s, row, block)
            store(room.mist, at, m)
            ground = select(where == terrain.MISTLANDS, lane_terrain.mistlands_ground(h, m), ground)
        if bits & SWAMP:
            p04 = block_noise(s.columns, s.rows, lattice.SWAMP_04, row, block)
            p08 = block_noise(s.columns, s.rows, lattice.SWAMP_08, row, block)
            ground = select(where == terrain.SWAMP, lane_terrain.swamp_ground(p04, p08), ground)
        is_wet = (where == terrain.OCEAN) | (where == terrain.ASHLANDS)
        store(room.ground, at, select(is_wet, np.float32(0), ground))


@inlined_kernel
def _finish_row(
    s: Sampling, row: int, panel: int, biome: npt.NDArray[np.uint8], base: Floats, room: Room, r: int
) -> None:
    """Turn the base height of the blocks of a panel into their ground, except in the Ashlands."""
    first, last = _blocks(s, row, panel)
    for block in range(first, last):
        bits = room.bits[r, block - panel]
        if not bits & (LOWLAND | MOUNTAIN | MISTLANDS | SWAMP):
            continue
        j, at = block * LANES, (r, (block - panel) * LANES)
        where, h, ground = load(biome, j), load(base, j), load(room.ground, at)
        p1 = load(room.bumps, at)
        is_wet = (where == terrain.OCEAN) | (where == terrain.ASHLANDS)
        out = ground
        if bits & (LOWLAND | MOUNTAIN | MISTLANDS):
            p4 = block_noise(s.columns, s.rows, lattice.DETAIL_4, row, block)
            out = lane_terrain.fine(ground, p1, p4)
            if bits & MISTLANDS:
                stepped = lane_terrain.mistlands_steps(ground, load(room.mist, at), p1, p4)
                out = select(where == terrain.MISTLANDS, stepped, out)
            if bits & MOUNTAIN:
                out = select(where == terrain.MOUNTAIN, _block_top(s, row, block, block - panel, room, out), out)
        if bits & SWAMP:
            q1 = block_noise(s.columns, s.rows, lattice.SWAMP_1, row, block)
            q4 = block_noise(s.columns, s.rows, lattice.SWAMP_4, row, block)
            out = select(where == terrain.SWAMP, lane_terrain.fine(ground, q1, q4), out)
        store(base, j, select(is_wet, h, out))


@inlined_kernel
def _block_top(s: Sampling, row: int, block: int, place: int, room: Room, h: Lanes) -> Lanes:
    """Return the heights of Mountain with the effect of its slope, from the base heights in ``room.sides``."""
    p2, i = block_noise(s.columns, s.rows, lattice.DETAIL_2, row, block), place * LANES
    west, east = load(room.sides, (0, i)), load(room.sides, (1, i))
    return lane_terrain.mountain_top(h, p2, west, east, load(room.sides, (2, i)), load(room.sides, (3, i)))


@inlined_kernel
def _fill_sides(c: WorldConstants, s: Sampling, row: int, panel: int, room: Room, r: int) -> None:
    """Write the base height 1 m to each side from the first to the last block with Mountain."""
    first, last = _blocks(s, row, panel)
    while first < last and not room.bits[r, first - panel] & MOUNTAIN:
        first += 1
    while first < last and not room.bits[r, last - 1 - panel] & MOUNTAIN:
        last -= 1
    if first >= last:
        return
    z, noise, at = np.float64(s.z[row]), room.noise, (first - panel) * LANES
    west, east, south, north = room.sides[0, at:], room.sides[1, at:], room.sides[2, at:], room.sides[3, at:]
    base_row(c, s.x, s.west, s.rows, -1.0, z, row, first, last, noise, west)
    base_row(c, s.x, s.east, s.rows, 1.0, z, row, first, last, noise, east)
    base_row(c, s.x, s.columns, s.south, 0.0, f(z - 1.0), row, first, last, noise, south)
    base_row(c, s.x, s.columns, s.north, 0.0, f(z + 1.0), row, first, last, noise, north)


@inlined_kernel
def _meters_row(s: Sampling, row: int, first: int, last: int, ground: Floats) -> None:
    """Turn the ground of blocks into meters, less in trenches, and write the void beyond the edge of the world."""
    begin, end = s.rings.begin[row], s.rings.end[row]
    for block in range(first, last):
        j, trench = block * LANES, s.rings.trench_block[row, block]
        scale = f32(200) if trench < 0 else load(s.rings.trench, (trench, 0))
        store(ground, j, load(ground, j) * scale)
        for k in range(j, min(begin, j + LANES)):
            ground[k] = terrain.VOID
        for k in range(max(end, j), j + LANES):
            ground[k] = terrain.VOID


@inlined_kernel
def _fill_panel(
    c: WorldConstants,
    field: RiverField,
    s: Sampling,
    strip: int,
    end: int,
    panel: int,
    room: Room,
    biome: npt.NDArray[np.uint8],
    height: Floats,
) -> None:
    """Write the ground of the panel from block ``panel`` onwards in the rows ``strip`` to before ``end``."""
    room.ground[: end - strip] = np.float32(0)
    for row in range(strip, end):
        _ground_row(s, row, panel, biome[row], height[row], room, row - strip)
    carve_strip(field, s, strip, end, panel, room.ground, room.packed)
    for row in range(strip, end):
        _fill_sides(c, s, row, panel, room, row - strip)
        _finish_row(s, row, panel, biome[row], height[row], room, row - strip)


@kernel
def fill_heights(
    c: WorldConstants,
    field: RiverField,
    s: Sampling,
    first: int,
    last: int,
    biome: npt.NDArray[np.uint8],
    height: Floats,
) -> None:
    """Turn the base heights, or the Ashlands' ground, of the rows ``first`` to before ``last`` into heights."""
    blocks = s.x.size // LANES
    room = make_room()
    for row in range(first, last):
        height[row, : s.rings.start[row] * LANES] = terrain.VOID
        height[row, s.rings.stop[row] * LANES :] = terrain.VOID
    strip = first
    while strip < last:
        end = strip + 1
        while end < min(last, strip + STRIP) and s.river_rows[end] == s.river_rows[strip]:
            end += 1
        for panel in range(0, blocks, PANEL):
            _fill_panel(c, field, s, strip, end, panel, room, biome, height)
        for row in range(strip, end):
            start, stop = s.rings.start[row], s.rings.stop[row]
            _meters_row(s, row, start, stop, height[row])
        strip = end
