"""The game's arithmetic: float64 throughout, rounded to float32 where the game stores a value.

Every function takes and returns float64; ``f`` marks the roundings. Section 1 of the terrain specification.
"""

from __future__ import annotations

import math

import numpy as np

from vwe_dagster.kernels.compiling import kernel


@kernel
def f(value: float) -> float:
    """Round to float32, to nearest, ties to even, and widen again."""
    return np.float64(np.float32(value))


@kernel
def clamp01(value: float) -> float:
    """Limit a number to 0..1."""
    return 1.0 if value > 1.0 else (0.0 if value < 0.0 else value)


@kernel
def length(x: float, z: float) -> float:
    """Return the length of a vector."""
    return f(math.sqrt(x * x + z * z))


@kernel
def lerp(a: float, b: float, t: float) -> float:
    """Interpolate from ``a`` at 0 to ``b`` at 1, clamped."""
    if t <= 0.0:
        return a
    if t >= 1.0:
        return b
    return f(a * (1.0 - t) + b * t)


@kernel
def dlerp(a: float, b: float, t: float) -> float:
    """Return :func:`lerp` without its rounding."""
    if t <= 0.0:
        return a
    if t >= 1.0:
        return b
    return a * (1.0 - t) + b * t


@kernel
def lerp_step(low: float, high: float, value: float) -> float:
    """Return the position of ``value`` between ``low`` and ``high``, 0..1."""
    return f(clamp01((value - low) / (high - low)))


@kernel
def smooth_step(low: float, high: float, value: float) -> float:
    """Return :func:`lerp_step`, eased at both ends."""
    t = lerp_step(low, high, value)
    return f(t * t * (3.0 - 2.0 * t))


@kernel
def smooth01(start: float, end: float, t: float) -> float:
    """Interpolate from ``start`` at 0 to ``end`` at 1, eased at both ends."""
    t = clamp01(t)
    t = -2.0 * t * t * t + 3.0 * t * t
    return f(end * t + start * (1.0 - t))


@kernel
def remap(value: float, in_low: float, in_high: float, out_low: float, out_high: float) -> float:
    """Map one range to another, clamped to the latter."""
    return dlerp(out_low, out_high, clamp01((value - in_low) / (in_high - in_low)))


@kernel
def overlay(a: float, b: float) -> float:
    """Return the blend mode *overlay* of two numbers."""
    return 2.0 * a * b if a < 0.5 else 1.0 - 2.0 * (1.0 - a) * (1.0 - b)
