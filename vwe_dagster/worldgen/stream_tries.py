"""Tries for the start, end and middle of streams: whether the pre-generation height of points is in a range.

LANES tries are tested at a time. Their heights are computed without rivers. Rivers only lower the ground: in a cell
without rivers the height is exact, and in a cell with rivers a try whose height is already too low has failed. The few
remaining tries are computed one by one. Section 8 of the terrain specification.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import borrowing_kernel, inlined_kernel, kernel
from vwe_dagster.kernels.vectors import (
    LANES,
    Lanes,
    any_of,
    as_f32,
    as_f64,
    as_i32,
    bits,
    floor,
    gather,
    greatest,
    highest_bit,
    load,
    lowest_bit,
    rounded,
    select,
    store,
)
from vwe_dagster.worldgen import lane_terrain, terrain
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.lane_noise import perlin_lanes
from vwe_dagster.worldgen.numerics import f
from vwe_dagster.worldgen.one_point import mountain_of, rivers_at
from vwe_dagster.worldgen.river_field import CELL_M, REACH, SPAN, RiverField
from vwe_dagster.worldgen.scattered import base_lanes, fixed_biomes, other_biomes, swamp_lanes, zone_lanes

MOUNTAIN_DIP = 40.0
"""Meters, an upper bound of a Mountain's lowering by its slope: 200 * 2 * 0.136 of the noise * 0.65 of the slope."""
LEAST_SHAPED = float(np.float32(0.15))
"""Ground up to this is the same in Meadows, Plains, Black Forest and Mistlands before rivers."""
HIGHEST_BUMPS = 0.02
"""An upper bound of the noises of the finest bumps: 0.013 times less than 1.2."""
Memory = npt.NDArray[np.int64]
"""``[2]``: the cell whose river points were last looked up, and 1 while it still has the points of before pass 1."""


class Tries(NamedTuple):
    """Points and their properties, ``[LANES]``.

    Attributes:
        x, z: float64 meters, numbers of float32.
        cell: int32, the river cell.
        zone: int32, buffer for the bits of the rings.
        where: int32, the biome; only of tries that may be in the range.
        base: float32, the base height.
        ground: float32, the ground before rivers, units of 200 m.
        p1, p4: float32, the noises of the finest bumps.
    """

    x: npt.NDArray[np.float64]
    z: npt.NDArray[np.float64]
    cell: npt.NDArray[np.int32]
    zone: npt.NDArray[np.int32]
    where: npt.NDArray[np.int32]
    base: npt.NDArray[np.float32]
    ground: npt.NDArray[np.float32]
    p1: npt.NDArray[np.float32]
    p4: npt.NDArray[np.float32]


class Range(NamedTuple):
    """The range of a height: above ``low`` and below ``high``, float64 meters.

    With a base height of ``surely_above`` or more, dry ground is higher than ``high``, except in Mountains.
    """

    low: float
    high: float
    surely_above: float


@kernel
def make_tries() -> Tries:
    """Return arrays for LANES tries."""
    return Tries(
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros(LANES, np.int32),
        np.zeros(LANES, np.int32),
        np.zeros(LANES, np.int32),
        np.zeros(LANES, np.float32),
        np.zeros(LANES, np.float32),
        np.zeros(LANES, np.float32),
        np.zeros(LANES, np.float32),
    )


@inlined_kernel
def _cells(x: Lanes, z: Lanes) -> Lanes:
    """Return the numbers of the river cells of points within 11 km of the center, int32 lanes."""
    column, row = floor(rounded((x + CELL_M / 2.0) / CELL_M)), floor(rounded((z + CELL_M / 2.0) / CELL_M))
    return (as_i32(row) + REACH) * SPAN + as_i32(column) + REACH


@inlined_kernel
def _north_ground(base: Lanes, d: Lanes, second_pass: bool) -> Lanes:
    """Return the Deep North before rivers, which the second pass raises, units of 200 m."""
    h = base + np.float32(0.1) if second_pass else base
    h = h + greatest(h - np.float32(0.4), np.float32(0))
    return as_f32(as_f64(h) + as_f64(d) * f(0.2)) * np.float32(1.2)


@inlined_kernel
def _swamp_ground(tries: Tries, where: Lanes, x: Lanes, z: Lanes, ground: Lanes) -> Lanes:
    """Return the ground with the Swamp filled in, and replace the noises of its bumps."""
    is_swamp = where == terrain.SWAMP
    U, V = rounded(x + 100000.0), rounded(z + 100000.0)
    p04, p08 = perlin_lanes(U * f(0.04), V * f(0.04)), perlin_lanes(U * f(0.08), V * f(0.08))
    store(tries.p1, 0, select(is_swamp, perlin_lanes(U * f(0.1), V * f(0.1)), load(tries.p1, 0)))
    store(tries.p4, 0, select(is_swamp, perlin_lanes(U * f(0.4), V * f(0.4)), load(tries.p4, 0)))
    return select(is_swamp, lane_terrain.swamp_ground(p04, p08), ground)


@inlined_kernel
def _dry_heights(
    c: WorldConstants,
    tries: Tries,
    x: Lanes,
    z: Lanes,
    zone: Lanes,
    base: Lanes,
    wanted: Lanes,
    second_pass: bool,
    low: float,
) -> Lanes:
    """Return the heights of the wanted tries without rivers, float32 meters; for Mountains a lower bound.

    The slope of a Mountain takes off less than MOUNTAIN_DIP. A height below ``low``, units of 200 m, may be
    another one below it.
    """
    U, V = rounded(x + 100000.0 + c.o3), rounded(z + 100000.0 + c.o3)
    p01, p02 = perlin_lanes(U * f(0.01), V * f(0.01)), perlin_lanes(U * f(0.02), V * f(0.02))
    p05, p1 = perlin_lanes(U * f(0.05), V * f(0.05)), perlin_lanes(U * f(0.1), V * f(0.1))
    d = lane_terrain.detail(p01, p02, p05, p1)
    store(tries.p1, 0, p1)
    store(tries.p4, 0, perlin_lanes(U * f(0.4), V * f(0.4)))
    where = swamp_lanes(c, x, z, zone, base, wanted)
    # Below LEAST_SHAPED all lowland biomes have the same ground, so ground that is too low fails in all of them.
    forest = as_f32(as_f64(base) + as_f64(d) * f(0.1))
    where = other_biomes(c, x, z, zone, where, wanted & (forest > np.float32(max(LEAST_SHAPED, low - HIGHEST_BUMPS))))
    store(tries.where, 0, where)
    is_north, is_ashlands = where == terrain.DEEP_NORTH, where == terrain.ASHLANDS
    is_forest = (where == terrain.BLACK_FOREST) | (where == terrain.MISTLANDS) | is_ashlands
    nowhere = where == 0
    ground = lane_terrain.lowland_ground(base, d, nowhere, where == terrain.PLAINS, is_forest)
    ground = select(is_ashlands, ground + np.float32(0.1), ground)
    if any_of(is_north):
        ground = select(is_north, _north_ground(base, d, second_pass), ground)
    if any_of(wanted & (where == terrain.SWAMP)):
        ground = _swamp_ground(tries, where, x, z, ground)
    is_mountain = where == terrain.MOUNTAIN
    ground = select(is_mountain, lane_terrain.mountain_ground(base, d), ground)
    store(tries.ground, 0, ground)
    heights = lane_terrain.fine(ground, load(tries.p1, 0), load(tries.p4, 0)) * np.float32(200)
    return select(is_mountain, heights - np.float32(MOUNTAIN_DIP), heights)


@inlined_kernel
def survey_tries(
    c: WorldConstants, field: RiverField, memory: Memory, tries: Tries, count: int, second_pass: bool, wanted: Range
) -> tuple[int, int, int]:
    """Test the pre-generation heights of the first ``count`` tries, and fill in their properties.

    Returns:
        Sets of tries, as bits: those whose height is in the wanted range, those whose height must be computed, and
        those for which the game looks up river points. The first two are parts of the third.
    """
    x, z = load(tries.x, 0), load(tries.z, 0)
    d = lane_terrain.distance_lanes(x, z)
    base, cell = base_lanes(c, x, z, d), _cells(x, z)
    store(tries.cell, 0, cell)
    store(tries.base, 0, base)
    is_dry = gather(field.start, cell) == gather(field.start, cell + 1)
    if memory[1] == 1:
        is_dry = is_dry & (cell != np.int32(memory[0]))
    is_high = is_dry & (base >= np.float32(wanted.surely_above)) & (base <= np.float32(0.4))
    # Elsewhere the biome does not matter: the ground is too high in any, or it is the Ocean.
    is_near_ashlands = lane_terrain.distance_lanes(x, rounded(z - 4000.0)) > 12000.0 - terrain.WAVE - 1.0
    matters = (d <= terrain.EDGE) & ~is_high & ((base > np.float32(0.02)) | is_near_ashlands)
    zone = zone_lanes(x, z, d, c.max_swamp, matters, tries.zone)
    asked = (d <= terrain.EDGE) & (fixed_biomes(zone, base) != terrain.OCEAN)
    is_left, every = asked & ~is_high, (1 << count) - 1
    if bits(is_left) & every == 0:
        return 0, 0, bits(asked) & every
    heights = _dry_heights(c, tries, x, z, zone, base, is_left, second_pass, wanted.low / 200.0)
    is_mountain = load(tries.where, 0) == terrain.MOUNTAIN
    is_above, is_below = heights > np.float32(wanted.low), heights < np.float32(wanted.high)
    is_hit = is_left & is_dry & is_above & is_below & ~is_mountain
    is_unsure = is_left & select(is_mountain, is_below | ~is_dry, is_above & ~is_dry)
    return bits(is_hit) & every, bits(is_unsure) & every, bits(asked) & every


@inlined_kernel
def _forget(memory: Memory, tries: Tries, asked: int) -> None:
    """Clear the memory of the last cell if the game looks up the river points of a try in another cell.

    ``asked`` has a bit for each try that the game looks up.
    """
    while memory[1] == 1 and asked != 0:
        if tries.cell[lowest_bit(asked)] != memory[0]:
            memory[1] = 0
        asked &= asked - 1


@inlined_kernel
def first_hit(
    c: WorldConstants,
    field: RiverField,
    stale: RiverField,
    memory: Memory,
    tries: Tries,
    count: int,
    second_pass: bool,
    wanted: Range,
) -> int:
    """Return the first of the ``count`` tries whose pre-generation height is in the wanted range; -1 for none.

    The game remembers the last cell that it looked up river points of, and the memory outlives rendering: ``stale`` is
    the field that it may still see.
    """
    hits, unsure, asked = survey_tries(c, field, memory, tries, count, second_pass, wanted)
    left = hits | unsure
    while left != 0:
        k = lowest_bit(left)
        left &= left - 1
        _forget(memory, tries, asked & ((2 << k) - 1))
        if hits >> k & 1 or is_height_in(c, stale if memory[1] == 1 else field, tries, k, wanted):
            memory[0] = tries.cell[k]
            return k
    _forget(memory, tries, asked)
    if asked != 0:
        memory[0] = tries.cell[highest_bit(asked)]
    return -1


@borrowing_kernel
def is_height_in(c: WorldConstants, field: RiverField, tries: Tries, k: int, wanted: Range) -> bool:
    """Return whether the pre-generation height of a surveyed try is in a range."""
    x, z, where = tries.x[k], tries.z[k], np.int64(tries.where[k])
    h, p1, p4 = np.float64(tries.ground[k]), np.float64(tries.p1[k]), np.float64(tries.p4[k])
    if where == terrain.ASHLANDS:
        h = rivers_at(field, x, z, terrain.fine(h, p1, p4))
    elif where == terrain.MOUNTAIN:
        h = mountain_of(c, x, z, terrain.fine(rivers_at(field, x, z, h), p1, p4))
    else:
        h = terrain.fine(rivers_at(field, x, z, h), p1, p4)
    return wanted.low < f(h * 200.0) < wanted.high
