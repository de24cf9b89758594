"""Contour lines of a world: lines of equal height, at equal intervals above and below the shore."""

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
"""The default interval and tolerance, in meters."""

MIN_INTERVAL_M = 1.0
"""The least interval. On half of all land the ground rises by 2 m or more from one sample of 12 m to the next: finer
lines would show nothing but how the samples are joined, in files of more than 100 MB."""

MAX_TOLERANCE_M = 100.0
"""The largest tolerance: beyond it, lines would cross their neighbors and islands would lose their shape."""

INDEX_EVERY = 5
"""One contour of this many is an index contour, counted from the shore."""

RIM_M = WORLD_RADIUS_M - 10
"""Distance from the center of the world at which the ground begins to fall into the void."""

Points = npt.NDArray[np.float64]
Offsets = npt.NDArray[np.uint32]


class ContourError(ValueError):
    """The interval or the tolerance of contours is invalid; the message includes the valid range."""


@dataclasses.dataclass(frozen=True)
class Contour:
    """All lines of one height.

    Attributes:
        height_m: their height.
        number: their height above the shore in intervals; negative in the sea.
        lines: each float64 ``[vertex, 2]``, x and z in meters; a closed line ends with its first point. Higher ground
            is to the left.
    """

    height_m: float
    number: int
    lines: tuple[Points, ...]

    @property
    def is_index(self) -> bool:
        """True if it is an index contour, which is drawn with a stronger line."""
        return self.number % INDEX_EVERY == 0

    @property
    def kind(self) -> Literal["sea", "shore", "land"]:
        """The kind: above the shore, at the shore, or below it."""
        return "shore" if self.number == 0 else "land" if self.number > 0 else "sea"


@dataclasses.dataclass(frozen=True)
class Contours:
    """The contours of a world, the lowest first; heights without a line are omitted.

    Attributes:
        interval_m: height difference of successive contours; one contour is the shore, at 30 m.
        tolerance_m: the largest distance of a line from its course before simplification.
        contours: the lines.
    """

    interval_m: float
    tolerance_m: float
    contours: tuple[Contour, ...]


def trace_contours(world: CanonicalWorld, interval_m: float = INTERVAL_M, tolerance_m: float = TOLERANCE_M) -> Contours:
    """Trace the contour lines of a world by marching squares.

    In each square between four neighboring samples, a line runs straight between the points where the height, linear
    along the square's sides, equals the height of the line; every vertex is on such a side. Only squares with all four
    corners within 10,490 m of the center of the world count: beyond, the ground falls into the void. Lines that reach
    the rim end there, within a square of it. Lines are then simplified (Douglas and Peucker, Cartographica 10, 1973,
    p. 112), which only removes vertices; rings smaller than the tolerance are omitted.

    Args:
        world: the world, on any grid.
        interval_m: at least :data:`MIN_INTERVAL_M`.
        tolerance_m: 0 to 100 m; 0 keeps every vertex.

    Raises:
        ContourError: the interval or the tolerance is out of range.
    """
    if not math.isfinite(interval_m):
        raise ContourError(f"Invalid contour interval {interval_m:g}; choose {MIN_INTERVAL_M:g} m or more.")
    if interval_m < MIN_INTERVAL_M:
        raise ContourError(
            f"The contour interval {interval_m:g} m is too small: the samples of the ground do not resolve such "
            f"lines, and their file would be huge. Choose {MIN_INTERVAL_M:g} m or more."
        )
    if not 0 <= tolerance_m <= MAX_TOLERANCE_M:
        raise ContourError(
            f"The tolerance {tolerance_m:g} m is out of range: contours simplified by more than {MAX_TOLERANCE_M:g} m "
            f"would cross each other. Choose 0 to {MAX_TOLERANCE_M:g} m."
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
        # All lines of a height are in one chunk of points.
        ((points,), (offsets,)) = cast("tuple[list[Points | None], list[Offsets | None]]", generator.lines(height_m))
        if points is not None and offsets is not None:
            lines = _simplified(points, offsets, tolerance_m)
            if lines:
                contours.append(Contour(height_m, number, lines))
    return Contours(interval_m, tolerance_m, tuple(contours))


def _ground(world: CanonicalWorld) -> tuple[Points, np.ma.MaskedArray[tuple[int, int], np.dtype[np.float64]]]:
    """Return coordinates and heights of the samples around the disc of the world; samples beyond its rim are masked."""
    at_m = world.grid.coordinates().astype(np.float64)
    reached = np.flatnonzero(np.abs(at_m) <= RIM_M)
    span = slice(reached[0], reached[-1] + 1) if reached.size > 1 else slice(0)
    at_m = at_m[span]
    beyond = np.square(at_m)[:, np.newaxis] + np.square(at_m) > RIM_M**2
    return at_m, np.ma.masked_array(world.height[span, span].astype(np.float64), beyond)


def _simplified(points: Points, offsets: Offsets, tolerance_m: float) -> tuple[Points, ...]:
    """Return the lines between offsets, each without the vertices that the tolerance allows to omit."""
    owner = np.repeat(np.arange(offsets.size - 1), np.diff(offsets))
    lines = shapely.linestrings(points, indices=owner)
    if tolerance_m > 0:
        lines = shapely.simplify(lines, tolerance_m, preserve_topology=False)
    counts = shapely.get_num_coordinates(lines)
    is_degenerate = shapely.is_closed(lines) & (counts < 4) | (counts < 2)
    kept, owner = shapely.get_coordinates(lines[~is_degenerate], return_index=True)
    return tuple(np.split(kept, np.flatnonzero(np.diff(owner)) + 1)) if kept.size else ()
