"""Perlin noise of many places at a time: each lane of a vector has one place, or one channel of the noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import inlined_kernel
from vwe_dagster.kernels.memory import shared_table
from vwe_dagster.kernels.vectors import Lanes, absolute, as_f32, as_i32, fused, gather, quotient
from vwe_dagster.worldgen.noise import GRADIENT_X, GRADIENT_Y, PERLIN_OFFSET, PERLIN_SCALE, PERMUTATION


def _corner_gradients() -> npt.NDArray[np.int32]:
    """Return the gradient factors at the corners of every lattice cell, ``[256 * row + column]``.

    Each number packs the corners south-west, south-east, north-west and north-east, x before z, from the lowest bits
    upwards, in two bits with a sign.
    """
    column, row = np.meshgrid(np.arange(257) & 255, np.arange(257) & 255)
    corner = PERMUTATION[PERMUTATION[column].astype(np.int64) + row]
    packed = np.zeros((256, 256), np.int64)
    for i, (north, east) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        hashes = corner[north : north + 256, east : east + 256]
        for j, gradient in enumerate((GRADIENT_X, GRADIENT_Y)):
            packed |= (gradient[hashes].astype(np.int64) & 3) << (4 * i + 2 * j)
    return packed.astype(np.int32).ravel()


CORNERS = _corner_gradients()
corner_table = shared_table(CORNERS)
"""CORNERS, for kernels."""


@inlined_kernel
def fade_lanes(t: Lanes) -> Lanes:
    """Return :func:`~vwe_dagster.worldgen.noise.fade` of float32 lanes."""
    return (((t * np.float32(6) - np.float32(15)) * t) + np.float32(10)) * ((t * t) * t)


@inlined_kernel
def blend_lanes(g00: Lanes, g10: Lanes, g01: Lanes, g11: Lanes, u: Lanes, v: Lanes) -> Lanes:
    """Return the noise from the values at the four corners, faded along x and z."""
    l0 = (g10 - g00) * u + g00
    l1 = (g11 - g01) * u + g01
    return quotient((l1 - l0) * v + l0 + PERLIN_OFFSET, PERLIN_SCALE)


@inlined_kernel
def corner_lanes(corners: Lanes, place: int, x: Lanes, z: Lanes) -> Lanes:
    """Return the value at a corner: its gradient, two factors in ``corners`` from ``place`` onwards, times x and z."""
    along_x, along_z = corners << (30 - 2 * place) >> 30, corners << (28 - 2 * place) >> 30
    return fused(as_f32(along_x), x, as_f32(along_z) * z)


@inlined_kernel
def noise_of_corners(corners: Lanes, x: Lanes, z: Lanes, u: Lanes, v: Lanes) -> Lanes:
    """Return the noise in lattice cells, from their numbers of :data:`CORNERS`.

    ``x`` and ``z`` are the position in the cell, float32 lanes, and ``u`` and ``v`` the same, faded.
    """
    east, north = x - np.float32(1), z - np.float32(1)
    g00, g10 = corner_lanes(corners, 0, x, z), corner_lanes(corners, 2, east, z)
    g01, g11 = corner_lanes(corners, 4, x, north), corner_lanes(corners, 6, east, north)
    return blend_lanes(g00, g10, g01, g11, u, v)


@inlined_kernel
def perlin_lanes(x: Lanes, z: Lanes) -> Lanes:
    """Return Unity's Perlin noise of float64 lanes as float32 lanes."""
    ax, az = absolute(as_f32(x)), absolute(as_f32(z))
    column, row = as_i32(ax), as_i32(az)
    fx, fz = ax - as_f32(column), az - as_f32(row)
    corners = gather(corner_table(), ((row & 255) << 8) | (column & 255))
    return noise_of_corners(corners, fx, fz, fade_lanes(fx), fade_lanes(fz))
