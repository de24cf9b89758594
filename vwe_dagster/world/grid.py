"""The square grid on which every plane of a world is sampled, and the dimensions of the world.

Row 0 of a plane is its south edge, and columns run from west to east: ``plane[z, x]``.
"""

from __future__ import annotations

import dataclasses
from typing import Self

import numpy as np
import numpy.typing as npt

MAP_WIDTH_M = 24576.0
"""Side of the game's own map: 2048 cells of 12 m."""

WORLD_RADIUS_M = 10500.0
"""Radius of the world; beyond it is only the void."""

VOID_M = -400.0
"""The height of all ground beyond the edge of the world; no ground within it is as low."""

SEA_LEVEL_M = 30.0
"""Sea level; lower ground is under water."""

MIN_SIZE, MAX_SIZE = 64, 8192


class GridError(ValueError):
    """Invalid dimensions of a grid; the message has the valid range."""


@dataclasses.dataclass(frozen=True)
class Grid:
    """A square grid of samples, with the same coordinates along x (east) and z (north).

    Attributes:
        size: samples along each side.
        cell_m: distance between neighboring samples in meters.
        first_m: coordinate of row 0 and of column 0 in meters.
    """

    size: int
    cell_m: float
    first_m: float

    @classmethod
    def of_world(cls, size: int = 2048) -> Self:
        """Return the grid of ``size`` x ``size`` cells over the whole map, sampled at cell centers.

        Raises:
            GridError: ``size`` is not a whole number from 64 to 8192.
        """
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)):
            raise GridError(f"Invalid grid size {size!r}; it must be a whole number.")
        if not MIN_SIZE <= size <= MAX_SIZE:
            raise GridError(f"Invalid grid size {size}; choose {MIN_SIZE} to {MAX_SIZE} cells a side.")
        cell_m = MAP_WIDTH_M / size
        return cls(int(size), cell_m, (0 - size / 2) * cell_m + cell_m / 2)

    def coordinates(self) -> npt.NDArray[np.float32]:
        """Return the coordinates of the columns, which are also those of the rows, in meters: float32, ``[size]``."""
        if self.first_m == (0 - self.size / 2) * self.cell_m + self.cell_m / 2:
            steps = np.arange(self.size) - self.size / 2
            return (steps * self.cell_m + self.cell_m / 2).astype(np.float32)
        return (np.arange(self.size) * self.cell_m + self.first_m).astype(np.float32)

    def nearest(self, coordinate_m: float) -> int:
        """Return the index of the row or column nearest to a coordinate, clipped to the grid."""
        index = round((coordinate_m - self.first_m) / self.cell_m)
        return min(max(index, 0), self.size - 1)

    @property
    def cell_area_km2(self) -> float:
        """Return the area of one sample in square kilometers."""
        return self.cell_m**2 / 1e6
