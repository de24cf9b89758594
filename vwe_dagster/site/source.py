"""The names and contents of the files of a world's page, for the server and for exports."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from vwe_dagster.extraction.engine_export import forest_of
from vwe_dagster.rendering.biome_map import biome_thumbnail
from vwe_dagster.rendering.pictures import THUMBNAIL
from vwe_dagster.rendering.png import png_bytes
from vwe_dagster.rendering.tiles import MAX_ZOOM, NATIVE_ZOOM, STYLES, WorldTiles
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.site import blocks
from vwe_dagster.site.built_world import BuiltWorld
from vwe_dagster.site.facts import world_facts
from vwe_dagster.site.places import places_columns
from vwe_dagster.site.waterways import waterways
from vwe_dagster.store import WorldStore
from vwe_dagster.store.stages import PLACES_FILE, grid_of, read_extracted, read_processed, read_table, tile_file
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import MIN_SIZE, Grid
from vwe_dagster.worldgen import World

_TILES_KEPT = 1024
"""Tiles kept in memory, of 15 KB each on average."""


class NotThereError(Exception):
    """A page or file does not exist; the message is a sentence with the reason."""


class WorldSource:
    """Generates the files of a world on request; thread-safe.

    Every method raises :class:`vwe_dagster.store.StoreError` if a stage is damaged or has been rebuilt.

    Args:
        store: the data folder.
        built: the world.
        max_zoom: the highest zoom that has tiles, at most :attr:`BuiltWorld.max_zoom`.
    """

    def __init__(self, store: WorldStore, built: BuiltWorld, *, max_zoom: int = MAX_ZOOM) -> None:
        self.built = built
        self.max_zoom = min(max_zoom, built.max_zoom)
        self._store = store
        self._drawn = functools.lru_cache(_TILES_KEPT)(self._draw)
        self._reading = threading.Lock()
        self._preparing = threading.Lock()

    def prepare(self) -> None:
        """Read the planes and prepare the tiles in advance."""
        self._tiles()

    def facts(self, same_world: Iterable[Seed] = ()) -> bytes:
        """Return the content of ``world.json``."""
        analysis = read_processed(self._store, self.built.processed)
        return _json(world_facts(self.built, analysis, same_world=same_world, max_zoom=self.max_zoom))

    def places(self) -> bytes:
        """Return the content of ``places.json``.

        Raises:
            NotThereError: the source of the world has no locations.
        """
        if not self.has_places:
            raise NotThereError("The source of this world has no locations.")
        return _json(places_columns(read_table(self._store, self.built.processed, PLACES_FILE)))

    @property
    def has_places(self) -> bool:
        """Whether the world has a ``places.json``."""
        return PLACES_FILE in self.built.processed.files

    def waterways(self) -> bytes:
        """Return the content of ``waterways.json``."""
        return _json(waterways(self._world()))

    def block(self, x: int, y: int) -> bytes:
        """Return the content of ``data/{x}/{y}.bin``, see :mod:`vwe_dagster.site.blocks`.

        Raises:
            NotThereError: there is no such block.
        """
        count = blocks.blocks_a_side(grid_of(self.built.extracted))
        if not (x < count and y < count):
            raise NotThereError(f"There is no block {x}, {y}; this world has {count} x {count} blocks of data.")
        return blocks.block(self._world(), x, y)

    def ground(self) -> bytes:
        """Return the content of ``ground.bin``, see :mod:`vwe_dagster.site.blocks`."""
        return blocks.ground(self._world())

    def tile(self, style: str, zoom: int, x: int, y: int) -> bytes:
        """Return the content of ``tiles/{style}/{zoom}/{x}/{y}.webp``, from the stage ``tiles`` or drawn now.

        Raises:
            NotThereError: there is no such tile.
        """
        if style not in STYLES:
            raise NotThereError(f"Unknown style {style}; choose from {', '.join(STYLES)}.")
        if not (0 <= zoom <= self.max_zoom and 0 <= x < 2**zoom and 0 <= y < 2**zoom):
            raise NotThereError(
                f"There is no tile {zoom}/{x}/{y}; zoom is 0 to {self.max_zoom}, and each side has 2**zoom tiles."
            )
        return self._drawn(style, zoom, x, y)

    def thumbnail(self) -> bytes:
        """Return ``thumbnail.png`` of the stage ``renders``, or only the biomes if that stage is not built."""
        renders = self.built.renders
        if renders is not None and THUMBNAIL in renders.files:
            return self._store.read(renders, THUMBNAIL).getvalue()
        world = self._world()
        return png_bytes(biome_thumbnail(world.biome, world.grid))

    def tiles(self) -> Iterator[tuple[str, bytes]]:
        """Yield the name and the content of every tile, drawn on all cores."""
        for style in STYLES:
            for zoom, x, y, content in self._tiles().pyramid(style, zooms=range(self.max_zoom + 1)):
                yield f"tiles/{style}/{zoom}/{x}/{y}.webp", content

    def block_names(self) -> list[tuple[int, int]]:
        """Return x and y of every block of data."""
        count = blocks.blocks_a_side(grid_of(self.built.extracted))
        return [(x, y) for x in range(count) for y in range(count)]

    def _world(self) -> CanonicalWorld:
        with self._reading:
            return self._read

    def _tiles(self) -> WorldTiles:
        with self._preparing:
            return self._prepared

    def _draw(self, style: str, zoom: int, x: int, y: int) -> bytes:
        built, name = self.built.tiles, tile_file(style, zoom, x, y)
        if built is not None and name in built.files:
            return self._store.read(built, name).getvalue()
        return self._tiles().tile(style, zoom, x, y)

    @functools.cached_property
    def _read(self) -> CanonicalWorld:
        return read_extracted(self._store, self.built.extracted)

    @functools.cached_property
    def _prepared(self) -> WorldTiles:
        return WorldTiles(self._world(), self.built.terrain())


@functools.cache
def warm() -> None:
    """Load in advance what the first tile of a process needs: compiled kernels, and tables that all worlds share."""
    terrain = World(0)
    sampled = terrain.grid(MIN_SIZE)
    world = CanonicalWorld(Grid.of_world(MIN_SIZE), sampled.biome, sampled.height, sampled.forest, sampled.lava)
    tiles = WorldTiles(world, terrain)
    for style in STYLES:
        tiles.tile(style, NATIVE_ZOOM - 1, 1, 1)
    tiles.tile(next(iter(STYLES)), MAX_ZOOM, 0, 0)
    forest_of(Grid.of_world())


def _json(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
