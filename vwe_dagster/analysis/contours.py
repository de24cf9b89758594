"""Contour lines of a world: lines of equal height, at a chosen interval from the shore up and down."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal, cast

import numpy as np
import numpy.typing as npt
import shapely
from contourpy import LineType, contour_generator

from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import SEA_LEVEL_M, WORLD_RADIUS_M

INTERVAL_M, TOLERANCE_M = 25.0, 1.0
"""The interval and the tolerance where none is chosen."""

MIN_INTERVAL_M = 1.0
"""The least interval. On half of all land the ground rises by 2 m or more from one sample of 12 m to the next: finer
lines would show nothing but how the samples are joined, in files of more than 100 MB."""

MAX_TOLERANCE_M = 100.0
"""The greatest tolerance: beyond it lines would cross their neighbours, and islands lose their shape."""

INDEX_EVERY = 5
"""Every so many lines, counted from the shore, one is an index contour."""

RIM_M = WORLD_RADIUS_M - 10
"""Where the ground begins to fall into the void, as seen from the centre of the world."""

Points = npt.NDArray[np.float64]
Offsets = npt.NDArray[np.uint32]


class ContourError(ValueError):
    """Contours that cannot be drawn; the message says what to ask for instead."""


@dataclasses.dataclass(frozen=True)
class Contour:
    """All lines of one height.

    Attributes:
        height_m: their height.
        number: how many intervals that is above the shore; negative in the sea.
        lines: each float64 ``[vertex, 2]``, x and z in metres; a closed line ends with the point it begins with. Higher
            ground lies to the left.
    """

    height_m: float
    number: int
    lines: tuple[Points, ...]

    @property
    def is_index(self) -> bool:
        """Whether it is one of every five that are drawn stronger."""
        return self.number % INDEX_EVERY == 0

    @property
    def kind(self) -> Literal["sea", "shore", "land"]:
        """Where it lies."""
        return "shore" if self.number == 0 else "land" if self.number > 0 else "sea"


@dataclasses.dataclass(frozen=True)
class Contours:
    """The contours of a world, the lowest first; heights without a line are left out.

    Attributes:
        interval_m: height from one to the next; one of them is the shore, at 30 m.
        tolerance_m: no line is further than this from where it was before it was simplified.
        contours: the lines.
    """

    interval_m: float
    tolerance_m: float
    contours: tuple[Contour, ...]


def trace_contours(world: CanonicalWorld, interval_m: float = INTERVAL_M, tolerance_m: float = TOLERANCE_M) -> Contours:
    """Traces the contour lines of a world by marching squares.

    In each square between four neighbouring samples, a line runs straight between the points where the height, linear
    along the square's sides, is that of the line; every vertex lies on such a side. Only squares within 10,490 m of
    the centre of the world count, with all four corners: beyond, the ground falls into the void. Lines that reach the
    rim end there, within a square of it. Lines are then simplified (Douglas and Peucker, Cartographica 10, 1973,
    p. 112), by which they lose vertices and never gain any; rings that are smaller than the tolerance are left out.

    Args:
        world: on any grid.
        interval_m: at least :data:`MIN_INTERVAL_M`.
        tolerance_m: 0 to 100 m; 0 keeps every vertex.

    Raises:
        ContourError: the interval or the tolerance is out of its bounds.
    """
    if not math.isfinite(interval_m):
        raise ContourError(
            f"Contours are drawn every {MIN_INTERVAL_M:g} m or more, not every {interval_m:g} m. Name a number."
        )
    if interval_m < MIN_INTERVAL_M:
        raise ContourError(
            f"Contours are drawn every {MIN_INTERVAL_M:g} m or more, not every {interval_m:g} m: the samples of the "
            f"ground do not tell finer lines apart, and their file would be huge. Choose another interval."
        )
    if not 0 <= tolerance_m <= MAX_TOLERANCE_M:
        raise ContourError(
            f"Lines are simplified by 0 to {MAX_TOLERANCE_M:g} m, not by {tolerance_m:g} m: more, and they would cross "
            f"each other. Choose a tolerance in between."
        )
    at_m, heights = _ground(world)
    if heights.size == 0 or heights.count() == 0:
        return Contours(interval_m, tolerance_m, ())
    generator = contour_generator(
        at_m, at_m, heights, name="serial", corner_mask=False, line_type=LineType.ChunkCombinedOffset
    )
    first = math.ceil((float(heights.min()) - SEA_LEVEL_M) / interval_m)
    last = math.floor((float(heights.max()) - SEA_LEVEL_M) / interval_m)
    contours = []
    for number in range(first, last + 1):
        height_m = SEA_LEVEL_M + number * interval_m
        # All lines of a height are one chunk of points.
        ((points,), (offsets,)) = cast("tuple[list[Points | None], list[Offsets | None]]", generator.lines(height_m))
        if points is not None and offsets is not None:
            lines = _simplified(points, offsets, tolerance_m)
            if lines:
                contours.append(Contour(height_m, number, lines))
    return Contours(interval_m, tolerance_m, tuple(contours))


def _ground(world: CanonicalWorld) -> tuple[Points, np.ma.MaskedArray[tuple[int, int], np.dtype[np.float64]]]:
    """Coordinates and heights of the samples about the disc of the world; those beyond its rim are masked."""
    at_m = world.grid.coordinates().astype(np.float64)
    reached = np.flatnonzero(np.abs(at_m) <= RIM_M)
    span = slice(reached[0], reached[-1] + 1) if reached.size > 1 else slice(0)
    at_m = at_m[span]
    beyond = np.square(at_m)[:, np.newaxis] + np.square(at_m) > RIM_M**2
    return at_m, np.ma.masked_array(world.height[span, span].astype(np.float64), beyond)


def _simplified(points: Points, offsets: Offsets, tolerance_m: float) -> tuple[Points, ...]:
    """The lines between offsets, each without the vertices that a tolerance allows to leave out."""
    owner = np.repeat(np.arange(offsets.size - 1), np.diff(offsets))
    lines = shapely.linestrings(points, indices=owner)
    if tolerance_m > 0:
        lines = shapely.simplify(lines, tolerance_m, preserve_topology=False)
    counts = shapely.get_num_coordinates(lines)
    is_degenerate = shapely.is_closed(lines) & (counts < 4) | (counts < 2)
    kept, owner = shapely.get_coordinates(lines[~is_degenerate], return_index=True)
    return tuple(np.split(kept, np.flatnonzero(np.diff(owner)) + 1)) if kept.size else ()
