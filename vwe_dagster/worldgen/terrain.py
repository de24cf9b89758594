"""Base height, biome and height at a point: a plain transcription of sections 5, 6, 7 and 9 of the specification.

The grid kernels are tested against it, and it computes single points. Everything is float64;
``f`` rounds to float32 where the game stores a value.
"""

from __future__ import annotations

import math

import numpy as np

from vwe_dagster.kernels.compiling import borrowing_kernel, inner_kernel, kernel
from vwe_dagster.world.biomes import Biome
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.noise import cellular, perlin, simplex
from vwe_dagster.worldgen.numerics import (
    clamp01,
    dlerp,
    f,
    length,
    lerp,
    lerp_step,
    overlay,
    remap,
    smooth01,
    smooth_step,
)
from vwe_dagster.worldgen.river_field import RiverField, add_rivers

MEADOWS, SWAMP, MOUNTAIN = int(Biome.MEADOWS), int(Biome.SWAMP), int(Biome.MOUNTAIN)
BLACK_FOREST, PLAINS, ASHLANDS = int(Biome.BLACK_FOREST), int(Biome.PLAINS), int(Biome.ASHLANDS)
DEEP_NORTH, OCEAN, MISTLANDS = int(Biome.DEEP_NORTH), int(Biome.OCEAN), int(Biome.MISTLANDS)

CHANNELS_FROM = 1000.0
RIM = 10000.0
EDGE = 10500.0
WAVE = 100.0
VOID = -400.0


@kernel
def base_height(c: WorldConstants, x: float, z: float) -> float:
    """Return the base height; the sea level is 0.15. Section 5."""
    d = length(x, z)
    X = x + (100000.0 + c.o0)
    Z = z + (100000.0 + c.o1)
    h = base_from_noise(
        perlin(X * f(0.002) * 0.5, Z * f(0.002) * 0.5),
        perlin(X * f(0.003) * 0.5, Z * f(0.003) * 0.5),
        perlin(X * f(0.002), Z * f(0.002)),
        perlin(X * f(0.003), Z * f(0.003)),
        perlin(X * f(0.005), Z * f(0.005)),
        perlin(X * f(0.01), Z * f(0.01)),
        perlin(X * f(0.002) * 0.25 + f(0.123), Z * f(0.002) * 0.25 + f(0.15123)),
        perlin(X * f(0.002) * 0.25 + f(0.321), Z * f(0.002) * 0.25 + f(0.231)),
        channel_cut(d),
    )
    return shape_base(c, h, d)


@kernel
def channel_cut(d: float) -> float:
    """Return the depth of the channels between the continents: 0 at the center, 1 from 1,000 m on."""
    return smooth_step(744.0, CHANNELS_FROM, d)


@kernel
def base_from_noise(
    p0: float, p1: float, p2: float, p3: float, p4: float, p5: float, a: float, b: float, cut: float
) -> float:
    """Return the base height before :func:`shape_base`, from the eight noises of its formula.

    ``a`` and ``b`` are the noises of the channels between the continents, and ``cut`` is their :func:`channel_cut`.
    """
    h = f(p0 * p1)
    h = f(h + p2 * p3 * h * f(0.9))
    h = f(h + p4 * p5 * 0.5 * h)
    h = f(h - f(0.07))
    channel = f(1.0 - lerp_step(f(0.02), f(0.12), abs(f(a - b))))
    return f(h * (1.0 - f(channel * cut))) + 0.0


@kernel
def shape_base(c: WorldConstants, h: float, d: float) -> float:
    """Return the base height lowered at the edge of the world, and without mountains at its center."""
    if d > RIM:
        h = lerp(h, f(-0.2), lerp_step(RIM, EDGE, d))
        if d > 10490.0:
            h = lerp(h, -2.0, f(clamp01((d - 10490.0) / 10.0)))
        return h
    if d < c.min_mountain and h > f(0.28):
        t = f(clamp01((h - f(0.28)) / (f(0.38) - f(0.28))))
        h = lerp(lerp(f(0.28), f(0.38), t), h, lerp_step(c.min_mountain - 400.0, c.min_mountain, d))
    return h


@kernel
def angle(x: float, z: float) -> float:
    """Return the wave that makes the borders of the biome rings ragged."""
    return f(math.sin(f(f(math.atan2(x, z)) * 20.0)))


@kernel
def is_beyond(distance: float, radius: float, x: float, z: float) -> bool:
    """Return whether a distance is beyond a ragged ring; the wave of up to 100 m is computed only near the ring."""
    if abs(distance - radius) > WAVE + 1.0:
        return distance > radius
    return distance > f(radius + f(angle(x, z) * WAVE))


@kernel
def is_ashlands(x: float, z: float) -> bool:
    """Return whether a point is in the Ashlands' ring, whose radius the game does not round."""
    distance = length(x, f(z - 4000.0))
    if abs(distance - 12000.0) > WAVE + 1.0:
        return distance > 12000.0
    return distance > 12000.0 + angle(x, z) * WAVE


@kernel
def is_deep_north(x: float, z: float) -> bool:
    """Return whether a point is in the Deep North's ring."""
    return is_beyond(length(x, f(z + 4000.0)), 12000.0, x, z)


@kernel
def mask(offset: float, x: float, z: float) -> float:
    """Return the noise that places a biome, with the offset of that biome."""
    return perlin(f(offset + x) * f(0.001), f(offset + z) * f(0.001))


@kernel
def biome(c: WorldConstants, x: float, z: float, base: float) -> int:
    """Return the index of the biome at a point with the base height ``base``. Section 6."""
    if is_ashlands(x, z):
        return ASHLANDS
    if base <= f(0.02):
        return OCEAN
    if is_deep_north(x, z):
        return DEEP_NORTH
    if base > f(0.4):
        return MOUNTAIN
    d = length(x, z)
    if 2000.0 < d < c.max_swamp and f(0.05) < base < f(0.25) and mask(c.o0, x, z) > f(0.6):
        return SWAMP
    if d < 10000.0 and is_beyond(d, 6000.0, x, z) and mask(c.o4, x, z) > c.min_mist:
        return MISTLANDS
    if d < 8000.0 and is_beyond(d, 3000.0, x, z) and mask(c.o1, x, z) > f(0.4):
        return PLAINS
    if d < 6000.0 and is_beyond(d, 600.0, x, z) and mask(c.o2, x, z) > f(0.4):
        return BLACK_FOREST
    if is_beyond(d, 5000.0, x, z):
        return BLACK_FOREST
    return MEADOWS


@kernel
def detail(p01: float, p02: float, p05: float, p1: float) -> float:
    """Return the detail of the ground from noise of the frequencies 0.01, 0.02, 0.05 and 0.1."""
    d = f(p01 * p02)
    return f(d + p05 * p1 * d * 0.5)


@kernel
def fine(h: float, p1: float, p4: float) -> float:
    """Return the ground with its finest bumps, from noise of the frequencies 0.1 and 0.4."""
    return f(f(h + p1 * f(0.01)) + p4 * f(0.003))


@kernel
def _flatten(h: float, k: float) -> float:
    """Lower the ground above the beach."""
    over = f(h - f(0.15))
    return f(h - over * ((1.0 - k) * 0.75)) if over > 0.0 else h


@kernel
def meadows_ground(base: float, d: float) -> float:
    """Return the Meadows before rivers; ``d`` is the :func:`detail`."""
    return _flatten(f(base + d * f(0.1)), f(clamp01(base / f(0.4))))


@kernel
def plains_ground(base: float, d: float) -> float:
    """Return the Plains before rivers: the formula of the Meadows, multiplied in another order."""
    h = f(base + d * f(0.1))
    over = f(h - f(0.15))
    return f(h - over * (1.0 - f(clamp01(base / f(0.4)))) * 0.75) if over > 0.0 else h


@kernel
def black_forest_ground(base: float, d: float) -> float:
    """Return the Black Forest before rivers."""
    return f(base + d * f(0.1))


@kernel
def deep_north_ground(base: float, d: float) -> float:
    """Return the Deep North before rivers."""
    raised = base + f(0.1)
    return _flatten(f(f(raised) + d * f(0.1)), f(clamp01(raised / f(0.4))))


@kernel
def lowland_ground(where: int, base: float, d: float) -> float:
    """Return the ground of the Meadows, the Plains, the Black Forest or the Deep North before rivers."""
    if where == MEADOWS:
        return meadows_ground(base, d)
    if where == PLAINS:
        return plains_ground(base, d)
    if where == BLACK_FOREST:
        return black_forest_ground(base, d)
    return deep_north_ground(base, d)


@kernel
def swamp_ground(p04: float, p08: float) -> float:
    """Return the Swamp before rivers, from noise of the frequencies 0.04 and 0.08."""
    return f(f(0.137) + f(p04 * p08) * f(0.03))


@kernel
def mountain_ground(base: float, d: float) -> float:
    """Return the Mountain before rivers."""
    return f(f(base + f(base - f(0.4))) + d * f(0.2))


@kernel
def upland_ground(where: int, base: float, d: float) -> float:
    """Return the ground before rivers of the Mountain, or of the biomes of :func:`lowland_ground`."""
    return mountain_ground(base, d) if where == MOUNTAIN else lowland_ground(where, base, d)


@kernel
def mountain_tilt(west: float, east: float, south: float, north: float) -> float:
    """Return the slope of the base height, from its values 1 m away in each direction."""
    return f(abs(f(east - west)) + abs(f(south - north)))


@kernel
def mountain_top(h: float, p: float, tilt: float) -> float:
    """Return the Mountain's ground with the noise of the frequency 0.2, scaled by its :func:`mountain_tilt`."""
    return f(h + p * 2.0 * tilt)


@kernel
def mist(p0: float, p1: float, p2: float, p3: float) -> float:
    """Return the ruggedness of the Mistlands from their four noises.

    The game computes ``pow(m, 1.5)``; as float32 that equals ``m * sqrt(m)`` for every positive float32 below 4.
    """
    m = f(p0 * p1)
    m = f(m + p2 * p3 * m * 0.5)
    return f(m * math.sqrt(m)) if m > 0.0 else m


@kernel
def mistlands_ground(base: float, m: float) -> float:
    """Return the Mistlands before rivers; ``m`` is the :func:`mist`."""
    return f(base + m * f(0.4))


@kernel
def mistlands_steps(h: float, m: float, p1: float, p4: float) -> float:
    """Return the Mistlands' ground with its bumps and terraces, from noise of the frequencies 0.1 and 0.4."""
    k = f(clamp01(m * 7.0))
    h = f(h + p1 * f(0.03) * k)
    h = f(h + p4 * f(0.01) * k)
    soft = f(h + p4 * f(0.002))
    steps = f(f(np.ceil(f(h * 400.0))) / 400.0)
    return lerp(soft, steps, k)


@kernel
def detail_at(U: float, V: float) -> float:
    """Return the :func:`detail` at a point of the detail noise."""
    return detail(
        perlin(U * f(0.01), V * f(0.01)),
        perlin(U * f(0.02), V * f(0.02)),
        perlin(U * f(0.05), V * f(0.05)),
        perlin(U * f(0.1), V * f(0.1)),
    )


@kernel
def _fine_at(h: float, U: float, V: float) -> float:
    return fine(h, perlin(U * f(0.1), V * f(0.1)), perlin(U * f(0.4), V * f(0.4)))


@inner_kernel
def _swamp(rivers: RiverField, x: float, z: float) -> float:
    U, V = f(x + 100000.0), f(z + 100000.0)
    h = swamp_ground(perlin(U * f(0.04), V * f(0.04)), perlin(U * f(0.08), V * f(0.08)))
    return _fine_at(add_rivers(rivers, x, z, h), U, V)


@inner_kernel
def _mountain(c: WorldConstants, rivers: RiverField, x: float, z: float, base: float, U: float, V: float) -> float:
    tilt = mountain_tilt(
        base_height(c, f(x - 1.0), z),
        base_height(c, f(x + 1.0), z),
        base_height(c, x, f(z - 1.0)),
        base_height(c, x, f(z + 1.0)),
    )
    h = mountain_ground(base, detail_at(U, V))
    h = _fine_at(add_rivers(rivers, x, z, h), U, V)
    return mountain_top(h, perlin(U * f(0.2), V * f(0.2)), tilt)


@inner_kernel
def _mistlands(rivers: RiverField, x: float, z: float, base: float, U: float, V: float) -> float:
    s = f(0.7)
    m = mist(
        perlin(U * f(0.02) * s, V * f(0.02) * s),
        perlin(U * f(0.04) * s, V * f(0.04) * s),
        perlin(U * f(0.03) * s, V * f(0.03) * s),
        perlin(U * f(0.05) * s, V * f(0.05) * s),
    )
    h = add_rivers(rivers, x, z, mistlands_ground(base, m))
    return mistlands_steps(h, m, perlin(U * f(0.1), V * f(0.1)), perlin(U * f(0.4), V * f(0.4)))


@kernel
def ashlands_ridge(x: float, z: float) -> float:
    """Return the height of a point on the Ashlands' ridge, 0 to 1; equal in all worlds."""
    w = z - 2800.0
    r = abs(math.sqrt(x * x + w * w) - (12000.0 + angle(x, z) * 100.0)) / 1000.0
    r = smooth01(0.1, 1.0, 1.0 - clamp01(r))
    return r * (1.0 - clamp01(abs(x) / 7500.0))


@kernel
def ashlands_land(x: float, z: float, base: float, r: float, cells: float, hills: float) -> float:
    """Return the Ashlands before lava; ``r`` is their :func:`ashlands_ridge`.

    ``cells`` are the five octaves of eased cellular noise, and ``hills`` is the simplex noise.
    """
    e = 1.0 - clamp01((math.sqrt(x * x + z * z) - 10150.0) / 600.0)
    h = dlerp(base, f(0.15), 0.75) + dlerp(r, overlay(r, remap(cells, -1.0, 1.0, 0.0, 1.0)), 0.5) * 0.5
    h = dlerp(-1.0, h, smooth01(0.0, 1.0, e))
    return h * math.pow(remap(hills, -1.0, 1.0, 0.0, 1.0), f(1.4))


@kernel
def ashlands_dryness(h: float) -> float:
    """Return the dryness of the Ashlands' land, 0 in the sea to 1; only dry land has lava."""
    return clamp01((h - 0.15 - 0.02) / 0.01)


@kernel
def ashlands_lava(X: float, Z: float, r: float, dry: float, p0: float, p1: float, p2: float) -> float:
    """Return the share of lava at a point, 0 to 1, from the three octaves of its noise."""
    t = (p0 + 0.5 * p1 + 0.25 * p2) * clamp01(remap(r, 0.0, 0.5, 0.5, 1.0))
    t = math.pow(clamp01((t - f(0.7)) / (1.0 - f(0.7))), 2.0)
    if t == 0.0 or dry == 0.0:
        return 0.0
    cells, amplitude, q = 0.0, 1.0, 8.0
    for _ in range(3):
        cells += amplitude * cellular(X * q, Z * q)
        amplitude *= 0.5
        q *= 2.0
    cells = clamp01(math.pow(remap(cells, -1.0, 1.0, 0.0, 1.0), 4.0) * 2.0)
    return overlay(t, cells) * dry


@kernel
def ashlands_ground(h: float, lava: float, p: float) -> float:
    """Return the Ashlands' land ``h``, lowered where it has lava by a depth from noise."""
    if lava == 0.0:
        return f(h)
    dip = remap(math.pow(p, 2.0), 0.0, 1.0, f(0.01), f(0.055))
    floor = min(max(f(h - dip), f(0.15 + f(0.01))), 5000.0)
    return f(dlerp(h, floor, lava))


@kernel
def ashlands(c: WorldConstants, x: float, z: float, base: float, r: float) -> tuple[float, float]:
    """Return the Ashlands' ground and its share of lava, 0 to 1; ``r`` is their :func:`ashlands_ridge`."""
    X, Z = x + f(100000.0 + c.o3), z + f(100000.0 + c.o3)
    cells, amplitude, q = 0.0, 1.0, f(0.33)
    for _ in range(5):
        cells += amplitude * smooth01(0.0, 1.0, cellular(X * q, Z * q))
        amplitude *= 0.5
        q *= 2.0
    h = ashlands_land(x, z, base, r, cells, simplex(X * 0.075, Z * 0.075))
    lx, lz = f(X * f(0.01)), f(Z * f(0.01))
    lava = ashlands_lava(
        X, Z, r, ashlands_dryness(h), perlin(lx, lz), perlin(lx * 2.0, lz * 2.0), perlin(lx * 4.0, lz * 4.0)
    )
    return ashlands_ground(h, lava, perlin(f(X * 0.05 + 5124.0), f(Z * 0.05 + 5000.0))), lava


@kernel
def is_near_trench(distance: float) -> bool:
    """Return whether a point at this distance from a shifted center may be in its trench."""
    return abs(distance - 12000.0) <= 400.0 + WAVE + 1.0


@kernel
def meters(x: float, z: float) -> float:
    """Return the meters per unit of ground at a point: 200, less in the trenches."""
    return f(200.0 * gap(x, z, f(z - 4000.0)) * gap(x, z, f(z + 4000.0)))


@kernel
def gap(x: float, z: float, shifted_z: float) -> float:
    """Return the factor of the trench along a ring 12 km around a shifted center: 0 in it, 1 away from it."""
    distance = length(x, shifted_z)
    if not is_near_trench(distance):
        return 1.0
    v = clamp01(abs(distance - (12000.0 + angle(x, z) * WAVE)) / 400.0)
    return smooth01(0.0, 1.0, f(v))


@inner_kernel
def _ground(c: WorldConstants, rivers: RiverField, x: float, z: float, where: int, base: float) -> float:
    """Return the height before the trenches, in units of 200 m."""
    if where == OCEAN:
        return base
    if where == SWAMP:
        return _swamp(rivers, x, z)
    if where == ASHLANDS:
        return ashlands(c, x, z, base, ashlands_ridge(x, z))[0]
    U, V = f(x + 100000.0 + c.o3), f(z + 100000.0 + c.o3)
    if where == MOUNTAIN:
        return _mountain(c, rivers, x, z, base, U, V)
    if where == MISTLANDS:
        return _mistlands(rivers, x, z, base, U, V)
    h = lowland_ground(where, base, detail_at(U, V))
    return _fine_at(add_rivers(rivers, x, z, h), U, V)


@borrowing_kernel
def height(c: WorldConstants, rivers: RiverField, x: float, z: float) -> float:
    """Return the height in meters; the sea level is 30. Section 7."""
    if length(x, z) > EDGE:
        return VOID
    base = base_height(c, x, z)
    g = _ground(c, rivers, x, z, biome(c, x, z, base), base)
    return f(g * meters(x, z))


@borrowing_kernel
def pregeneration_height(
    c: WorldConstants, rivers: RiverField, x: float, z: float, where: int, base: float, second_pass: bool
) -> float:
    """Return the height in meters by which streams are placed. Section 8.

    ``second_pass`` is true in the second pass of streams, which raises the Deep North.
    """
    if where not in (MISTLANDS, ASHLANDS, DEEP_NORTH):
        return f(_ground(c, rivers, x, z, where, base) * 200.0)
    U, V = f(x + 100000.0 + c.o3), f(z + 100000.0 + c.o3)
    if where == MISTLANDS:
        h = black_forest_ground(base, detail_at(U, V))
        return f(_fine_at(add_rivers(rivers, x, z, h), U, V) * 200.0)
    if where == ASHLANDS:
        h = f(black_forest_ground(base, detail_at(U, V)) + f(0.1))
        return f(add_rivers(rivers, x, z, _fine_at(h, U, V)) * 200.0)
    h = f(base + f(0.1)) if second_pass else base
    h = f(h + max(0.0, f(h - f(0.4))))
    h = f(f(h + detail_at(U, V) * f(0.2)) * f(1.2))
    return f(_fine_at(add_rivers(rivers, x, z, h), U, V) * 200.0)


@kernel
def forest_factor(x: float, z: float) -> float:
    """Return the forest factor, equal in all worlds; lower is denser. Section 9."""
    vx, vz = f(f(x * f(0.01)) * f(0.4)), f(f(z * f(0.01)) * f(0.4))
    total, amplitude = 0.0, 1.0
    for _ in range(3):
        total = f(total + amplitude * perlin(vx, vz))
        amplitude = f(amplitude * f(0.7))
        vx, vz = f(vx * f(1.6)), f(vz * f(1.6))
    return total


@kernel
def lava(c: WorldConstants, x: float, z: float) -> float:
    """Return the share of lava at a point, 0 to 1; 0 outside the Ashlands and beyond the edge of the world."""
    if length(x, z) > EDGE or not is_ashlands(x, z):
        return 0.0
    return ashlands(c, x, z, base_height(c, x, z), ashlands_ridge(x, z))[1]
