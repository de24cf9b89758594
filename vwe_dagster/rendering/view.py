"""Geometry: which ground a picture shows, and the planes of a world resampled to its pixels, north up."""

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
"""Heights below this are drawn as this: deeper than any sea, so that the void does not bend what lies inside it."""

MAP_PIXELS = 2048
"""Side of the map on its sheet: 12 m a pixel, as on the game's own map."""

_LOOKED_AT = 3
"""Samples that bicubic resampling looks at beyond those it lies between."""

THUMBNAIL_PIXELS, THUMBNAIL_WIDTH_M = 256, 21800.0
"""Side of a thumbnail, and the ground it shows: the disc of the world and a little paper."""

Sample = TypeVar("Sample", bound=np.generic)
Coordinate = TypeVar("Coordinate", float, npt.NDArray[np.float32], npt.NDArray[np.float64])


@dataclasses.dataclass(frozen=True)
class MapView:
    """A square picture of the ground, around the world's centre or another place.

    Pixel coordinates are continuous, ``(column, row)`` from the upper left corner; the pixel in column ``c`` covers
    ``c`` to ``c + 1``. World coordinates are metres, x to the east, z to the north.

    Attributes:
        pixels: pixels along each side.
        width_m: ground along each side.
        east_m, north_m: where the middle of the picture lies, from the world's centre.
    """

    pixels: int
    width_m: float = MAP_WIDTH_M
    east_m: float = 0.0
    north_m: float = 0.0

    @property
    def pixel_m(self) -> float:
        """The ground one pixel covers along each side, in metres."""
        return self.width_m / self.pixels

    def to_pixel(self, x_m: Coordinate, z_m: Coordinate) -> tuple[Coordinate, Coordinate]:
        """Where in the picture a point of the world lies, or many points."""
        column = self.pixels / 2 + (x_m - self.east_m) / self.pixel_m
        return column, self.pixels / 2 - (z_m - self.north_m) / self.pixel_m

    def to_world(self, column: Coordinate, row: Coordinate) -> tuple[Coordinate, Coordinate]:
        """The point of the world at a point of the picture, or many points."""
        x_m = (column - self.pixels / 2) * self.pixel_m + self.east_m
        return x_m, (self.pixels / 2 - row) * self.pixel_m + self.north_m

    def disc(self) -> MapView:
        """The middle of a picture of the world, pixel for pixel, cut to what the edge of the world can reach."""
        rim = 2 * math.ceil(WORLD_RADIUS_M / self.pixel_m) + 2
        pixels = rim + (self.pixels - rim) % 2
        return MapView(pixels, pixels * self.pixel_m) if pixels < self.pixels else self

    def centers(self) -> npt.NDArray[np.float32]:
        """World x of the centre of every column: float32, ``[pixels]``."""
        return np.asarray(self._from_middle() + self.east_m, dtype=np.float32)

    def row_centers(self) -> npt.NDArray[np.float32]:
        """World z of the centre of every row, north first: float32, ``[pixels]``."""
        return np.asarray(self.north_m - self._from_middle(), dtype=np.float32)

    def radius(self) -> npt.NDArray[np.float32]:
        """Distance of the centre of every pixel from the centre of the world, in metres: float32, square."""
        distance = np.square(self.row_centers())[:, None] + np.square(self.centers())[None, :]
        return np.asarray(np.sqrt(distance, out=distance))

    def inside(self) -> npt.NDArray[np.float32]:
        """How much of each pixel, 0 to 1, lies within the edge of the world: float32, square."""
        share = (WORLD_RADIUS_M - _radius(self)) / np.float32(self.pixel_m) + np.float32(0.5)
        return np.asarray(np.clip(share, 0, 1, out=share))

    def first_pixel(self) -> tuple[int, int]:
        """Row and column of the first pixel on the whole map at this scale, the nearest."""
        row, column = MAP_WIDTH_M / 2 - self.north_m, MAP_WIDTH_M / 2 + self.east_m
        return round(row / self.pixel_m - self.pixels / 2), round(column / self.pixel_m - self.pixels / 2)

    def _from_middle(self) -> npt.NDArray[np.float64]:
        return np.asarray((np.arange(self.pixels) + 0.5 - self.pixels / 2) * self.pixel_m, dtype=np.float64)


@dataclasses.dataclass(frozen=True)
class MapPlanes:
    """Planes of a world as a picture needs them: row 0 is the north edge, one sample a pixel.

    Attributes:
        pixel_m: ground along the side of a pixel, in metres.
        biome: uint8 biome indices.
        height: float32 metres, nowhere below :data:`FLOOR_M`.
        forest: float32 forest factor.
        lava: float32, 0 to 1, or None where the world does not tell.
        radius: float32 distance from the world's centre in metres.
        inside: float32, how much of a pixel belongs to the world, 0 to 1.
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
        """The planes of a world, resampled from its grid to the pixels of a view."""
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
    """The part of a grid that a view shows; the outermost samples go on where the view is larger.

    Rows and columns are counted from the north-west corner of the grid, in samples.
    """

    def __init__(self, grid: Grid, view: MapView) -> None:
        """A window that resamples planes of ``grid`` to the pixels of ``view``."""
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
        """How much of each pixel, 0 to 1, lies within the edge of the world and has samples; not to be written to."""
        return _inside(self._grid, self._view)

    def heights(self, plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """A plane of heights at the pixels, nowhere below :data:`FLOOR_M`."""
        return self._measured(plane, np.float32(FLOOR_M))

    def values(self, plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """A plane of measures at the pixels: bicubic where they are finer than the grid, else the mean."""
        return self._measured(plane, None)

    def classes(self, plane: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """A plane of classes at the pixels; where they are finer than the grid, with rounded borders."""
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
        """The window of a plane whose samples are the view's pixels."""
        part = self._part(plane)
        north, west = (round(cut.start) for cut in self._cuts)
        return part[north : north + self._view.pixels, west : west + self._view.pixels]

    def _part(self, plane: npt.NDArray[Sample]) -> npt.NDArray[Sample]:
        """The samples that the view needs, north first."""
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
        before, after: how often the outermost samples are repeated.
        start, stop: where the view begins and ends, counted from the first sample with those repeated.
    """

    first: int
    last: int
    before: int
    after: int
    start: float
    stop: float

    @classmethod
    def around(cls, start: float, length: float, size: int) -> _Cut:
        """The samples from ``start`` on, with as many more at both ends as resampling looks at."""
        stop = start + length
        whole = math.floor(start) - _LOOKED_AT, math.ceil(stop) + _LOOKED_AT
        first, last = (min(max(end, low), high) for end, low, high in zip(whole, (0, 1), (size - 1, size), strict=True))
        # Repeated samples are only needed where the view itself has none.
        before = max(0, first - max(whole[0], math.floor(start)))
        after = max(0, min(whole[1], math.ceil(stop)) - last)
        begin = first - before
        return cls(first, last, before, after, max(start - begin, 0.0), stop - begin)

    def nearest(self, pixels: int, scale: float) -> npt.NDArray[np.intp]:
        """The sample at the middle of every pixel."""
        steps = np.floor(self.start + (np.arange(pixels) + 0.5) * scale)
        last = self.before + self.last - self.first + self.after - 1
        return np.asarray(np.clip(steps, 0, last), dtype=np.intp)


@functools.lru_cache(maxsize=2)
def _radius(view: MapView) -> npt.NDArray[np.float32]:
    """See :meth:`MapView.radius`; shared by all worlds and not to be written to."""
    radius = view.radius()
    radius.flags.writeable = False
    return radius


@functools.lru_cache(maxsize=2)
def _inside(grid: Grid, view: MapView) -> npt.NDArray[np.float32]:
    """See :meth:`GridWindow.inside`."""
    inside = view.inside()
    first_m = grid.first_m - grid.cell_m / 2
    end_m = first_m + grid.size * grid.cell_m
    rows, columns = ((centers >= first_m) & (centers <= end_m) for centers in (view.row_centers(), view.centers()))
    if not (rows.all() and columns.all()):
        inside *= rows[:, None] & columns[None, :]
    inside.flags.writeable = False
    return inside
