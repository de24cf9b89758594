"""Streams: short water from a beach up a slope, found by trial. Section 8 of the specification.

Most tries fail, and the random words of the next ones are known. So LANES tries are tested together
(:mod:`~vwe_dagster.worldgen.stream_tries`), and the next word is then the one after the words of the first hit. The
middle of a stream draws nothing: middles are tested together once all streams have start and end.
"""

from __future__ import annotations

import math

import numpy as np

from vwe_dagster.kernels.compiling import inlined_kernel, inner_kernel, kernel
from vwe_dagster.kernels.vectors import LANES, as_f64, bits, gather, load, lowest_bit, numbers, rounded, store
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.draws import BLOCK, RESERVE, STATE, Words, float_of, floats_of, refill, start_words
from vwe_dagster.worldgen.lane_trig import is_uncertain, sine_and_cosine
from vwe_dagster.worldgen.numerics import f
from vwe_dagster.worldgen.river_field import RiverField
from vwe_dagster.worldgen.rivers import FIELDS, Courses, set_course
from vwe_dagster.worldgen.stream_tries import Memory, Range, Tries, first_hit, is_height_in, make_tries, survey_tries
from vwe_dagster.worldgen.unity_random import State

TRIALS = 3000
TRIES = 100
START = Range(26.0, 31.0, 0.25)
END = Range(36.0, 44.0, 0.30)
MIDDLE = Range(
    float(np.nextafter(np.float32(26), np.float32(0))), float(np.nextafter(np.float32(44), np.float32(99))), 0.30
)
"""From 26 to 44 m, both included."""
TURN = np.float32(6.2831855)
REACHES = np.cumsum([200.0] + [-np.float32((200.0 - 80.0) / 100.0)] * (TRIES + LANES), dtype=np.float32)[1:].astype(
    np.float64
)
"""The distances of the ends that are tried from their start, meters: each is rounded to float32."""
NOT_ASKED = -2
"""The remembered cell if no cell has been looked up since the middle of the last stream."""


@kernel
def find_streams(
    c: WorldConstants, stream_seed: int, field: RiverField, stale: RiverField, memory: Memory, second_pass: bool
) -> tuple[Courses, State]:
    """Return the streams of one pass, and the random state that they are rendered with."""
    words, at = start_words(stream_seed), BLOCK
    tries = make_tries()
    streams = np.empty((TRIALS, FIELDS))
    count, before = 0, memory[0]
    for _ in range(TRIALS):
        if at > BLOCK - RESERVE:
            at = refill(words, at)
        found, ax, az, at = _find(c, words, at, field, stale, memory, tries, second_pass, True, 0.0, 0.0)
        if not found:
            continue
        found, bx, bz, at = _find(c, words, at, field, stale, memory, tries, second_pass, False, ax, az)
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
    return streams[:kept], words[at - STATE : at].copy()


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


@inner_kernel
def _find(
    c: WorldConstants,
    words: Words,
    at: int,
    field: RiverField,
    stale: RiverField,
    memory: Memory,
    tries: Tries,
    second_pass: bool,
    is_start: bool,
    ax: float,
    az: float,
) -> tuple[bool, float, float, int]:
    """Find a start anywhere, or an end near the start ``ax``, ``az``.

    Returns:
        Whether a point was found, its coordinates, and the place of the next word.
    """
    words_of_a_try = 2 if is_start else 1
    for first in range(0, TRIES, LANES):
        count = min(LANES, TRIES - first)
        if is_start:
            _draw_starts(words, at + first * words_of_a_try, tries)
        else:
            _draw_ends(words, at + first * words_of_a_try, first, tries, ax, az)
        i = first_hit(c, field, stale, memory, tries, count, second_pass, START if is_start else END)
        if i >= 0:
            return True, tries.x[i], tries.z[i], at + (first + i + 1) * words_of_a_try
    return False, 0.0, 0.0, at + TRIES * words_of_a_try


@inlined_kernel
def _draw_starts(words: Words, at: int, tries: Tries) -> None:
    places = numbers() * 2 + at
    store(tries.x, 0, as_f64(floats_of(gather(words, places), np.float32(-10000), np.float32(10000))))
    store(tries.z, 0, as_f64(floats_of(gather(words, places + 1), np.float32(-10000), np.float32(10000))))


@inlined_kernel
def _draw_ends(words: Words, at: int, first: int, tries: Tries, ax: float, az: float) -> None:
    """Draw tries around a start from try ``first`` on, each nearer than the one before."""
    bearings, reaches = as_f64(floats_of(load(words, at), np.float32(0), TURN)), load(REACHES, first)
    sine, cosine = sine_and_cosine(bearings)
    store(tries.x, 0, rounded(rounded(rounded(sine) * reaches) + ax))
    store(tries.z, 0, rounded(rounded(rounded(cosine) * reaches) + az))
    uncertain = bits(is_uncertain(sine) | is_uncertain(cosine))
    while uncertain != 0:
        i = lowest_bit(uncertain)
        uncertain &= uncertain - 1
        bearing = float_of(words[at + i], np.float32(0), TURN)
        tries.x[i] = f(ax + f(f(math.sin(bearing)) * REACHES[first + i]))
        tries.z[i] = f(az + f(f(math.cos(bearing)) * REACHES[first + i]))
