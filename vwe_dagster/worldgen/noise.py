"""Unity's Perlin noise, and FastNoise's cellular and simplex noise with seed 0.

Sections 2 and 7 of the terrain specification.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vwe_dagster.kernels.compiling import kernel

# fmt: off
PERMUTATION = np.array(2 * [
    151, 160, 137, 91, 90, 15, 131, 13, 201, 95, 96, 53, 194, 233, 7, 225, 140, 36, 103, 30, 69, 142, 8, 99, 37, 240,
    21, 10, 23, 190, 6, 148, 247, 120, 234, 75, 0, 26, 197, 62, 94, 252, 219, 203, 117, 35, 11, 32, 57, 177, 33, 88,
    237, 149, 56, 87, 174, 20, 125, 136, 171, 168, 68, 175, 74, 165, 71, 134, 139, 48, 27, 166, 77, 146, 158, 231, 83,
    111, 229, 122, 60, 211, 133, 230, 220, 105, 92, 41, 55, 46, 245, 40, 244, 102, 143, 54, 65, 25, 63, 161, 1, 216,
    80, 73, 209, 76, 132, 187, 208, 89, 18, 169, 200, 196, 135, 130, 116, 188, 159, 86, 164, 100, 109, 198, 173, 186,
    3, 64, 52, 217, 226, 250, 124, 123, 5, 202, 38, 147, 118, 126, 255, 82, 85, 212, 207, 206, 59, 227, 47, 16, 58,
    17, 182, 189, 28, 42, 223, 183, 170, 213, 119, 248, 152, 2, 44, 154, 163, 70, 221, 153, 101, 155, 167, 43, 172, 9,
    129, 22, 39, 253, 19, 98, 108, 110, 79, 113, 224, 232, 178, 185, 112, 104, 218, 246, 97, 228, 251, 34, 242, 193,
    238, 210, 144, 12, 191, 179, 162, 241, 81, 51, 145, 235, 249, 14, 239, 107, 49, 192, 214, 31, 181, 199, 106, 157,
    184, 84, 204, 176, 115, 121, 50, 45, 127, 4, 150, 254, 138, 236, 205, 93, 222, 114, 67, 29, 24, 72, 243, 141, 128,
    195, 78, 66, 215, 61, 156, 180,
], dtype=np.uint8)
# fmt: on
"""Ken Perlin's reference permutation of 0..255, twice."""


def _gradient(corner_hash: int) -> tuple[int, int]:
    """Return the gradient of a corner as factors of the x and of the y distance, each -1, 0 or 1."""
    k = corner_hash & 15
    first, second = -1 if k & 1 else 1, -1 if k & 2 else 1
    if k < 8:
        return first, second if k < 4 else 0
    return (second if k in (12, 14) else 0), first


GRADIENT_X, GRADIENT_Y = (
    np.array([_gradient(int(p))[axis] for p in PERMUTATION[:256]], dtype=np.float32) for axis in (0, 1)
)
"""The gradient factors of corner ``p[p[..]]``, indexed by the inner value ``p[..]``."""

PERLIN_OFFSET = np.float32(0.69)
PERLIN_SCALE = np.float32(1.483)
CELL_POINTS = np.loadtxt(
    Path(__file__).with_name("cell2d.csv"), delimiter=",", comments="#", skiprows=3, dtype=np.float32
)
"""FastNoise's 256 cell vectors, float32, ``[256, 2]``."""
JITTER = float(np.float32(0.45))
CELL_JITTER = CELL_POINTS.astype(np.float64) * JITTER
"""The shifts of cell points by FastNoise's 256 cell vectors, ``[256, 2]``."""


@kernel
def fade(t: np.float32) -> np.float32:
    """Return Perlin's quintic, in Unity's order of operations."""
    return (((t * np.float32(6) - np.float32(15)) * t) + np.float32(10)) * ((t * t) * t)


@kernel
def perlin(x: float, y: float) -> float:
    """Return Unity's ``Mathf.PerlinNoise``, in float32 arithmetic on float32 inputs, widened and not clamped."""
    ax, ay = abs(np.float32(x)), abs(np.float32(y))
    ix, iy = np.int64(ax), np.int64(ay)
    fx, fy = ax - np.float32(ix), ay - np.float32(iy)
    u, v = fade(fx), fade(fy)
    column, row = ix & 255, iy & 255
    west, east = np.int64(PERMUTATION[column]) + row, np.int64(PERMUTATION[column + 1]) + row
    h00, h10 = PERMUTATION[west], PERMUTATION[east]
    h01, h11 = PERMUTATION[west + 1], PERMUTATION[east + 1]
    fx1, fy1 = fx - np.float32(1), fy - np.float32(1)
    g00 = GRADIENT_X[h00] * fx + GRADIENT_Y[h00] * fy
    g10 = GRADIENT_X[h10] * fx1 + GRADIENT_Y[h10] * fy
    g01 = GRADIENT_X[h01] * fx + GRADIENT_Y[h01] * fy1
    g11 = GRADIENT_X[h11] * fx1 + GRADIENT_Y[h11] * fy1
    l0 = (g10 - g00) * u + g00
    l1 = (g11 - g01) * u + g01
    return np.float64(((l1 - l0) * v + l0 + PERLIN_OFFSET) / PERLIN_SCALE)


@kernel
def cell_hash(seed: int, x: int | np.int32, y: int | np.int32) -> int:
    """Return FastNoise's hash of a lattice place, in wrapping 32-bit arithmetic."""
    n = np.int32(seed) ^ (np.int32(1619) * np.int32(x)) ^ (np.int32(31337) * np.int32(y))
    n = np.int32(np.int32(np.int32(n * n) * n) * np.int32(60493))
    return np.int32((n >> np.int32(13)) ^ n)


@kernel
def nearest_integer(value: float) -> int:
    """Return the nearest integer; halves are rounded away from zero."""
    return np.int32(value + 0.5 if value >= 0.0 else value - 0.5)


@kernel
def cellular(x: float, y: float) -> float:
    """Return the squared distance to the nearest cell point, frequency 0.01, jitter 0.45."""
    x *= 0.01
    y *= 0.01
    column, row = nearest_integer(x), nearest_integer(y)
    nearest = 999999.0
    for i in range(column - 1, column + 2):
        for j in range(row - 1, row + 2):
            index = cell_hash(0, i, j) & 255
            dx = i - x + CELL_JITTER[index, 0]
            dy = j - y + CELL_JITTER[index, 1]
            nearest = min(nearest, dx * dx + dy * dy)
    return nearest


SIMPLEX_GRADIENT_X = np.array([-1, 1, -1, 1, 0, -1, 0, 1], dtype=np.float64)
SIMPLEX_GRADIENT_Y = np.array([-1, -1, 1, 1, -1, 0, 1, 0], dtype=np.float64)
SIMPLEX_SKEW, SIMPLEX_UNSKEW = 0.3660254037844386, 0.21132486540518713


@kernel
def _floor(value: float) -> float:
    """Return FastNoise's floor, which is one too low for negative integers."""
    whole = np.float64(np.int32(value))
    return whole if value >= 0.0 else whole - 1.0


@kernel
def _simplex_corner(seed: int, i: float, j: float, x: float, y: float) -> float:
    t = 0.5 - x * x - y * y
    t2 = t * t
    gradient = cell_hash(seed, np.int32(i), np.int32(j)) & 7
    value = t2 * t2 * (x * SIMPLEX_GRADIENT_X[gradient] + y * SIMPLEX_GRADIENT_Y[gradient])
    return value if t >= 0.0 else 0.0


@kernel
def _simplex_octave(seed: int, x: float, y: float) -> float:
    t = (x + y) * SIMPLEX_SKEW
    i, j = _floor(x + t), _floor(y + t)
    t = (i + j) * SIMPLEX_UNSKEW
    x0, y0 = x - (i - t), y - (j - t)
    i1 = 1.0 if x0 > y0 else 0.0
    j1 = 1.0 - i1
    x1, y1 = x0 - i1 + SIMPLEX_UNSKEW, y0 - j1 + SIMPLEX_UNSKEW
    x2, y2 = x0 - 1.0 + 0.42264973081037427, y0 - 1.0 + 0.42264973081037427
    return 50.0 * (
        _simplex_corner(seed, i, j, x0, y0)
        + _simplex_corner(seed, i + i1, j + j1, x1, y1)
        + _simplex_corner(seed, i + 1.0, j + 1.0, x2, y2)
    )


@kernel
def simplex(x: float, y: float) -> float:
    """Return two octaves of simplex noise, frequency 0.01."""
    x *= 0.01
    y *= 0.01
    return (_simplex_octave(0, x, y) + _simplex_octave(1, 2.0 * x, 2.0 * y) * 0.5) * (1.0 / 1.5)
