"""The names and contents of the files of a world's page, for the server and for exports."""

from __future__ import annotations

import abc
import contextlib
import enum
import functools
import json
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from typing import Any

from vwe_dagster.analysis.world import WorldAnalysis
from vwe_dagster.extraction.engine_export import forest_of
from vwe_dagster.rendering.png import png_bytes
from vwe_dagster.rendering.poster import Paper
from vwe_dagster.rendering.relief import render_relief
from vwe_dagster.rendering.tiles import MAX_ZOOM, NATIVE_ZOOM, STYLES, WorldTiles
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.site import blocks
from vwe_dagster.site.header import WorldHeader
from vwe_dagster.site.places import places_columns
from vwe_dagster.site.poster_file import Versions, poster_png
from vwe_dagster.site.reasons import Reason
from vwe_dagster.site.tile_cache import TileCache
from vwe_dagster.site.waterways import waterways
from vwe_dagster.site.world_json import outline_json, world_json
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import MIN_SIZE, Grid
from vwe_dagster.worldgen import World


class NotFoundError(Exception):
    """A page or file does not exist.

    Args:
        message: a sentence with the cause.
        reason: the cause, for pages in other languages.
    """

    def __init__(self, message: str, reason: Reason = Reason.MISSING) -> None:
        super().__init__(message)
        self.reason = reason


class Part(enum.Enum):
    """The parts of a world that its files are generated from, in the order of their computation."""

    GROUND = "ground"
    ANALYSIS = "analysis"


class WorldSource(abc.ABC):
    """Generates the files of a world on request; thread-safe.

    Tiles, blocks, waterways and the thumbnail need the part ``GROUND``; facts and places need ``ANALYSIS``. A method
    blocks until its part is computed; :meth:`wanted` lets a server wait without blocking a thread.

    Args:
        header: the header of the world.
        max_zoom: the highest zoom that has tiles.
    """

    def __init__(self, header: WorldHeader, max_zoom: int) -> None:
        self.header = header
        self.max_zoom = max_zoom
        self._drawn = TileCache()
        self._preparing = threading.Lock()

    @abc.abstractmethod
    def wanted(self, part: Part) -> contextlib.AbstractContextManager[Future[Any] | None]:
        """Return a context in which the part is wanted; its value is done when the part is, or None if it is stored."""

    @abc.abstractmethod
    def prepare(self) -> None:
        """Begin in advance what the page of the world needs."""

    @abc.abstractmethod
    def thumbnail(self) -> bytes:
        """Return the content of ``thumbnail.png``."""

    @property
    @abc.abstractmethod
    def thumbnail_version(self) -> str:
        """A text that changes with the thumbnail."""

    @abc.abstractmethod
    def _world(self) -> CanonicalWorld:
        """Return the planes and waterways."""

    @abc.abstractmethod
    def _analysis(self) -> WorldAnalysis:
        """Return the analysis."""

    @abc.abstractmethod
    def _terrain(self) -> World | None:
        """Return the native engine's terrain; None if another program generated the world."""

    def outline(self) -> bytes | None:
        """Return the part of ``world.json`` that needs no analysis; None if all of it is ready."""
        with self.wanted(Part.ANALYSIS) as analysis:
            if analysis is None or analysis.done():
                return None
        return _json(outline_json(self.header, max_zoom=self.max_zoom))

    def facts(self, same_world: Iterable[Seed] = ()) -> bytes:
        """Return the content of ``world.json``."""
        return _json(world_json(self.header, self._analysis(), same_world=same_world, max_zoom=self.max_zoom))

    def places(self) -> bytes:
        """Return the content of ``places.json``.

        Raises:
            NotFoundError: the source of the world has no locations.
        """
        places = self._analysis().places
        if places is None:
            raise NotFoundError("The source of this world has no locations.", Reason.NO_LOCATIONS)
        return _json(places_columns(places))

    def waterways(self) -> bytes:
        """Return the content of ``waterways.json``."""
        return _json(waterways(self._world()))

    def block(self, x: int, y: int) -> bytes:
        """Return the content of ``data/{x}/{y}.bin``, see :mod:`vwe_dagster.site.blocks`.

        Raises:
            NotFoundError: there is no such block.
        """
        self._check_block(x, y)
        return blocks.block(self._world(), x, y)

    def ground(self) -> bytes:
        """Return the content of ``ground.bin``, see :mod:`vwe_dagster.site.blocks`."""
        return blocks.ground(self._world())

    def tile(self, style: str, zoom: int, x: int, y: int) -> bytes:
        """Return the content of ``tiles/{style}/{zoom}/{x}/{y}.webp``, stored or drawn now.

        Raises:
            NotFoundError: there is no such tile.
        """
        self._check_tile(style, zoom, x, y)
        name = style, zoom, x, y
        content = self._drawn.get(name)
        if content is None:
            content = self._draw(style, zoom, x, y)
            self._drawn.put(name, content)
        return content

    def poster(self, paper: Paper) -> bytes:
        """Return the content of ``poster.png``, drawn now; takes seconds and 1.3 GB of memory."""
        header = self.header
        game = header.engine.get("game_version")
        return poster_png(
            header.seed,
            self._world(),
            self._analysis(),
            terrain=self._terrain(),
            versions=Versions(header.world_gen_version, game if isinstance(game, str) else None, header.location_table),
            paper=paper,
        )

    def relief(self) -> bytes:
        """Return the content of ``relief.png``, drawn now, for browsers that cannot turn the relief."""
        return png_bytes(render_relief(self._world(), title=self.header.seed.key, analysis=self._analysis()))

    def tiles(self) -> Iterator[tuple[str, bytes]]:
        """Yield the name and the content of every tile, drawn on all cores."""
        for style in STYLES:
            for zoom, x, y, content in self._tiles().pyramid(style, zooms=range(self.max_zoom + 1)):
                yield f"tiles/{style}/{zoom}/{x}/{y}.webp", content

    def block_names(self) -> list[tuple[int, int]]:
        """Return x and y of every block of data."""
        count = blocks.blocks_a_side(self.header.grid)
        return [(x, y) for x in range(count) for y in range(count)]

    def _check_block(self, x: int, y: int) -> None:
        count = blocks.blocks_a_side(self.header.grid)
        if not (x < count and y < count):
            raise NotFoundError(
                f"There is no block {x}, {y}; this world has {count} x {count} blocks of data.", Reason.NO_BLOCK
            )

    def _check_tile(self, style: str, zoom: int, x: int, y: int) -> None:
        if style not in STYLES:
            raise NotFoundError(f"Unknown style {style}; choose from {', '.join(STYLES)}.", Reason.NO_TILE)
        if not (0 <= zoom <= self.max_zoom and 0 <= x < 2**zoom and 0 <= y < 2**zoom):
            raise NotFoundError(
                f"There is no tile {zoom}/{x}/{y}; zoom is 0 to {self.max_zoom}, and each side has 2**zoom tiles.",
                Reason.NO_TILE,
            )

    def _draw(self, style: str, zoom: int, x: int, y: int) -> bytes:
        return self._tiles().tile(style, zoom, x, y)

    def _tiles(self) -> WorldTiles:
        with self._preparing:
            return self._prepared

    @functools.cached_property
    def _prepared(self) -> WorldTiles:
        return WorldTiles(self._world(), self._terrain())


@functools.cache
def warm_tiles() -> None:
    """Load in advance what the first tile of a process needs: compiled kernels, and tables that all worlds share."""
    world = _small_world()
    tiles = WorldTiles(world, World(0))
    for style in STYLES:
        tiles.tile(style, NATIVE_ZOOM - 1, 1, 1)
    tiles.tile(next(iter(STYLES)), MAX_ZOOM, 0, 0)
    forest_of(Grid.of_world())


@functools.cache
def warm_relief() -> None:
    """Load in advance the kernels that ``relief.png`` needs."""
    render_relief(_small_world(), title="0")


def _small_world() -> CanonicalWorld:
    sampled = World(0).grid(MIN_SIZE)
    return CanonicalWorld(Grid.of_world(MIN_SIZE), sampled.biome, sampled.height, sampled.forest, sampled.lava)


def _json(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
