"""Loops of the terrain functions over many points: float32 coordinates in, one value per point out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import kernel
from vwe_dagster.kernels.vectors import LANES
from vwe_dagster.worldgen import terrain
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.point_lanes import Points, find_biomes, find_heights, make_points
from vwe_dagster.worldgen.river_field import RiverField

Floats = npt.NDArray[np.float32]


@kernel
def _load(points: Points, x: Floats, z: Floats, first: int) -> int:
    """Load a vector of points, and return their number."""
    n = min(LANES, x.size - first)
    points.x[:n], points.z[:n] = x[first : first + n], z[first : first + n]
    return n


@kernel
def biomes(c: WorldConstants, x: Floats, z: Floats) -> npt.NDArray[np.uint8]:
    """Return the biome index of each point."""
    out, points = np.empty(x.size, np.uint8), make_points()
    for i in range(0, x.size, LANES):
        n = _load(points, x, z, i)
        find_biomes(c, points)
        for k in range(n):
            out[i + k] = points.biome[k]
    return out


@kernel
def heights(c: WorldConstants, rivers: RiverField, x: Floats, z: Floats) -> Floats:
    """Return the height of each point in meters."""
    out, points = np.empty(x.size, np.float32), make_points()
    for i in range(0, x.size, LANES):
        n = _load(points, x, z, i)
        find_heights(c, rivers, points)
        out[i : i + n] = points.ground[:n]
    return out


@kernel
def base_heights(c: WorldConstants, x: Floats, z: Floats) -> Floats:
    """Return the normalized base height of each point."""
    out, points = np.empty(x.size, np.float32), make_points()
    for i in range(0, x.size, LANES):
        n = _load(points, x, z, i)
        find_biomes(c, points)
        out[i : i + n] = points.base[:n]
    return out


@kernel
def lavas(c: WorldConstants, x: Floats, z: Floats) -> Floats:
    """Return the share of lava at each point, 0 to 1."""
    out = np.empty(x.size, np.float32)
    for i in range(x.size):
        out[i] = terrain.lava(c, np.float64(x[i]), np.float64(z[i]))
    return out


@kernel
def forests(x: Floats, z: Floats) -> Floats:
    """Return the forest factor of each point."""
    out = np.empty(x.size, np.float32)
    for i in range(x.size):
        out[i] = terrain.forest_factor(np.float64(x[i]), np.float64(z[i]))
    return out


@kernel
def forest_plane(x: Floats, z: Floats) -> Floats:
    """Return the forest factor at each crossing of columns and rows, ``[z, x]``."""
    out = np.empty((z.size, x.size), np.float32)
    for i in range(z.size):
        for j in range(x.size):
            out[i, j] = terrain.forest_factor(np.float64(x[j]), np.float64(z[i]))
    return out
