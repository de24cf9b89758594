"""Geometry: the ground that a picture shows, and the planes of a world resampled to its pixels, north up."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import MAP_WIDTH_M, WORLD_RADIUS_M, Grid

FLOOR_M = -80.0
"""Lowest drawn height: lower than any sea bed, but high enough that the void does not distort resampled ground."""

MAP_PIXELS = 2048
"""Side of the map on its sheet: 12 m per pixel, as on the game's own map."""

_LOOKED_AT = 3
"""Samples that bicubic resampling reads on each side beyond the nearest."""

THUMBNAIL_PIXELS, THUMBNAIL_WIDTH_M = 256, 21050.0
"""Side of a thumbnail, and the ground it shows: the disc of the world up to its edge."""

Sample = TypeVar("Sample", bound=np.generic)
Coordinate = TypeVar("Coordinate", float, npt.NDArray[np.float32], npt.NDArray[np.float64])


@dataclasses.dataclass(frozen=True)
class MapView:
    """A square view of the ground, around the world's center or another place.

    Pixel coordinates are continuous, ``(column, row)`` from the upper left corner; the pixel in column ``c`` covers
    ``c`` to ``c + 1``. World coordinates are meters, x to the east, z to the north.

    Attributes:
        pixels: pixels along each side.
        width_m: ground along each side.
        east_m, north_m: the middle of the view, from the world's center.
    """

    pixels: int
    width_m: float = MAP_WIDTH_M
    east_m: float = 0.0
    north_m: float = 0.0

    @property
    def pixel_m(self) -> float:
        """Ground along the side of a pixel, in meters."""
        return self.width_m / self.pixels

    def to_pixel(self, x_m: Coordinate, z_m: Coordinate) -> tuple[Coordinate, Coordinate]:
        """Return the pixel coordinates of a point of the world, or of many points."""
        column = self.pixels / 2 + (x_m - self.east_m) / self.pixel_m
        return column, self.pixels / 2 - (z_m - self.north_m) / self.pixel_m

    def to_world(self, column: Coordinate, row: Coordinate) -> tuple[Coordinate, Coordinate]:
        """Return the world coordinates of a point of the picture, or of many points."""
        x_m = (column - self.pixels / 2) * self.pixel_m + self.east_m
        return x_m, (self.pixels / 2 - row) * self.pixel_m + self.north_m

    def disc(self) -> MapView:
        """Return the middle of a view of the world at the same scale, cut to the edge of the world."""
        rim = 2 * math.ceil(WORLD_RADIUS_M / self.pixel_m) + 2
        pixels = rim + (self.pixels - rim) % 2
        return MapView(pixels, pixels * self.pixel_m) if pixels < self.pixels else self

    def centers(self) -> npt.NDArray[np.float32]:
        """Return the world x of the center of every column: float32, ``[pixels]``."""
        return np.asarray(self._from_middle() + self.east_m, dtype=np.float32)

    def row_centers(self) -> npt.NDArray[np.float32]:
        """Return the world z of the center of every row, north first: float32, ``[pixels]``."""
        return np.asarray(self.north_m - self._from_middle(), dtype=np.float32)

    def radius(self) -> npt.NDArray[np.float32]:
        """Return the distance of every pixel's center from the center of the world, in meters: float32, square."""
        distance = np.square(self.row_centers())[:, None] + np.square(self.centers())[None, :]
        return np.asarray(np.sqrt(distance, out=distance))

    def inside(self) -> npt.NDArray[np.float32]:
        """Return the share of each pixel, 0 to 1, that is within the edge of the world: float32, square."""
        share = (WORLD_RADIUS_M - _radius(self)) / np.float32(self.pixel_m) + np.float32(0.5)
        return np.asarray(np.clip(share, 0, 1, out=share))

    def first_pixel(self) -> tuple[int, int]:
        """Return row and column of the first pixel in a view of the whole map at this scale, rounded."""
        row, column = MAP_WIDTH_M / 2 - self.north_m, MAP_WIDTH_M / 2 + self.east_m
        return round(row / self.pixel_m - self.pixels / 2), round(column / self.pixel_m - self.pixels / 2)

    def _from_middle(self) -> npt.NDArray[np.float64]:
        return np.asarray((np.arange(self.pixels) + 0.5 - self.pixels / 2) * self.pixel_m, dtype=np.float64)


@dataclasses.dataclass(frozen=True)
class MapPlanes:
    """Planes of a world for a picture: row 0 is the north edge, one sample per pixel.

    Attributes:
        pixel_m: ground along the side of a pixel, in meters.
        biome: uint8 biome indices.
        height: float32 meters, at least :data:`FLOOR_M`.
        forest: float32 forest factor.
        lava: float32, 0 to 1, or None if unknown.
        radius: float32 distance from the world's center in meters.
        inside: float32, share of a pixel that belongs to the world, 0 to 1.
        first_pixel: row and column of the first sample among those of the whole map, see :meth:`MapView.first_pixel`.
    """

    pixel_m: float
    biome: npt.NDArray[np.uint8]
    height: npt.NDArray[np.float32]
    forest: npt.NDArray[np.float32]
    lava: npt.NDArray[np.float32] | None
    radius: npt.NDArray[np.float32]
    inside: npt.NDArray[np.float32]
    first_pixel: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, world: CanonicalWorld, view: MapView) -> MapPlanes:
        """Return the planes of a world, resampled from its grid to the pixels of a view."""
        window = GridWindow(world.grid, view)
        return cls(
            pixel_m=view.pixel_m,
            biome=window.classes(world.biome),
            height=window.heights(world.height),
            forest=window.values(world.forest),
            lava=None if world.lava is None else window.values(world.lava),
            radius=_radius(view),
            inside=window.inside(),
            first_pixel=view.first_pixel(),
        )


class GridWindow:
    """The part of a grid that a view shows; the outermost samples are repeated where the view is larger.

    Rows and columns are counted from the north-west corner of the grid, in samples.
    """

    def __init__(self, grid: Grid, view: MapView) -> None:
        """Prepare to resample planes of ``grid`` to the pixels of ``view``."""
        self._grid = grid
        self._view = view
        cell_m, first_m = grid.cell_m, grid.first_m - grid.cell_m / 2
        reach_m, beyond_m = view.width_m / 2, first_m + grid.size * cell_m
        self._scale = view.pixel_m / cell_m
        corner = (beyond_m - view.north_m - reach_m) / cell_m, (view.east_m - reach_m - first_m) / cell_m
        self._aligned = math.isclose(self._scale, 1) and all(
            math.isclose(start, round(start), abs_tol=1e-6) for start in corner
        )
        self._cuts = [_Cut.around(start, view.width_m / cell_m, grid.size) for start in corner]

    def inside(self) -> npt.NDArray[np.float32]:
        """Return the share of each pixel, 0 to 1, that is within the edge of the world and has samples; read-only."""
        return _inside(self._grid, self._view)

    def heights(self, plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return a plane of heights at the pixels, at least :data:`FLOOR_M`."""
        return self._measured(plane, np.float32(FLOOR_M))

    def values(self, plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return a plane of numbers at the pixels: bicubic if these are finer than the grid, else the mean."""
        return self._measured(plane, None)

    def classes(self, plane: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return a plane of classes at the pixels; if these are finer than the grid, with rounded borders."""
        if self._aligned:
            return self._pixel_for_pixel(plane)
        part = self._part(plane)
        if self._scale >= 1:
            rows, columns = (cut.nearest(self._view.pixels, self._scale) for cut in self._cuts)
            return part[np.ix_(rows, columns)]
        shape = (self._view.pixels, self._view.pixels)
        present = np.flatnonzero(np.bincount(part.ravel(), minlength=len(Biome)))
        if len(present) == 1:
            return np.full(shape, present[0], dtype=np.uint8)
        best, strongest = np.zeros(shape, dtype=np.uint8), np.zeros(shape, dtype=np.uint8)
        for index in present:
            share = self._resize((part == index).view(np.uint8) * np.uint8(255), Image.Resampling.BICUBIC)
            wins = share > strongest
            best[wins] = index
            np.maximum(strongest, share, out=strongest)
        return best

    def _measured(self, plane: npt.NDArray[np.float32], lowest: np.float32 | None) -> npt.NDArray[np.float32]:
        part = self._pixel_for_pixel(plane) if self._aligned else self._part(plane).astype(np.float32, copy=False)
        if lowest is not None:
            part = np.maximum(part, lowest)
        if self._aligned:
            return part
        return self._resize(part, Image.Resampling.BICUBIC if self._scale < 1 else Image.Resampling.BOX)

    def _pixel_for_pixel(self, plane: npt.NDArray[Sample]) -> npt.NDArray[Sample]:
        """Return the window of a plane whose samples are the view's pixels."""
        part = self._part(plane)
        north, west = (round(cut.start) for cut in self._cuts)
        return part[north : north + self._view.pixels, west : west + self._view.pixels]

    def _part(self, plane: npt.NDArray[Sample]) -> npt.NDArray[Sample]:
        """Return the samples that the view needs, north first."""
        rows, columns = self._cuts
        part = plane[::-1][rows.first : rows.last, columns.first : columns.last]
        padding = ((rows.before, rows.after), (columns.before, columns.after))
        return np.pad(part, padding, mode="edge") if any(map(any, padding)) else part

    def _resize(self, part: npt.NDArray[Sample], resampling: Image.Resampling) -> npt.NDArray[Sample]:
        rows, columns = self._cuts
        height, width = part.shape
        box = (columns.start, rows.start, min(columns.stop, width), min(rows.stop, height))
        size = (self._view.pixels, self._view.pixels)
        return np.asarray(Image.fromarray(part).resize(size, resampling, box=box))


@dataclasses.dataclass(frozen=True)
class _Cut:
    """The samples along one side of a grid that a view needs.

    Attributes:
        first, last: the first sample, and the one after the last.
        before, after: number of repetitions of the outermost samples.
        start, stop: start and end of the view, counted from the first sample including repetitions.
    """

    first: int
    last: int
    before: int
    after: int
    start: float
    stop: float

    @classmethod
    def around(cls, start: float, length: float, size: int) -> _Cut:
        """Return the samples from ``start`` on, and as many more at both ends as resampling reads."""
        stop = start + length
        whole = math.floor(start) - _LOOKED_AT, math.ceil(stop) + _LOOKED_AT
        first, last = (min(max(end, low), high) for end, low, high in zip(whole, (0, 1), (size - 1, size), strict=True))
        # Samples are repeated only where the view itself has none.
        before = max(0, first - max(whole[0], math.floor(start)))
        after = max(0, min(whole[1], math.ceil(stop)) - last)
        begin = first - before
        return cls(first, last, before, after, max(start - begin, 0.0), stop - begin)

    def nearest(self, pixels: int, scale: float) -> npt.NDArray[np.intp]:
        """Return the sample at the middle of every pixel."""
        steps = np.floor(self.start + (np.arange(pixels) + 0.5) * scale)
        last = self.before + self.last - self.first + self.after - 1
        return np.asarray(np.clip(steps, 0, last), dtype=np.intp)


@functools.lru_cache(maxsize=2)
def _radius(view: MapView) -> npt.NDArray[np.float32]:
    """Return :meth:`MapView.radius`, shared by all worlds and read-only."""
    radius = view.radius()
    radius.flags.writeable = False
    return radius


@functools.lru_cache(maxsize=2)
def _inside(grid: Grid, view: MapView) -> npt.NDArray[np.float32]:
    """Return :meth:`GridWindow.inside`."""
    inside = view.inside()
    first_m = grid.first_m - grid.cell_m / 2
    end_m = first_m + grid.size * grid.cell_m
    rows, columns = ((centers >= first_m) & (centers <= end_m) for centers in (view.row_centers(), view.centers()))
    if not (rows.all() and columns.all()):
        inside *= rows[:, None] & columns[None, :]
    inside.flags.writeable = False
    return inside
