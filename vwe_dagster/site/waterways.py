"""Rivers, streams and lakes in the format that the page draws."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from vwe_dagster.world.canonical import CanonicalWorld


class Waterways(TypedDict):
    """Lines as flat lists of whole meters, and lakes as pairs; a list is empty if the source has no such data.

    A line is ``[width, x, z, x, z, ...]``: its mean width, then every third vertex from the first one, and the last.
    """

    rivers: list[list[int]]
    streams: list[list[int]]
    lakes: list[list[int]]


_EVERY = 3


def waterways(world: CanonicalWorld) -> Waterways:
    """Return the waterways of a world."""
    found: Waterways = {"rivers": [], "streams": [], "lakes": []}
    if world.rivers is not None and len(world.rivers):
        points = np.rint(world.rivers[["x_m", "z_m"]].to_numpy(np.float64)).astype(np.int64)
        widths = world.rivers["width_m"].to_numpy(np.float64)
        kinds = world.rivers["kind"].astype(str).to_numpy()
        begins = np.flatnonzero(np.diff(world.rivers["line"].to_numpy(), prepend=-1))
        for begin, end in zip(begins, [*begins[1:], len(points)], strict=True):
            kept = [*range(begin, end - 1, _EVERY), end - 1]
            line = [round(float(widths[begin:end].mean())), *points[kept].ravel().tolist()]
            found["rivers" if kinds[begin] == "river" else "streams"].append(line)
    if world.lakes is not None:
        found["lakes"] = np.rint(world.lakes[["x_m", "z_m"]].to_numpy(np.float64)).astype(np.int64).tolist()
    return found
