"""Powers of many numbers at a time, so accurate that their rounding to float32 is rarely uncertain."""

from __future__ import annotations

import math

from vwe_dagster.kernels.compiling import inlined_kernel
from vwe_dagster.kernels.vectors import Lanes, as_f32, as_f64, as_i32, floor, reinterpreted

HALF_ROOT = 0x3F3504F3
"""The bits of the float32 that is half the root of 2."""
LOGARITHM = tuple(2 / math.log(2) / (2 * k + 1) for k in range(10))
"""The base 2 logarithm of (1 + s) / (1 - s) as s times a series in the square of s."""
EXPONENTIAL = tuple(math.log(2) ** k / math.factorial(k) for k in range(14))
"""The power series of 2**r."""
LEAST = 2.0**-20
CERTAIN = 2.0**-42
"""An upper bound of the relative error of :func:`power`."""


@inlined_kernel
def power(m: Lanes, exponent: float) -> Lanes:
    """Return float64 lanes from LEAST to 1 to the power of a scalar from 0 to 2, with a relative error below 2**-44.

    With m = 2**k t, and t from half the root of 2 to the root of 2, s = (t - 1) / (t + 1) is at most 0.172. The missing
    terms of the logarithm add up to less than 2**-54, and the rounding errors of its value, at most 20.5, to less than
    2**-48. The product with the exponent, at most 41, is off by less than 2**-46, and its power of two by less than
    ln 2 times that. The missing terms of the exponential are less than 2**-57 for r up to 0.5.
    """
    k = (reinterpreted(as_f32(m)) - HALF_ROOT) >> 23
    t = m * _power_of_two(-k)
    s = (t - 1.0) / (t + 1.0)
    s2 = s * s
    log = s2 * LOGARITHM[9] + LOGARITHM[8]
    for i in range(7, -1, -1):
        log = log * s2 + LOGARITHM[i]
    y = (as_f64(k) + log * s) * exponent
    n = floor(y + 0.5)
    r = y - n
    result = r * EXPONENTIAL[13] + EXPONENTIAL[12]
    for i in range(11, -1, -1):
        result = result * r + EXPONENTIAL[i]
    return result * _power_of_two(as_i32(n))


@inlined_kernel
def _power_of_two(k: Lanes) -> Lanes:
    """Return 2**k of int32 lanes from -126 to 127, float64 lanes."""
    return as_f64(reinterpreted((k + 127) << 23))


@inlined_kernel
def is_uncertain(m: Lanes, product: Lanes) -> Lanes:
    """Return whether a product with the :func:`power` of ``m`` may round to another float32 than the product by libm.

    The product by libm, two roundings of float64 included, is between the two products that are compared.
    """
    return (m < LEAST) | (as_f32(product * (1.0 - CERTAIN)) != as_f32(product * (1.0 + CERTAIN)))
