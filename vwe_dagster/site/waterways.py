"""Rivers, streams and lakes in the format that the page draws.

The game's rivers run from lake to lake, and most of its lakes are in the sea. The page shows only the parts with two
banks:

- A vertex is in a river if land is on its left and on its right, within the width of its vector and one sample.
- A piece is a run of such vertices that is at least :data:`_LEAST_PIECE_M` long.
- A lake is shown if land is within :data:`_LAKE_REACH_M` in most directions.
"""

from __future__ import annotations

import itertools
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd

from vwe_dagster.rendering.ground import MARSH_LIFT_M
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import SEA_LEVEL_M, Grid

Floats = npt.NDArray[np.float64]


class Waterways(TypedDict):
    """Lines as flat lists of whole meters, and lakes as pairs; a list is empty if the source has no such data.

    A line is ``[x, z, width, x, z, width, ...]``, with the width of the water at each vertex: every second vertex
    of a piece from the first one, and the last.
    """

    rivers: list[list[int]]
    streams: list[list[int]]
    lakes: list[list[int]]


_EVERY = 2

_LEAST_PIECE_M = 100.0

_LEAST_SHARE = 0.34
"""Least width of the water as a share of the vector's width, which is also the greatest: samples miss narrow beds."""

_SMOOTHED = 5
"""Vertices of a piece over which the width of the water is averaged."""

_LAKE_REACH_M = 500.0
_LAKE_DIRECTIONS = 16
_LAKE_LEAST_DIRECTIONS = 14


def waterways(world: CanonicalWorld) -> Waterways:
    """Return the waterways of a world, without the parts in the sea."""
    ground = _Ground(world)
    found: Waterways = {"rivers": [], "streams": [], "lakes": []}
    if world.rivers is not None and len(world.rivers):
        found["rivers"] = _pieces(world.rivers[world.rivers["kind"] == "river"], ground)
        found["streams"] = _pieces(world.rivers[world.rivers["kind"] == "stream"], ground)
    if world.lakes is not None:
        points = world.lakes[["x_m", "z_m"]].to_numpy(np.float64)
        found["lakes"] = np.rint(points[_has_shores(points, ground)]).astype(np.int64).tolist()
    return found


def is_land(world: CanonicalWorld) -> npt.NDArray[np.bool_]:
    """Return which samples are land, ``[z, x]``; swamps count with the raised ground that the map draws."""
    lift = (world.biome == Biome.SWAMP) * np.float32(MARSH_LIFT_M)
    return np.asarray(world.height + lift >= np.float32(SEA_LEVEL_M))


class _Ground:
    """The land of a world on the grid of its planes."""

    def __init__(self, world: CanonicalWorld) -> None:
        self.grid: Grid = world.grid
        self._is_land = is_land(world)

    def distance(self, points: Floats, directions: Floats, reach_m: Floats) -> Floats:
        """Return the distance from each point to the first land in its direction, meters; inf beyond its reach.

        Args:
            points: x and z, ``[n, 2]``.
            directions: unit vectors, ``[n, 2]``.
            reach_m: the farthest distance of each point, ``[n]``.
        """
        found = np.full(len(points), np.inf)
        for away in np.arange(0.0, reach_m.max(initial=0.0) + 1e-6, self.grid.cell_m / 2):
            cells = np.rint((points + away * directions - self.grid.first_m) / self.grid.cell_m)
            column, row = np.clip(cells, 0, self.grid.size - 1).astype(np.int64).T
            found[self._is_land[row, column] & (away <= reach_m) & np.isinf(found)] = away
        return found


def _has_shores(points: Floats, ground: _Ground) -> npt.NDArray[np.bool_]:
    """Return whether land is near each point in most directions."""
    reach = np.full(len(points), _LAKE_REACH_M)
    count = np.zeros(len(points), np.int64)
    for angle in np.arange(_LAKE_DIRECTIONS) * (2 * np.pi / _LAKE_DIRECTIONS):
        direction = np.broadcast_to([np.cos(angle), np.sin(angle)], points.shape)
        count += np.isfinite(ground.distance(points, direction, reach))
    return count >= _LAKE_LEAST_DIRECTIONS


def _pieces(lines: pd.DataFrame, ground: _Ground) -> list[list[int]]:
    """Return the pieces of lines of one kind that have two banks."""
    points, widths = lines[["x_m", "z_m"]].to_numpy(np.float64), lines["width_m"].to_numpy(np.float64)
    line = lines["line"].to_numpy(np.int64)
    across, reach = _normals(points, line), widths + ground.grid.cell_m
    water = ground.distance(points, across, reach) + ground.distance(points, -across, reach)
    # Each bank is half a sample before the first sample of land.
    drawn = np.clip(water - ground.grid.cell_m, _LEAST_SHARE * widths, widths)
    pieces = []
    for begin, end in _runs(np.isfinite(water), line):
        if np.hypot(*np.diff(points[begin:end], axis=0).T).sum() >= _LEAST_PIECE_M:
            pieces.append(_thinned(points[begin:end], drawn[begin:end]))
    return pieces


def _normals(points: Floats, line: npt.NDArray[np.int64]) -> Floats:
    """Return the unit vector to the left of each vertex's line, ``[n, 2]``."""
    index = np.arange(len(points))
    before = np.where(np.diff(line, prepend=-1) != 0, index, index - 1)
    after = np.where(np.diff(line, append=-1) != 0, index, index + 1)
    east, north = (points[after] - points[before]).T
    length = np.maximum(np.hypot(east, north), 1e-9)
    return np.stack([-north / length, east / length], axis=1)


def _runs(is_in: npt.NDArray[np.bool_], line: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return the begin and the end of each run of vertices of one line for which ``is_in`` is true."""
    piece = np.where(is_in, line, -1)
    changes = np.flatnonzero(np.diff(piece, prepend=-1, append=-1) != 0)
    # Two runs of neighboring lines share a change, which ends one and begins the other.
    return [(int(begin), int(end)) for begin, end in itertools.pairwise(changes) if piece[begin] >= 0]


def _thinned(points: Floats, widths: Floats) -> list[int]:
    """Return a piece as whole meters, with smoothed widths."""
    weights = np.ones(min(_SMOOTHED, len(widths)))
    smoothed = np.convolve(widths, weights, "same") / np.convolve(np.ones(len(widths)), weights, "same")
    kept = [*range(0, len(points) - 1, _EVERY), len(points) - 1]
    whole: list[int] = np.rint(np.column_stack([points, smoothed])[kept]).astype(np.int64).ravel().tolist()
    return whole
