"""Streams: short water from a beach up a slope, found by trial. Section 8 of the specification.

Most tries fail, and the random numbers of the next ones are known. So tries are looked at in a batch: their base
heights and the bounds that :mod:`~vwe_dagster.worldgen.scattered` puts on their heights are computed together, and only
where these leave it open is the height of a try computed. The random state then moves on by what the tries up to the
first hit have drawn.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import borrowing_kernel, inner_kernel, kernel
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.noise import perlin
from vwe_dagster.worldgen.numerics import f, length
from vwe_dagster.worldgen.river_field import RiverField, cell_of
from vwe_dagster.worldgen.rivers import FIELDS, Courses, set_course
from vwe_dagster.worldgen.scattered import Batch, make_batch, survey_batch
from vwe_dagster.worldgen.terrain import (
    ASHLANDS,
    EDGE,
    SWAMP,
    WAVE,
    biome,
    is_ashlands,
    mask,
    pregeneration_height,
    swamp_ground,
)
from vwe_dagster.worldgen.unity_random import State, init_state, next_word, range_float

TRIALS = 3000
TRIES = 100
START_LOW, START_HIGH = 26.0, 31.0
END_LOW, END_HIGH = 36.0, 44.0
SURELY_ABOVE_START, SURELY_ABOVE_END = 0.25, 0.30
"""Base heights from which on ground that no river touches is above START_HIGH, above END_HIGH; not in Mountains."""
ASHLANDS_RISE = 20.001
"""Metres, and a bit, by which streams see the Ashlands higher than the Black Forest."""
BUMPS = 0.0157
"""The most that :func:`~vwe_dagster.worldgen.terrain.fine` adds; noise lies within [-0.2, 1.2]."""
HAIR = 1e-9
"""Less than the gap between a bound and the next float32: with it the bounds themselves are within."""
BATCH = 24
"""Tries that are looked at together."""

Memory = npt.NDArray[np.int64]
"""``[2]``: the cell that was last asked for river points, and 1 while it must be answered as it was before pass 1."""


@borrowing_kernel
def _first_hit(
    c: WorldConstants,
    field: RiverField,
    stale: RiverField,
    memory: Memory,
    tries: Batch,
    count: int,
    second_pass: bool,
    low: float,
    high: float,
    surely_above: float,
) -> int:
    """The first of ``count`` tries whose pre-generation height is above ``low`` and below ``high``; -1 for none.

    The game remembers the last cell that it looked up river points of, and the memory outlives rendering: ``stale`` is
    the field that it may still see.
    """
    for i in range(count):
        x, z, base = tries.x[i], tries.z[i], np.float64(tries.base[i])
        if length(x, z) > EDGE or (base <= f(0.02) and not is_ashlands(x, z)):
            continue
        cell = cell_of(x, z)
        is_stale = memory[1] == 1 and cell == memory[0]
        if not is_stale:
            memory[0], memory[1] = cell, 0
            is_dry = field.start[cell] == field.start[cell + 1]
            if base <= f(0.4):
                if surely_above <= base and is_dry:
                    continue
                is_too_low, is_too_high = tries.highest[i] < low, is_dry and tries.lowest[i] > high
                if (is_too_low or is_too_high) and _is_surely_lowland(c, x, z, base):
                    continue
        where = biome(c, x, z, base)
        if where == ASHLANDS and tries.highest[i] + ASHLANDS_RISE < low:
            continue
        if where == SWAMP and (_swamp_at(x, z) + BUMPS) * 200.0 < low:
            continue
        h = pregeneration_height(c, stale if is_stale else field, x, z, where, base, second_pass)
        if low < h < high:
            return i
    return -1


@kernel
def _swamp_at(x: float, z: float) -> float:
    """The Swamp at a point, before rivers and bumps."""
    U, V = f(x + 100000.0), f(z + 100000.0)
    return swamp_ground(perlin(U * f(0.04), V * f(0.04)), perlin(U * f(0.08), V * f(0.08)))


@kernel
def _is_surely_lowland(c: WorldConstants, x: float, z: float, base: float) -> bool:
    """Whether a point is Meadows, Plains, Black Forest or Mistlands, for which the bounds of a batch hold."""
    near = 12000.0 - WAVE - 1.0
    if length(x, f(z - 4000.0)) > near or length(x, f(z + 4000.0)) > near:
        return False
    return not (f(0.05) < base < f(0.25) and mask(c.o0, x, z) > f(0.6))


@kernel
def find_streams(
    c: WorldConstants, stream_seed: int, field: RiverField, stale: RiverField, memory: Memory, second_pass: bool
) -> tuple[Courses, State]:
    """The streams of one pass, and the random state that they are rendered with."""
    state = init_state(stream_seed)
    tries = make_batch(BATCH)
    streams = np.empty((TRIALS, FIELDS))
    count = 0
    for _ in range(TRIALS):
        found, ax, az = _find(c, state, field, stale, memory, tries, second_pass, True, 0.0, 0.0)
        if not found:
            continue
        found, bx, bz = _find(c, state, field, stale, memory, tries, second_pass, False, ax, az)
        if not found:
            continue
        tries.x[0], tries.z[0] = f(f(ax + bx) * 0.5), f(f(az + bz) * 0.5)
        survey_batch(c, tries, 1)
        low, high = START_LOW - HAIR, END_HIGH + HAIR
        if _first_hit(c, field, stale, memory, tries, 1, second_pass, low, high, SURELY_ABOVE_END) == 0:
            set_course(streams, count, ax, az, bx, bz, 20.0, 20.0)
            count += 1
    return streams[:count], state


@kernel
def _find(
    c: WorldConstants,
    state: State,
    field: RiverField,
    stale: RiverField,
    memory: Memory,
    tries: Batch,
    second_pass: bool,
    is_start: bool,
    ax: float,
    az: float,
) -> tuple[bool, float, float]:
    """A start anywhere, or an end near the start ``ax``, ``az``: whether there is one, and where."""
    low, high, surely_above = END_LOW, END_HIGH, SURELY_ABOVE_END
    if is_start:
        low, high, surely_above = START_LOW, START_HIGH, SURELY_ABOVE_START
    ahead = state.copy()
    reach = 200.0
    for first in range(0, TRIES, BATCH):
        count = min(BATCH, TRIES - first)
        if is_start:
            _draw_starts(ahead, tries, count)
        else:
            reach = _draw_ends(ahead, tries, count, ax, az, reach)
        survey_batch(c, tries, count)
        i = _first_hit(c, field, stale, memory, tries, count, second_pass, low, high, surely_above)
        if i >= 0:
            for _ in range((first + i + 1) * (2 if is_start else 1)):
                next_word(state)
            return True, tries.x[i], tries.z[i]
    state[:] = ahead
    return False, 0.0, 0.0


@inner_kernel
def _draw_starts(state: State, tries: Batch, count: int) -> None:
    for i in range(count):
        tries.x[i] = range_float(state, -10000.0, 10000.0)
        tries.z[i] = range_float(state, -10000.0, 10000.0)


@inner_kernel
def _draw_ends(state: State, tries: Batch, count: int, ax: float, az: float, reach: float) -> float:
    """Draws tries around a start, each nearer than the one before; returns how near the last one is."""
    drop = f((200.0 - 80.0) / 100.0)
    for i in range(count):
        reach = f(reach - drop)
        bearing = range_float(state, 0.0, 6.2831855)
        tries.x[i] = f(ax + f(f(math.sin(bearing)) * reach))
        tries.z[i] = f(az + f(f(math.cos(bearing)) * reach))
    return reach
