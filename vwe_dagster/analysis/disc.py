"""The measured part of a world: the cells within the edge of the world, and their positions.

The analysis measures the cells whose center is at most 10,500 m from the center of the world. A cell stands for the
whole square of ``cell_m`` around its center, even if the edge of the world cuts the square.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Self

import numpy as np
import numpy.typing as npt

from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import SEA_LEVEL_M, WORLD_RADIUS_M, Grid

Cells = npt.NDArray[np.intp]
"""Cells of a :class:`Disc` by their index in its flattened planes: from south to north, then from west to east."""


@dataclasses.dataclass(frozen=True)
class Disc:
    """The bounding square of the disc, cut out of a world's planes; planes are C-contiguous ``[z, x]``, south first.

    Attributes:
        cell_m: distance between neighboring cells in meters.
        cell_area_km2: the area of a cell.
        coordinates_m: coordinates of the cell centers, the same for rows and columns, float64 ``[side]``.
        inside: whether the cell center is within the edge of the world.
        land: whether the cell is inside and its height is at sea level or above.
        biome: uint8 indices of :class:`vwe_dagster.world.biomes.Biome`.
        height: float32 meters.
    """

    cell_m: float
    cell_area_km2: float
    coordinates_m: npt.NDArray[np.float64]
    inside: npt.NDArray[np.bool_]
    land: npt.NDArray[np.bool_]
    biome: npt.NDArray[np.uint8]
    height: npt.NDArray[np.float32]

    @classmethod
    def of_world(cls, world: CanonicalWorld) -> Self:
        """Cut the disc out of a world; if the grid does not reach the disc, the planes have no cells."""
        return cls.of_planes(world.grid, world.biome, world.height)

    @classmethod
    def of_planes(cls, grid: Grid, biome: npt.NDArray[np.uint8], height: npt.NDArray[np.float32]) -> Self:
        """Cut the disc out of planes ``[z, x]`` on a grid."""
        span, coordinates_m, inside = _within_edge(grid)
        heights = np.array(height[span, span], order="C")
        return cls(
            cell_m=grid.cell_m,
            cell_area_km2=grid.cell_area_km2,
            coordinates_m=coordinates_m,
            inside=inside,
            land=inside & ~(heights < SEA_LEVEL_M),
            biome=np.array(biome[span, span], order="C"),
            height=heights,
        )

    def x_m(self, cells: Cells) -> npt.NDArray[np.float64]:
        """Return the distance of each cell to the east of the center of the world, in meters."""
        return self.coordinates_m[cells % self.coordinates_m.size]

    def z_m(self, cells: Cells) -> npt.NDArray[np.float64]:
        """Return the distance of each cell to the north of the center of the world, in meters."""
        return self.coordinates_m[cells // self.coordinates_m.size]

    def distance_m(self, cells: Cells) -> npt.NDArray[np.float64]:
        """Return the distance of each cell from the center of the world, in meters."""
        return np.sqrt(self.z_m(cells) ** 2 + self.x_m(cells) ** 2)

    def bearing_deg(self, cells: Cells) -> npt.NDArray[np.float64]:
        """Return the compass bearing of each cell from the center of the world, see :func:`bearing_deg`."""
        return bearing_deg(self.x_m(cells), self.z_m(cells))


@functools.lru_cache(maxsize=2)
def _within_edge(grid: Grid) -> tuple[slice, npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return the rows and columns that reach the disc, their coordinates, and which of their cells are inside."""
    grid_m = grid.coordinates().astype(np.float64)
    reached = np.flatnonzero(np.abs(grid_m) <= WORLD_RADIUS_M)
    span = slice(reached[0], reached[-1] + 1) if reached.size else slice(0)
    coordinates_m = grid_m[span]
    inside = coordinates_m[:, np.newaxis] ** 2 + coordinates_m**2 <= WORLD_RADIUS_M**2
    for array in (coordinates_m, inside):
        array.flags.writeable = False
    return span, coordinates_m, inside


def bearing_deg(x_m: npt.NDArray[np.float64], z_m: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the compass bearing of points from the center of the world.

    Degrees clockwise from north, 0 included and 360 excluded: 90 is due east. The bearing of the center itself is 0.
    """
    # The first remainder of a tiny negative angle rounds to 360, and the second one converts that to 0.
    return np.degrees(np.arctan2(x_m, z_m)) % 360 % 360
