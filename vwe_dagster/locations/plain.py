"""Placement of locations: a plain transcription of sections 2 to 4 of the specification.

This is the oracle that :mod:`~vwe_dagster.locations.placement` is tested against. Everything is float64; ``f`` rounds
to float32 where the game stores a value.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import kernel
from vwe_dagster.locations.instances import Instances, make_instances
from vwe_dagster.locations.kernel_rows import AltRows, TypeRow, alt_rows, relatives, type_row
from vwe_dagster.locations.location_table import LocationTable
from vwe_dagster.world.biomes import BIOMES
from vwe_dagster.worldgen import terrain
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.noise import perlin
from vwe_dagster.worldgen.numerics import clamp01, f, length
from vwe_dagster.worldgen.river_field import RiverField
from vwe_dagster.worldgen.unity_random import State, init_state, range_float, range_int

P = 2048
ZONES = 256
"""Maps of zones run from -ZONES to ZONES along both axes."""
FEWEST_SCORES = 10
"""Scores of surroundings that a type needs before a point can be accepted."""
FLAGS = np.array([0, *(biome.flag for biome in BIOMES)], np.int64)
PICKS = np.array(BIOMES[:7], np.int64)
MEADOWS, BLACK_FOREST, PLAINS = terrain.MEADOWS, terrain.BLACK_FOREST, terrain.PLAINS
ASHLANDS, DEEP_NORTH, OCEAN, MISTLANDS = terrain.ASHLANDS, terrain.DEEP_NORTH, terrain.OCEAN, terrain.MISTLANDS


class Lists(NamedTuple):
    """The points of each biome, and the sector of each point.

    Attributes:
        points, high: int32 numbers ``j * P + i`` of all points and of those at 30 m and above, ``[n]``.
        start, high_start: int64, ``[11]``: the points of biome b are ``start[b]`` to ``start[b + 1]``.
        sector: int32, ``[P * P]``.
        biome_of: uint8, the biome of each sector.
    """

    points: npt.NDArray[np.int32]
    start: npt.NDArray[np.int64]
    high: npt.NDArray[np.int32]
    high_start: npt.NDArray[np.int64]
    sector: npt.NDArray[np.int32]
    biome_of: npt.NDArray[np.uint8]


@kernel
def grid_at(i: int) -> float:
    """Return the coordinate of column or row ``i`` of the point grid."""
    return np.float64((i - P // 2) * 12 + 6)


@kernel
def grid_index(v: float) -> int:
    """Return the column or row of the point grid that a coordinate belongs to."""
    return min(max(int((v - 6.0) / 12.0 + 1024.0), 0), P - 1)


@kernel
def is_outside(x: float, z: float) -> bool:
    """Return whether a point of the grid is beyond the world, where it counts as Ocean at -1000 m."""
    return f(x * x + z * z) > 110250000.0


@kernel
def make_lists(biome: npt.NDArray[np.uint8], height: npt.NDArray[np.float32]) -> Lists:
    """Find the lists and sectors of the grid. Section 2.

    The planes are ``[P * P]``; both are changed beyond the world.
    """
    for j in range(P):
        for i in range(P):
            if is_outside(grid_at(i), grid_at(j)):
                biome[j * P + i], height[j * P + i] = OCEAN, -1000.0
    counts = np.zeros(11, np.int64)
    for b in biome:
        counts[b + 1] += 1
    begin = np.cumsum(counts)
    points, end = np.empty(P * P, np.int32), begin[:-1].copy()
    sector = np.full(P * P, -1, np.int32)
    for at in range(P * P):
        b = biome[at]
        if ASHLANDS <= b <= OCEAN:
            sector[at] = b - ASHLANDS
            points[end[b]] = at
            end[b] += 1
    biome_of, stack = [np.uint8(ASHLANDS), np.uint8(DEEP_NORTH), np.uint8(OCEAN)], np.empty(P * P, np.int32)
    for first in range(P * P):
        if sector[first] >= 0:
            continue
        b, number = biome[first], len(biome_of)
        biome_of.append(b)
        sector[first], stack[0], size = number, first, 1
        while size > 0:
            size -= 1
            at = stack[size]
            i, j = at % P, at // P
            for ni, nj in ((i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)):
                near = nj * P + ni
                if 0 <= ni < P and 0 <= nj < P and biome[near] == b and sector[near] < 0:
                    sector[near], stack[size], points[end[b]] = number, near, near
                    size += 1
                    end[b] += 1
    return _closed(points, begin, end, height, sector, np.array(biome_of))


@kernel
def _closed(
    points: npt.NDArray[np.int32],
    begin: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
    height: npt.NDArray[np.float32],
    sector: npt.NDArray[np.int32],
    biome_of: npt.NDArray[np.uint8],
) -> Lists:
    """Close the gaps between the lists, and add the lists of the points at 30 m and above."""
    start, high_start = np.zeros(11, np.int64), np.zeros(11, np.int64)
    closed, high = np.empty(P * P, np.int32), np.empty(P * P, np.int32)
    count = high_count = 0
    for b in range(10):
        for at in points[begin[b] : end[b]]:
            closed[count] = at
            count += 1
            if height[at] >= 30.0:
                high[high_count] = at
                high_count += 1
        start[b + 1], high_start[b + 1] = count, high_count
    return Lists(closed[:count].copy(), start, high[:high_count].copy(), high_start, sector, biome_of)


@kernel
def sector_metrics(
    lists: Lists, height: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the edge, the mean and the distance of each sector. Section 2."""
    n, sector = len(lists.biome_of), lists.sector
    edge, mean, far = np.zeros(n, np.int64), np.zeros(n), np.zeros(n)
    cx, cz, low, high = np.zeros(n), np.zeros(n), np.full(n, np.inf), np.full(n, -np.inf)
    for j in range(1, P - 1):
        for i in range(1, P - 1):
            at = j * P + i
            s = sector[at]
            if sector[at - 1] != s or sector[at + 1] != s or sector[at - P] != s or sector[at + P] != s:
                edge[s] += 1
                cx[s], cz[s] = f(cx[s] + i), f(cz[s] + j)
                low[s], high[s] = min(low[s], height[at]), max(high[s], height[at])
    for s in range(n):
        if edge[s] > 0:
            x, z = f((f(cx[s] / edge[s]) - 1024.0) * 12.0 + 6.0), f((f(cz[s] / edge[s]) - 1024.0) * 12.0 + 6.0)
            mean[s], far[s] = f((low[s] + high[s]) / 2.0), length(x, z)
    return edge, mean, far


@kernel
def assign_alt_biomes(
    seed: int,
    alts: AltRows,
    biome_of: npt.NDArray[np.uint8],
    edge: npt.NDArray[np.int64],
    mean: npt.NDArray[np.float64],
    far: npt.NDArray[np.float64],
) -> npt.NDArray[np.uint64]:
    """Return the alt-biomes of each sector as bits. Section 3."""
    there, given = np.zeros(len(biome_of), np.uint64), np.zeros(len(alts.biome), np.int64)
    for b in range(1, 10):
        sectors = np.nonzero(biome_of == b)[0]
        for a in range(len(alts.biome)):
            if alts.biome[a] & FLAGS[b] == 0:
                continue
            state = init_state(FLAGS[b] + alts.hash[a] + seed)
            for k in range(len(sectors) - 1, 0, -1):
                i = range_int(state, 0, k + 1)
                sectors[k], sectors[i] = sectors[i], sectors[k]
            for s in sectors:
                if given[a] >= alts.most[a]:
                    break
                r = range_float(state, 0.0, 1.0)
                is_eligible = far[s] >= alts.distance[a] and alts.min_edge[a] <= edge[s] < alts.max_edge[a]
                is_eligible = is_eligible and 30.0 <= mean[s] < 10000.0 and there[s] & alts.clash[a] == 0
                if (given[a] < alts.least[a] or alts.chance[a] >= r) and is_eligible:
                    there[s] |= np.uint64(1) << np.uint64(a)
                    given[a] += 1
    return there


@kernel
def biome_at(c: WorldConstants, x: float, z: float) -> int:
    """Return the biome at a point."""
    return terrain.biome(c, x, z, terrain.base_height(c, x, z))


@kernel
def zone_of(v: float) -> int:
    """Return the column or row of the zone that holds a coordinate."""
    return np.int64(f((v + 32.0) / 64.0) + 64000.0) - 64000


@kernel
def pick(state: State, mask: int) -> int:
    """Draw a biome of a mask, including the bugs of the game."""
    n = 0
    for b in range(1, 10):
        if mask == FLAGS[b]:
            return b
        n += mask & FLAGS[b] != 0
    k = range_int(state, 0, n - 1)
    for b in PICKS:
        if mask & FLAGS[b]:
            if k == 0:
                return BLACK_FOREST if b == PLAINS else b
            k -= 1
    return OCEAN if mask & FLAGS[MEADOWS] and k == 0 else MISTLANDS


@kernel
def draw_zone(state: State, t: TypeRow, lists: Lists, reach: float) -> tuple[int, int]:
    """Draw the zone of the next attempt; only center-first types use ``reach``."""
    if t.center_first:
        n = int(reach) // 64
        while True:
            zx = range_int(state, -n, n)
            zz = range_int(state, -n, n)
            if length(64.0 * zx, 64.0 * zz) < 10000.0:
                return zx, zz
    b = pick(state, t.biome)
    points, start = lists.points, lists.start
    if t.min_altitude >= 0.0 and lists.high_start[b] < lists.high_start[b + 1]:
        points, start = lists.high, lists.high_start
    at = points[start[b] + range_int(state, 0, start[b + 1] - start[b])]
    return zone_of(grid_at(at % P)), zone_of(grid_at(at // P))


@kernel
def area_of(c: WorldConstants, biomes: npt.NDArray[np.int8], zx: int, zz: int) -> int:
    """Return 2 if the biomes around a zone are its own, else 1; ``biomes`` caches those of zones, -1 for unknown."""
    for j in range(zz - 1, zz + 2):
        for i in range(zx - 1, zx + 2):
            if biomes[j + ZONES, i + ZONES] < 0:
                biomes[j + ZONES, i + ZONES] = biome_at(c, 64.0 * i, 64.0 * j)
            if biomes[j + ZONES, i + ZONES] != biomes[zz - 1 + ZONES, zx - 1 + ZONES]:
                return 1
    return 2


@kernel
def terrain_delta(c: WorldConstants, rivers: RiverField, state: State, x: float, z: float, radius: float) -> float:
    """Return the difference in height of ten random points around a point."""
    low, high = np.inf, -np.inf
    for _ in range(10):
        angle = range_float(state, 0.0, f(6.2831855))
        r = f(math.sqrt(range_float(state, 0.0, 1.0)))
        px = f(x + f(f(f(math.cos(angle)) * r) * radius))
        pz = f(z + f(f(f(math.sin(angle)) * r) * radius))
        h = terrain.height(c, rivers, px, pz)
        low, high = min(low, h), max(high, h)
    return delta_of(low, high)


@kernel
def delta_of(low: float, high: float) -> float:
    """Return the difference of two heights, which the game rounds before it compares it."""
    return f(high - low)


@kernel
def is_within(
    placed: Instances, count: int, counts: npt.NDArray[np.bool_], x: float, y: float, z: float, radius: float
) -> bool:
    """Return whether an instance of a type that ``counts`` selects is nearer than ``radius``."""
    for i in range(count):
        if counts[placed.type_index[i]]:
            dx, dy, dz = f(x - placed.x[i]), f(y - placed.y[i]), f(z - placed.z[i])
            if f(dx * dx + dy * dy + dz * dz) < radius * radius:
                return True
    return False


@kernel
def vegetation(c: WorldConstants, x: float, z: float) -> float:
    """Return the vegetation at a point, 0 to 1."""
    if length(x, z) > terrain.EDGE:
        return 1.0
    b = biome_at(c, x, z)
    if b == ASHLANDS:
        return f(terrain.lava(c, x, z))
    if b == MISTLANDS:
        U, V, s = f(x + 100000.0 + c.o3), f(z + 100000.0 + c.o3), f(0.7)
        m = terrain.mist(
            perlin(U * f(0.02) * s, V * f(0.02) * s),
            perlin(U * f(0.04) * s, V * f(0.04) * s),
            perlin(U * f(0.03) * s, V * f(0.03) * s),
            perlin(U * f(0.05) * s, V * f(0.05) * s),
        )
        return f(clamp01(m * 7.0))
    return 0.0 if b == DEEP_NORTH else 1.0


@kernel
def surround_score(c: WorldConstants, t: TypeRow, x: float, z: float) -> float:
    """Return the score of the vegetation around a point."""
    score = 0.0
    for layer in range(t.surround_layers):
        rr = f((layer + 1.0) / t.surround_layers * t.surround_distance)
        w = f((t.surround_distance - rr) / (t.surround_distance * 2.0))
        for k in range(6):
            a = f(k / 6.0 * f(3.1415927) * 2.0)
            near = vegetation(c, f(x + f(f(math.sin(a)) * rr)), f(z + f(f(math.cos(a)) * rr)))
            score = f(score + near * w)
    return score


@kernel
def is_surround_refused(t: TypeRow, scores: list[float], score: float) -> bool:
    """Add a score to the scores of the type, and return whether it is too low."""
    scores.append(score)
    if len(scores) < FEWEST_SCORES:
        return True
    average, top = 0.0, scores[0]
    for s in scores:
        average += s
        top = max(top, s)
    average = f(average / len(scores))
    return score < f(average + (top - average) * t.surround_better)


@kernel
def is_refused_by_sector(t: TypeRow, lists: Lists, there: npt.NDArray[np.uint64], x: float, z: float) -> bool:
    """Return whether the alt-biomes at a point keep a type away. Filter 10."""
    alts = there[lists.sector[grid_index(z) * P + grid_index(x)]]
    is_missing = t.alt >= 0 and (alts >> np.uint64(max(t.alt, 0))) & np.uint64(1) == 0
    return is_missing or alts & t.blockers != 0


@kernel
def is_beyond(d: float, least: float, most: float) -> bool:
    """Return whether a distance is outside its limits; a limit of 0 means none."""
    return (least != 0.0 and d < least) or (most != 0.0 and d > most)


@kernel
def try_point(
    c: WorldConstants,
    rivers: RiverField,
    lists: Lists,
    there: npt.NDArray[np.uint64],
    t: TypeRow,
    similar_to: npt.NDArray[np.bool_],
    near_to: npt.NDArray[np.bool_],
    state: State,
    scores: list[float],
    placed: Instances,
    count: int,
    zx: int,
    zz: int,
) -> tuple[bool, float, float, float]:
    """Try a place in a zone; return whether it is accepted, and the place."""
    refused = (False, 0.0, 0.0, 0.0)
    x = f(64.0 * zx + range_float(state, f(-32.0 + t.radius), f(32.0 - t.radius)))
    z = f(64.0 * zz + range_float(state, f(-32.0 + t.radius), f(32.0 - t.radius)))
    if is_beyond(length(x, z), t.min_distance, t.max_distance):
        return refused
    if FLAGS[biome_at(c, x, z)] & t.biome == 0:
        return refused
    y = terrain.height(c, rivers, x, z)
    if not t.min_altitude <= f(y - 30.0) <= t.max_altitude:
        return refused
    if t.in_forest and not t.forest_min <= terrain.forest_factor(x, z) <= t.forest_max:
        return refused
    if is_beyond(f(math.sqrt(f(x * x + z * z))), max(t.min_center, 0.0), max(t.max_center, 0.0)):
        return refused
    delta = terrain_delta(c, rivers, state, x, z, t.exterior)
    if delta > t.max_delta or delta < t.min_delta:
        return refused
    if t.similar > 0.0 and is_within(placed, count, similar_to, x, y, z, t.similar):
        return refused
    if t.max_similar > 0.0 and not is_within(placed, count, near_to, x, y, z, t.max_similar):
        return refused
    a = vegetation(c, x, z)
    if (t.min_vegetation > 0.0 and a <= t.min_vegetation) or (t.max_vegetation < 1.0 and a >= t.max_vegetation):
        return refused
    if is_refused_by_sector(t, lists, there, x, z):
        return refused
    if t.surround and is_surround_refused(t, scores, surround_score(c, t, x, z)):
        return refused
    return True, x, y, z


@kernel
def place_type(
    c: WorldConstants,
    rivers: RiverField,
    lists: Lists,
    there: npt.NDArray[np.uint64],
    seed: int,
    number: int,
    t: TypeRow,
    similar_to: npt.NDArray[np.bool_],
    near_to: npt.NDArray[np.bool_],
    biomes: npt.NDArray[np.int8],
    taken: npt.NDArray[np.bool_],
    placed: Instances,
    count: int,
) -> int:
    """Place the instances of a type; return the number of all instances so far. Section 4."""
    state, scores, reach = init_state(seed + t.hash), [0.0][:0], t.min_distance
    done = attempt = 0
    while attempt < t.budget and done < t.quantity:
        zx, zz = draw_zone(state, t, lists, reach)
        reach = f(reach + 1.0)
        if not taken[zz + ZONES, zx + ZONES] and t.area & area_of(c, biomes, zx, zz):
            for _ in range(6):
                is_accepted, x, y, z = try_point(
                    c, rivers, lists, there, t, similar_to, near_to, state, scores, placed, count, zx, zz
                )
                if is_accepted:
                    done += 1
                    zone_x, zone_z = zone_of(x), zone_of(z)
                    if not taken[zone_z + ZONES, zone_x + ZONES]:
                        taken[zone_z + ZONES, zone_x + ZONES] = True
                        placed.x[count], placed.y[count], placed.z[count] = x, y, z
                        placed.zone_x[count], placed.zone_z[count] = zone_x, zone_z
                        placed.type_index[count], placed.attempt[count] = number, attempt
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
    """Return the instances of the first ``stop`` types of a table in a world.

    Args:
        c: constants of the world.
        rivers: its rivers.
        seed: its seed.
        biome: uint8 biomes of the point grid, ``[2048, 2048]``.
        height: float32 heights of the point grid in meters, ``[2048, 2048]``.
        table: the table.
        stop: number of types.
    """
    levels = height.ravel().copy()
    lists = make_lists(biome.ravel().copy(), levels)
    there = assign_alt_biomes(seed, alt_rows(table), lists.biome_of, *sector_metrics(lists, levels))
    similar_to, near_to = relatives(table, "group"), relatives(table, "group_max")
    span = 2 * ZONES + 1
    biomes, taken = np.full((span, span), -1, np.int8), np.zeros((span, span), np.bool_)
    placed = make_instances(sum(t.quantity for t in table.types[:stop]))
    count = 0
    for number, t in enumerate(table.types[:stop]):
        row = type_row(table, t)
        count = place_type(
            c,
            rivers,
            lists,
            there,
            seed,
            number,
            row,
            similar_to[number],
            near_to[number],
            biomes,
            taken,
            placed,
            count,
        )
    return placed.part(slice(count))
