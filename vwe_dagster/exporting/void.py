"""Where a world ends, for formats that tell the void from the ground."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import VOID_M


def inside(world: CanonicalWorld) -> npt.NDArray[np.bool_]:
    """Which cells are of the world, ``[z, x]``: all but the void."""
    return np.not_equal(world.height, np.float32(VOID_M))
