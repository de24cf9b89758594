"""Streams: short water from a beach up a slope, found by trial. Section 8 of the specification.

Most tries fail, so :func:`_probe` says no as soon as a bound on the height does. Noise lies within [-0.2, 1.2], the
detail of :func:`~vwe_dagster.worldgen.terrain.detail` within [-0.42, 2.48], and rivers only ever lower the ground. The
tilt of a Mountain, which can lower it too, is not bounded so; where it could matter the height is computed.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from vwe_dagster.worldgen.compiling import kernel
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.numerics import f, length
from vwe_dagster.worldgen.river_field import RiverField, cell_of
from vwe_dagster.worldgen.rivers import FIELDS, Courses, set_course
from vwe_dagster.worldgen.terrain import (
    EDGE,
    VOID,
    WAVE,
    base_height,
    biome,
    detail_at,
    is_ashlands,
    mask,
    pregeneration_height,
)
from vwe_dagster.worldgen.unity_random import State, init_state, range_float

TRIALS = 3000
TRIES = 100
START_LOW, START_HIGH = 26.0, 31.0
END_LOW, END_HIGH = 36.0, 44.0
SURELY_ABOVE_START, SURELY_ABOVE_END = 0.25, 0.30
"""Base heights from which on ground that no river touches is above START_HIGH, above END_HIGH; not in Mountains."""
BUMPS = 0.0157
"""The most that :func:`~vwe_dagster.worldgen.terrain.fine` adds."""

Memory = npt.NDArray[np.int64]
"""``[2]``: the cell that was last asked for river points, and 1 while it must be answered as it was before pass 1."""


@kernel
def _probe(
    c: WorldConstants,
    field: RiverField,
    stale: RiverField,
    memory: Memory,
    x: float,
    z: float,
    second_pass: bool,
    low: float,
    surely_above: float,
) -> float:
    """The pre-generation height at a point, or any height below ``low`` or above all that is looked for.

    The game remembers the last cell that it looked up river points of, and the memory outlives rendering: ``stale`` is
    the field that it may still see.
    """
    if length(x, z) > EDGE:
        return VOID
    base = base_height(c, x, z)
    if base <= f(0.02) and not is_ashlands(x, z):
        return base * 200.0
    cell = cell_of(x, z)
    if memory[1] == 1 and cell == memory[0]:
        return pregeneration_height(c, stale, x, z, biome(c, x, z, base), base, second_pass)
    memory[0], memory[1] = cell, 0
    if surely_above <= base <= f(0.4) and field.start[cell] == field.start[cell + 1]:
        return math.inf
    if base <= f(0.4) and _is_surely_lowland(c, x, z, base):
        U, V = f(x + 100000.0 + c.o3), f(z + 100000.0 + c.o3)
        if (base + 0.1001 * max(detail_at(U, V), 0.0) + BUMPS) * 200.0 < low:
            return VOID
    return pregeneration_height(c, field, x, z, biome(c, x, z, base), base, second_pass)


@kernel
def _is_surely_lowland(c: WorldConstants, x: float, z: float, base: float) -> bool:
    """Whether a point is Meadows, Plains, Black Forest or Mistlands, all of which lie at or below base plus detail."""
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
    streams = np.empty((TRIALS, FIELDS))
    count = 0
    for _ in range(TRIALS):
        found, ax, az = _find_start(c, state, field, stale, memory, second_pass)
        if not found:
            continue
        found, bx, bz = _find_end(c, state, field, stale, memory, second_pass, ax, az)
        if not found:
            continue
        x, z = f(f(ax + bx) * 0.5), f(f(az + bz) * 0.5)
        h = _probe(c, field, stale, memory, x, z, second_pass, START_LOW, SURELY_ABOVE_END)
        if START_LOW <= h <= END_HIGH:
            set_course(streams, count, ax, az, bx, bz, 20.0, 20.0)
            count += 1
    return streams[:count], state


@kernel
def _find_start(
    c: WorldConstants, state: State, field: RiverField, stale: RiverField, memory: Memory, second_pass: bool
) -> tuple[bool, float, float]:
    for _ in range(TRIES):
        x = range_float(state, -10000.0, 10000.0)
        z = range_float(state, -10000.0, 10000.0)
        h = _probe(c, field, stale, memory, x, z, second_pass, START_LOW, SURELY_ABOVE_START)
        if START_LOW < h < START_HIGH:
            return True, x, z
    return False, 0.0, 0.0


@kernel
def _find_end(
    c: WorldConstants,
    state: State,
    field: RiverField,
    stale: RiverField,
    memory: Memory,
    second_pass: bool,
    ax: float,
    az: float,
) -> tuple[bool, float, float]:
    reach, drop = 200.0, f((200.0 - 80.0) / 100.0)
    for _ in range(TRIES):
        reach = f(reach - drop)
        bearing = range_float(state, 0.0, 6.2831855)
        x, z = f(ax + f(f(math.sin(bearing)) * reach)), f(az + f(f(math.cos(bearing)) * reach))
        h = _probe(c, field, stale, memory, x, z, second_pass, END_LOW, SURELY_ABOVE_END)
        if END_LOW < h < END_HIGH:
            return True, x, z
    return False, 0.0, 0.0
