"""Loops of the plain transcription over many points; benchmarks compare the fast kernels with them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import kernel
from vwe_dagster.worldgen import terrain
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.river_field import RiverField
from vwe_dagster.worldgen.sampling import Floats


@kernel
def plain_biomes(c: WorldConstants, x: Floats, z: Floats) -> npt.NDArray[np.uint8]:
    """Return the biome index of each point."""
    out = np.empty(x.size, np.uint8)
    for i in range(x.size):
        xi, zi = np.float64(x[i]), np.float64(z[i])
        out[i] = terrain.biome(c, xi, zi, terrain.base_height(c, xi, zi))
    return out


@kernel
def plain_heights(c: WorldConstants, rivers: RiverField, x: Floats, z: Floats) -> Floats:
    """Return the height of each point in meters."""
    out = np.empty(x.size, np.float32)
    for i in range(x.size):
        out[i] = terrain.height(c, rivers, np.float64(x[i]), np.float64(z[i]))
    return out
