"""Loops of the plain transcription over many points; every fast kernel must equal them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import kernel
from vwe_dagster.worldgen import World, terrain
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.river_field import RiverField

Floats = npt.NDArray[np.float32]


@kernel
def _points(
    c: WorldConstants, rivers: RiverField, x: Floats, z: Floats
) -> tuple[npt.NDArray[np.uint8], Floats, Floats, Floats]:
    biome, base = np.empty(x.size, np.uint8), np.empty(x.size, np.float32)
    height, lava = np.empty(x.size, np.float32), np.empty(x.size, np.float32)
    for i in range(x.size):
        xi, zi = np.float64(x[i]), np.float64(z[i])
        base[i] = terrain.base_height(c, xi, zi)
        biome[i] = terrain.biome(c, xi, zi, np.float64(base[i]))
        height[i] = terrain.height(c, rivers, xi, zi)
        lava[i] = terrain.lava(c, xi, zi)
    return biome, base, height, lava


def plain_points(world: World, x: Floats, z: Floats) -> tuple[npt.NDArray[np.uint8], Floats, Floats, Floats]:
    """Return the biome, base height, height and lava of points, computed point by point."""
    field = world._waters.field  # noqa: SLF001
    shape = np.shape(x)
    planes = _points(world.constants, field, np.ravel(x), np.ravel(z))
    return tuple(plane.reshape(shape) for plane in planes)  # type: ignore[return-value]


def scatter(seed: int, count: int = 6000) -> tuple[Floats, Floats]:
    """Return points of a whole world, and a quarter as many of its center and of its rim, float32 meters."""
    random = np.random.default_rng(seed & 0xFFFF)
    bearing, far = random.uniform(0, 2 * np.pi, count // 4), random.uniform(9900, 10600, count // 4)
    rim = np.stack((far * np.cos(bearing), far * np.sin(bearing)), axis=1)
    points = [random.uniform(-10500, 10500, (count, 2)), random.uniform(-1600, 1600, (count // 4, 2)), rim]
    x, z = np.concatenate(points).astype(np.float32).T
    return np.ascontiguousarray(x), np.ascontiguousarray(z)
