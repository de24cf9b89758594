"""The ground itself, painted: land, sea, forest, rivers and lava in colour, without any lettering."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from vwe_dagster.rendering import palette, shading
from vwe_dagster.rendering.brush import DEPTH_STEPS, OFFSHORE_STEPS, Layers, Light, paint_rows, run_together
from vwe_dagster.rendering.shading import Plane
from vwe_dagster.rendering.symbols import strew
from vwe_dagster.rendering.view import MapPlanes, Sample
from vwe_dagster.world.biomes import Biome

MARSH_LIFT_M = 2.4
"""Swamps lie at 27 to 33 m, half under water: lifted by this for drawing they are land with pools."""

FINE_RELIEF, BROAD_RELIEF = np.float32(0.45), np.float32(1.2)
"""How far slopes of single pixels, and slopes of the lie of the land, are exaggerated in the hillshade."""

BROAD_M = 48.0
"""Ground over which the lie of the land is taken."""

BORDER_SOFTNESS_M = 24.0
"""How far the colours of neighbouring biomes run into each other."""

WATER_LINES = ((4.5, 0.40), (9.5, 0.28), (15.5, 0.18), (22.5, 0.11))
"""Lines along the coast: pixels offshore, and strength."""

OFFSHORE_REACH = 48
"""Pixels offshore that are measured: water lines reach 32, and resampling looks 4 farther."""

Climates = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]
"""How much each sample belongs to the Ashlands and to the Deep North, 0 to 255, with wide soft borders."""

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
    """Paints the ground.

    Args:
        planes: what is where, one sample a pixel, as many rows as columns.
        rivers: how much of each pixel is river, 0 to 255; see :func:`vwe_dagster.rendering.waterways.river_ink`.
        detailed: with symbols and water lines, which want to be seen at full size.
        climates: as told of the whole world where the planes are only a part of it; else of the planes.
        steepness: how steep slopes are drawn, by comparison with those of the map.

    Returns:
        RGB, one pixel a sample; paper outside the world.
    """
    height = without_pools(planes)
    layers = _layers(planes, height, rivers, climates or climates_of(planes.biome), detailed=detailed)
    coast = np.float32(0.6 if detailed else 0.35)
    surface, broad = np.pad(height, 2, mode="edge"), np.pad(lie_of_the_land(height, planes.pixel_m), 1, mode="edge")
    painted = np.empty((*height.shape, 3), dtype=np.uint8)
    painted[:] = palette.PAPER
    for top in range(0, len(height), _STRIP_ROWS):
        bottom = min(top + _STRIP_ROWS, len(height))
        seen = np.flatnonzero(planes.inside[top:bottom].max(axis=0))
        if len(seen):
            light = light_on(surface[top : bottom + 4], broad[top : bottom + 2], planes.pixel_m, top, steepness)
            paint_rows(layers, light, (int(seen[0]), int(seen[-1]) + 1), coast, painted)
    return Image.fromarray(painted)


def without_pools(planes: MapPlanes) -> Plane:
    """The heights with swamps lifted out of the water."""
    return np.asarray(planes.height + (planes.biome == Biome.SWAMP) * np.float32(MARSH_LIFT_M))


def light_on(surface: Plane, broad: Plane, pixel_m: float, top: int = 0, steepness: float = 1.0) -> Light:
    """The light on rows of a picture, given with two samples more on each side, one of the lie of the land."""
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


def lie_of_the_land(height: Plane, pixel_m: float) -> Plane:
    """The lie of the land."""
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
        fill=_uniform(run_together(biome, palette.biome_table(), softness)),
        offshore=_uniform(
            shading.offshore_distance(height, OFFSHORE_REACH) if detailed else np.full(shape, np.inf, dtype=np.float32)
        ),
        symbols=_uniform(strew(planes) if detailed else np.zeros(shape, dtype=np.int16)),
        glow=_uniform(np.zeros(shape, dtype=np.uint8) if planes.lava is None else _glow(planes.lava)),
        rivers=_uniform(np.zeros(shape, dtype=np.uint8) if rivers is None else rivers),
        ashen=_uniform(climates[0]),
        icy=_uniform(climates[1]),
        sea=_uniform(_sea_colors()),
        lines=_uniform(_water_lines()),
    )


def _uniform(layer: npt.NDArray[Sample]) -> npt.NDArray[Sample]:
    """The layer as an array of the one kind, contiguous and read-only, that the brush is compiled for."""
    view = np.ascontiguousarray(layer).view()
    view.flags.writeable = False
    return view


def _glow(lava: Plane) -> npt.NDArray[np.uint8]:
    """Lava and the light around it, 0 to 255."""
    glow = np.zeros(lava.shape, dtype=np.uint8)
    hot_rows = np.flatnonzero(lava.any(axis=1))
    if len(hot_rows):
        # The Ashlands lie at one edge of the world; where nothing is near, nothing glows.
        lit = slice(max(0, hot_rows[0] - 4 * _GLOW_REACH), hot_rows[-1] + 4 * _GLOW_REACH)
        hot = Image.fromarray((np.clip(lava[lit], 0, 1) * np.float32(255)).astype(np.uint8))
        blur = ImageFilter.BoxBlur(_GLOW_REACH)
        glow[lit] = np.asarray(hot.filter(blur).filter(blur))
    return glow


def climates_of(biome: npt.NDArray[np.uint8]) -> Climates:
    """The climates of a square plane of biomes."""
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
    """Colour of the sea by depth, ``[depth, 3]``."""
    depths = np.arange(0, 100 * DEPTH_STEPS) / DEPTH_STEPS
    return palette.ramp(palette.SEA_STOPS, depths).astype(np.float32)


@functools.cache
def _water_lines() -> Plane:
    """Strength of the water lines by distance offshore."""
    distance = np.arange(0, 32 * OFFSHORE_STEPS) / OFFSHORE_STEPS
    strengths = [strength * np.clip(1 - np.abs(distance - at) / 1.1, 0, 1) for at, strength in WATER_LINES]
    return np.asarray(np.max(strengths, axis=0), dtype=np.float32)
