"""Base heights and bounds on heights, at a few scattered points at a time, in loops of vector instructions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import borrowing_kernel, flat, inner_kernel, kernel
from vwe_dagster.worldgen import terrain
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.lattice import CORNERS, noise_of_corners
from vwe_dagster.worldgen.noise import fade
from vwe_dagster.worldgen.numerics import f, length

ALL_CORNERS = CORNERS.ravel()


def _arguments() -> npt.NDArray[np.float64]:
    """What each noise is asked for: the two factors of a coordinate, and what is added to x and to z, ``[NOISES, 4]``.

    First the eight noises of the base height, then the five of the detail and of the finest bumps.
    """
    f002, f003, f005, f01 = (float(np.float32(v)) for v in (0.002, 0.003, 0.005, 0.01))
    a_x, a_z, b_x, b_z = (float(np.float32(v)) for v in (0.123, 0.15123, 0.321, 0.231))
    base = [(f002, 0.5), (f003, 0.5), (f002, 1.0), (f003, 1.0), (f005, 1.0), (f01, 1.0)]
    detail = [(float(np.float32(v)), 1.0) for v in (0.01, 0.02, 0.05, 0.1, 0.4)]
    channels = [(f002, 0.25, a_x, a_z), (f002, 0.25, b_x, b_z)]
    return np.array([(*v, 0.0, 0.0) for v in base] + channels + [(*v, 0.0, 0.0) for v in detail])


ARGUMENTS = _arguments()
NOISES, BASE_NOISES = len(ARGUMENTS), 8

Doubles = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]


class Batch(NamedTuple):
    """Points, and what is known of them.

    Attributes:
        x, z: float64 metres, ``[n]``.
        base: float32, the base height, ``[n]``.
        lowest, highest: float64 metres, ``[n]``: bounds of the pre-generation height where the biome is Meadows,
            Plains, Black Forest or Mistlands. The lower one only holds without rivers, which can but lower the ground.
        shifted: float64, room for shifted coordinates, ``[4, n]``.
        noise: float32, room for the noises, ``[NOISES * n]``; before, ``along_x`` and ``along_z`` hold where in a
            lattice cell each lies, and ``corners``, int32, which cell and then its corners.
    """

    x: Doubles
    z: Doubles
    base: Floats
    lowest: Doubles
    highest: Doubles
    shifted: Doubles
    along_x: Floats
    along_z: Floats
    corners: npt.NDArray[np.int32]
    noise: Floats


@kernel
def make_batch(n: int) -> Batch:
    """Room for ``n`` points."""
    return Batch(
        np.empty(n),
        np.empty(n),
        np.empty(n, np.float32),
        np.empty(n),
        np.empty(n),
        np.empty((4, n)),
        np.empty(NOISES * n, np.float32),
        np.empty(NOISES * n, np.float32),
        np.empty(NOISES * n, np.int32),
        np.empty(NOISES * n, np.float32),
    )


@borrowing_kernel
def survey_batch(c: WorldConstants, points: Batch, count: int) -> None:
    """Fills in what is known of the first ``count`` points."""
    for i in range(count):
        x, z = points.x[i], points.z[i]
        points.shifted[0, i], points.shifted[1, i] = x + (100000.0 + c.o0), z + (100000.0 + c.o1)
        points.shifted[2, i], points.shifted[3, i] = f(x + 100000.0 + c.o3), f(z + 100000.0 + c.o3)
    for k in range(NOISES):
        first = 0 if k < BASE_NOISES else 2
        _place(points.shifted, first, k, count, points.along_x, points.along_z, points.corners)
    _noises(points.corners, points.along_x, points.along_z, NOISES * count, points.noise)
    _base(c, points, count)
    _bounds(points, count)


@inner_kernel
def _place(
    shifted: Doubles, first: int, k: int, count: int, along_x: Floats, along_z: Floats, cell: npt.NDArray[np.int32]
) -> None:
    """Finds where in the lattice noise ``k`` of each point lies; ``first`` is where ``shifted`` holds its x."""
    scale, more, aside_x, aside_z = ARGUMENTS[k, 0], ARGUMENTS[k, 1], ARGUMENTS[k, 2], ARGUMENTS[k, 3]
    before = np.uint64(k * count)
    for i in flat(0, count):
        x = abs(np.float32(shifted[first, i] * scale * more + aside_x))
        z = abs(np.float32(shifted[first + 1, i] * scale * more + aside_z))
        column, row, at = np.int32(x), np.int32(z), before + i
        along_x[at], along_z[at] = x - np.float32(column), z - np.float32(row)
        cell[at] = np.int32(np.int32(np.int32(row & 255) << 8) | np.int32(column & 255))


@inner_kernel
def _noises(corners: npt.NDArray[np.int32], along_x: Floats, along_z: Floats, count: int, out: Floats) -> None:
    """The noises; two loops, of which the one that looks up cannot become vector instructions everywhere."""
    for i in flat(0, count):
        corners[i] = ALL_CORNERS[np.uint32(corners[i])]
    for i in flat(0, count):
        fx, fz = along_x[i], along_z[i]
        out[i] = noise_of_corners(corners[i], fx, fz, fade(fx), fade(fz))


@inner_kernel
def _base_of_noise(p: Floats, i: int, n: np.uint64, cut: float) -> float:
    return terrain.base_from_noise(
        np.float64(p[i]),
        np.float64(p[i + n]),
        np.float64(p[i + np.uint64(2) * n]),
        np.float64(p[i + np.uint64(3) * n]),
        np.float64(p[i + np.uint64(4) * n]),
        np.float64(p[i + np.uint64(5) * n]),
        np.float64(p[i + np.uint64(6) * n]),
        np.float64(p[i + np.uint64(7) * n]),
        cut,
    )


@inner_kernel
def _base(c: WorldConstants, points: Batch, count: int) -> None:
    """The base height of the points."""
    p, out, n = points.noise, points.base, np.uint64(count)
    for i in flat(0, count):
        out[i] = _base_of_noise(p, i, n, 1.0)
    centre = max(terrain.CHANNELS_FROM, c.min_mountain)
    for i in flat(0, count):
        d = length(points.x[i], points.z[i])
        if d < terrain.CHANNELS_FROM:
            out[i] = _base_of_noise(p, i, n, terrain.channel_cut(d))
        if d < centre or d > terrain.RIM:
            out[i] = terrain.shape_base(c, np.float64(out[i]), d)


@inner_kernel
def _bounds(points: Batch, count: int) -> None:
    """The bounds on the height of the points: every rounding keeps the order of two values."""
    p, bases, lowest, highest = points.noise, points.base, points.lowest, points.highest
    n = np.uint64(count)
    before = np.uint64(BASE_NOISES) * n
    for i in flat(0, count):
        at = before + i
        base, p01, p02 = np.float64(bases[i]), np.float64(p[at]), np.float64(p[at + n])
        p05 = np.float64(p[at + np.uint64(2) * n])
        p1, p4 = np.float64(p[at + np.uint64(3) * n]), np.float64(p[at + np.uint64(4) * n])
        d = terrain.detail(p01, p02, p05, p1)
        low = min(terrain.meadows_ground(base, d), terrain.plains_ground(base, d))
        lowest[i] = f(terrain.fine(low, p1, p4) * 200.0)
        highest[i] = f(terrain.fine(terrain.black_forest_ground(base, d), p1, p4) * 200.0)
