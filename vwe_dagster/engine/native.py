"""The native engine: the terrain library behind the interface of all engines."""

from __future__ import annotations

import concurrent.futures
import functools
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vwe_dagster.engine.layers import OnLayer, ignore_layer
from vwe_dagster.engine.messages import (
    LANDMARKS,
    LINES,
    LOCATIONS,
    NATIVE,
    PLANES,
    EngineError,
    Line,
    Progress,
    SurveyRequest,
    WorldExport,
    WorldRequest,
    no_progress,
)
from vwe_dagster.engine.native_locations import location_lines
from vwe_dagster.engine.protocol import Capabilities, layer_kind
from vwe_dagster.kernels.cache import are_kernels_cached, remove_other_versions
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.grid import MAX_SIZE, MIN_SIZE, Grid
from vwe_dagster.worldgen import Terrain, Waterways, World, WorldError
from vwe_dagster.worldgen.constants import WORLD_GEN_VERSIONS
from vwe_dagster.worldgen.thinning import thin_lines

if TYPE_CHECKING:
    import pyarrow as pa

LAYERS = (*PLANES, *LINES, LOCATIONS, LANDMARKS)

FLAGS = np.array([biome.flag for biome in Biome], dtype=np.uint16)
STRIP_CELLS = 2048 * 2048
"""Cells per strip; between strips, the engine reports progress and can be stopped."""

_REFERENCE_SEED = -1772362158
_REFERENCE_POINTS = (
    (-1794, 2706, Biome.SWAMP, 0x41E776EA),
    (2166, -7302, Biome.MOUNTAIN, 0x4303C651),
    (1206, -9006, Biome.ASHLANDS, 0x423160AE),
    (8274, 462, Biome.MISTLANDS, 0x4253FFFF),
)
"""Points of the reference world: x and z in meters, biome, bits of the height as float32."""


COMPILED_FUNCTIONS = 300
"""Number of functions that :meth:`NativeEngine.warm` compiles without a cache, for a bar of progress."""


class NativeEngine:
    """Generates worlds in this process."""

    identity = NATIVE
    capabilities = Capabilities(
        layers=tuple(map(layer_kind, LAYERS)),
        world_gen_versions=WORLD_GEN_VERSIONS,
        min_size=MIN_SIZE,
        max_size=MAX_SIZE,
    )

    def generate(
        self, request: WorldRequest, progress: Progress = no_progress, on_layer: OnLayer = ignore_layer
    ) -> WorldExport:
        """Generate one world; an exception from ``progress`` stops the generation.

        Args:
            request: world to generate.
            progress: called with the fraction done and the phase.
            on_layer: called with each finished layer, in any thread.

        Raises:
            EngineError: the layer, seed, version or grid is invalid.
        """
        unknown = sorted(set(request.layers) - set(LAYERS))
        if unknown:
            raise EngineError(f"The native engine has no layer {', '.join(unknown)}; it has {', '.join(LAYERS)}.")
        if request.grid != Grid.of_world(request.grid.size):
            raise EngineError("The native engine only samples grids of the whole map; request Grid.of_world(size).")
        are_compiled = are_kernels_cached()
        try:
            world = World(request.seed, request.world_gen_version)
        except WorldError as error:
            raise EngineError(str(error)) from error
        if not are_compiled:
            remove_other_versions()
            progress(0.0, "compiling the terrain kernels, once on this machine, half a minute")
        return export_world(world, request, progress, on_layer)

    def survey(self, request: SurveyRequest, progress: Progress = no_progress) -> pa.Table:
        """Compute the row of each seed; see :func:`vwe_dagster.engine.native_survey.survey_table`."""
        # Loading Arrow and the statistics delays the start of an engine that computes no survey.
        from vwe_dagster.engine.native_survey import survey_table  # noqa: PLC0415

        return survey_table(request, progress)

    def warm(self) -> None:
        """Load every kernel, so that the first world is as fast as the next."""
        request = WorldRequest(_REFERENCE_SEED, Grid.of_world(MIN_SIZE), layers=(*PLANES, *LINES))
        export_world(_reference_world(), request)
        self.verify()

    def verify(self) -> None:
        """Compute points of the reference world and compare them bit for bit.

        Raises:
            EngineError: a point differs.
        """
        columns, rows = sorted(x for x, *_ in _REFERENCE_POINTS), sorted(z for _, z, *_ in _REFERENCE_POINTS)
        terrain = _reference_world().sample(columns, rows)
        for x, z, biome, bits in _REFERENCE_POINTS:
            at = rows.index(z), columns.index(x)
            if terrain.biome[at] != biome or terrain.height.view(np.uint32)[at] != bits:
                raise EngineError(
                    f"The native engine computes a height or biome at {x}, {z} of world {_REFERENCE_SEED} that differs "
                    "from the game. Restart the engine; if the error persists, check the machine's memory."
                )


@functools.cache
def _reference_world() -> World:
    return World(_REFERENCE_SEED)


def export_world(
    world: World, request: WorldRequest, progress: Progress = no_progress, on_layer: OnLayer = ignore_layer
) -> WorldExport:
    """Compute the layers of a world; see :meth:`NativeEngine.generate`."""
    started = time.perf_counter()
    layers = request.layers_of(LAYERS)
    progress(0.0, "laying rivers")
    waterways = world.waterways
    laid = time.perf_counter()
    progress(0.3, "sampling the terrain")
    names, size = [name for name in PLANES if name in layers], request.grid.size
    planes: dict[str, npt.NDArray[np.generic]] = {}
    drawing: concurrent.futures.Future[dict[str, list[Line]]] | None = None
    terrain_s, is_whole = 0.0, size * size <= STRIP_CELLS
    # Lines are drawn in Python while the kernels, which release the GIL, compute the planes.
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        for part in _strips(size) if names else []:
            progress(0.3 + 0.6 * part.start / size, "sampling the terrain")
            begun = time.perf_counter()
            terrain = world.grid(size, rows=part)
            terrain_s += time.perf_counter() - begun
            drawing = drawing or thread.submit(_draw, waterways, layers, on_layer)
            progress(0.3 + 0.6 * (part.start + part.stop) / 2 / size, "drawing the other layers")
            for name in names:
                plane = _plane(terrain, name)
                if is_whole:
                    planes[name] = plane
                    on_layer(name, plane)
                else:
                    planes.setdefault(name, np.empty((size, size), plane.dtype))[part] = plane
        drawing = drawing or thread.submit(_draw, waterways, layers, on_layer)
        for name in [] if is_whole else names:
            on_layer(name, planes[name])
        lines = drawing.result()
    located = time.perf_counter()
    for name in (LOCATIONS, LANDMARKS):
        if name in layers:
            progress(0.9, "placing locations")
            known = terrain if is_whole and names else None
            lines[name] = location_lines(world, name, known, request.location_table)
            on_layer(name, lines[name])
    progress(1.0, "done")
    locations_s = time.perf_counter() - located
    timings = {
        "rivers": laid - started,
        "terrain": terrain_s,
        "other_layers": located - laid - terrain_s,
        "locations": locations_s,
    }
    return WorldExport(request, NATIVE, planes, lines, timings)


def _strips(size: int) -> list[slice]:
    """Return slices of a grid's rows with at most :data:`STRIP_CELLS` cells each, at least one row."""
    rows = max(1, STRIP_CELLS // size)
    return [slice(first, min(first + rows, size)) for first in range(0, size, rows)]


def _draw(waterways: Waterways, layers: Collection[str], on_layer: OnLayer) -> dict[str, list[Line]]:
    lines = {}
    for name in LINES:
        if name in layers:
            lines[name] = _lines(waterways, name)
            on_layer(name, lines[name])
    return lines


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
            return _thinned("river", waterways.rivers)
        case "streams":
            return _thinned("stream", waterways.streams)
        case _:
            return [{"kind": "lake", "points": [[x, z, 0.0]]} for x, z in waterways.lakes.round(2).tolist()]


def _thinned(kind: str, lines: Sequence[npt.NDArray[np.float32]]) -> list[Line]:
    """Return lines thinned to one vertex per 16 m or so, ends included, in meters to two decimals."""
    thinned = thin_lines(lines)
    vertices, last = thinned.vertices.tolist(), thinned.ends.tolist()
    return [{"kind": kind, "points": vertices[i:j]} for i, j in zip([0, *last], last, strict=False)]
