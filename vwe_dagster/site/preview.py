"""A world that is not stored, computed by the native engine and kept in memory."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

import numpy as np
import pandas as pd

from vwe_dagster.analysis.world import WorldAnalysis, analyze
from vwe_dagster.engine.messages import ESSENTIAL, LINES, LOCATIONS, NATIVE, WorldRequest
from vwe_dagster.engine.native import export_world
from vwe_dagster.engine.native_locations import location_lines, location_table_identity
from vwe_dagster.extraction.engine_export import canonical_world, location_table
from vwe_dagster.locations.location_table import LocationTable
from vwe_dagster.rendering.png import png_bytes
from vwe_dagster.rendering.thumbnail import render_thumbnail
from vwe_dagster.rendering.tiles import MAX_ZOOM
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.site.header import WorldHeader, version_of
from vwe_dagster.site.job_queue import Job, JobQueue
from vwe_dagster.site.source import Part, WorldSource
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import Grid
from vwe_dagster.worldgen import Terrain, World

GRID = Grid.of_world(2048)
"""The grid of every preview, as of a world that ``vwe world`` builds by default."""

WORLD_GEN_VERSION = 2


class PreviewWorld(WorldSource):
    """A world in memory, equal to the one that ``vwe world`` builds by default with the native engine.

    Its part ``GROUND`` takes a fraction of the time of its part ``ANALYSIS``, which includes the locations. Each is
    computed when it is first wanted.

    Args:
        seed: the seed.
        queue: computes the parts.
        table: the location table; the game's own if omitted.
    """

    def __init__(self, seed: Seed, queue: JobQueue, table: LocationTable | None = None) -> None:
        super().__init__(_header(seed, table), MAX_ZOOM)
        self._native = World(seed.number, WORLD_GEN_VERSION)
        self._queue = queue
        # The jobs do not refer to the preview, so that its memory is free as soon as it is dropped.
        ground = Job(functools.partial(_ground, self._native))
        analysis = Job(functools.partial(_analysis, self._native, ground, table), rank=1, after=ground)
        self._ground, self._analyzed = ground, analysis
        self._jobs: Mapping[Part, Job[Any]] = {Part.GROUND: ground, Part.ANALYSIS: analysis}
        self._sizes: dict[Part, int] = {}
        self._picturing = threading.Lock()

    def wanted(self, part: Part) -> contextlib.AbstractContextManager[Future[Any]]:
        """Return a context in which the part is wanted; its value is done when the part is computed."""
        return self._queue.wanted(self._jobs[part])

    def prepare(self) -> None:
        """Queue both parts."""
        self._queue.request(self._jobs[Part.ANALYSIS])

    @property
    def has_failed(self) -> bool:
        """True if a part could not be computed."""
        return any(job.has_failed for job in self._jobs.values())

    @property
    def nbytes(self) -> int:
        """The bytes of its planes, tables and tiles; the plane that all worlds share does not count."""
        for part, job in self._jobs.items():
            if part not in self._sizes and job.result.done() and not job.has_failed:
                self._sizes[part] = _nbytes_of(job.result.result())
        return self._drawn.nbytes + sum(self._sizes.values())

    def thumbnail(self) -> bytes:
        """Return the picture that the stage ``renders`` has."""
        with self._picturing:
            return self._picture

    @property
    def thumbnail_version(self) -> str:
        """The version of the world."""
        return self.header.version

    def _world(self) -> CanonicalWorld:
        with self._queue.wanted(self._ground) as ground:
            return ground.result()

    def _analysis(self) -> WorldAnalysis:
        with self._queue.wanted(self._analyzed) as analysis:
            return analysis.result()

    def _terrain(self) -> World:
        return self._native

    @functools.cached_property
    def _picture(self) -> bytes:
        return png_bytes(render_thumbnail(self._world()))


@functools.cache
def warm_ground() -> None:
    """Load in advance the kernels that the ground of a preview needs, by computing one."""
    _ground(World(0, WORLD_GEN_VERSION))


@functools.cache
def warm_analysis() -> None:
    """Load in advance the kernels that the analysis of a preview needs, by computing one."""
    native = World(0, WORLD_GEN_VERSION)
    ground = Job(functools.partial(_ground, native))
    ground.result.set_result(ground.compute())
    _analysis(native, ground, None)


def _ground(native: World) -> CanonicalWorld:
    """Return the world without locations, as the stage ``extracted`` has it."""
    request = WorldRequest(native.seed, GRID, native.version, ESSENTIAL, ("lava", *LINES))
    export = export_world(native, request)
    return canonical_world(export.planes, export.lines, GRID)


def _analysis(native: World, ground_job: Job[CanonicalWorld], table: LocationTable | None) -> WorldAnalysis:
    """Return the analysis with locations, as the stage ``processed`` has it."""
    ground = ground_job.result.result()
    along = GRID.coordinates().astype(np.float32)
    # Locations do not depend on lava.
    terrain = Terrain(native, along, along, ground.biome, ground.height, lava=np.empty((0, 0), np.float32))
    lines = location_lines(native, LOCATIONS, terrain, table)
    return analyze(dataclasses.replace(ground, locations=location_table(lines)), native, table)


def _header(seed: Seed, table: LocationTable | None) -> WorldHeader:
    identity = location_table_identity(table)
    version = version_of("preview.py", str(seed.number), str(identity))
    return WorldHeader(
        seed=seed,
        version=version,
        data_version=version,
        grid=GRID,
        engine=dataclasses.asdict(NATIVE),
        world_gen_version=WORLD_GEN_VERSION,
        location_table=identity,
        has_waterways=True,
        built_at=None,
    )


def _nbytes_of(part: CanonicalWorld | WorldAnalysis) -> int:
    if isinstance(part, WorldAnalysis):
        return sum(map(_table_nbytes, (part.biomes, part.islands, part.peaks, part.places)))
    planes = sum(plane.nbytes for plane in (part.biome, part.height, part.lava) if plane is not None)
    return planes + _table_nbytes(part.rivers) + _table_nbytes(part.lakes)


def _table_nbytes(table: pd.DataFrame | None) -> int:
    return 0 if table is None else int(table.memory_usage(deep=True).sum())
