"""Samples of the painted ground for the legend of the map, from the same painter."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from PIL import Image

from vwe_dagster.rendering import ground, palette
from vwe_dagster.rendering.plates import Entry
from vwe_dagster.rendering.view import MapPlanes
from vwe_dagster.world.biomes import Biome

BIOME_ORDER = (
    Biome.MEADOWS,
    Biome.BLACK_FOREST,
    Biome.SWAMP,
    Biome.MOUNTAIN,
    Biome.PLAINS,
    Biome.MISTLANDS,
    Biome.ASHLANDS,
    Biome.DEEP_NORTH,
    Biome.OCEAN,
)
"""The biomes in the order in which players visit them."""

SWATCH = (66, 36)
"""Width and height of a swatch in units of a sheet."""

_SIDE, _EDGE = 108, 21
_OPEN, _WOODED = 1.25, 0.9
_LEVEL_M = {Biome.OCEAN: 2.0, Biome.MOUNTAIN: 150.0, Biome.SWAMP: 30.2, Biome.DEEP_NORTH: 60.0}
_ROUGHNESS_M = {Biome.OCEAN: 0.5, Biome.MOUNTAIN: 22.0, Biome.SWAMP: 0.9, Biome.DEEP_NORTH: 6.0}


def swatch_pixels(scale: float) -> tuple[int, int]:
    """Return the width and height of a swatch in pixels; ``scale`` is the pixels of a unit."""
    width, height = SWATCH
    return round(width * scale), round(height * scale)


@functools.cache
def biome_entries(scale: float = 1, *, detailed: bool = True) -> tuple[Entry, ...]:
    """Return the entries of :data:`BIOME_ORDER` with swatches of the ground, enlarged by ``scale``."""
    return tuple((_swatch(_ground(biome, scale), scale, detailed=detailed), biome.title) for biome in BIOME_ORDER)


@functools.cache
def sign_entries(scale: float = 1, *, detailed: bool = True, rivers: bool, lava: bool) -> tuple[Entry, ...]:
    """Return the entries of forest, sea depth, rivers and lava that the map can show."""
    entries = [(_depths(scale), "Shoal to deep")]
    if detailed:
        wooded = _ground(Biome.MEADOWS, scale, forest=_WOODED)
        entries.insert(0, (_swatch(wooded, scale), "Forest"))
    if rivers:
        entries.append((_swatch(_ground(Biome.MEADOWS, scale), scale, rivers=_river(scale)), "River, stream"))
    if lava:
        entries.append((_swatch(_ground(Biome.ASHLANDS, scale, lava=_lava(scale)), scale), "Lava"))
    return tuple(entries)


def _ground(
    biome: Biome, scale: float, *, forest: float = _OPEN, lava: npt.NDArray[np.float32] | None = None
) -> MapPlanes:
    """Paint gently rolling ground of one biome, far from the edge of the world."""
    shape = (round(_SIDE * scale),) * 2
    height = _LEVEL_M.get(biome, 46.0) + _rolling(9, scale) * _ROUGHNESS_M.get(biome, 3.5)
    return MapPlanes(
        pixel_m=12.0 / scale,
        biome=np.full(shape, biome, dtype=np.uint8),
        height=height.astype(np.float32),
        forest=np.full(shape, forest, dtype=np.float32),
        lava=lava,
        radius=np.zeros(shape, dtype=np.float32),
        inside=np.ones(shape, dtype=np.float32),
    )


def _rolling(step: int, scale: float) -> npt.NDArray[np.float32]:
    """Return smooth noise of unit variance, the same every time, with features of about ``step`` pixels."""
    count = _SIDE // step + 2
    cells = np.random.Generator(np.random.PCG64(7)).standard_normal((count, count), dtype=np.float32)
    return np.asarray(Image.fromarray(cells).resize((round(_SIDE * scale),) * 2, Image.Resampling.BICUBIC))


def _lava(scale: float) -> npt.NDArray[np.float32]:
    return np.asarray(np.clip(_rolling(7, scale) - np.float32(0.3), 0, 1))


def _river(scale: float) -> npt.NDArray[np.uint8]:
    side = round(_SIDE * scale)
    rows, columns = np.mgrid[:side, :side] / scale
    off = np.abs(rows - _SIDE / 2 - 6 * np.sin(columns / 9))
    return np.asarray(np.clip(2.2 - off, 0, 1) * 255, dtype=np.uint8)


def _swatch(
    planes: MapPlanes, scale: float, rivers: npt.NDArray[np.uint8] | None = None, *, detailed: bool = True
) -> Image.Image:
    left, top = round(_EDGE * scale), round((_SIDE - SWATCH[1]) // 2 * scale)
    width, height = swatch_pixels(scale)
    return ground.paint(planes, rivers, detailed=detailed).crop((left, top, left + width, top + height))


def _depths(scale: float) -> Image.Image:
    width, height = swatch_pixels(scale)
    colors = palette.ramp(palette.SEA_STOPS, np.linspace(0, 40, width))
    return Image.fromarray(np.broadcast_to(colors, (height, *colors.shape)).copy())
