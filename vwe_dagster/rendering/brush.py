"""The colour of every pixel of the ground, compiled.

Colours are three float32, 0 to 255; shares and strengths are 0 to 1.
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
Lie = tuple[np.float32, np.float32, np.float32, np.float32]
"""The height of a pixel, its rise to the east and to the north, and the light on it, see :class:`Light`."""

Sums = npt.NDArray[np.uint32]
Color = tuple[np.float32, np.float32, np.float32]

DEPTH_STEPS, OFFSHORE_STEPS = np.float32(8), np.float32(8)
"""Entries of the tables of sea colours and water lines for a metre of depth and a pixel offshore."""

MIST_CLEAR, MIST_FULL = 1.3, 1.1
"""The forest factors between which the mist of the Mistlands clears, as on the game's own map."""


class Layers(NamedTuple):
    """What a whole picture is painted from, one sample a pixel; what a world does not tell is 0 everywhere.

    Attributes:
        biome: uint8 biome indices.
        bed: float32 metres, the ground as it is.
        forest: float32 forest factor.
        lava: float32, 0 to 1.
        radius: float32 distance from the world's centre in metres.
        inside: float32, how much of a pixel belongs to the world, 0 to 1.
        fill: uint8 ``[3, z, x]``, the colours of the biomes, run into each other at borders.
        offshore: float32 pixels from land.
        symbols: int16, ink down to -255, light up to 255.
        glow: uint8, lava and the light around it.
        rivers: uint8, how much of a pixel is river.
        ashen: uint8, how much a pixel belongs to the Ashlands.
        icy: uint8, how much to the Deep North.
        sea: float32 ``[depth, 3]``, colours of the sea.
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
    """The lie of the land in some rows of a picture, and the light on it.

    Attributes:
        top: the first of these rows in the picture.
        height: float32 metres, softened.
        east: rise per metre towards the east.
        north: rise per metre towards the north.
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
    """A colour moved towards another by 0 (not) to 1 (all the way)."""
    red, green, blue = canvas
    return (
        red + (color[0] - red) * strength,
        green + (color[1] - green) * strength,
        blue + (color[2] - blue) * strength,
    )


@inner_kernel
def _sea(layers: Layers, z: np.uintp, x: np.uintp, lie: Lie) -> Color:
    height, _, _, relief = lie
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
        # A river is seen where it has cut into the land below the sea, and no longer where it has come to the open.
        shallow = _clip((height - _SEA_LEVEL_M + np.float32(5)) / np.float32(2), _0, _1)
        shallow *= _clip((np.float32(10) - layers.offshore[z, x]) / np.float32(4), _0, _1)
        canvas = _mix(canvas, _RIVER, river * shallow * np.float32(0.85 / 255))
    return canvas


@inner_kernel
def _land(layers: Layers, z: np.uintp, x: np.uintp, lie: Lie) -> Color:
    height, east, north, relief = lie
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
def run_together(classes: Mask, colors: Mask, radius: np.float32) -> Mask:
    """The colours of classes, each the mean of those around it, rounded after every direction as Pillow's box blur.

    Args:
        classes: ``[z, x]``.
        colors: of every class, ``[256, 3]``.
        radius: how many pixels around one count, beside itself; the outermost ones by the fraction.

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
    """Paints rows of a picture.

    Args:
        layers: of the whole picture.
        light: on these rows, ``[z, x]``.
        columns: the first column to paint, and the one after the last.
        coast: strength of the line along the coast.
        out: uint8 ``[z, x, 3]``, the whole picture, painted on in place.
    """
    for row in range(light.height.shape[0]):
        # An index that might be negative would be looked at twice, which doubles the time.
        z = np.uintp(light.top + row)
        for column in range(columns[0], columns[1]):
            x = np.uintp(column)
            lie = (light.height[row, x], light.east[row, x], light.north[row, x], light.relief[row, x])
            shore = light.shore[row, x]
            share = _clip(shore + _HALF, _0, _1)
            if share <= 0:
                canvas = _sea(layers, z, x, lie)
            elif share >= 1:
                canvas = _land(layers, z, x, lie)
            else:
                canvas = _mix(_sea(layers, z, x, lie), _land(layers, z, x, lie), share)
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
