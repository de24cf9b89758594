"""The canonical form of a world: the same arrays and tables for every engine and file format."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vwe_dagster.world.grid import SEA_LEVEL_M, Grid

if TYPE_CHECKING:
    import pandas as pd

RIVER_COLUMNS = {
    "kind": "category",
    "line": "int32",
    "vertex": "int32",
    "x_m": "float32",
    "z_m": "float32",
    "width_m": "float32",
}
"""Columns of the river table: ``kind`` is ``river`` or ``stream``, ``line`` numbers lines of both kinds from 0,
``vertex`` numbers the points of a line; rows are in that order."""


LOCATION_COLUMNS = {
    "prefab": "str",
    "group": "str",
    "x_m": "float32",
    "y_m": "float32",
    "z_m": "float32",
    "radius_m": "float32",
    "placed": "bool",
}
"""Columns of the table of locations: ``prefab`` and ``group`` are the game's names, ``y_m`` is the height, ``radius_m``
the radius of the outer circle, ``placed`` true if the game has built the location because a player was near."""


@dataclasses.dataclass(frozen=True)
class CanonicalWorld:
    """One world in canonical form; planes are ``[z, x]``, south first.

    Attributes:
        grid: the grid of the samples.
        biome: uint8 indices of :class:`vwe_dagster.world.biomes.Biome`.
        height: float32 meters, sea level at 30.
        forest: float32 forest factor; lower is denser.
        lava: float32, from 0, none, to 1, full; None if unknown.
        rivers: see :data:`RIVER_COLUMNS`; None if unknown.
        lakes: columns ``x_m`` and ``z_m``, the points between which rivers run; None if unknown.
        locations: see :data:`LOCATION_COLUMNS`; None if unknown.
    """

    grid: Grid
    biome: npt.NDArray[np.uint8]
    height: npt.NDArray[np.float32]
    forest: npt.NDArray[np.float32]
    lava: npt.NDArray[np.float32] | None = None
    rivers: pd.DataFrame | None = None
    lakes: pd.DataFrame | None = None
    locations: pd.DataFrame | None = None

    @property
    def water(self) -> npt.NDArray[np.bool_]:
        """Return a mask of the cells below sea level, including the void beyond the edge of the world."""
        return np.less(self.height, SEA_LEVEL_M)
