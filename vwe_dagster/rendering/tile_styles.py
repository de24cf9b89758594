"""The styles of map tiles."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import kernel
from vwe_dagster.rendering import ground, palette, shading
from vwe_dagster.rendering.biome_map import UNDERWATER, underwater_table
from vwe_dagster.rendering.brush import Light, blur_classes
from vwe_dagster.rendering.heights import HIGHEST_M, LOWEST_M
from vwe_dagster.rendering.shading import Plane
from vwe_dagster.rendering.symbols import MEADOWS_FOREST, PLAINS_FOREST
from vwe_dagster.rendering.tile_ground import TileGround
from vwe_dagster.rendering.view import MapPlanes, MapView
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.grid import SEA_LEVEL_M

Pixels = npt.NDArray[np.uint8]
"""Colors, ``[z, x, 3]``, north up."""

MARGIN = 48
"""Pixels around a place that influence its color: the broad heights reach 41, water lines 36."""

DETAILED_M, RIVERS_M = 12.0, 24.0
"""The largest pixels, in meters, that show symbols and water lines, and those that show rivers."""

_BORDER_PIXELS = np.float32(0.6)
"""Radius of the blur of flat colors, which smooths the steps of their borders."""

_STEPS_PER_M = 4
_SHADES = 256
_DENSE_FACTOR = np.float32(0.9)
"""Difference of the forest factor from its limit in the densest forest."""

_SPARSEST = np.float32(0.3)
_WET_SHINE = np.float32(0.35)
_0, _HALF, _1, _255 = np.float32(0), np.float32(0.5), np.float32(1), np.float32(255)
_COAST_INK = np.array(palette.COAST_INK, dtype=np.float32)
_MEADOWS, _PLAINS, _BLACK_FOREST = int(Biome.MEADOWS), int(Biome.PLAINS), int(Biome.BLACK_FOREST)
_MEADOWS_FOREST, _PLAINS_FOREST = np.float32(MEADOWS_FOREST), np.float32(PLAINS_FOREST)


@dataclasses.dataclass(frozen=True)
class Style:
    """A style of tiles.

    Attributes:
        title: name for people.
        paint: paints a view of a ground from its planes, with a margin of :data:`MARGIN` pixels.
        lossless: true if tiles are compressed without loss.
    """

    title: str
    paint: Callable[[TileGround, MapView, MapPlanes], Pixels]
    lossless: bool


def _paint_map(where: TileGround, view: MapView, planes: MapPlanes) -> Pixels:
    """Paint the ground of the printed map; at low zooms without symbols."""
    rivers = where.rivers(view) if view.pixel_m <= RIVERS_M else None
    detailed = view.pixel_m <= DETAILED_M
    painted = ground.paint(
        planes, rivers, detailed=detailed, climates=where.climates(view), steepness=_steepness(planes.pixel_m)
    )
    return np.asarray(painted)


def _paint_biomes(_: TileGround, __: MapView, planes: MapPlanes) -> Pixels:
    """Paint flat colors, paler under water."""
    drowned = (planes.height < np.float32(SEA_LEVEL_M)).view(np.uint8) * np.uint8(UNDERWATER)
    fill = blur_classes(np.ascontiguousarray(planes.biome | drowned), underwater_table(), _BORDER_PIXELS)
    return np.moveaxis(fill, 0, -1)


def _paint_heights(_: TileGround, __: MapView, planes: MapPlanes) -> Pixels:
    """Paint the colors of the scale of heights with hillshade."""
    light = _light(planes)
    return _shaded(light.height, light.relief, light.shore, _height_colors())


def _paint_forest(_: TileGround, __: MapView, planes: MapPlanes) -> Pixels:
    """Paint the forest by its density, on land without any other mark."""
    density = shading.softened(np.pad(_forest_density(planes.biome, planes.forest), 1, mode="edge"))
    sea = np.array(palette.FOREST_SEA, dtype=np.float32)
    dry = dataclasses.replace(planes, height=ground.with_raised_swamps(planes))
    return _wooded(density, _light(dry).shore, _forest_colors(), sea)


STYLES: Mapping[str, Style] = {
    "map": Style("Map", _paint_map, lossless=False),
    "biomes": Style("Biomes", _paint_biomes, lossless=True),
    "heights": Style("Relief", _paint_heights, lossless=False),
    "forest": Style("Forest", _paint_forest, lossless=False),
}
"""Styles by the name in URLs and folders."""


def _light(planes: MapPlanes) -> Light:
    broad = np.pad(ground.broad_heights(planes.height, planes.pixel_m), 1, mode="edge")
    surface = np.pad(planes.height, 2, mode="edge")
    return ground.light_on(surface, broad, planes.pixel_m, steepness=_steepness(planes.pixel_m))


def _steepness(pixel_m: float) -> float:
    """Return the factor of slopes: smaller pixels have steeper slopes, and this makes all zooms look alike."""
    return float(min(1.0, (pixel_m / DETAILED_M) ** 0.35))


@functools.cache
def _height_colors() -> Pixels:
    return palette.ramp(palette.HEIGHT_STOPS, np.arange(LOWEST_M, HIGHEST_M, 1 / _STEPS_PER_M))


@functools.cache
def _forest_colors() -> Pixels:
    return palette.ramp(palette.FOREST_STOPS, np.linspace(0, 1, _SHADES))


@kernel
def _shaded(height: Plane, relief: Plane, shore: Plane, colors: Pixels) -> Pixels:
    """Return colors by height with hillshade, which is weaker under water; shores are smooth."""
    painted = np.empty((*height.shape, 3), np.uint8)
    first_dry = int((SEA_LEVEL_M - LOWEST_M) * _STEPS_PER_M)
    for z in range(height.shape[0]):
        for x in range(height.shape[1]):
            step = int((height[z, x] - np.float32(LOWEST_M)) * np.float32(_STEPS_PER_M))
            wet, dry = colors[min(max(step, 0), first_dry - 1)], colors[min(max(step, first_dry), len(colors) - 1)]
            land = min(max(shore[z, x] + _HALF, _0), _1)
            shade = _1 + max(relief[z, x], np.float32(-0.6)) * np.float32(0.9)
            bright = min(relief[z, x], np.float32(0.35))
            for channel in range(3):
                color = np.float32(dry[channel])
                color = color * shade if relief[z, x] < 0 else color + (_255 - color) * bright
                under = np.float32(wet[channel]) * (_1 + _WET_SHINE * relief[z, x])
                painted[z, x, channel] = np.uint8(min(max(under + (color - under) * land, _0), _255) + _HALF)
    return painted


@kernel
def _forest_density(biome: npt.NDArray[np.uint8], forest: Plane) -> Plane:
    """Return the density of the forest, 0 to 1, by the limits of :mod:`vwe_dagster.rendering.symbols`."""
    density = np.zeros(biome.shape, np.float32)
    for z in range(biome.shape[0]):
        for x in range(biome.shape[1]):
            if biome[z, x] == _BLACK_FOREST:
                # Forest grows everywhere here, and is denser than elsewhere.
                within = max((_MEADOWS_FOREST - forest[z, x]) / _DENSE_FACTOR, _0)
                density[z, x] = min(np.float32(0.6) + within * np.float32(0.6), _1)
                continue
            if biome[z, x] == _MEADOWS:
                within = (_MEADOWS_FOREST - forest[z, x]) / _DENSE_FACTOR
            elif biome[z, x] == _PLAINS:
                within = (_PLAINS_FOREST - forest[z, x]) / _DENSE_FACTOR
            else:
                continue
            if within > 0:
                density[z, x] = min(_SPARSEST + (_1 - _SPARSEST) * within, _1)
    return density


@kernel
def _wooded(density: Plane, shore: Plane, colors: Pixels, sea: Plane) -> Pixels:
    """Return colors by the density of the forest, in a sea with a line along the coast."""
    painted = np.empty((*density.shape, 3), np.uint8)
    for z in range(density.shape[0]):
        for x in range(density.shape[1]):
            dry = colors[int(density[z, x] * np.float32(_SHADES - 1) + _HALF)]
            land = min(max(shore[z, x] + _HALF, _0), _1)
            ink = min(max(np.float32(1.25) - abs(shore[z, x]), _0), _1) * _HALF
            for channel in range(3):
                color = sea[channel] + (np.float32(dry[channel]) - sea[channel]) * land
                painted[z, x, channel] = np.uint8(color + (_COAST_INK[channel] - color) * ink + _HALF)
    return painted
