"""The world as a block seen from the south, in compiled code: cast shadows, and a painter from front to back.

Planes have row 0 in the north and one sample per pixel of the painted ground; colors are 0 to 255.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import flat, inner_kernel, kernel
from vwe_dagster.world.grid import SEA_LEVEL_M

Plane = npt.NDArray[np.float32]
Line = npt.NDArray[np.float32]
Picture = npt.NDArray[np.uint8]
Color = tuple[np.float32, np.float32, np.float32]

_0, _HALF, _1 = np.float32(0), np.float32(0.5), np.float32(1)
_SEA_LEVEL_M = SEA_LEVEL_M


class Camera(NamedTuple):
    """A camera south of the world that looks north horizontally, so that vertical lines stay vertical.

    A point ``x, z`` appears magnified by ``focal / (z + distance_m)``. All lengths on the picture are in its pixels.

    Attributes:
        width: width of the picture in pixels.
        focal: focal length in pixels.
        horizon: row of the horizon, negative if above the picture.
        distance_m: distance of the camera south of the world's center.
        eye_m: its height above height 0.
        exaggeration: factor by which heights are enlarged.
    """

    width: int
    focal: float
    horizon: float
    distance_m: float
    eye_m: float
    exaggeration: float


class Block(NamedTuple):
    """The block that is drawn.

    Attributes:
        surface: float32 meters, the visible surface: the ground, or the sea where that is higher.
        bed: float32 meters, the ground.
        color: uint8 ``[z, x, 3]``, the color of the surface, shadows included.
        pixel_m: ground along the side of a pixel of the planes.
        radius_m: distance of the cut from the world's center.
        base_m: height of the underside.
        sea: color of the cut sea at its surface and at its deepest.
        rock: color of the cut ground at its top and at the underside.
    """

    surface: Plane
    bed: Plane
    color: Picture
    pixel_m: float
    radius_m: float
    base_m: float
    sea: Plane
    rock: Plane


class Drawn(NamedTuple):
    """A picture while it is drawn, and the state of each column after the last step.

    Attributes:
        picture: uint8 ``[row, column, 3]``, changed in place.
        top: int64, the highest filled row.
        level: float32, the row of the surface at the last step, hidden or not.
        color: float32 ``[column, 3]``, the color of that surface.
    """

    picture: Picture
    top: npt.NDArray[np.int64]
    level: Line
    color: Plane


@kernel
def cast_shadows(surface: Plane, drop_m: float, softness_m: float) -> Plane:
    """Return the share of the north-western light that each sample of a surface misses, 0 to 1.

    A shadow falls by ``drop_m`` from one sample to the next one to the south-east. Its edge fades over ``softness_m``
    of height, because the sun is not a point.
    """
    rows, columns = surface.shape
    drop, softness = np.float32(drop_m), np.float32(1 / softness_m)
    shade = np.zeros((rows, columns), np.float32)
    edge = surface[0].copy()
    for z in range(1, rows):
        above = surface[z, 0]
        for x in range(1, columns):
            height = surface[z, x]
            falling = edge[x - 1] - drop
            edge[x - 1] = above
            above = max(height, falling)
            shade[z, x] = min(max((falling - height) * softness, _0), _1)
        edge[columns - 1] = above
    return shade


@kernel
def shaded(color: Picture, shade: Plane, strength: Plane) -> Picture:
    """Return a picture darkened by shadow, with a strength for each of red, green and blue: uint8 ``[z, x, 3]``."""
    out = np.empty_like(color)
    red, green, blue = strength[0], strength[1], strength[2]
    for z in range(shade.shape[0]):
        for x in range(shade.shape[1]):
            here = shade[z, x]
            out[z, x, 0] = np.uint8(np.float32(color[z, x, 0]) * (_1 - here * red))
            out[z, x, 1] = np.uint8(np.float32(color[z, x, 1]) * (_1 - here * green))
            out[z, x, 2] = np.uint8(np.float32(color[z, x, 2]) * (_1 - here * blue))
    return out


@kernel
def draw_block(block: Block, camera: Camera, air: Plane, out: Picture) -> None:
    """Draw a block over a picture, from its southern to its northern rim, without hidden parts.

    Each step north is one row of the picture at sea level. For each column the highest filled row is stored, and later
    steps draw only above it.

    Args:
        block: the block.
        camera: the camera.
        air: float32 ``[4]``: color of the air, and its share, 0 to 1, in the color of the northern rim.
        out: uint8 ``[row, column, 3]``, changed in place.
    """
    drawn = Drawn(
        out,
        np.full(camera.width, len(out), np.int64),
        np.zeros(camera.width, np.float32),
        np.zeros((camera.width, 3), np.float32),
    )
    line = np.empty((5, len(block.surface)), np.float32)
    near, far = camera.distance_m - block.radius_m, camera.distance_m + block.radius_m
    below_eye = camera.focal * (camera.eye_m - _SEA_LEVEL_M * camera.exaggeration)
    rows_below_horizon = below_eye / near
    while below_eye / rows_below_horizon < far:
        depth_m = below_eye / rows_below_horizon
        north_m = depth_m - camera.distance_m
        _read_line(block, len(block.surface) / 2 - north_m / block.pixel_m - 0.5, line)
        haze = np.float32(air[3] * (depth_m - near) / (far - near))
        for channel in range(3):
            for x in range(line.shape[1]):
                line[2 + channel, x] += (air[channel] - line[2 + channel, x]) * haze
        _draw_line(block, camera, line, depth_m, drawn)
        rows_below_horizon -= 1


@inner_kernel
def _read_line(block: Block, at: float, line: Plane) -> None:
    """Read surface, bed, red, green and blue from west to east, interpolated between two rows of the planes."""
    north = min(max(int(at), 0), len(block.surface) - 2)
    share = np.float32(min(max(at - north, 0.0), 1.0))
    surface, surface_south = block.surface[north], block.surface[north + 1]
    bed, bed_south = block.bed[north], block.bed[north + 1]
    color, color_south = block.color[north], block.color[north + 1]
    for x in range(line.shape[1]):
        line[0, x] = surface[x] + (surface_south[x] - surface[x]) * share
        line[1, x] = bed[x] + (bed_south[x] - bed[x]) * share
        for channel in range(3):
            tone = np.float32(color[x, channel])
            line[2 + channel, x] = tone + (np.float32(color_south[x, channel]) - tone) * share


@inner_kernel
def _draw_line(block: Block, camera: Camera, line: Plane, depth_m: float, drawn: Drawn) -> None:
    """Draw the surface at a distance from the camera, from west to east.

    Rows between this step and the one before get interpolated colors. As a separate function, that would take a quarter
    longer.
    """
    out, tops, levels, colors = drawn.picture, drawn.top, drawn.level, drawn.color
    scale = camera.focal / depth_m
    north_m = depth_m - camera.distance_m
    reach = math.sqrt(max(block.radius_m * block.radius_m - north_m * north_m, 0.0)) * scale
    middle = (camera.width - 1) / 2
    step = np.float32(1 / (scale * block.pixel_m))
    start = np.float32((line.shape[1] - 1) / 2 - middle / (scale * block.pixel_m))
    lift, level = np.float32(scale * camera.exaggeration), np.float32(camera.horizon + scale * camera.eye_m)
    surface, red, green, blue = line[0], line[2], line[3], line[4]
    last, height = np.int32(line.shape[1] - 2), len(out)
    # Unsigned indices and 32-bit samples take two thirds of the time of signed ones with 64 bits.
    for column in flat(max(math.ceil(middle - reach), 0), min(math.floor(middle + reach) + 1, camera.width)):
        at = start + np.float32(np.int32(column)) * step
        sample = min(max(np.int32(at), np.int32(0)), last)
        west, share = np.uintp(sample), at - np.float32(sample)
        y = level - _between(surface, west, share) * lift
        color = (_between(red, west, share), _between(green, west, share), _between(blue, west, share))
        highest, top = max(int(np.ceil(y - _HALF)), 0), tops[column]
        if highest < top < height:
            span = _1 / max(levels[column] - y, np.float32(1e-3))
            for row in flat(highest, top):
                below = min(max((np.float32(np.int64(row)) + _HALF - y) * span, _0), _1)
                for channel in range(3):
                    tone = color[channel]
                    out[row, column, channel] = np.uint8(tone + (colors[column, channel] - tone) * below)
            tops[column] = highest
        elif top == height:
            bed, base = level - _between(line[1], west, share) * lift, level - np.float32(block.base_m) * lift
            east = np.float32((np.int64(column) - middle) / (scale * block.radius_m))
            tops[column] = _draw_side(block, (y, bed, base), east, out[:, column])
        levels[column] = y
        colors[column, 0], colors[column, 1], colors[column, 2] = color


@inner_kernel
def _between(values: Line, west: np.uintp, share: np.float32) -> np.float32:
    return np.float32(values[west] + (values[west + np.uintp(1)] - values[west]) * share)


@inner_kernel
def _draw_side(block: Block, rows: Color, east: np.float32, out: Picture) -> int:
    """Draw one column of the cut side and return the highest row that it fills.

    Args:
        block: the block.
        rows: rows of the surface, the bed and the underside, from the top of the picture.
        east: position on the side, -1 in the west to 1 in the east; the light comes from the west.
        out: the column of the picture.
    """
    surface, bed, base = rows
    light = np.float32(0.92) - np.float32(0.26) * east
    highest = max(math.ceil(surface - _HALF), 0)
    for row in range(highest, min(math.ceil(base - _HALF), len(out))):
        middle = np.float32(row) + _HALF
        tones, top = (block.sea, surface) if middle < bed else (block.rock, max(bed, surface))
        share = min((middle - top) / max(base - top, _1), _1)
        for channel in range(3):
            tone = tones[0, channel] + (tones[1, channel] - tones[0, channel]) * share
            out[row, channel] = np.uint8(min(tone * light, np.float32(255)))
    return highest
