"""The size of the pictures of a world: the ground depends on its grid, and text stays legible."""

from __future__ import annotations

import dataclasses
import math
from typing import Self

from vwe_dagster.rendering.view import MAP_PIXELS, MapView
from vwe_dagster.world.grid import MAP_WIDTH_M, Grid

PIXELS_A_CELL = 4
"""Pixels of map along a cell of the grid at most: more would only smooth what the samples show."""

MIN_PIXELS, MAX_PIXELS = 256, 4096
"""Pixels of map along each side of the smallest and the largest sheet."""

DETAILED_M = 24.0
"""The largest pixels, in meters, that show symbols and water lines."""

MIN_SCALE = 0.5
"""The smallest scale of frames, plates and marks. Their type is 11 pixels high there, the smallest legible size."""


@dataclasses.dataclass(frozen=True)
class PictureSize:
    """The size of the pictures of one world.

    A sheet is laid out in units, of which the map has 2048 or fewer along each side. A unit is :attr:`scale` pixels.

    Attributes:
        pixels: pixels of the map along each side.
    """

    pixels: int

    @classmethod
    def of_grid(cls, grid: Grid, pixels: int | None = None) -> Self:
        """Return the size of the pictures of a world.

        Args:
            grid: grid of the world; its cells get four pixels along each side, its map 2048 at most.
            pixels: pixels of the map along each side, from 256 to 4096, instead of the size for the grid.

        Raises:
            ValueError: ``pixels`` is out of range.
        """
        if pixels is None:
            cells = math.ceil(MAP_WIDTH_M / grid.cell_m - 1e-6)
            return cls(max(MIN_PIXELS, min(MAP_PIXELS, PIXELS_A_CELL * cells)))
        if not MIN_PIXELS <= pixels <= MAX_PIXELS:
            raise ValueError(f"Invalid map size {pixels}; choose {MIN_PIXELS} to {MAX_PIXELS} pixels along a side.")
        return cls(pixels)

    @property
    def scale(self) -> float:
        """Pixels per unit."""
        return max(MIN_SCALE, self.pixels / MAP_PIXELS)

    @property
    def view(self) -> MapView:
        """The view of the map in units."""
        return MapView(round(self.pixels / self.scale))

    @property
    def is_detailed(self) -> bool:
        """True if symbols and water lines are legible and not just noise."""
        return self.ground.pixel_m <= DETAILED_M

    @property
    def ground(self) -> MapView:
        """The view of the painted part of the map in pixels: the square around the edge of the world."""
        return MapView(self.pixels).disc()
