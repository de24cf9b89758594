"""The painted ground: land, sea, forest, rivers and lava in color, without text."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from vwe_dagster.rendering import palette, shading
from vwe_dagster.rendering.brush import DEPTH_STEPS, OFFSHORE_STEPS, Layers, Light, blur_classes, paint_rows
from vwe_dagster.rendering.shading import Plane
from vwe_dagster.rendering.symbols import draw_symbols
from vwe_dagster.rendering.view import MapPlanes, Sample
from vwe_dagster.world.biomes import Biome

MARSH_LIFT_M = 2.4
"""Height added to swamps for drawing. They are at 27 to 33 m, half under water, and become land with pools."""

FINE_RELIEF, BROAD_RELIEF = np.float32(0.45), np.float32(1.2)
"""Exaggeration of slopes in the hillshade: of single pixels, and of the broad heights."""

BROAD_M = 48.0
"""Length over which the broad heights are averaged."""

BORDER_SOFTNESS_M = 24.0
"""Width of the blur between the colors of neighboring biomes."""

WATER_LINES = ((4.5, 0.40), (9.5, 0.28), (15.5, 0.18), (22.5, 0.11))
"""Lines along the coast: pixels offshore, and strength."""

OFFSHORE_REACH = 48
"""Limit of the measured distance offshore in pixels: water lines reach 32, and resampling needs 4 more."""

Climates = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]
"""Shares of the Ashlands and of the Deep North in each sample, 0 to 255, with wide soft borders."""

_STRIP_ROWS = 32
_GLOW_REACH = 4


def paint(
    planes: MapPlanes,
    rivers: npt.NDArray[np.uint8] | None = None,
    *,
    detailed: bool = True,
    climates: Climates | None = None,
    steepness: float = 1.0,
) -> Image.Image:
    """Paint the ground.

    Args:
        planes: the planes, square, one sample per pixel.
        rivers: share of river in each pixel, 0 to 255; see :func:`vwe_dagster.rendering.waterways.river_ink`.
        detailed: with symbols and water lines, which are for full size only.
        climates: the climates from the whole world, if the planes are only a part of it; else computed from the planes.
        steepness: factor of slopes, 1 as on the map.

    Returns:
        RGB, one pixel per sample; paper outside the world.
    """
    height = with_raised_swamps(planes)
    layers = _layers(planes, height, rivers, climates or climates_of(planes.biome), detailed=detailed)
    coast = np.float32(0.6 if detailed else 0.35)
    surface, broad = np.pad(height, 2, mode="edge"), np.pad(broad_heights(height, planes.pixel_m), 1, mode="edge")
    painted = np.empty((*height.shape, 3), dtype=np.uint8)
    painted[:] = palette.PAPER
    for top in range(0, len(height), _STRIP_ROWS):
        bottom = min(top + _STRIP_ROWS, len(height))
        seen = np.flatnonzero(planes.inside[top:bottom].max(axis=0))
        if len(seen):
            light = light_on(surface[top : bottom + 4], broad[top : bottom + 2], planes.pixel_m, top, steepness)
            paint_rows(layers, light, (int(seen[0]), int(seen[-1]) + 1), coast, painted)
    return Image.fromarray(painted)


def with_raised_swamps(planes: MapPlanes) -> Plane:
    """Return the heights with swamps raised above the water."""
    return np.asarray(planes.height + (planes.biome == Biome.SWAMP) * np.float32(MARSH_LIFT_M))


def light_on(surface: Plane, broad: Plane, pixel_m: float, top: int = 0, steepness: float = 1.0) -> Light:
    """Return the light on rows of a picture; ``surface`` has two more samples on each side, ``broad`` one."""
    softened = shading.softened(surface)
    east, north = shading.slopes(softened, pixel_m)
    broad_east, broad_north = shading.slopes(broad, pixel_m)
    height = np.ascontiguousarray(softened[1:-1, 1:-1])
    fine, wide = FINE_RELIEF * np.float32(steepness), BROAD_RELIEF * np.float32(steepness)
    return Light(
        top=top,
        height=height,
        east=east,
        north=north,
        relief=shading.hillshade(fine * east + wide * broad_east, fine * north + wide * broad_north),
        shore=shading.shore_distance(height, east, north, pixel_m),
    )


def broad_heights(height: Plane, pixel_m: float) -> Plane:
    """Return the heights averaged over :data:`BROAD_M` and smoothly enlarged again."""
    size = len(height)
    return shading.resized(shading.resized(height, max(1, min(size, round(size * pixel_m / BROAD_M)))), size)


def _layers(
    planes: MapPlanes,
    height: Plane,
    rivers: npt.NDArray[np.uint8] | None,
    climates: Climates,
    *,
    detailed: bool,
) -> Layers:
    shape = height.shape
    biome = _uniform(planes.biome)
    softness = np.float32(min(2.0, BORDER_SOFTNESS_M / planes.pixel_m))
    return Layers(
        biome=biome,
        bed=_uniform(planes.height),
        forest=_uniform(planes.forest),
        lava=_uniform(np.zeros(shape, dtype=np.float32) if planes.lava is None else planes.lava),
        radius=_uniform(planes.radius),
        inside=_uniform(planes.inside),
        fill=_uniform(blur_classes(biome, palette.biome_table(), softness)),
        offshore=_uniform(
            shading.offshore_distance(height, OFFSHORE_REACH) if detailed else np.full(shape, np.inf, dtype=np.float32)
        ),
        symbols=_uniform(draw_symbols(planes) if detailed else np.zeros(shape, dtype=np.int16)),
        glow=_uniform(np.zeros(shape, dtype=np.uint8) if planes.lava is None else _glow(planes.lava)),
        rivers=_uniform(np.zeros(shape, dtype=np.uint8) if rivers is None else rivers),
        ashen=_uniform(climates[0]),
        icy=_uniform(climates[1]),
        sea=_uniform(_sea_colors()),
        lines=_uniform(_water_lines()),
    )


def _uniform(layer: npt.NDArray[Sample]) -> npt.NDArray[Sample]:
    """Return the layer as a contiguous read-only array, the only kind for which the brush is compiled."""
    view = np.ascontiguousarray(layer).view()
    view.flags.writeable = False
    return view


def _glow(lava: Plane) -> npt.NDArray[np.uint8]:
    """Return lava and the light around it, 0 to 255."""
    glow = np.zeros(lava.shape, dtype=np.uint8)
    hot_rows = np.flatnonzero(lava.any(axis=1))
    if len(hot_rows):
        # The Ashlands are at one edge of the world; elsewhere nothing glows.
        lit = slice(max(0, hot_rows[0] - 4 * _GLOW_REACH), hot_rows[-1] + 4 * _GLOW_REACH)
        hot = Image.fromarray((np.clip(lava[lit], 0, 1) * np.float32(255)).astype(np.uint8))
        blur = ImageFilter.BoxBlur(_GLOW_REACH)
        glow[lit] = np.asarray(hot.filter(blur).filter(blur))
    return glow


def climates_of(biome: npt.NDArray[np.uint8]) -> Climates:
    """Return the climates of a square plane of biomes."""
    ashen, icy = (_climate(biome == kind) for kind in (Biome.ASHLANDS, Biome.DEEP_NORTH))
    return ashen, icy


def _climate(where: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    size = len(where)
    small = Image.fromarray(where.view(np.uint8) * np.uint8(255)).resize(
        (max(1, size // 16),) * 2, Image.Resampling.BOX
    )
    return np.asarray(small.filter(ImageFilter.BoxBlur(2)).resize((size, size), Image.Resampling.BILINEAR))


@functools.cache
def _sea_colors() -> Plane:
    """Return the color of the sea by depth, ``[depth, 3]``."""
    depths = np.arange(0, 100 * DEPTH_STEPS) / DEPTH_STEPS
    return palette.ramp(palette.SEA_STOPS, depths).astype(np.float32)


@functools.cache
def _water_lines() -> Plane:
    """Return the strength of the water lines by distance offshore."""
    distance = np.arange(0, 32 * OFFSHORE_STEPS) / OFFSHORE_STEPS
    strengths = [strength * np.clip(1 - np.abs(distance - at) / 1.1, 0, 1) for at, strength in WATER_LINES]
    return np.asarray(np.max(strengths, axis=0), dtype=np.float32)
