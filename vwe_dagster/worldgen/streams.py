"""Streams: short water from a beach up a slope, found by trial. Section 8 of the specification.

Most tries fail, and the random numbers of the next ones are known. So LANES tries are tested together
(:mod:`~vwe_dagster.worldgen.stream_tries`), and the random state then moves on by what the tries up to the first hit
have drawn. The middle of a stream draws nothing: middles are tested together once all streams have start and end.
"""

from __future__ import annotations

import math

import numpy as np

from vwe_dagster.kernels.compiling import inner_kernel, kernel
from vwe_dagster.kernels.vectors import LANES, bits, load, lowest_bit, rounded, store
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.lane_trig import is_uncertain, sine_and_cosine
from vwe_dagster.worldgen.numerics import f
from vwe_dagster.worldgen.river_field import RiverField
from vwe_dagster.worldgen.rivers import FIELDS, Courses, set_course
from vwe_dagster.worldgen.stream_tries import Memory, Range, Tries, first_hit, is_height_in, make_tries, survey_tries
from vwe_dagster.worldgen.unity_random import State, init_state, next_word, range_float

TRIALS = 3000
TRIES = 100
START = Range(26.0, 31.0, 0.25)
END = Range(36.0, 44.0, 0.30)
MIDDLE = Range(
    float(np.nextafter(np.float32(26), np.float32(0))), float(np.nextafter(np.float32(44), np.float32(99))), 0.30
)
"""From 26 to 44 m, both included."""
NOT_ASKED = -2
"""In the memory of the last cell: no cell has been looked up since the middle of the last stream."""


@kernel
def find_streams(
    c: WorldConstants, stream_seed: int, field: RiverField, stale: RiverField, memory: Memory, second_pass: bool
) -> tuple[Courses, State]:
    """The streams of one pass, and the random state that they are rendered with."""
    state = init_state(stream_seed)
    tries = make_tries()
    streams = np.empty((TRIALS, FIELDS))
    count, before = 0, memory[0]
    for _ in range(TRIALS):
        found, ax, az = _find(c, state, field, stale, memory, tries, second_pass, True, 0.0, 0.0)
        if not found:
            continue
        found, bx, bz = _find(c, state, field, stale, memory, tries, second_pass, False, ax, az)
        if found:
            set_course(streams, count, ax, az, bx, bz, 20.0, 20.0)
            count += 1
            before, memory[0] = memory[0], NOT_ASKED
    last = _keep_fitting_middles(c, streams, count, field, memory, tries, second_pass)
    if memory[0] == NOT_ASKED:
        memory[0] = before if last < 0 else last
    kept = 0
    for i in range(count):
        if streams[i, 4] > 0.0:
            streams[kept] = streams[i]
            kept += 1
    return streams[:kept], state


@kernel
def _keep_fitting_middles(
    c: WorldConstants,
    streams: Courses,
    count: int,
    field: RiverField,
    memory: Memory,
    tries: Tries,
    second_pass: bool,
) -> int:
    """Set the width of streams to 0 if the height of their middle is out of range.

    Returns the cell that the game looked up for the last middle; -1 for none.
    """
    last = np.int64(-1)
    for first in range(0, count, LANES):
        n = min(LANES, count - first)
        for i in range(n):
            stream = streams[first + i]
            tries.x[i], tries.z[i] = f(f(stream[0] + stream[2]) * 0.5), f(f(stream[1] + stream[3]) * 0.5)
        hits, unsure, asked = survey_tries(c, field, memory, tries, n, second_pass, MIDDLE)
        for i in range(n):
            is_unsure, is_hit = unsure >> i & 1, hits >> i & 1
            if not is_hit and not (is_unsure and is_height_in(c, field, tries, i, MIDDLE)):
                streams[first + i, 4] = 0.0
        last = np.int64(tries.cell[n - 1]) if asked >> (n - 1) & 1 else np.int64(-1)
    return last


@kernel
def _find(
    c: WorldConstants,
    state: State,
    field: RiverField,
    stale: RiverField,
    memory: Memory,
    tries: Tries,
    second_pass: bool,
    is_start: bool,
    ax: float,
    az: float,
) -> tuple[bool, float, float]:
    """A start anywhere, or an end near the start ``ax``, ``az``: whether there is one, and where."""
    ahead = state.copy()
    reach = 200.0
    for first in range(0, TRIES, LANES):
        count = min(LANES, TRIES - first)
        if is_start:
            _draw_starts(ahead, tries, count)
        else:
            reach = _draw_ends(ahead, tries, count, ax, az, reach)
        i = first_hit(c, field, stale, memory, tries, count, second_pass, START if is_start else END)
        if i >= 0:
            for _ in range((first + i + 1) * (2 if is_start else 1)):
                next_word(state)
            return True, tries.x[i], tries.z[i]
    state[:] = ahead
    return False, 0.0, 0.0


@inner_kernel
def _draw_starts(state: State, tries: Tries, count: int) -> None:
    for i in range(count):
        tries.x[i] = range_float(state, -10000.0, 10000.0)
        tries.z[i] = range_float(state, -10000.0, 10000.0)


@inner_kernel
def _draw_ends(state: State, tries: Tries, count: int, ax: float, az: float, reach: float) -> float:
    """Draws tries around a start, each nearer than the one before; returns how near the last one is."""
    drop = f((200.0 - 80.0) / 100.0)
    for i in range(count):
        reach = f(reach - drop)
        tries.reach[i], tries.bearing[i] = reach, range_float(state, 0.0, 6.2831855)
    sine, cosine = sine_and_cosine(load(tries.bearing, 0))
    uncertain = bits(is_uncertain(sine) | is_uncertain(cosine))
    reaches = load(tries.reach, 0)
    store(tries.x, 0, rounded(rounded(rounded(sine) * reaches) + ax))
    store(tries.z, 0, rounded(rounded(rounded(cosine) * reaches) + az))
    while uncertain != 0:
        i = lowest_bit(uncertain)
        uncertain &= uncertain - 1
        tries.x[i] = f(ax + f(f(math.sin(tries.bearing[i])) * tries.reach[i]))
        tries.z[i] = f(az + f(f(math.cos(tries.bearing[i])) * tries.reach[i]))
    return reach
