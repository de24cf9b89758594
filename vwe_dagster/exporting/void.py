"""The edge of the world, for formats that treat the void beyond it differently from the ground."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import VOID_M


def inside(world: CanonicalWorld) -> npt.NDArray[np.bool_]:
    """Return a mask ``[z, x]``, true for every cell but the void."""
    return np.not_equal(world.height, np.float32(VOID_M))
