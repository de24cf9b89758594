"""How many rivers and streams a world has, and how long they are."""

from __future__ import annotations

import numpy as np
import pandas as pd

from vwe_dagster.world.canonical import CanonicalWorld


def river_statistics(world: CanonicalWorld) -> dict[str, int | float | None]:
    """Counts and measures the lines of a world's river table, and counts its lakes.

    Returns:
        ``river_count``, ``river_length_km``, ``stream_count``, ``stream_length_km``: number of lines of each kind, and
        their length along their vertices, those under the sea included. ``lake_count``: number of points that rivers
        run between. None for everything that the source of the world does not tell.
    """
    statistics: dict[str, int | float | None] = {}
    for kind in ("river", "stream"):
        lines = None if world.rivers is None else world.rivers[world.rivers["kind"] == kind]
        statistics[f"{kind}_count"] = None if lines is None else int(lines["line"].nunique())
        statistics[f"{kind}_length_km"] = None if lines is None else _length_km(lines)
    statistics["lake_count"] = None if world.lakes is None else len(world.lakes)
    return statistics


def _length_km(vertices: pd.DataFrame) -> float:
    steps_m = vertices[["x_m", "z_m"]].astype(np.float64).diff()
    same_line = vertices["line"].diff() == 0
    return float(np.hypot(steps_m["x_m"], steps_m["z_m"])[same_line].sum() / 1000)
