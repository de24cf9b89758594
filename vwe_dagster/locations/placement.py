"""Placement of locations, several times faster than :mod:`~vwe_dagster.locations.plain` and equal to the last bit.

A point is one vector of noises (:mod:`~vwe_dagster.locations.zone_points`). Random words are drawn ahead
(:mod:`~vwe_dagster.worldgen.draws`), so that the words of a rejected point are skipped. Filters 7 to 10, whose order
is free, come before the terrain of filter 6, and the terrain ends with the first point that exceeds the limit.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import borrowing_kernel, inlined_kernel, inner_kernel
from vwe_dagster.kernels.memory import prefetch
from vwe_dagster.locations import plain
from vwe_dagster.locations.instances import Instances, make_instances
from vwe_dagster.locations.kernel_rows import TypeRow, alt_rows, relatives, type_row
from vwe_dagster.locations.location_table import LocationTable, LocationTableError
from vwe_dagster.locations.neighbors import Neighbors, add_neighbor, is_within, make_neighbors
from vwe_dagster.locations.plain import FLAGS, delta_of, grid_index, is_beyond, zone_of
from vwe_dagster.locations.point_lists import STRIDE, PointLists, find_points, sector_metrics
from vwe_dagster.locations.zone_points import ALL_BIOMES, point_of
from vwe_dagster.locations.zones import CALM_REACH_M, NEAR_WET, TAKEN, WET, Zones, make_zones, survey_zone, zone_number
from vwe_dagster.world.biomes import BIOMES, Biome
from vwe_dagster.worldgen import terrain
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.draws import BLOCK, RESERVE, Words, float_of, int_of, refill, start_words
from vwe_dagster.worldgen.numerics import f, length
from vwe_dagster.worldgen.river_field import RiverField

TRIES = 6
POINT_WORDS, TERRAIN_WORDS = 2, 20
"""Random words that a try draws for its point and for the terrain around it."""
TURN = np.float32(6.2831855)
MISTY_MEADOWS = 0x201
"""Flags of Meadows and Mistlands, with which :func:`pick` can return the Ocean."""


class Site(NamedTuple):
    """The world that types are placed in.

    Attributes:
        c: its constants.
        rivers: its rivers.
        lists: its points and sectors.
        alt_biomes: uint64, bits of the alt-biomes of each sector.
        zones: the state of its zones.
    """

    c: WorldConstants
    rivers: RiverField
    lists: PointLists
    alt_biomes: npt.NDArray[np.uint64]
    zones: Zones


class Scores(NamedTuple):
    """The scores of a type's surroundings: float64 ``[n]``, and their number, int64 ``[1]``."""

    values: npt.NDArray[np.float64]
    count: npt.NDArray[np.int64]


@inner_kernel
def pick(word: np.uint32, mask: int, n: int) -> int:
    """Return a biome of a mask of ``n`` > 1 flags by a random word, as :func:`~vwe_dagster.locations.plain.pick`."""
    k = int_of(word, 0, n - 1)
    for b in plain.PICKS:
        if mask & FLAGS[b]:
            if k == 0:
                return terrain.BLACK_FOREST if b == terrain.PLAINS else b
            k -= 1
    return terrain.OCEAN if mask & FLAGS[terrain.MEADOWS] and k == 0 else terrain.MISTLANDS


@inlined_kernel
def draw_central_zone(words: Words, at: int, reach: float) -> tuple[int, int, int]:
    """Return the next zone of a center-first type and the place of the next word."""
    n = int(reach) // 64
    while n > 0:
        if at > BLOCK - RESERVE:
            at = refill(words, at)
        zx, zz = int_of(words[at], -n, n), int_of(words[at + 1], -n, n)
        at += 2
        if length(64.0 * zx, 64.0 * zz) < 10000.0:
            return zx, zz, at
    return 0, 0, at


@inlined_kernel
def draw_listed_zone(lists: PointLists, words: Words, at: int, t: TypeRow) -> tuple[int, int, int]:
    """Return the next zone of a type, and the place of the next word."""
    b = t.only_biome
    if b == 0:
        b = pick(words[at], t.biome, t.biome_count)
        at += 1
    if t.min_altitude >= 0.0 and lists.high_start[b] < lists.high_start[b + 1]:
        first = lists.high_start[b]
        point = np.int64(lists.high[first + int_of(words[at], 0, lists.high_start[b + 1] - first)])
    else:
        first = lists.start[b]
        point = np.int64(lists.points[first + int_of(words[at], 0, lists.start[b + 1] - first)])
    # Column i of the border grid is at 12 (i - 1025) + 6 m, and a zone begins 32 m before a multiple of 64 m.
    return (12 * (point % STRIDE - 1025) + 38) >> 6, (12 * (point // STRIDE - 1025) + 38) >> 6, at + 1


@inlined_kernel
def prefetch_zone(lists: PointLists, word: np.uint32, t: TypeRow) -> None:
    """Start to load the point that :func:`draw_listed_zone` looks up with a word."""
    b = t.only_biome
    if t.min_altitude >= 0.0:
        first = lists.high_start[b]
        prefetch(lists.high, first + int_of(word, 0, max(lists.high_start[b + 1] - first, 1)))
    else:
        first = lists.start[b]
        prefetch(lists.points, first + int_of(word, 0, max(lists.start[b + 1] - first, 1)))


@inlined_kernel
def is_in_woods_and_ring(t: TypeRow, x: float, z: float) -> bool:
    """Return whether a point passes filters 4 and 5."""
    if t.in_forest and not t.forest_min <= terrain.forest_factor(x, z) <= t.forest_max:
        return False
    if t.min_center <= 0.0 and t.max_center <= 0.0:
        return True
    return not is_beyond(f(math.sqrt(f(x * x + z * z))), max(t.min_center, 0.0), max(t.max_center, 0.0))


@inlined_kernel
def sector_place(x: float, z: float) -> int:
    """Return the place of a point's sector in the lists."""
    return (grid_index(z) + 1) * STRIDE + grid_index(x) + 1


@inlined_kernel
def is_kept_away(
    site: Site, t: TypeRow, similar: Neighbors, near: Neighbors, x: float, y: float, z: float, vegetation: float
) -> bool:
    """Return whether filters 7 to 10 reject a point."""
    if t.alt >= 0 or t.blockers != 0:
        alts = site.alt_biomes[site.lists.sector[sector_place(x, z)]]
        if (t.alt >= 0 and (alts >> np.uint64(max(t.alt, 0))) & np.uint64(1) == 0) or alts & t.blockers != 0:
            return True
    if t.similar > 0.0 and is_within(similar, x, y, z, t.similar):
        return True
    if t.max_similar > 0.0 and not is_within(near, x, y, z, t.max_similar):
        return True
    is_bare = t.min_vegetation > 0.0 and vegetation <= t.min_vegetation
    return is_bare or (t.max_vegetation < 1.0 and vegetation >= t.max_vegetation)


@inlined_kernel
def is_level(site: Site, t: TypeRow, bits: int, words: Words, at: int, x: float, z: float) -> bool:
    """Return whether the terrain around a point passes filter 6; its words begin at ``at``."""
    low, high = np.inf, -np.inf
    is_near = t.exterior <= CALM_REACH_M
    is_wet = bits & NEAR_WET != 0 or not is_near
    bits = bits if is_near else 0
    for k in range(at, at + TERRAIN_WORDS, 2):
        angle = float_of(words[k], np.float32(0), TURN)
        r = f(math.sqrt(float_of(words[k + 1], np.float32(0), np.float32(1))))
        px = f(x + f(f(f(math.cos(angle)) * r) * t.exterior))
        pz = f(z + f(f(f(math.sin(angle)) * r) * t.exterior))
        h = point_of(site.c, site.rivers, bits, is_wet, ALL_BIOMES, -np.inf, np.inf, px, pz)[0]
        low, high = min(low, h), max(high, h)
        if delta_of(low, high) > t.max_delta:
            return False
    return delta_of(low, high) >= t.min_delta


@inner_kernel
def is_surround_refused(scores: Scores, better: float, score: float) -> bool:
    """Return whether a score is too low, as :func:`~vwe_dagster.locations.plain.is_surround_refused`."""
    n = scores.count[0] + 1
    scores.values[n - 1], scores.count[0] = score, n
    if n < plain.FEWEST_SCORES:
        return True
    average, top = 0.0, scores.values[0]
    for i in range(n):
        average += scores.values[i]
        top = max(top, scores.values[i])
    average = f(average / n)
    return score < f(average + (top - average) * better)


@inlined_kernel
def try_zone(
    site: Site,
    t: TypeRow,
    similar: Neighbors,
    near: Neighbors,
    scores: Scores,
    words: Words,
    at: int,
    bits: int,
    zx: int,
    zz: int,
) -> tuple[bool, float, float, float, int]:
    """Try six points of a zone; return whether one is accepted, the point, and the place of the next word.

    All tries of a type with radius 32 are at the center of the zone, so only filters 6 and 11 can differ.
    """
    edge, is_fixed = np.float32(f(32.0 - t.radius)), t.radius == 32.0
    for k in range(1, TRIES + 1):
        x = f(64.0 * zx + float_of(words[at], -edge, edge))
        z = f(64.0 * zz + float_of(words[at + 1], -edge, edge))
        at += POINT_WORDS
        if t.alt >= 0 or t.blockers != 0:
            prefetch(site.lists.sector, sector_place(x, z))
        y, vegetation = np.nan, 1.0
        if not is_beyond(length(x, z), t.min_distance, t.max_distance):
            y, vegetation = point_of(
                site.c, site.rivers, bits, bits & WET != 0, t.biome_bits, t.min_altitude, t.max_altitude, x, z
            )
        if math.isnan(y) or not is_in_woods_and_ring(t, x, z):
            if is_fixed:
                return False, x, y, z, at + POINT_WORDS * (TRIES - k)
            continue
        at += TERRAIN_WORDS
        if is_kept_away(site, t, similar, near, x, y, z, vegetation):
            if is_fixed:
                return False, x, y, z, at + (POINT_WORDS + TERRAIN_WORDS) * (TRIES - k)
            continue
        if not is_level(site, t, bits, words, at - TERRAIN_WORDS, x, z):
            continue
        if t.surround and is_surround_refused(scores, t.surround_better, plain.surround_score(site.c, t, x, z)):
            continue
        return True, x, y, z, at
    return False, 0.0, 0.0, 0.0, at


@borrowing_kernel
def place_type(
    site: Site,
    number: int,
    t: TypeRow,
    words: Words,
    similar: Neighbors,
    near: Neighbors,
    scores: Scores,
    placed: Instances,
    count: int,
) -> int:
    """Place the instances of a type; return the number of all instances so far. Section 4."""
    zones, at, reach = site.zones, refill(words, BLOCK), t.min_distance
    done = attempt = 0
    while attempt < t.budget and done < t.quantity:
        if at > BLOCK - RESERVE:
            at = refill(words, at)
        if t.center_first:
            zx, zz, at = draw_central_zone(words, at, reach)
            reach = f(reach + 1.0)
        else:
            zx, zz, at = draw_listed_zone(site.lists, words, at, t)
        bits = int(zones.bits[zone_number(zx, zz)])
        if bits == 0:
            bits = survey_zone(site.c, site.rivers.start, zones, zone_number(zx, zz))
        if bits & t.area:
            # The next attempt draws at one of these places if filters 1 to 5 reject all tries or none of them.
            prefetch_zone(site.lists, words[at + TRIES * POINT_WORDS], t)
            prefetch_zone(site.lists, words[at + TRIES * (POINT_WORDS + TERRAIN_WORDS)], t)
            is_accepted, x, y, z, at = try_zone(site, t, similar, near, scores, words, at, bits, zx, zz)
            taken = zone_number(zone_of(x), zone_of(z))
            done += is_accepted
            if is_accepted and zones.bits[taken] != TAKEN:
                zones.bits[taken] = TAKEN
                placed.x[count], placed.y[count], placed.z[count] = x, y, z
                placed.zone_x[count], placed.zone_z[count] = zone_of(x), zone_of(z)
                placed.type_index[count], placed.attempt[count] = number, attempt
                add_neighbor(similar, x, y, z)
                add_neighbor(near, x, y, z)
                count += 1
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
    """Return the instances of the first ``stop`` types of a table, as :func:`vwe_dagster.locations.plain.place`.

    Raises:
        LocationTableError: the world has no point of a biome that a type needs.
    """
    rows = [type_row(table, t) for t in table.types[:stop]]
    site, existing = _make_site(c, rivers, seed, biome, height, table, rows)
    similar_to, near_to = relatives(table, "group"), relatives(table, "group_max")
    placed = make_instances(sum(row.quantity for row in rows))
    count = 0
    for number, row in enumerate(rows):
        if row.area == 0 or (row.alt >= 0 and not existing >> row.alt & 1):
            continue
        similar = make_neighbors(placed, count, similar_to[number], row.quantity)
        near = make_neighbors(placed, count, near_to[number], row.quantity)
        scores = Scores(np.empty(row.budget * TRIES if row.surround else 0), np.zeros(1, np.int64))
        count = place_type(site, number, row, start_words(seed + row.hash), similar, near, scores, placed, count)
    return placed.part(slice(count))


def _make_site(
    c: WorldConstants,
    rivers: RiverField,
    seed: int,
    biome: npt.NDArray[np.uint8],
    height: npt.NDArray[np.float32],
    table: LocationTable,
    rows: list[TypeRow],
) -> tuple[Site, int]:
    """Return the world, and the bits of the alt-biomes that it has."""
    ocean = int(FLAGS[terrain.OCEAN])
    with_ocean = any(
        row.biome & ocean and (row.biome == ocean or row.biome & MISTY_MEADOWS == MISTY_MEADOWS) for row in rows
    )
    with_sectors = any(row.alt >= 0 or row.blockers for row in rows)
    lists = find_points(biome, height, with_ocean, with_sectors)
    for where in BIOMES:
        is_needed = where is not Biome.OCEAN and any(row.biome & where.flag for row in rows)
        if is_needed and lists.start[where] == lists.start[where + 1]:
            raise LocationTableError(f"The world of seed {seed} has no {where.title}, which types of the table need.")
    alts = np.zeros(0, np.uint64)
    if with_sectors:
        alts = plain.assign_alt_biomes(seed, alt_rows(table), lists.biome_of, *sector_metrics(lists, height))
    return Site(c, rivers, lists, alts, make_zones()), int(np.bitwise_or.reduce(alts, initial=np.uint64(0)))
