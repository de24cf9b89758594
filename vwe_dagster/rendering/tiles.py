"""Tiles: a world in squares of 256 pixels at every zoom, for maps on web pages.

At zoom ``z`` the map is ``2**z`` x ``2**z`` tiles, ``x`` from the west and ``y`` from the north. Each tile equals its
part of a painting of the whole map, so that neighbors join without a seam. It is transparent beyond the edge of the
world.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from vwe_dagster.kernels.cores import usable_cores
from vwe_dagster.rendering import tile_styles
from vwe_dagster.rendering.tile_ground import TileGround
from vwe_dagster.rendering.tile_styles import MARGIN, Style
from vwe_dagster.rendering.view import MapView
from vwe_dagster.rendering.webp import webp_bytes
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import MAP_WIDTH_M, WORLD_RADIUS_M
from vwe_dagster.worldgen import World

TILE_PIXELS = 256
"""Side of a tile in pixels."""

NATIVE_ZOOM = 3
"""The zoom with pixels of 12 m, as on the game's own map."""

MAX_ZOOM = 5
"""The last zoom, with pixels of 3 m."""

OVERVIEW_ZOOM = 2
"""Up to this zoom the world is painted at this zoom, without symbols, and then reduced."""

STYLES: Mapping[str, str] = {name: style.title for name, style in tile_styles.STYLES.items()}
"""The title of every style, by the name in URLs and folders."""

_BLOCK_TILES = 4
"""Tiles along each side of a block that is painted in one piece. Its margin adds a fifth, for one tile nine tenths."""

_PAINTED_BEYOND = 8
"""Pixels painted beyond the edge of the world, so that WebP does not bleed transparent pixels into opaque ones."""

_OPAQUE = 255

Tile = tuple[int, int, int, bytes]
"""Zoom, x, y and the WebP."""


class TileError(ValueError):
    """An unknown style, zoom or tile; the message lists the valid ones."""


class _Block(NamedTuple):
    """Tiles that are painted in one piece: ``tiles`` x ``tiles`` with ``x`` and ``y`` as the first."""

    zoom: int
    x: int
    y: int
    tiles: int

    @property
    def oversampling(self) -> int:
        """Factor by which the block is painted larger than it is shown."""
        return 1 << max(0, OVERVIEW_ZOOM - self.zoom)

    def view(self) -> MapView:
        """Return the view of the painted ground, with its margin."""
        tile_m, pixel_m = MAP_WIDTH_M / (1 << self.zoom), _pixel_m(self.zoom) / self.oversampling
        pixels = self.tiles * TILE_PIXELS * self.oversampling + 2 * MARGIN
        east_m = (self.x + self.tiles / 2) * tile_m - MAP_WIDTH_M / 2
        north_m = MAP_WIDTH_M / 2 - (self.y + self.tiles / 2) * tile_m
        return MapView(pixels, pixels * pixel_m, east_m, north_m)

    def tiles_in_world(self) -> list[tuple[int, int]]:
        """Return the tiles that are at least partially in the world."""
        across, down = (range(first, first + self.tiles) for first in (self.x, self.y))
        return [(x, y) for y in down for x in across if _is_in_world(self.zoom, x, y)]


class WorldTiles:
    """The tiles of one world; threads can use it concurrently."""

    def __init__(self, world: CanonicalWorld, terrain: World | None = None) -> None:
        """Store the world; tiles are painted on demand.

        Args:
            world: a world on any grid; resampled to the pixels.
            terrain: the engine's world, which adds detail at zooms 4 and 5; without it these are only enlarged.
        """
        self._ground = TileGround(world, terrain, native_m=_pixel_m(NATIVE_ZOOM))

    def tile(self, style: str, zoom: int, x: int, y: int) -> bytes:
        """Return a tile as WebP.

        Raises:
            TileError: the style or the tile does not exist.
        """
        painted = _style(style)
        _check_zoom(zoom)
        last = (1 << zoom) - 1
        if not (0 <= x <= last and 0 <= y <= last):
            raise TileError(f"No tile {x}, {y} at zoom {zoom}; x and y are from 0 to {last}.")
        ((_, _, _, content),) = self._tiles_of(painted, _Block(zoom, x, y, 1))
        return content

    def pyramid(self, style: str, *, zooms: Iterable[int] = range(NATIVE_ZOOM + 1)) -> Iterator[Tile]:
        """Yield all tiles of a style at some zooms, painted on all cores, the finest zoom first.

        Raises:
            TileError: the style or a zoom does not exist.
        """
        painted, finest_first = _style(style), sorted(set(zooms), reverse=True)
        for zoom in finest_first:
            _check_zoom(zoom)
        overviews = [zoom for zoom in finest_first if zoom <= OVERVIEW_ZOOM]
        work = [
            functools.partial(self._tiles_of, painted, block)
            for zoom in finest_first
            if zoom > OVERVIEW_ZOOM
            for block in _blocks(zoom)
        ]
        if overviews:
            work.append(functools.partial(self._overviews, painted, overviews))
        return itertools.chain.from_iterable(_on_all_cores(iter(work)))

    def _tiles_of(self, style: Style, block: _Block) -> list[Tile]:
        """Return the tiles of a block."""
        return _cut(self._painted(style, block) if block.tiles_in_world() else None, style, block)

    def _overviews(self, style: Style, zooms: Sequence[int]) -> list[Tile]:
        """Return all tiles of the zooms up to :data:`OVERVIEW_ZOOM`, from one painting."""
        whole = _Block(OVERVIEW_ZOOM, 0, 0, 1 << OVERVIEW_ZOOM)
        painting = self._painted(style, whole)
        tiles = []
        for zoom in zooms:
            factor = 1 << (OVERVIEW_ZOOM - zoom)
            tiles += _cut(_reduced(painting, factor), style, _Block(zoom, 0, 0, 1 << zoom))
        return tiles

    def _painted(self, style: Style, block: _Block) -> Image.Image:
        """Return the painting of a block: RGBA."""
        view = block.view()
        planes = self._ground.planes(view)
        near = planes.radius < np.float32(WORLD_RADIUS_M + _PAINTED_BEYOND * view.pixel_m)
        colors = style.paint(self._ground, view, dataclasses.replace(planes, inside=near.astype(np.float32)))
        inner = slice(MARGIN, view.pixels - MARGIN)
        painting = Image.fromarray(np.ascontiguousarray(colors[inner, inner]))
        painting.putalpha(Image.fromarray((planes.inside[inner, inner] * np.float32(255)).astype(np.uint8)))
        return _reduced(painting, block.oversampling)


def _cut(painting: Image.Image | None, style: Style, block: _Block) -> list[Tile]:
    """Return the tiles of a block from its painting, which is needed only if a part of it is in the world."""
    seen = set(block.tiles_in_world())

    def content(x: int, y: int) -> bytes:
        if painting is None or (x, y) not in seen:
            return _empty_tile()
        left, top = (x - block.x) * TILE_PIXELS, (y - block.y) * TILE_PIXELS
        return _encoded(painting.crop((left, top, left + TILE_PIXELS, top + TILE_PIXELS)), style)

    numbers = itertools.product(range(block.y, block.y + block.tiles), range(block.x, block.x + block.tiles))
    return [(block.zoom, x, y, content(x, y)) for y, x in numbers]


def _reduced(painting: Image.Image, factor: int) -> Image.Image:
    """Return an RGBA painting reduced by a factor, without bleeding transparent pixels into opaque ones."""
    return painting if factor == 1 else painting.convert("RGBa").reduce(factor).convert("RGBA")


def _style(name: str) -> Style:
    try:
        return tile_styles.STYLES[name]
    except KeyError as error:
        raise TileError(f"Unknown style of tiles {name!r}; choose from {', '.join(STYLES)}.") from error


def _check_zoom(zoom: int) -> None:
    if not 0 <= zoom <= MAX_ZOOM:
        raise TileError(f"Invalid zoom {zoom}; choose 0 to {MAX_ZOOM}.")


def _pixel_m(zoom: int) -> float:
    return MAP_WIDTH_M / (TILE_PIXELS << zoom)


def _blocks(zoom: int) -> Iterator[_Block]:
    """Yield all tiles of a zoom in blocks."""
    side = 1 << zoom
    tiles = min(_BLOCK_TILES, side)
    for y in range(0, side, tiles):
        for x in range(0, side, tiles):
            yield _Block(zoom, x, y, tiles)


def _is_in_world(zoom: int, x: int, y: int) -> bool:
    """Return whether a tile is at least partially in the world."""
    tile_m = MAP_WIDTH_M / (1 << zoom)
    nearest = [max(0.0, abs((at + 0.5) * tile_m - MAP_WIDTH_M / 2) - tile_m / 2) for at in (x, y)]
    return math.hypot(*nearest) < WORLD_RADIUS_M + _pixel_m(zoom) / 2


def _encoded(tile: Image.Image, style: Style) -> bytes:
    lowest, highest = tile.getchannel("A").getextrema()
    if not highest:
        return _empty_tile()
    return webp_bytes(tile.convert("RGB") if lowest == _OPAQUE else tile, lossless=style.lossless)


@functools.cache
def _empty_tile() -> bytes:
    """Return the tile for places beyond the edge of the world."""
    return webp_bytes(Image.new("RGBA", (TILE_PIXELS, TILE_PIXELS)), lossless=True)


def _on_all_cores(work: Iterator[Callable[[], list[Tile]]]) -> Iterator[list[Tile]]:
    """Yield the results of pieces of work in order; at most two pieces per core are started ahead."""
    cores = usable_cores()
    threads = concurrent.futures.ThreadPoolExecutor(cores)
    try:
        begun = [threads.submit(piece) for piece in itertools.islice(work, 2 * cores)]
        while begun:
            tiles = begun.pop(0).result()
            begun += [threads.submit(piece) for piece in itertools.islice(work, 1)]
            yield tiles
    finally:
        threads.shutdown(cancel_futures=True)
