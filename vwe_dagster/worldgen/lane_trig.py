"""Sine and cosine of many angles at a time, and a test of whether they round as those of libm."""

from __future__ import annotations

import math

from vwe_dagster.kernels.compiling import inlined_kernel
from vwe_dagster.kernels.vectors import Lanes, as_f32, as_i32, floor, select

QUARTERS = 2 / math.pi
HALF_PI = (1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21)
"""Half of pi as a sum; up to 20 bits times the first two are exact."""
SINE = tuple((-1.0) ** k / math.factorial(2 * k + 1) for k in range(9))
COSINE = tuple((-1.0) ** k / math.factorial(2 * k) for k in range(10))
"""The coefficients of the Taylor series; up to a quarter of pi their error is at most 2**-60."""
CERTAIN = 2.0**-47
"""An upper bound of the relative error of a sine: a result is certain if 1 plus and minus this times it round alike."""


@inlined_kernel
def sine_and_cosine(x: Lanes) -> tuple[Lanes, Lanes]:
    """Return sine and cosine of float64 lanes from 0 to 1000, with a relative error of less than 2**-49."""
    quarter = floor(x * QUARTERS + 0.5)
    r = ((x - quarter * HALF_PI[0]) - quarter * HALF_PI[1]) - quarter * HALF_PI[2]
    r2 = r * r
    s, c = r2 * SINE[8] + SINE[7], r2 * COSINE[9] + COSINE[8]
    for k in range(6, 0, -1):
        s = s * r2 + SINE[k]
    for k in range(7, -1, -1):
        c = c * r2 + COSINE[k]
    s = r + r * (r2 * s)
    k = as_i32(quarter)
    is_swapped, is_low, is_left = (k & 1) != 0, (k & 2) != 0, ((k + 1) & 2) != 0
    sine, cosine = select(is_swapped, c, s), select(is_swapped, s, c)
    return select(is_low, -sine, sine), select(is_left, -cosine, cosine)


@inlined_kernel
def is_uncertain(value: Lanes) -> Lanes:
    """Return whether the rounding of float64 lanes to float32 may differ from that of the exact value."""
    return as_f32(value * (1.0 - CERTAIN)) != as_f32(value * (1.0 + CERTAIN))
