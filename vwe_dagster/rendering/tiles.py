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
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
from PIL import Image

from vwe_dagster.extraction.canonical import CanonicalWorld
from vwe_dagster.grid import MAP_WIDTH_M, WORLD_RADIUS_M
from vwe_dagster.rendering import tile_styles
from vwe_dagster.rendering.tile_ground import TileGround
from vwe_dagster.rendering.tile_styles import MARGIN, Style
from vwe_dagster.rendering.view import MapView
from vwe_dagster.rendering.webp import webp_bytes
from vwe_dagster.worldgen import World

TILE_PIXELS = 256
"""Side of a tile."""

NATIVE_ZOOM = 3
"""The zoom at which a pixel is 12 m, as on the game's own map."""

MAX_ZOOM = 5
"""The last zoom: 3 m a pixel."""

STYLES: Mapping[str, str] = {name: style.title for name, style in tile_styles.STYLES.items()}
"""The title of every style, by the name that addresses and folders have."""

_TOGETHER = 4
"""Tiles along each side of what is painted at once: the margin around them is a sixth of it, around one three fifths."""

_PAINTED_BEYOND = 8
"""Pixels painted beyond the edge of the world, lest what is transparent tinge what is not when it is compressed."""

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
        blocks = (block for zoom in finest_first for block in _blocks(zoom))
        return itertools.chain.from_iterable(_on_every_core(functools.partial(self._made, painted), blocks))

    def _made(self, style: Style, block: _Block) -> list[Tile]:
        """The tiles of a block."""
        numbers = [(block.x + x, block.y + y) for y in range(block.tiles) for x in range(block.tiles)]
        shown = {(x, y) for x, y in numbers if _is_in_world(block.zoom, x, y)}
        painting = self._painted(style, block) if shown else None

        def content(x: int, y: int) -> bytes:
            if painting is None or (x, y) not in shown:
                return _nothing()
            left, top = (x - block.x) * TILE_PIXELS, (y - block.y) * TILE_PIXELS
            return _encoded(painting.crop((left, top, left + TILE_PIXELS, top + TILE_PIXELS)), style)

        return [(block.zoom, x, y, content(x, y)) for x, y in numbers]

    def _painted(self, style: Style, block: _Block) -> Image.Image:
        """A block in RGBA."""
        finer = style.finer.get(block.zoom, 1)
        view = _view(block, finer)
        planes = self._ground.planes(view)
        near = planes.radius < np.float32(WORLD_RADIUS_M + _PAINTED_BEYOND * view.pixel_m)
        colours = style.paint(self._ground, view, dataclasses.replace(planes, inside=near.astype(np.float32)))
        inner = slice(MARGIN, view.pixels - MARGIN)
        painting = Image.fromarray(np.ascontiguousarray(colours[inner, inner]))
        painting.putalpha(Image.fromarray((planes.inside[inner, inner] * np.float32(255)).astype(np.uint8)))
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


def _view(block: _Block, finer: int) -> MapView:
    """The ground of a block and the margin around it."""
    tile_m, pixel_m = MAP_WIDTH_M / (1 << block.zoom), _pixel_m(block.zoom) / finer
    pixels = block.tiles * TILE_PIXELS * finer + 2 * MARGIN
    east_m = (block.x + block.tiles / 2) * tile_m - MAP_WIDTH_M / 2
    north_m = MAP_WIDTH_M / 2 - (block.y + block.tiles / 2) * tile_m
    return MapView(pixels, pixels * pixel_m, east_m, north_m)


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
    lowest, highest = tile.getextrema()[3]
    if not highest:
        return _nothing()
    return webp_bytes(tile.convert("RGB") if lowest == 255 else tile, lossless=style.lossless)


@functools.cache
def _nothing() -> bytes:
    """A tile beyond the edge of the world."""
    return webp_bytes(Image.new("RGBA", (TILE_PIXELS, TILE_PIXELS)), lossless=True)


def _on_every_core(work: Callable[[_Block], list[Tile]], blocks: Iterator[_Block]) -> Iterator[list[Tile]]:
    """Does the work for all blocks, not many more at once than there are cores; in the order of the blocks."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = concurrent.futures.ThreadPoolExecutor(cores)
    try:
        begun = [threads.submit(work, block) for block in itertools.islice(blocks, 2 * cores)]
        while begun:
            made = begun.pop(0).result()
            begun += [threads.submit(work, block) for block in itertools.islice(blocks, 1)]
            yield made
    finally:
        threads.shutdown(cancel_futures=True)
