"""The square grid that every plane of a world is sampled on, and the measures of the world itself.

Row 0 of a plane is its south edge, columns run from west to east: ``plane[z, x]``.
"""

from __future__ import annotations

import dataclasses
from typing import Self

import numpy as np
import numpy.typing as npt

MAP_WIDTH_M = 24576.0
"""Side of the game's own map: 2048 cells of 12 m."""

WORLD_RADIUS_M = 10500.0
"""The edge of the world: beyond it there is only the void."""

VOID_M = -400.0
"""The height of everything beyond the edge of the world, and of nothing within it."""

SEA_LEVEL_M = 30.0
"""Heights below this are under water."""

MIN_SIZE, MAX_SIZE = 64, 8192


class GridError(ValueError):
    """A grid that cannot be made; the message says what to ask for instead."""


@dataclasses.dataclass(frozen=True)
class Grid:
    """A square grid of samples, the same along x (east) and z (north).

    Attributes:
        size: samples along each side.
        cell_m: distance between neighbouring samples in metres.
        first_m: coordinate of the sample in row 0 and of the one in column 0, in metres.
    """

    size: int
    cell_m: float
    first_m: float

    @classmethod
    def of_world(cls, size: int = 2048) -> Self:
        """The grid of ``size`` x ``size`` cells over the whole map, sampled at cell centres.

        Raises:
            GridError: ``size`` is not a whole number from 64 to 8192.
        """
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)):
            raise GridError(f"A grid size is a whole number, not {size!r}.")
        if not MIN_SIZE <= size <= MAX_SIZE:
            raise GridError(f"A grid has {MIN_SIZE} to {MAX_SIZE} cells a side, not {size}.")
        cell_m = MAP_WIDTH_M / size
        return cls(int(size), cell_m, (0 - size / 2) * cell_m + cell_m / 2)

    def coordinates(self) -> npt.NDArray[np.float32]:
        """The world coordinate of every column, and of every row, in metres: float32, ``[size]``."""
        if self.first_m == (0 - self.size / 2) * self.cell_m + self.cell_m / 2:
            steps = np.arange(self.size) - self.size / 2
            return (steps * self.cell_m + self.cell_m / 2).astype(np.float32)
        return (np.arange(self.size) * self.cell_m + self.first_m).astype(np.float32)

    def nearest(self, coordinate_m: float) -> int:
        """The index of the row or column nearest to a coordinate, clipped to the grid."""
        index = round((coordinate_m - self.first_m) / self.cell_m)
        return min(max(index, 0), self.size - 1)

    @property
    def cell_area_km2(self) -> float:
        """The area one sample stands for, in square kilometres."""
        return self.cell_m**2 / 1e6
