"""The formulas of :mod:`~vwe_dagster.worldgen.terrain` for many places at a time, one in each lane.

Noise comes as float32 lanes, and all results are float32 lanes. One operation of two float32 in float64 that is rounded
to float32 equals the same operation in float32, because float64 has more than twice the bits. Such steps are computed
in float32; all others in float64, in the order of the specification. Where places differ, both sides are computed.
"""

from __future__ import annotations

import numpy as np

from vwe_dagster.kernels.compiling import inlined_kernel
from vwe_dagster.kernels.vectors import (
    Lanes,
    absolute,
    any_of,
    as_f32,
    as_f64,
    ceil,
    greatest,
    least,
    rounded,
    select,
    sqrt,
)
from vwe_dagster.worldgen.numerics import f
from vwe_dagster.worldgen.terrain import CHANNELS_FROM, EDGE, RIM

SINGLE = np.float32


@inlined_kernel
def clamp01(v: Lanes) -> Lanes:
    """Limit float64 lanes to 0..1."""
    return least(greatest(v, 0.0), 1.0)


@inlined_kernel
def lerp_step(low: float, high: float, v: Lanes) -> Lanes:
    """Return the position of float64 lanes between ``low`` and ``high``, 0..1, rounded to float32."""
    return rounded(clamp01((v - low) / (high - low)))


@inlined_kernel
def lerp(a: Lanes, b: Lanes, t: Lanes) -> Lanes:
    """Interpolate from ``a`` at 0 to ``b`` at 1, clamped; ``t`` is float64 lanes, ``a`` and ``b`` may be scalars."""
    return select(t <= 0.0, a, select(t >= 1.0, b, rounded(a * (1.0 - t) + b * t)))


@inlined_kernel
def distance_lanes(x: Lanes, z: Lanes) -> Lanes:
    """Return the length of vectors whose components are float32 numbers, from and to float64 lanes."""
    return rounded(sqrt(x * x + z * z))


@inlined_kernel
def _base_before_channels(p0: Lanes, p1: Lanes, p2: Lanes, p3: Lanes, p4: Lanes, p5: Lanes) -> Lanes:
    h = as_f64(p0 * p1)
    h = rounded(h + as_f64(p2) * as_f64(p3) * h * f(0.9))
    h = as_f32(h + as_f64(p4) * as_f64(p5) * 0.5 * h)
    return h - SINGLE(0.07)


@inlined_kernel
def base_of_noise(p0: Lanes, p1: Lanes, p2: Lanes, p3: Lanes, p4: Lanes, p5: Lanes, a: Lanes, b: Lanes) -> Lanes:
    """Return the base height before :func:`shape_base`, where the channels are cut at their full depth.

    The depth of a channel is a multiple of 2**-24 of at most 1, so 1 minus it is exact in float32.
    """
    h = _base_before_channels(p0, p1, p2, p3, p4, p5)
    apart = absolute(a - b)
    if any_of(apart < SINGLE(0.12)):
        channel = SINGLE(1) - as_f32(lerp_step(f(0.02), f(0.12), as_f64(apart)))
        h = h * (SINGLE(1) - channel)
    return h + SINGLE(0)


@inlined_kernel
def central_base_of_noise(
    p0: Lanes, p1: Lanes, p2: Lanes, p3: Lanes, p4: Lanes, p5: Lanes, a: Lanes, b: Lanes, d: Lanes
) -> Lanes:
    """Return the base height at distances from the center, float64 lanes, from where the channels are shallow."""
    h = _base_before_channels(p0, p1, p2, p3, p4, p5)
    t = lerp_step(744.0, CHANNELS_FROM, d)
    cut = rounded(t * t * (3.0 - 2.0 * t))
    channel = rounded(1.0 - lerp_step(f(0.02), f(0.12), as_f64(absolute(a - b))))
    return as_f32(as_f64(h) * (1.0 - rounded(channel * cut)) + 0.0)


@inlined_kernel
def shape_base(min_mountain: float, h: Lanes, d: Lanes) -> Lanes:
    """Return the base height lowered at the edge of the world, and without mountains at its center."""
    H = as_f64(h)
    rim = lerp(H, f(-0.2), lerp_step(RIM, EDGE, d))
    rim = select(d > 10490.0, lerp(rim, -2.0, lerp_step(10490.0, 10500.0, d)), rim)
    t = rounded(clamp01((H - f(0.28)) / (f(0.38) - f(0.28))))
    limit = lerp(f(0.28), f(0.38), t)
    center = lerp(limit, H, lerp_step(min_mountain - 400.0, min_mountain, d))
    is_central = (d < min_mountain) & (f(0.28) < H)
    return as_f32(select(d > RIM, rim, select(is_central, center, H)))


@inlined_kernel
def detail(p01: Lanes, p02: Lanes, p05: Lanes, p1: Lanes) -> Lanes:
    """Return the detail of the ground from noise of the frequencies 0.01, 0.02, 0.05 and 0.1."""
    d = as_f64(p01 * p02)
    return as_f32(d + as_f64(p05) * as_f64(p1) * d * 0.5)


@inlined_kernel
def fine(h: Lanes, p1: Lanes, p4: Lanes) -> Lanes:
    """Return the ground with its finest bumps, from noise of the frequencies 0.1 and 0.4."""
    return as_f32(rounded(as_f64(h) + as_f64(p1) * f(0.01)) + as_f64(p4) * f(0.003))


@inlined_kernel
def lowland_ground(base: Lanes, d: Lanes, is_north: Lanes, is_plains: Lanes, is_forest: Lanes) -> Lanes:
    """Return the ground of Meadows, Plains, Black Forest and Deep North before rivers; the masks select the biome."""
    B = as_f64(base)
    raised = select(is_north, B + f(0.1), B)
    h = rounded(rounded(raised) + as_f64(d) * f(0.1))
    over = rounded(h - f(0.15))
    is_over = (over > 0.0) & ~is_forest
    if any_of(is_over):
        left = 1.0 - rounded(clamp01(raised / f(0.4)))
        lowered = select(is_plains, over * left * 0.75, over * (left * 0.75))
        h = select(is_over, rounded(h - lowered), h)
    return as_f32(h)


@inlined_kernel
def mountain_ground(base: Lanes, d: Lanes) -> Lanes:
    """Return the Mountain before rivers."""
    return as_f32(as_f64(base + (base - SINGLE(0.4))) + as_f64(d) * f(0.2))


@inlined_kernel
def mountain_top(h: Lanes, p: Lanes, west: Lanes, east: Lanes, south: Lanes, north: Lanes) -> Lanes:
    """Return the Mountain's ground with the effect of its slope, from the base height 1 m off in each direction."""
    tilt = absolute(east - west) + absolute(south - north)
    return as_f32(as_f64(h) + as_f64(p) * 2.0 * as_f64(tilt))


@inlined_kernel
def swamp_ground(p04: Lanes, p08: Lanes) -> Lanes:
    """Return the Swamp before rivers, from noise of the frequencies 0.04 and 0.08."""
    return as_f32(as_f64(p04 * p08) * f(0.03) + f(0.137))


@inlined_kernel
def mist(p0: Lanes, p1: Lanes, p2: Lanes, p3: Lanes) -> Lanes:
    """Return the ruggedness of the Mistlands from their four noises."""
    m = as_f64(p0 * p1)
    m = rounded(m + as_f64(p2) * as_f64(p3) * m * 0.5)
    return as_f32(select(m > 0.0, m * sqrt(m), m))


@inlined_kernel
def mistlands_ground(base: Lanes, m: Lanes) -> Lanes:
    """Return the Mistlands before rivers, ``m`` being the :func:`mist`."""
    return as_f32(as_f64(base) + as_f64(m) * f(0.4))


@inlined_kernel
def mistlands_steps(h: Lanes, m: Lanes, p1: Lanes, p4: Lanes) -> Lanes:
    """Return the Mistlands' ground with its bumps and terraces, from noise of the frequencies 0.1 and 0.4."""
    k, bumps = rounded(clamp01(as_f64(m) * 7.0)), as_f64(p4)
    H = rounded(as_f64(h) + as_f64(p1) * f(0.03) * k)
    H = rounded(H + bumps * f(0.01) * k)
    soft = rounded(H + bumps * f(0.002))
    steps = ceil(as_f32(H) * SINGLE(400)) / SINGLE(400)
    return as_f32(lerp(soft, as_f64(steps), k))


@inlined_kernel
def carve(h: Lanes, weight: Lanes, width: Lanes) -> Lanes:
    """Return the ground lowered by rivers, see :func:`~vwe_dagster.worldgen.river_field.carve`."""
    H, W = as_f64(h), as_f64(weight)
    t = lerp_step(20.0, 60.0, as_f64(width))
    bed, mid = lerp(f(0.14), f(0.12), t), lerp(f(0.139), f(0.128), t)
    H = select(bed < H, lerp(H, bed, W), H)
    return as_f32(select(mid < H, lerp(H, mid, lerp_step(f(0.85), 1.0, W)), H))
