"""The ground itself, painted: land, sea, forest, rivers and lava in colour, without any lettering."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from vwe_dagster.biomes import Biome
from vwe_dagster.grid import SEA_LEVEL_M, WORLD_RADIUS_M
from vwe_dagster.rendering import palette, shading
from vwe_dagster.rendering.palette import Rgb
from vwe_dagster.rendering.shading import Plane
from vwe_dagster.rendering.symbols import strew
from vwe_dagster.rendering.view import MapPlanes

MARSH_LIFT_M = 2.4
"""Swamps lie at 27 to 33 m, half under water: lifted by this for drawing they are land with pools."""

MIST_CLEAR, MIST_FULL = 1.3, 1.1
"""The forest factors between which the mist of the Mistlands clears, as on the game's own map."""

FINE_RELIEF, BROAD_RELIEF = np.float32(0.45), np.float32(1.2)
"""How far slopes of single pixels, and slopes of the lie of the land, are exaggerated in the hillshade."""

BROAD_M = 48.0
"""Ground over which the lie of the land is taken."""

BORDER_SOFTNESS_M = 24.0
"""How far the colours of neighbouring biomes run into each other."""

WATER_LINES = ((4.5, 0.40), (9.5, 0.28), (15.5, 0.18), (22.5, 0.11))
"""Lines along the coast: pixels offshore, and strength."""

_STRIP_ROWS = 32
_DEPTH_STEPS, _OFFSHORE_STEPS = 8, 8


@dataclasses.dataclass(frozen=True)
class _Layers:
    """Everything of a picture that is made for the whole of it before any strip is painted."""

    planes: MapPlanes
    surface: Plane
    broad: Plane
    fill: Sequence[npt.NDArray[np.uint8]]
    offshore: Plane | None
    symbols: npt.NDArray[np.int16] | None
    glow: npt.NDArray[np.uint8] | None
    rivers: npt.NDArray[np.uint8] | None
    ashen: npt.NDArray[np.uint8]
    icy: npt.NDArray[np.uint8]
    sea: Plane
    lines: Plane
    detailed: bool


@dataclasses.dataclass(frozen=True)
class _Strip:
    """The part of the layers inside one rectangle, and the light on it."""

    layers: _Layers
    at: tuple[slice, slice]
    biome: npt.NDArray[np.uint8]
    height: Plane
    steep: Plane
    relief: Plane
    shore: Plane

    @classmethod
    def of(cls, layers: _Layers, rows: slice, columns: slice) -> _Strip:
        pixel_m = layers.planes.pixel_m
        surface = shading.softened(layers.surface[rows.start : rows.stop + 4, columns.start : columns.stop + 4])
        east, north = shading.slopes(surface, pixel_m)
        height = surface[1:-1, 1:-1]
        shore = shading.shore_distance(height, east, north, pixel_m)
        steep = np.hypot(east, north)
        broad = layers.broad[rows.start : rows.stop + 2, columns.start : columns.stop + 2]
        broad_east, broad_north = shading.slopes(broad, pixel_m)
        relief = shading.hillshade(
            FINE_RELIEF * east + BROAD_RELIEF * broad_east, FINE_RELIEF * north + BROAD_RELIEF * broad_north
        )
        return cls(layers, (rows, columns), layers.planes.biome[rows, columns], height, steep, relief, shore)


def paint(planes: MapPlanes, rivers: npt.NDArray[np.uint8] | None = None, *, detailed: bool = True) -> Image.Image:
    """Paints the ground.

    Args:
        planes: what is where, one sample a pixel, as many rows as columns.
        rivers: how much of each pixel is river, 0 to 255; see :func:`vwe_dagster.rendering.waterways.river_ink`.
        detailed: with symbols and water lines, which want to be seen at full size.

    Returns:
        RGB, one pixel a sample; paper outside the world.
    """
    layers = _layers(planes, rivers, detailed=detailed)
    rows_count, columns_count = planes.biome.shape
    painted = np.empty((rows_count, columns_count, 3), dtype=np.uint8)
    painted[:] = palette.PAPER
    for top in range(0, rows_count, _STRIP_ROWS):
        rows = slice(top, min(top + _STRIP_ROWS, rows_count))
        seen = np.flatnonzero(planes.inside[rows].max(axis=0))
        if len(seen):
            columns = slice(int(seen[0]), int(seen[-1]) + 1)
            canvas = _painted(_Strip.of(layers, rows, columns))
            canvas += np.float32(0.5)
            painted[rows, columns] = np.moveaxis(canvas.astype(np.uint8), 0, -1)
    return Image.fromarray(painted)


def _layers(planes: MapPlanes, rivers: npt.NDArray[np.uint8] | None, *, detailed: bool) -> _Layers:
    height = planes.height + (planes.biome == Biome.SWAMP) * np.float32(MARSH_LIFT_M)
    size = len(height)
    broad = shading.resized(shading.resized(height, max(1, min(size, round(size * planes.pixel_m / BROAD_M)))), size)
    fill = Image.fromarray(planes.biome).convert("P")
    fill.putpalette(palette.biome_table().tobytes())
    softness = min(2.0, BORDER_SOFTNESS_M / planes.pixel_m)
    bands = fill.convert("RGB").filter(ImageFilter.BoxBlur(softness)).split()
    return _Layers(
        planes=planes,
        surface=np.pad(height, 2, mode="edge"),
        broad=np.pad(broad, 1, mode="edge"),
        fill=[np.asarray(band) for band in bands],
        offshore=shading.offshore_distance(height) if detailed else None,
        symbols=strew(planes) if detailed else None,
        glow=None if planes.lava is None else _glow(planes.lava),
        rivers=rivers,
        ashen=_climate(planes.biome == Biome.ASHLANDS),
        icy=_climate(planes.biome == Biome.DEEP_NORTH),
        sea=_sea_colours(),
        lines=_water_lines(),
        detailed=detailed,
    )


def _glow(lava: Plane) -> npt.NDArray[np.uint8]:
    """Lava and the light around it, 0 to 255."""
    hot = Image.fromarray((np.clip(lava, 0, 1) * np.float32(255)).astype(np.uint8))
    return np.asarray(hot.filter(ImageFilter.BoxBlur(4)).filter(ImageFilter.BoxBlur(4)))


def _climate(where: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """A mask, 0 to 255, with wide soft borders."""
    size = len(where)
    small = Image.fromarray(where.view(np.uint8) * np.uint8(255)).resize(
        (max(1, size // 16),) * 2, Image.Resampling.BOX
    )
    return np.asarray(small.filter(ImageFilter.BoxBlur(2)).resize((size, size), Image.Resampling.BILINEAR))


@functools.cache
def _sea_colours() -> Plane:
    """Colour of the sea by depth in eighths of a metre, ``[3, depth]``."""
    depths = np.arange(0, 100 * _DEPTH_STEPS) / _DEPTH_STEPS
    return np.ascontiguousarray(palette.ramp(palette.SEA_STOPS, depths).astype(np.float32).T)


@functools.cache
def _water_lines() -> Plane:
    """Strength of the water lines by distance offshore in eighths of a pixel."""
    distance = np.arange(0, 32 * _OFFSHORE_STEPS) / _OFFSHORE_STEPS
    strengths = [strength * np.clip(1 - np.abs(distance - at) / 1.1, 0, 1) for at, strength in WATER_LINES]
    return np.asarray(np.max(strengths, axis=0), dtype=np.float32)


def _painted(strip: _Strip) -> Plane:
    """The colours of a strip, ``[3, z, x]``, 0 to 255."""
    canvas = _sea(strip)
    land = _land(strip)
    land -= canvas
    land *= np.clip(strip.shore + np.float32(0.5), 0, 1)
    canvas += land
    ink = np.clip(np.float32(1.25) - np.abs(strip.shore), 0, 1)
    _mix(canvas, palette.COAST_INK, ink * np.float32(0.6 if strip.layers.detailed else 0.35))
    rim = strip.layers.planes.radius[strip.at] - np.float32(WORLD_RADIUS_M - 600)
    if rim.max() > 0:
        _mix(canvas, palette.DEEP, np.square(np.clip(rim / np.float32(600), 0, 1)) * np.float32(0.35))
        _mix(canvas, palette.PAPER, 1 - strip.layers.planes.inside[strip.at])
    return canvas


def _land(strip: _Strip) -> Plane:
    layers, biome = strip.layers, strip.biome
    canvas = np.stack([band[strip.at] for band in layers.fill]).astype(np.float32)
    mountain = biome == Biome.MOUNTAIN
    if mountain.any():
        bare = (np.float32(112) - strip.height) / np.float32(50) + (strip.steep - np.float32(0.6))
        _mix(canvas, palette.ROCK, np.clip(bare, 0, 0.8) * mountain)
    marsh = biome == Biome.SWAMP
    if marsh.any():
        pool = (np.float32(SEA_LEVEL_M) - layers.planes.height[strip.at]) * np.float32(0.5)
        _mix(canvas, palette.POOL, np.clip(pool, 0, 0.5) * marsh)
    _light(canvas, strip.relief)
    misty = biome == Biome.MISTLANDS
    if misty.any():
        clear = (layers.planes.forest[strip.at] - np.float32(MIST_FULL)) / np.float32(MIST_CLEAR - MIST_FULL)
        _mix(canvas, palette.MIST, (1 - np.clip(clear, 0, 1)) * misty * np.float32(0.42))
    if layers.symbols is not None:
        symbols = layers.symbols[strip.at].astype(np.float32)
        _mix(canvas, palette.FOREST_INK, np.minimum(symbols, 0) * np.float32(-0.6 / 255))
        _mix(canvas, palette.LIT, np.maximum(symbols, 0) * np.float32(0.22 / 255))
    if layers.glow is not None and layers.planes.lava is not None:
        glow = layers.glow[strip.at]
        if glow.any():
            _mix(canvas, palette.EMBER, np.minimum(glow * np.float32(0.7 / 255), np.float32(0.45)))
            molten = (layers.planes.lava[strip.at] - np.float32(0.45)) / np.float32(0.4)
            _mix(canvas, palette.EMBER_CORE, np.clip(molten, 0, 1) * np.float32(0.75))
    if layers.rivers is not None:
        _mix(canvas, palette.RIVER, layers.rivers[strip.at] * (biome != Biome.ASHLANDS) * np.float32(0.85 / 255))
    return canvas


def _sea(strip: _Strip) -> Plane:
    layers = strip.layers
    depth = (np.float32(SEA_LEVEL_M) - strip.height) * np.float32(_DEPTH_STEPS)
    deepest = layers.sea.shape[1] - 1
    canvas: Plane = np.take(layers.sea, np.clip(depth, 0, deepest).astype(np.int32), axis=1)
    for climate, colour in ((layers.ashen, palette.ASHEN_SEA), (layers.icy, palette.ICY_SEA)):
        tint = climate[strip.at]
        if tint.any():
            _mix(canvas, colour, tint * np.float32(0.4 / 255))
    canvas *= np.clip(strip.relief, -0.3, 0.2) * np.float32(0.25) + 1
    if layers.offshore is not None:
        offshore = layers.offshore[strip.at] * np.float32(_OFFSHORE_STEPS)
        lines = layers.lines[np.clip(offshore, 0, len(layers.lines) - 1).astype(np.int32)]
        _mix(canvas, palette.WATER_INK, lines)
    return canvas


def _light(canvas: Plane, relief: Plane) -> None:
    """Shade and light on land; shade is cool, light is warm."""
    shade = np.clip(relief, -0.6, 0)
    for channel, strength in enumerate(palette.SHADE_STRENGTH):
        canvas[channel] *= shade * np.float32(strength) + 1
    _mix(canvas, palette.LIT, np.clip(relief, 0, 0.35))


def _mix(canvas: Plane, colour: Rgb, strength: Plane) -> None:
    """Moves a canvas towards a colour, by 0 (not) to 1 (all the way)."""
    change = np.array(colour, dtype=np.float32)[:, None, None] - canvas
    change *= strength
    canvas += change
