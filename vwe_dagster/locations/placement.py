"""Placement of locations, several times faster than :mod:`~vwe_dagster.locations.plain` and equal to the last bit.

A point is one vector of noises (:mod:`~vwe_dagster.worldgen.one_point`). Random words are drawn ahead
(:mod:`~vwe_dagster.locations.draws`), so that the words of a refused point are skipped. The tests that refuse a point
without a side effect come before its terrain, and the terrain ends with the first point that exceeds the limit.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import borrowing_kernel, inlined_kernel, inner_kernel, kernel
from vwe_dagster.kernels.vectors import any_of, as_f32, as_f64, f32x16, load16
from vwe_dagster.locations import plain
from vwe_dagster.locations.draws import BLOCK, RESERVE, Draws, float_of, int_of, refill
from vwe_dagster.locations.instances import Instances, make_instances
from vwe_dagster.locations.kernel_rows import TypeRow, alt_rows, relatives, type_row
from vwe_dagster.locations.location_table import LocationTable
from vwe_dagster.locations.plain import FLAGS, ZONES, zone_of
from vwe_dagster.locations.point_lists import STRIDE, PointLists, find_points, sector_facts
from vwe_dagster.worldgen import one_point, terrain
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.numerics import f, length
from vwe_dagster.worldgen.river_field import RiverField
from vwe_dagster.worldgen.unity_random import init_state

TRIES = 6
POINT_WORDS, PLACE_WORDS = 2, 22
"""Words that a try draws for its point, and with its terrain."""
SPAN = 2 * ZONES + 1
LANES = 16
FAR = np.float32(1e9)
"""Coordinate of the unused elements of :class:`Neighbors`."""


class Zones(NamedTuple):
    """What is known of the zones, each ``[SPAN * SPAN]``.

    Attributes:
        biome: int8, the biome at the center; -1 for unknown.
        area: uint8, 1 at the edge of a biome and 2 within one, 0 for unknown, as long as the zone is free; else TAKEN.
    """

    biome: npt.NDArray[np.int8]
    area: npt.NDArray[np.uint8]


TAKEN = 128


class Neighbors(NamedTuple):
    """Instances whose distance counts, float32 metres; unused elements are far away.

    Attributes:
        x, y, z: ``[n]``.
        count: int64 ``[1]``, their number.
    """

    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.float32]
    z: npt.NDArray[np.float32]
    count: npt.NDArray[np.int64]


@kernel
def make_neighbors(placed: Instances, count: int, counts: npt.NDArray[np.bool_], quantity: int) -> Neighbors:
    """Return the instances of types that count, with room for ``quantity`` more."""
    n = 0
    for i in range(count):
        n += counts[placed.type_index[i]]
    room = (n + quantity + LANES) // LANES * LANES
    near = Neighbors(np.full(room, FAR), np.full(room, FAR), np.full(room, FAR), np.zeros(1, np.int64))
    for i in range(count):
        if counts[placed.type_index[i]]:
            add_neighbor(near, placed.x[i], placed.y[i], placed.z[i])
    return near


@kernel
def add_neighbor(near: Neighbors, x: float, y: float, z: float) -> None:
    """Add an instance."""
    n = near.count[0]
    near.x[n], near.y[n], near.z[n] = x, y, z
    near.count[0] = n + 1


@borrowing_kernel
def is_within(near: Neighbors, x: float, y: float, z: float, radius: float) -> bool:
    """Return whether an instance is nearer than ``radius``."""
    fx, fy, fz = f32x16(np.float32(x)), f32x16(np.float32(y)), f32x16(np.float32(z))
    for i in range(0, near.count[0], LANES):
        dx, dy, dz = as_f64(fx - load16(near.x, i)), as_f64(fy - load16(near.y, i)), as_f64(fz - load16(near.z, i))
        if any_of(as_f64(as_f32(dx * dx + dy * dy + dz * dz)) < radius * radius):
            return True
    return False


@inner_kernel
def area_of(c: WorldConstants, zones: Zones, at: int) -> int:
    """Return the area of a zone, and remember it."""
    area = 2
    zx, zz = at % SPAN - ZONES, at // SPAN - ZONES
    for j in range(-1, 2):
        for i in range(-1, 2):
            near = at + j * SPAN + i
            if zones.biome[near] < 0:
                zones.biome[near] = one_point.biome(c, 64.0 * (zx + i), 64.0 * (zz + j))
            if zones.biome[near] != zones.biome[at - SPAN - 1]:
                area = 1
                break
        if area == 1:
            break
    zones.area[at] = area
    return area


@inlined_kernel
def zone_number(zx: int, zz: int) -> int:
    """Return the place of a zone in the arrays of :class:`Zones`."""
    return (zz + ZONES) * SPAN + zx + ZONES


@inner_kernel
def pick(word: np.uint32, mask: int, n: int) -> int:
    """Return a biome of a mask of ``n`` > 1 flags, with the mistakes of the game; see section 4."""
    k = int_of(word, 0, n - 1)
    for b in plain.PICKS:
        if mask & FLAGS[b]:
            if k == 0:
                return terrain.BLACK_FOREST if b == terrain.PLAINS else b
            k -= 1
    return terrain.OCEAN if mask & FLAGS[terrain.MEADOWS] and k == 0 else terrain.MISTLANDS


@borrowing_kernel
def first_tests(
    c: WorldConstants, rivers: RiverField, mask: int, low: float, high: float, x: float, z: float
) -> tuple[float, float]:
    """Return the height of a point, NaN if biome or altitude refuse it, and its vegetation, NaN if that is dear."""
    p = one_point.noises_of(c, x, z)
    base = one_point.base_of(c, x, z, p)
    where = one_point.biome_of(c, x, z, base, p)
    if FLAGS[where] & mask == 0:
        return np.nan, np.nan
    if length(x, z) > terrain.EDGE:
        y, a = terrain.VOID, 1.0
    elif where == terrain.ASHLANDS:
        ground, a = terrain.ashlands(c, x, z, base, terrain.ashlands_ridge(x, z))
        y, a = f(ground * terrain.metres(x, z)), f(a)
    else:
        y = f(one_point.ground_of(c, rivers, x, z, where, base, p) * terrain.metres(x, z))
        a = np.nan if where == terrain.MISTLANDS else (0.0 if where == terrain.DEEP_NORTH else 1.0)
    return y if low <= f(y - 30.0) <= high else np.nan, a


@borrowing_kernel
def is_flat(
    c: WorldConstants, rivers: RiverField, words: npt.NDArray[np.uint32], at: int, x: float, z: float, t: TypeRow
) -> bool:
    """Return whether the terrain around a point is within the limits; ``at`` is the place of its words."""
    low, high = np.inf, -np.inf
    for k in range(at, at + 20, 2):
        angle = float_of(words[k], np.float32(0.0), np.float32(6.2831855))
        r = f(math.sqrt(float_of(words[k + 1], np.float32(0.0), np.float32(1.0))))
        px = f(x + f(f(f(math.cos(angle)) * r) * t.exterior))
        pz = f(z + f(f(f(math.sin(angle)) * r) * t.exterior))
        h = one_point.height(c, rivers, px, pz)
        low, high = min(low, h), max(high, h)
        if f(high - low) > t.max_delta:
            return False
    return f(high - low) >= t.min_delta


@inlined_kernel
def is_kept_away(
    c: WorldConstants,
    lists: PointLists,
    there: npt.NDArray[np.uint64],
    t: TypeRow,
    similar: Neighbors,
    near: Neighbors,
    x: float,
    y: float,
    z: float,
    a: float,
) -> bool:
    """Return whether a point is refused by filters 7 to 10; ``a`` is its vegetation or NaN."""
    if t.alt >= 0 or t.blockers != 0:
        alts = there[lists.sector[(plain.grid_index(z) + 1) * STRIDE + plain.grid_index(x) + 1]]
        if t.alt >= 0 and (alts >> np.uint64(max(t.alt, 0))) & np.uint64(1) == 0:
            return True
        if alts & t.blockers != 0:
            return True
    if t.similar > 0.0 and is_within(similar, x, y, z, t.similar):
        return True
    if t.max_similar > 0.0 and not is_within(near, x, y, z, t.max_similar):
        return True
    if t.min_vegetation > 0.0 or t.max_vegetation < 1.0:
        if math.isnan(a):
            a = plain.vegetation(c, x, z)
        return (t.min_vegetation > 0.0 and a <= t.min_vegetation) or (t.max_vegetation < 1.0 and a >= t.max_vegetation)
    return False


@inlined_kernel
def is_far_enough(t: TypeRow, x: float, z: float) -> bool:
    """Return whether a point passes filter 1."""
    return not plain.is_beyond(length(x, z), t.min_distance, t.max_distance)


@inlined_kernel
def is_in_woods_and_ring(t: TypeRow, x: float, z: float) -> bool:
    """Return whether a point passes filters 4 and 5."""
    if t.in_forest and not t.forest_min <= terrain.forest_factor(x, z) <= t.forest_max:
        return False
    if t.min_center <= 0.0 and t.max_center <= 0.0:
        return True
    d = f(math.sqrt(f(x * x + z * z)))
    return not plain.is_beyond(d, max(t.min_center, 0.0), max(t.max_center, 0.0))


@kernel
def place_type(  # noqa: PLR0915
    c: WorldConstants,
    rivers: RiverField,
    lists: PointLists,
    there: npt.NDArray[np.uint64],
    zones: Zones,
    draws: Draws,
    number: int,
    t: TypeRow,
    similar: Neighbors,
    near: Neighbors,
    placed: Instances,
    count: int,
) -> int:
    """Place the instances of a type; return the number of all instances so far. Section 4."""
    words, at, scores, reach = draws.words, refill(draws, BLOCK), [0.0][:0], t.min_distance
    edge = np.float32(f(32.0 - t.radius))
    flags = 0
    for b in range(1, 10):
        flags += t.biome & FLAGS[b] != 0
    single = plain.pick(draws.state, t.biome) if flags == 1 else 0
    use_high = t.min_altitude >= 0.0
    is_fixed = t.radius == 32.0
    done = attempt = 0
    while attempt < t.budget and done < t.quantity:
        if at > BLOCK - RESERVE:
            at = refill(draws, at)
        if t.center_first:
            n = int(reach) // 64
            zx, zz = 0, 0
            while n > 0:
                if at > BLOCK - RESERVE:
                    at = refill(draws, at)
                zx, zz = int_of(words[at], -n, n), int_of(words[at + 1], -n, n)
                at += 2
                if length(64.0 * zx, 64.0 * zz) < 10000.0:
                    break
            reach = f(reach + 1.0)
        else:
            b = single
            if flags > 1:
                b = pick(words[at], t.biome, flags)
                at += 1
            if use_high and lists.high_start[b] < lists.high_start[b + 1]:
                first, last = lists.high_start[b], lists.high_start[b + 1]
                point = np.int64(lists.high[first + int_of(words[at], 0, last - first)])
            else:
                first, last = lists.start[b], lists.start[b + 1]
                point = np.int64(lists.points[first + int_of(words[at], 0, last - first)])
            at += 1
            # the point is at 12 (i - 1024) + 6 m, and its zone begins 32 m before a multiple of 64 m
            zx = (12 * (point % STRIDE - 1025) + 38) >> 6
            zz = (12 * (point // STRIDE - 1025) + 38) >> 6
        zone = zone_number(zx, zz)
        area = np.int64(zones.area[zone])
        if area == 0:
            area = area_of(c, zones, zone)
        if area & t.area == 0:
            attempt += 1
            continue
        for k in range(TRIES):
            x = f(64.0 * zx + float_of(words[at], -edge, edge))
            z = f(64.0 * zz + float_of(words[at + 1], -edge, edge))
            at += POINT_WORDS
            y, a = np.nan, np.nan
            if is_far_enough(t, x, z):
                y, a = first_tests(c, rivers, t.biome, t.min_altitude, t.max_altitude, x, z)
            if math.isnan(y) or not is_in_woods_and_ring(t, x, z):
                if is_fixed:
                    at += POINT_WORDS * (TRIES - 1 - k)
                    break
                continue
            at += PLACE_WORDS - POINT_WORDS
            if is_kept_away(c, lists, there, t, similar, near, x, y, z, a):
                if is_fixed:
                    at += PLACE_WORDS * (TRIES - 1 - k)
                    break
                continue
            if not is_flat(c, rivers, words, at - PLACE_WORDS + POINT_WORDS, x, z, t):
                continue
            if t.surround and plain.is_surround_refused(t, scores, plain.surround_score(c, t, x, z)):
                continue
            done += 1
            taken = zone_number(zone_of(x), zone_of(z))
            if zones.area[taken] != TAKEN:
                zones.area[taken] = TAKEN
                placed.x[count], placed.y[count], placed.z[count] = x, y, z
                placed.zone_x[count], placed.zone_z[count] = zone_of(x), zone_of(z)
                placed.type_index[count], placed.attempt[count] = number, attempt
                add_neighbor(similar, x, y, z)
                add_neighbor(near, x, y, z)
                count += 1
            break
        attempt += 1
    return count


def place(
    c: WorldConstants,
    rivers: RiverField,
    seed: int,
    biome: npt.NDArray[np.uint8],
    height: npt.NDArray[np.float32],
    table: LocationTable,
    stop: int,
) -> Instances:
    """Return the instances of the first ``stop`` types of a table, as :func:`vwe_dagster.locations.plain.place`."""
    rows = [type_row(table, t) for t in table.types[:stop]]
    ocean = int(FLAGS[terrain.OCEAN])
    with_ocean = any(row.biome & ocean and (row.biome == ocean or row.biome & 513 == 513) for row in rows)
    with_sectors = any(row.alt >= 0 or row.blockers for row in rows)
    lists = find_points(biome, height, with_ocean, with_sectors)
    there = np.zeros(0, np.uint64)
    if with_sectors:
        there = plain.assign_alt_biomes(seed, alt_rows(table), lists.biome_of, *sector_facts(lists, height))
    existing = int(np.bitwise_or.reduce(there, initial=np.uint64(0)))
    similar_to, near_to = relatives(table, "group"), relatives(table, "group_max")
    zones = Zones(np.full(SPAN * SPAN, -1, np.int8), np.zeros(SPAN * SPAN, np.uint8))
    placed = make_instances(sum(t.quantity for t in table.types[:stop]))
    words = np.empty(BLOCK, np.uint32)
    count = 0
    for number, row in enumerate(rows):
        if row.area == 0 or (row.alt >= 0 and not existing >> row.alt & 1):
            continue
        similar = make_neighbors(placed, count, similar_to[number], row.quantity)
        near = make_neighbors(placed, count, near_to[number], row.quantity)
        draws = Draws(init_state(seed + row.hash), words)
        count = place_type(c, rivers, lists, there, zones, draws, number, row, similar, near, placed, count)
    return placed.part(slice(count))
