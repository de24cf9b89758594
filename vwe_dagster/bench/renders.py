"""The benchmark ``vwe bench renders``: drawing and writing the pictures and tiles of one world."""

from __future__ import annotations

import dataclasses
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from vwe_dagster.analysis.world import WorldAnalysis, analyze
from vwe_dagster.bench.engine import SEED
from vwe_dagster.bench.figures import spread
from vwe_dagster.engine.messages import WorldRequest
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.extraction.engine_export import canonical_world
from vwe_dagster.rendering.pictures import pictures
from vwe_dagster.rendering.tiles import MAX_ZOOM, NATIVE_ZOOM, STYLES, WorldTiles
from vwe_dagster.store import Draft
from vwe_dagster.store.stages import write_picture, write_tile
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import Grid
from vwe_dagster.worldgen import World

SIZE, ROUNDS, SINGLE_TILES = 2048, 5, 24


@dataclasses.dataclass(frozen=True)
class Figure:
    """The measurements of one picture, pyramid or zoom.

    Attributes:
        name: label in the table.
        seconds: duration, one value per round.
        bytes: size on disk; for single tiles the mean.
    """

    name: str
    seconds: list[float]
    bytes: int

    def row(self) -> tuple[str, str, str, str, str]:
        """Return the row of the table: name, milliseconds and kilobytes."""
        least, middle, greatest = (f"{1e3 * seconds:.0f}" for seconds in spread(self.seconds))
        return self.name, least, middle, greatest, f"{self.bytes / 1e3:,.0f}"


@dataclasses.dataclass(frozen=True)
class RendersBench:
    """The results of a benchmark.

    Attributes:
        seed: the integer of the world.
        size: samples along each side of the world.
        figures: the measurements.
    """

    seed: int
    size: int
    figures: list[Figure]


def bench_renders(
    announce: Callable[[str], None], *, size: int = SIZE, rounds: int = ROUNDS, single_tiles: int = SINGLE_TILES
) -> RendersBench:
    """Measure pictures, pyramids and single tiles, after a first round of each that compiles kernels.

    Pictures and pyramids are written and flushed to disk like a stage; single tiles are only drawn.

    Args:
        announce: receives a line about the next measurement.
        size: samples along each side of the world.
        rounds: number of measurements of each picture and each pyramid.
        single_tiles: number of measured tiles at each zoom beyond the native one.
    """
    announce("Generating a world")
    grid = Grid.of_world(size)
    export = NativeEngine().generate(WorldRequest(SEED, grid))
    world = canonical_world(export.planes, export.lines, grid)
    figures = [*_pictures(world, analyze(world), rounds, announce)]
    tiles = WorldTiles(world, World(SEED))
    for style in STYLES:
        announce(f"Drawing the tiles of the style {style}")
        pyramid = _measured(f"pyramid {style}, zoom 0 to {NATIVE_ZOOM}", _pyramid(tiles, style), rounds)
        figures.append(pyramid)
    for zoom in range(NATIVE_ZOOM + 1, MAX_ZOOM + 1):
        announce(f"Drawing single tiles at zoom {zoom}")
        figures += [_single_tiles(tiles, style, zoom, single_tiles) for style in STYLES]
    return RendersBench(SEED, size, figures)


def _pictures(
    world: CanonicalWorld, analysis: WorldAnalysis, rounds: int, announce: Callable[[str], None]
) -> Sequence[Figure]:
    figures = []
    for name in pictures(world, analysis, "bench"):
        announce(f"Drawing {name}")

        def write(draft: Draft, name: str = name) -> None:
            # A new set of pictures each time, because pictures of one set may share intermediate results.
            write_picture(draft, name, pictures(world, analysis, "bench")[name]())

        figures.append(_measured(name, write, rounds))
    return figures


def _pyramid(tiles: WorldTiles, style: str) -> Callable[[Draft], None]:
    def write(draft: Draft) -> None:
        for tile in tiles.pyramid(style):
            write_tile(draft, style, tile)

    return write


def _measured(name: str, write: Callable[[Draft], None], rounds: int) -> Figure:
    """Measure a part of a stage, from drawing until the files are on disk."""
    seconds, size = [], 0
    for _ in range(rounds + 1):
        with tempfile.TemporaryDirectory(prefix="vwe-bench-") as folder:
            began = time.perf_counter()
            draft = Draft(Path(folder))
            write(draft)
            size = sum(entry.bytes for entry in draft.flush().values())
            seconds.append(time.perf_counter() - began)
    return Figure(name, seconds[1:], size)


def _single_tiles(tiles: WorldTiles, style: str, zoom: int, count: int) -> Figure:
    """Measure tiles of the middle half of the map, where none is empty, after one that is not counted."""
    choice = random.Random(zoom)  # noqa: S311  the same tiles every time
    side = 1 << zoom
    seconds, size = [], 0
    for _ in range(count + 1):
        x, y = (choice.randrange(side // 4, side * 3 // 4) for _ in "xy")
        began = time.perf_counter()
        content = tiles.tile(style, zoom, x, y)
        seconds.append(time.perf_counter() - began)
        size += len(content)
    return Figure(f"tile {style}, zoom {zoom}", seconds[1:], size // (count + 1))
