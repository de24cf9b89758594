"""The native engine: the terrain library behind the face that every engine has."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from vwe_dagster.biomes import Biome
from vwe_dagster.engine.messages import (
    LINES,
    PLANES,
    EngineError,
    EngineIdentity,
    Line,
    Progress,
    WorldExport,
    WorldRequest,
    no_progress,
)
from vwe_dagster.grid import Grid
from vwe_dagster.worldgen import Terrain, Waterways, World, WorldError
from vwe_dagster.worldgen.compiling import are_kernels_cached, remove_other_versions

VERSION = "1.0"
"""Changes when the engine's output changes; worlds that are to be made again need a new code version of raw_export."""

FLAGS = np.array([biome.flag for biome in Biome], dtype=np.uint16)
_VERTEX_SPACING_M = 16.0


class NativeEngine:
    """Generates worlds in this process."""

    identity = EngineIdentity("native", VERSION)

    def generate(self, request: WorldRequest, progress: Progress = no_progress) -> WorldExport:
        """Generates one world.

        Raises:
            EngineError: there is no such layer, seed, version or grid.
        """
        unknown = sorted(set(request.layers) - set(PLANES) - set(LINES))
        if unknown:
            raise EngineError(
                f"The native engine has no layer {', '.join(unknown)}; it has {', '.join([*PLANES, *LINES])}."
            )
        if request.grid != Grid.of_world(request.grid.size):
            raise EngineError("The native engine samples grids over the whole map; ask for Grid.of_world(size).")
        are_compiled = are_kernels_cached()
        try:
            world = World(request.seed, request.world_gen_version)
        except WorldError as error:
            raise EngineError(str(error)) from error
        if not are_compiled:
            remove_other_versions()
            progress(0.0, "compiling the terrain kernels, once on this machine, half a minute")
        return _export(world, request, progress)


def _export(world: World, request: WorldRequest, progress: Progress) -> WorldExport:
    started = time.perf_counter()
    progress(0.0, "laying rivers")
    waterways = world.waterways
    laid = time.perf_counter()
    progress(0.3, "sampling the terrain")
    terrain = world.grid(request.grid.size)
    sampled = time.perf_counter()
    progress(0.7, "drawing the other layers")
    planes = {name: _plane(terrain, name) for name in PLANES if name in request.layers}
    lines = {name: _lines(waterways, name) for name in LINES if name in request.layers}
    progress(1.0, "done")
    timings = {
        "rivers": laid - started,
        "terrain": sampled - laid,
        "other_layers": time.perf_counter() - sampled,
    }
    return WorldExport(request, NativeEngine.identity, planes, lines, timings)


def _plane(terrain: Terrain, name: str) -> npt.NDArray[np.generic]:
    match name:
        case "biome":
            return FLAGS[terrain.biome]
        case "height":
            return terrain.height
        case "forest":
            return terrain.forest
        case _:
            return terrain.lava


def _lines(waterways: Waterways, name: str) -> list[Line]:
    match name:
        case "rivers":
            return [_line("river", points) for points in waterways.rivers]
        case "streams":
            return [_line("stream", points) for points in waterways.streams]
        case _:
            return [{"kind": "lake", "points": [[x, z, 0.0]]} for x, z in waterways.lakes.round(2).tolist()]


def _line(kind: str, points: npt.NDArray[np.float32]) -> Line:
    """A line thinned to a vertex every 16 m or so, its ends kept, in metres to two decimals."""
    spacing = float(np.hypot(*(points[1, :2] - points[0, :2]))) if len(points) > 1 else _VERTEX_SPACING_M
    every = max(1, round(_VERTEX_SPACING_M / max(spacing, 1.0)))
    kept = np.union1d(np.arange(0, len(points), every), [len(points) - 1])
    return {"kind": kind, "points": points[kept].astype(float).round(2).tolist()}
