"""Number and length of the rivers and streams of a world."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.worldgen import World
from vwe_dagster.worldgen.thinning import thin_lines


class RiverStatistics(NamedTuple):
    """Counts and lengths; None where they are unknown.

    Attributes:
        river_count: number of rivers.
        river_length_km: their length along their vertices, including parts under the sea.
        stream_count: number of streams.
        stream_length_km: their length, likewise.
        lake_count: number of points that rivers connect.
    """

    river_count: int | None
    river_length_km: float | None
    stream_count: int | None
    stream_length_km: float | None
    lake_count: int | None


def river_statistics(world: CanonicalWorld) -> RiverStatistics:
    """Count and measure the lines of a world's river table, and count its lakes."""
    lake_count = None if world.lakes is None else len(world.lakes)
    if world.rivers is None:
        return RiverStatistics(None, None, None, None, lake_count)
    rivers, streams = (_measured(world.rivers[world.rivers["kind"] == kind]) for kind in ("river", "stream"))
    return RiverStatistics(*rivers, *streams, lake_count)


def _measured(lines: pd.DataFrame) -> tuple[int, float]:
    points_m = lines[["x_m", "z_m"]].to_numpy(np.float32)
    return int(lines["line"].nunique()), _length_km(points_m, lines["line"].to_numpy(np.int64))


def rivers_of_seed(world: World) -> RiverStatistics:
    """Return the statistics of a seed's rivers, equal to those of an export's river table; streams are not counted."""
    waterways = world.waterways
    thin = thin_lines(waterways.rivers)
    line = np.repeat(np.arange(thin.ends.size), np.diff(thin.ends, prepend=0))
    length_km = _length_km(thin.vertices[:, :2].astype(np.float32), line)
    return RiverStatistics(len(waterways.rivers), length_km, None, None, len(waterways.lakes))


def _length_km(points_m: npt.NDArray[np.float32], line: npt.NDArray[np.int64]) -> float:
    """Return the length of lines.

    Args:
        points_m: x and z of the vertices, ``[n, 2]``, line after line.
        line: the line of each vertex, ``[n]``.
    """
    steps_m = np.diff(points_m.astype(np.float64), axis=0)
    return float(np.hypot(steps_m[:, 0], steps_m[:, 1])[np.diff(line) == 0].sum() / 1000)
