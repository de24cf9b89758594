"""Geometry: which ground a picture shows, and the planes of a world resampled to its pixels, north up."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from vwe_dagster.biomes import Biome
from vwe_dagster.extraction.canonical import CanonicalWorld
from vwe_dagster.grid import MAP_WIDTH_M, WORLD_RADIUS_M, Grid

FLOOR_M = -80.0
"""Heights below this are drawn as this: deeper than any sea, so that the void does not bend what lies inside it."""

MAP_PIXELS = 2048
"""Side of the map on its sheet: 12 m a pixel, as on the game's own map."""

THUMBNAIL_PIXELS, THUMBNAIL_WIDTH_M = 256, 21800.0
"""Side of a thumbnail, and the ground it shows: the disc of the world and a little paper."""

Sample = TypeVar("Sample", bound=np.generic)
Coordinate = TypeVar("Coordinate", float, npt.NDArray[np.float32])


@dataclasses.dataclass(frozen=True)
class MapView:
    """A square picture of the ground around the world's centre.

    Pixel coordinates are continuous, ``(column, row)`` from the upper left corner; the pixel in column ``c`` covers
    ``c`` to ``c + 1``. World coordinates are metres, x to the east, z to the north.

    Attributes:
        pixels: pixels along each side.
        width_m: ground along each side.
    """

    pixels: int
    width_m: float = MAP_WIDTH_M

    @property
    def pixel_m(self) -> float:
        """The ground one pixel covers along each side, in metres."""
        return self.width_m / self.pixels

    def to_pixel(self, x_m: Coordinate, z_m: Coordinate) -> tuple[Coordinate, Coordinate]:
        """Where in the picture a point of the world lies, or many points."""
        return self.pixels / 2 + x_m / self.pixel_m, self.pixels / 2 - z_m / self.pixel_m

    def to_world(self, column: Coordinate, row: Coordinate) -> tuple[Coordinate, Coordinate]:
        """The point of the world at a point of the picture, or many points."""
        return (column - self.pixels / 2) * self.pixel_m, (self.pixels / 2 - row) * self.pixel_m

    def disc(self) -> MapView:
        """The middle of the picture, pixel for pixel, cut to what the edge of the world can reach."""
        rim = 2 * math.ceil(WORLD_RADIUS_M / self.pixel_m) + 2
        pixels = rim + (self.pixels - rim) % 2
        return MapView(pixels, pixels * self.pixel_m) if pixels < self.pixels else self

    def centres(self) -> npt.NDArray[np.float32]:
        """World x of the centre of every column; reversed, world z of every row. float32, ``[pixels]``."""
        centres = (np.arange(self.pixels) + 0.5 - self.pixels / 2) * self.pixel_m
        return np.asarray(centres, dtype=np.float32)

    def radius(self) -> npt.NDArray[np.float32]:
        """Distance of the centre of every pixel from the centre of the world, in metres: float32, square."""
        square = np.square(self.centres())
        distance = square[:, None] + square[None, :]
        return np.asarray(np.sqrt(distance, out=distance))


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
    """

    pixel_m: float
    biome: npt.NDArray[np.uint8]
    height: npt.NDArray[np.float32]
    forest: npt.NDArray[np.float32]
    lava: npt.NDArray[np.float32] | None
    radius: npt.NDArray[np.float32]
    inside: npt.NDArray[np.float32]

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
        )


class GridWindow:
    """The part of a grid that a view shows; the outermost samples go on where the view is larger."""

    def __init__(self, grid: Grid, view: MapView) -> None:
        """A window that resamples planes of ``grid`` to the pixels of ``view``."""
        self._grid = grid
        self._view = view
        start = (-view.width_m / 2 - (grid.first_m - grid.cell_m / 2)) / grid.cell_m
        stop = start + view.width_m / grid.cell_m
        self._before = max(0, math.ceil(-start))
        self._after = max(0, math.ceil(stop - grid.size))
        self._start, self._stop = start + self._before, stop + self._before
        self._scale = view.width_m / grid.cell_m / view.pixels
        self._aligned = math.isclose(self._scale, 1) and math.isclose(start, round(start), abs_tol=1e-6)

    def inside(self) -> npt.NDArray[np.float32]:
        """How much of each pixel, 0 to 1, lies within the edge of the world and has samples; not to be written to."""
        return _inside(self._grid, self._view)

    def heights(self, plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """A plane of heights at the pixels, nowhere below :data:`FLOOR_M`."""
        floor_m = np.float32(FLOOR_M)
        return np.maximum(self._cut(plane), floor_m) if self._aligned else self.values(np.maximum(plane, floor_m))

    def values(self, plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """A plane of measures at the pixels: bicubic where they are finer than the grid, else the mean."""
        if self._aligned:
            return self._cut(plane)
        resampling = Image.Resampling.BICUBIC if self._scale < 1 else Image.Resampling.BOX
        return self._resize(self._padded(plane.astype(np.float32, copy=False)), resampling)

    def classes(self, plane: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """A plane of classes at the pixels; where they are finer than the grid, with rounded borders."""
        if self._aligned:
            return self._cut(plane)
        padded = self._padded(plane)
        if self._scale >= 1:
            steps = self._start + (np.arange(self._view.pixels) + 0.5) * self._scale
            columns = np.clip(np.floor(steps), 0, len(padded) - 1).astype(np.intp)
            rows = len(padded) - 1 - columns[::-1]
            return padded[np.ix_(rows, columns)]
        shape = (self._view.pixels, self._view.pixels)
        best, strongest = np.zeros(shape, dtype=np.uint8), np.zeros(shape, dtype=np.uint8)
        for index in np.flatnonzero(np.bincount(plane.ravel(), minlength=len(Biome))):
            share = self._resize((padded == index).view(np.uint8) * np.uint8(255), Image.Resampling.BICUBIC)
            wins = share > strongest
            best[wins] = index
            np.maximum(strongest, share, out=strongest)
        return best

    def _cut(self, plane: npt.NDArray[Sample]) -> npt.NDArray[Sample]:
        """The window of a plane whose samples are the view's pixels."""
        padded = self._padded(plane)
        start = round(self._start)
        north = len(padded) - start - self._view.pixels
        return padded[north : north + self._view.pixels, start : start + self._view.pixels]

    def _padded(self, plane: npt.NDArray[Sample]) -> npt.NDArray[Sample]:
        if not self._before and not self._after:
            return plane[::-1]
        north_first = ((self._after, self._before), (self._before, self._after))
        return np.pad(plane[::-1], north_first, mode="edge")

    def _resize(self, padded: npt.NDArray[Sample], resampling: Image.Resampling) -> npt.NDArray[Sample]:
        side = len(padded)
        box = (self._start, side - self._stop, self._stop, side - self._start)
        clipped = tuple(min(max(edge, 0.0), float(side)) for edge in box)
        size = (self._view.pixels, self._view.pixels)
        return np.asarray(Image.fromarray(padded).resize(size, resampling, box=clipped))  # type: ignore[arg-type]


@functools.lru_cache(maxsize=2)
def _radius(view: MapView) -> npt.NDArray[np.float32]:
    """See :meth:`MapView.radius`; shared by all worlds and not to be written to."""
    radius = view.radius()
    radius.flags.writeable = False
    return radius


@functools.lru_cache(maxsize=2)
def _inside(grid: Grid, view: MapView) -> npt.NDArray[np.float32]:
    """See :meth:`GridWindow.inside`."""
    inside = np.clip((WORLD_RADIUS_M - _radius(view)) / np.float32(view.pixel_m) + np.float32(0.5), 0, 1)
    first_m = grid.first_m - grid.cell_m / 2
    centres = view.centres()
    sampled = (centres >= first_m) & (centres <= first_m + grid.size * grid.cell_m)
    if not sampled.all():
        inside *= sampled[::-1, None] & sampled[None, :]
    inside.flags.writeable = False
    return np.asarray(inside, dtype=np.float32)
