"""The color of every pixel of the ground, in compiled code.

Colors are three float32, 0 to 255; shares and strengths are 0 to 1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import borrowing_kernel, inner_kernel, kernel
from vwe_dagster.rendering import palette
from vwe_dagster.rendering.palette import Rgb
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.grid import SEA_LEVEL_M, WORLD_RADIUS_M

Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.uint8]
Surface = tuple[np.float32, np.float32, np.float32, np.float32]
"""Height of a pixel, rise to the east and to the north, and light; see :class:`Light`."""

Sums = npt.NDArray[np.uint32]
Color = tuple[np.float32, np.float32, np.float32]

DEPTH_STEPS, OFFSHORE_STEPS = np.float32(8), np.float32(8)
"""Entries per meter of depth in the table of sea colors, and per pixel offshore in that of water lines."""

MIST_CLEAR, MIST_FULL = 1.3, 1.1
"""The forest factors between which the mist of the Mistlands clears, as on the game's own map."""


class Layers(NamedTuple):
    """The layers from which a picture is painted, one sample per pixel; unknown layers are 0 everywhere.

    Attributes:
        biome: uint8 biome indices.
        bed: float32 meters, the unchanged heights.
        forest: float32 forest factor.
        lava: float32, 0 to 1.
        radius: float32 distance from the world's center in meters.
        inside: float32, share of a pixel that belongs to the world, 0 to 1.
        fill: uint8 ``[3, z, x]``, the colors of the biomes, blurred at borders.
        offshore: float32 pixels from land.
        symbols: int16, ink down to -255, light up to 255.
        glow: uint8, lava and the light around it.
        rivers: uint8, share of a pixel that is river.
        ashen: uint8, share of the Ashlands in a pixel, with soft borders.
        icy: uint8, share of the Deep North in a pixel, with soft borders.
        sea: float32 ``[depth, 3]``, colors of the sea.
        lines: float32 strength of the water lines by distance offshore.
    """

    biome: Mask
    bed: Plane
    forest: Plane
    lava: Plane
    radius: Plane
    inside: Plane
    fill: Mask
    offshore: Plane
    symbols: npt.NDArray[np.int16]
    glow: Mask
    rivers: Mask
    ashen: Mask
    icy: Mask
    sea: Plane
    lines: Plane


class Light(NamedTuple):
    """Slopes and light of some rows of a picture.

    Attributes:
        top: the first of these rows in the picture.
        height: float32 meters, softened.
        east: rise per meter to the east.
        north: rise per meter to the north.
        relief: light, see :func:`vwe_dagster.rendering.shading.hillshade`.
        shore: pixels from the shore, positive on land.
    """

    top: int
    height: Plane
    east: Plane
    north: Plane
    relief: Plane
    shore: Plane


def _ink(color: Rgb) -> Color:
    red, green, blue = (np.float32(channel) for channel in color)
    return red, green, blue


_ROCK, _POOL, _MIST, _LIT = _ink(palette.ROCK), _ink(palette.POOL), _ink(palette.MIST), _ink(palette.LIT)
_FOREST_INK, _RIVER, _WATER_INK = _ink(palette.FOREST_INK), _ink(palette.RIVER), _ink(palette.WATER_INK)
_EMBER, _EMBER_CORE = _ink(palette.EMBER), _ink(palette.EMBER_CORE)
_ASHEN_SEA, _ICY_SEA, _COAST_INK = _ink(palette.ASHEN_SEA), _ink(palette.ICY_SEA), _ink(palette.COAST_INK)
_DEEP, _PAPER = _ink(palette.DEEP), _ink(palette.PAPER)
_SHADE_RED, _SHADE_GREEN, _SHADE_BLUE = (np.float32(strength) for strength in palette.SHADE_STRENGTH)
_SEA_LEVEL_M, _RIM_M, _RIM_WIDTH_M = np.float32(SEA_LEVEL_M), np.float32(WORLD_RADIUS_M - 600), np.float32(600)
_MIST_FULL, _MIST_WIDTH = np.float32(MIST_FULL), np.float32(MIST_CLEAR - MIST_FULL)
_ASHLANDS, _MISTLANDS, _MOUNTAIN, _SWAMP = (
    int(biome) for biome in (Biome.ASHLANDS, Biome.MISTLANDS, Biome.MOUNTAIN, Biome.SWAMP)
)
_0, _HALF, _1 = np.float32(0), np.float32(0.5), np.float32(1)


@inner_kernel
def _clip(value: np.float32, lowest: np.float32, highest: np.float32) -> np.float32:
    return min(max(value, lowest), highest)


@inner_kernel
def _mix(canvas: Color, color: Color, strength: np.float32) -> Color:
    """Return a color moved towards another by a share of 0 to 1."""
    red, green, blue = canvas
    return (
        red + (color[0] - red) * strength,
        green + (color[1] - green) * strength,
        blue + (color[2] - blue) * strength,
    )


@inner_kernel
def _sea(layers: Layers, z: np.uintp, x: np.uintp, surface: Surface) -> Color:
    height, _, _, relief = surface
    depth = np.int64(_clip((_SEA_LEVEL_M - height) * DEPTH_STEPS, _0, np.float32(len(layers.sea) - 1)))
    canvas = (layers.sea[depth, 0], layers.sea[depth, 1], layers.sea[depth, 2])
    ashen, icy = layers.ashen[z, x], layers.icy[z, x]
    if ashen > 0:
        canvas = _mix(canvas, _ASHEN_SEA, np.float32(ashen) * np.float32(0.4 / 255))
    if icy > 0:
        canvas = _mix(canvas, _ICY_SEA, np.float32(icy) * np.float32(0.4 / 255))
    shine = _clip(relief, np.float32(-0.3), np.float32(0.2)) * np.float32(0.25) + _1
    canvas = (canvas[0] * shine, canvas[1] * shine, canvas[2] * shine)
    offshore = _clip(layers.offshore[z, x] * OFFSHORE_STEPS, _0, np.float32(len(layers.lines) - 1))
    line = layers.lines[np.int64(offshore)]
    if line > 0:
        canvas = _mix(canvas, _WATER_INK, line)
    river = np.float32(layers.rivers[z, x])
    if river > 0 and layers.biome[z, x] != _ASHLANDS:
        # A river shows where it has cut into the land below sea level, but not in the open sea.
        shallow = _clip((height - _SEA_LEVEL_M + np.float32(5)) / np.float32(2), _0, _1)
        shallow *= _clip((np.float32(10) - layers.offshore[z, x]) / np.float32(4), _0, _1)
        canvas = _mix(canvas, _RIVER, river * shallow * np.float32(0.85 / 255))
    return canvas


@inner_kernel
def _land(layers: Layers, z: np.uintp, x: np.uintp, surface: Surface) -> Color:
    height, east, north, relief = surface
    biome = layers.biome[z, x]
    canvas = (np.float32(layers.fill[0, z, x]), np.float32(layers.fill[1, z, x]), np.float32(layers.fill[2, z, x]))
    if biome == _MOUNTAIN:
        steep = np.float32(math.sqrt(np.float64(east) * east + np.float64(north) * north))
        bare = (np.float32(112) - height) / np.float32(50) + (steep - np.float32(0.6))
        canvas = _mix(canvas, _ROCK, _clip(bare, _0, np.float32(0.8)))
    elif biome == _SWAMP:
        pool = (_SEA_LEVEL_M - layers.bed[z, x]) * _HALF
        canvas = _mix(canvas, _POOL, _clip(pool, _0, _HALF))
    # Shade is cool, light is warm.
    shade = _clip(relief, np.float32(-0.6), _0)
    canvas = (
        canvas[0] * (shade * _SHADE_RED + _1),
        canvas[1] * (shade * _SHADE_GREEN + _1),
        canvas[2] * (shade * _SHADE_BLUE + _1),
    )
    canvas = _mix(canvas, _LIT, _clip(relief, _0, np.float32(0.35)))
    if biome == _MISTLANDS:
        clear = (layers.forest[z, x] - _MIST_FULL) / _MIST_WIDTH
        canvas = _mix(canvas, _MIST, (_1 - _clip(clear, _0, _1)) * np.float32(0.42))
    symbol = np.float32(layers.symbols[z, x])
    if symbol < 0:
        canvas = _mix(canvas, _FOREST_INK, symbol * np.float32(-0.6 / 255))
    elif symbol > 0:
        canvas = _mix(canvas, _LIT, symbol * np.float32(0.22 / 255))
    glow = np.float32(layers.glow[z, x])
    if glow > 0:
        canvas = _mix(canvas, _EMBER, min(glow * np.float32(0.7 / 255), np.float32(0.45)))
        molten = (layers.lava[z, x] - np.float32(0.45)) / np.float32(0.4)
        canvas = _mix(canvas, _EMBER_CORE, _clip(molten, _0, _1) * np.float32(0.75))
    river = np.float32(layers.rivers[z, x])
    if river > 0 and biome != _ASHLANDS:
        canvas = _mix(canvas, _RIVER, river * np.float32(0.85 / 255))
    return canvas


@kernel
def blur_classes(classes: Mask, colors: Mask, radius: np.float32) -> Mask:
    """Return the colors of classes, each the mean of those around it, rounded along each axis as by Pillow's box blur.

    Args:
        classes: ``[z, x]``.
        colors: color of every class, ``[256, 3]``.
        radius: pixels around one that count besides itself; the outermost ones count by the fraction.

    Returns:
        uint8, ``[3, z, x]``.
    """
    rows, columns = classes.shape
    whole = int(radius)
    share = np.uint32(np.int64(np.float32(1 << 24) / (radius * np.float32(2) + _1)))
    outer_share = np.uint32(((1 << 24) - (2 * whole + 1) * np.int64(share)) // 2)
    fill, across = np.empty((3, rows, columns), np.uint8), np.empty((rows, columns), np.uint8)
    line, total = np.empty(columns + 2 * whole + 2, np.uint32), np.empty(columns, np.uint32)
    for channel in range(3):
        for z in range(rows):
            for x in range(line.size):
                line[x] = colors[classes[z, min(max(x - whole - 1, 0), columns - 1)], channel]
            _weigh_outer(line[:columns], line[line.size - columns :], outer_share, total)
            for step in range(1, 2 * whole + 2):
                _add(line[step : step + columns], share, total)
            _round_off(total, across[z])
        for z in range(rows):
            above, below = across[max(z - whole - 1, 0)], across[min(z + whole + 1, rows - 1)]
            _weigh_outer(above, below, outer_share, total)
            for near in range(z - whole, z + whole + 1):
                _add(across[min(max(near, 0), rows - 1)], share, total)
            _round_off(total, fill[channel, z])
    return fill


@inner_kernel
def _weigh_outer(one: Sums | Mask, other: Sums | Mask, share: np.uint32, out: Sums) -> None:
    for x in range(out.size):
        out[x] = (np.uint32(one[x]) + np.uint32(other[x])) * share


@inner_kernel
def _add(line: Sums | Mask, share: np.uint32, out: Sums) -> None:
    for x in range(out.size):
        out[x] += np.uint32(line[x]) * share


@inner_kernel
def _round_off(total: Sums, out: Mask) -> None:
    for x in range(out.size):
        out[x] = (total[x] + np.uint32(1 << 23)) >> np.uint32(24)


@borrowing_kernel
def paint_rows(layers: Layers, light: Light, columns: tuple[int, int], coast: np.float32, out: Mask) -> None:
    """Paint rows of a picture.

    Args:
        layers: the layers of the whole picture.
        light: slopes and light of these rows, ``[z, x]``.
        columns: the first column to paint, and the one after the last.
        coast: strength of the line along the coast.
        out: uint8 ``[z, x, 3]``, the whole picture, changed in place.
    """
    for row in range(light.height.shape[0]):
        # Numba checks signed indices for negative values, which doubles the time.
        z = np.uintp(light.top + row)
        for column in range(columns[0], columns[1]):
            x = np.uintp(column)
            surface = (light.height[row, x], light.east[row, x], light.north[row, x], light.relief[row, x])
            shore = light.shore[row, x]
            share = _clip(shore + _HALF, _0, _1)
            if share <= 0:
                canvas = _sea(layers, z, x, surface)
            elif share >= 1:
                canvas = _land(layers, z, x, surface)
            else:
                canvas = _mix(_sea(layers, z, x, surface), _land(layers, z, x, surface), share)
            ink = _clip(np.float32(1.25) - abs(shore), _0, _1)
            if ink > 0:
                canvas = _mix(canvas, _COAST_INK, ink * coast)
            rim = layers.radius[z, x] - _RIM_M
            if rim > 0:
                rim = min(rim / _RIM_WIDTH_M, _1)
                canvas = _mix(canvas, _DEEP, rim * rim * np.float32(0.35))
            canvas = _mix(canvas, _PAPER, _1 - layers.inside[z, x])
            out[z, x, 0] = np.uint8(canvas[0] + _HALF)
            out[z, x, 1] = np.uint8(canvas[1] + _HALF)
            out[z, x, 2] = np.uint8(canvas[2] + _HALF)
