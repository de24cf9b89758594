"""Base heights and bounds on heights, at a few scattered points at a time, in loops of vector instructions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.worldgen import terrain
from vwe_dagster.worldgen.compiling import kernel
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


@kernel
def survey_batch(c: WorldConstants, points: Batch, count: int) -> None:
    """Fills in what is known of the first ``count`` points."""
    for i in range(count):
        x, z = points.x[i], points.z[i]
        points.shifted[0, i], points.shifted[1, i] = x + (100000.0 + c.o0), z + (100000.0 + c.o1)
        points.shifted[2, i], points.shifted[3, i] = f(x + 100000.0 + c.o3), f(z + 100000.0 + c.o3)
    for k in range(NOISES):
        first = 0 if k < BASE_NOISES else 2
        _place(
            points.shifted[first, :count],
            points.shifted[first + 1, :count],
            k,
            points.along_x[k * count : (k + 1) * count],
            points.along_z[k * count : (k + 1) * count],
            points.corners[k * count : (k + 1) * count],
        )
    end = NOISES * count
    _noises(points.corners[:end], points.along_x[:end], points.along_z[:end], points.noise)
    _base(c, points, count)
    _bounds(points, count)


@kernel
def _place(xs: Doubles, zs: Doubles, k: int, along_x: Floats, along_z: Floats, cell: npt.NDArray[np.int32]) -> None:
    """Finds where in the lattice noise ``k`` of each point lies."""
    scale, more, aside_x, aside_z = ARGUMENTS[k, 0], ARGUMENTS[k, 1], ARGUMENTS[k, 2], ARGUMENTS[k, 3]
    for i in range(cell.size):
        x = abs(np.float32(xs[i] * scale * more + aside_x))
        z = abs(np.float32(zs[i] * scale * more + aside_z))
        column, row = np.int32(x), np.int32(z)
        along_x[i], along_z[i] = x - np.float32(column), z - np.float32(row)
        cell[i] = np.int32(np.int32(np.int32(row & 255) << 8) | np.int32(column & 255))


@kernel
def _noises(corners: npt.NDArray[np.int32], along_x: Floats, along_z: Floats, out: Floats) -> None:
    """The noises; two loops, of which the one that looks up cannot become vector instructions everywhere."""
    for i in range(corners.size):
        corners[i] = ALL_CORNERS[np.uint32(corners[i])]
    for i in range(corners.size):
        fx, fz = along_x[i], along_z[i]
        out[i] = noise_of_corners(corners[i], fx, fz, fade(fx), fade(fz))


@kernel
def _base(c: WorldConstants, points: Batch, count: int) -> None:
    """The base height of the points."""
    p, out = points.noise, points.base
    for i in range(count):
        out[i] = terrain.base_from_noise(
            np.float64(p[i]),
            np.float64(p[i + count]),
            np.float64(p[i + 2 * count]),
            np.float64(p[i + 3 * count]),
            np.float64(p[i + 4 * count]),
            np.float64(p[i + 5 * count]),
            np.float64(p[i + 6 * count]),
            np.float64(p[i + 7 * count]),
            1.0,
        )
    centre = max(terrain.CHANNELS_FROM, c.min_mountain)
    for i in range(count):
        x, z = points.x[i], points.z[i]
        d = length(x, z)
        if d < centre:
            out[i] = terrain.base_height(c, x, z)
        elif d > terrain.RIM:
            out[i] = terrain.shape_base(c, np.float64(out[i]), d)


@kernel
def _bounds(points: Batch, count: int) -> None:
    """The bounds on the height of the points: every rounding keeps the order of two values."""
    p, bases, lowest, highest = points.noise[BASE_NOISES * count :], points.base, points.lowest, points.highest
    for i in range(count):
        base, bump, more = np.float64(bases[i]), np.float64(p[i + 3 * count]), np.float64(p[i + 4 * count])
        d = terrain.detail(np.float64(p[i]), np.float64(p[i + count]), np.float64(p[i + 2 * count]), bump)
        low = min(terrain.meadows_ground(base, d), terrain.plains_ground(base, d))
        lowest[i] = f(terrain.fine(low, bump, more) * 200.0)
        highest[i] = f(terrain.fine(terrain.black_forest_ground(base, d), bump, more) * 200.0)
