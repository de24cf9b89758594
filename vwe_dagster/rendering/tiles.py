"""Tiles: a world in squares of 256 pixels at every zoom, as maps on web pages put them together.

At zoom ``z`` the map is ``2**z`` x ``2**z`` tiles, ``x`` from the west and ``y`` from the north. A tile shows what a
painting of the whole map would show there, so that neighbours join without a seam. Beyond the edge of the world it is
transparent.
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
"""Side of a tile."""

NATIVE_ZOOM = 3
"""The zoom at which a pixel is 12 m, as on the game's own map."""

MAX_ZOOM = 5
"""The last zoom: 3 m a pixel."""

OVERVIEW_ZOOM = 2
"""Up to this zoom the world is painted as for this one, without what would be noise, and made smaller."""

STYLES: Mapping[str, str] = {name: style.title for name, style in tile_styles.STYLES.items()}
"""The title of every style, by the name that addresses and folders have."""

_TOGETHER = 4
"""Tiles along each side of what is painted at once. The margin around them adds a fifth, around one nine tenths."""

_PAINTED_BEYOND = 8
"""Pixels painted beyond the edge of the world, lest what is transparent tinge what is not when it is compressed."""

_OPAQUE = 255

Tile = tuple[int, int, int, bytes]
"""Zoom, x, y and the WebP."""


class TileError(ValueError):
    """A tile or a style that does not exist; the message says what to ask for instead."""


class _Block(NamedTuple):
    """Tiles that are painted at once: ``tiles`` x ``tiles`` from ``x`` and ``y`` on."""

    zoom: int
    x: int
    y: int
    tiles: int

    @property
    def finer(self) -> int:
        """How many times as fine it is painted as it is seen."""
        return 1 << max(0, OVERVIEW_ZOOM - self.zoom)

    def view(self) -> MapView:
        """The ground that is painted, with its margin."""
        tile_m, pixel_m = MAP_WIDTH_M / (1 << self.zoom), _pixel_m(self.zoom) / self.finer
        pixels = self.tiles * TILE_PIXELS * self.finer + 2 * MARGIN
        east_m = (self.x + self.tiles / 2) * tile_m - MAP_WIDTH_M / 2
        north_m = MAP_WIDTH_M / 2 - (self.y + self.tiles / 2) * tile_m
        return MapView(pixels, pixels * pixel_m, east_m, north_m)

    def seen(self) -> list[tuple[int, int]]:
        """The tiles that reach into the world."""
        across, down = (range(first, first + self.tiles) for first in (self.x, self.y))
        return [(x, y) for y in down for x in across if _is_in_world(self.zoom, x, y)]


class WorldTiles:
    """The tiles of one world, for any number of threads at once."""

    def __init__(self, world: CanonicalWorld, terrain: World | None = None) -> None:
        """The tiles of a world.

        Args:
            world: on any grid; resampled to the pixels.
            terrain: the engine's world, which makes real detail of zooms 4 and 5; else they are only enlarged.
        """
        self._ground = TileGround(world, terrain, native_m=_pixel_m(NATIVE_ZOOM))

    def tile(self, style: str, zoom: int, x: int, y: int) -> bytes:
        """A tile as WebP.

        Raises:
            TileError: there is no such style or tile.
        """
        painted = _style(style)
        _check_zoom(zoom)
        last = (1 << zoom) - 1
        if not (0 <= x <= last and 0 <= y <= last):
            raise TileError(f"At zoom {zoom} tiles have x and y from 0 to {last}; there is none at {x}, {y}.")
        ((_, _, _, content),) = self._made(painted, _Block(zoom, x, y, 1))
        return content

    def pyramid(self, style: str, *, zooms: Iterable[int] = range(NATIVE_ZOOM + 1)) -> Iterator[Tile]:
        """All tiles of a style at some zooms, made on every core, the finest first.

        Raises:
            TileError: there is no such style or zoom.
        """
        painted, finest_first = _style(style), sorted(set(zooms), reverse=True)
        for zoom in finest_first:
            _check_zoom(zoom)
        overviews = [zoom for zoom in finest_first if zoom <= OVERVIEW_ZOOM]
        work = [
            functools.partial(self._made, painted, block)
            for zoom in finest_first
            if zoom > OVERVIEW_ZOOM
            for block in _blocks(zoom)
        ]
        if overviews:
            work.append(functools.partial(self._overviews, painted, overviews))
        return itertools.chain.from_iterable(_on_every_core(iter(work)))

    def _made(self, style: Style, block: _Block) -> list[Tile]:
        """The tiles of a block."""
        return _cut(self._painted(style, block) if block.seen() else None, style, block)

    def _overviews(self, style: Style, zooms: Sequence[int]) -> list[Tile]:
        """All tiles of the zooms that show the world from afar, from one painting."""
        whole = _Block(OVERVIEW_ZOOM, 0, 0, 1 << OVERVIEW_ZOOM)
        painting = self._painted(style, whole)
        tiles = []
        for zoom in zooms:
            finer = 1 << (OVERVIEW_ZOOM - zoom)
            tiles += _cut(_reduced(painting, finer), style, _Block(zoom, 0, 0, 1 << zoom))
        return tiles

    def _painted(self, style: Style, block: _Block) -> Image.Image:
        """A block in RGBA."""
        view = block.view()
        planes = self._ground.planes(view)
        near = planes.radius < np.float32(WORLD_RADIUS_M + _PAINTED_BEYOND * view.pixel_m)
        colors = style.paint(self._ground, view, dataclasses.replace(planes, inside=near.astype(np.float32)))
        inner = slice(MARGIN, view.pixels - MARGIN)
        painting = Image.fromarray(np.ascontiguousarray(colors[inner, inner]))
        painting.putalpha(Image.fromarray((planes.inside[inner, inner] * np.float32(255)).astype(np.uint8)))
        return _reduced(painting, block.finer)


def _cut(painting: Image.Image | None, style: Style, block: _Block) -> list[Tile]:
    """The tiles of a block, from its painting if anything of it lies in the world."""
    seen = set(block.seen())

    def content(x: int, y: int) -> bytes:
        if painting is None or (x, y) not in seen:
            return _nothing()
        left, top = (x - block.x) * TILE_PIXELS, (y - block.y) * TILE_PIXELS
        return _encoded(painting.crop((left, top, left + TILE_PIXELS, top + TILE_PIXELS)), style)

    numbers = itertools.product(range(block.y, block.y + block.tiles), range(block.x, block.x + block.tiles))
    return [(block.zoom, x, y, content(x, y)) for y, x in numbers]


def _reduced(painting: Image.Image, finer: int) -> Image.Image:
    """A painting in RGBA made so many times smaller; what is transparent does not tinge what is not."""
    return painting if finer == 1 else painting.convert("RGBa").reduce(finer).convert("RGBA")


def _style(name: str) -> Style:
    try:
        return tile_styles.STYLES[name]
    except KeyError as error:
        raise TileError(f"There is no style {name!r} of tiles; choose {', '.join(STYLES)}.") from error


def _check_zoom(zoom: int) -> None:
    if not 0 <= zoom <= MAX_ZOOM:
        raise TileError(f"Tiles have zooms from 0 to {MAX_ZOOM}; there is no zoom {zoom}.")


def _pixel_m(zoom: int) -> float:
    return MAP_WIDTH_M / (TILE_PIXELS << zoom)


def _blocks(zoom: int) -> Iterator[_Block]:
    """All tiles of a zoom."""
    side = 1 << zoom
    tiles = min(_TOGETHER, side)
    for y in range(0, side, tiles):
        for x in range(0, side, tiles):
            yield _Block(zoom, x, y, tiles)


def _is_in_world(zoom: int, x: int, y: int) -> bool:
    """Whether a tile reaches into the world."""
    tile_m = MAP_WIDTH_M / (1 << zoom)
    nearest = [max(0.0, abs((at + 0.5) * tile_m - MAP_WIDTH_M / 2) - tile_m / 2) for at in (x, y)]
    return math.hypot(*nearest) < WORLD_RADIUS_M + _pixel_m(zoom) / 2


def _encoded(tile: Image.Image, style: Style) -> bytes:
    lowest, highest = tile.getchannel("A").getextrema()
    if not highest:
        return _nothing()
    return webp_bytes(tile.convert("RGB") if lowest == _OPAQUE else tile, lossless=style.lossless)


@functools.cache
def _nothing() -> bytes:
    """A tile beyond the edge of the world."""
    return webp_bytes(Image.new("RGBA", (TILE_PIXELS, TILE_PIXELS)), lossless=True)


def _on_every_core(work: Iterator[Callable[[], list[Tile]]]) -> Iterator[list[Tile]]:
    """What each piece of work makes, in its order; little more is begun than there are cores."""
    cores = usable_cores()
    threads = concurrent.futures.ThreadPoolExecutor(cores)
    try:
        begun = [threads.submit(piece) for piece in itertools.islice(work, 2 * cores)]
        while begun:
            made = begun.pop(0).result()
            begun += [threads.submit(piece) for piece in itertools.islice(work, 1)]
            yield made
    finally:
        threads.shutdown(cancel_futures=True)
