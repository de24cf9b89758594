"""Circles around the center of the world: its edge, the rays beyond, and rings of equal distance."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from vwe_dagster.rendering import palette
from vwe_dagster.rendering.free_space import Box
from vwe_dagster.rendering.palette import Rgb
from vwe_dagster.rendering.sheet import Sheet
from vwe_dagster.rendering.view import MapView
from vwe_dagster.world.grid import WORLD_RADIUS_M

RINGS_KM = (2, 4, 6, 8, 10)
"""The rings of equal distance."""

_LABEL_ROOM = 70
"""Minimum distance between rings, in units, for labels on all of them."""

_STEP = 0.7
"""Spacing of the sample points that find the pixels near a circle: less than a pixel in any direction."""

_TILE = 64

Tile = tuple[tuple[int, int], Image.Image]
"""A mask, and the position of its upper left corner on the map."""

Plane = npt.NDArray[np.floating]
Strength = Callable[[Plane, Plane], Plane]
"""Strength of ink, 0 to 1, by radius in pixels and angle clockwise from north in radians."""


def draw_circles(sheet: Sheet, rings: Rgb = palette.INK) -> None:
    """Draw the edge of the world with rays fading into the void, and dashed rings labeled with their distance.

    Args:
        sheet: the sheet, changed in place.
        rings: color of the dashes.
    """
    draw_circle_lines(sheet, rings)
    letter_circles(sheet)


def draw_circle_lines(sheet: Sheet, rings: Rgb = palette.INK) -> None:
    """Draw the edge of the world and the rings without their labels."""
    for color, coverage in zip((palette.INK, rings), line_coverage(sheet.view, sheet.scale), strict=True):
        for corner, piece in _tiles(coverage):
            sheet.ink((corner[0] / sheet.scale, corner[1] / sheet.scale), color, piece)


def letter_circles(sheet: Sheet) -> None:
    """Draw the labels of the rings: their distance."""
    for distance_km in _labeled_rings(sheet):
        at = sheet.view.to_pixel(0, distance_km * 1000)
        sheet.letter(at, f"{distance_km} km", 17, anchor="mm", halo=palette.PAPER, color=palette.INK_SOFT)


def circle_boxes(sheet: Sheet) -> list[Box]:
    """Return the boxes of the labels of :func:`draw_circles`."""
    boxes = []
    for distance_km in _labeled_rings(sheet):
        (x, y), half = sheet.view.to_pixel(0, distance_km * 1000), sheet.width(f"{distance_km} km", 17) / 2
        boxes.append((x - half - 2, y - 10, x + half + 2, y + 10))
    return boxes


def _labeled_rings(sheet: Sheet) -> Sequence[int]:
    return RINGS_KM if 2000 / sheet.view.pixel_m >= _LABEL_ROOM else RINGS_KM[1::2]


@functools.lru_cache(maxsize=4)
def line_coverage(view: MapView, scale: float) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return the ink of each pixel of a map, 0 to 255: of the edge of the world with its rays, and of the rings."""
    return _edge(view, scale), _rings(view, scale)


def _edge(view: MapView, scale: float) -> npt.NDArray[np.uint8]:
    """Return the ink of the edge of the world and its rays."""
    rim = WORLD_RADIUS_M / view.pixel_m
    stencil = _empty(view, scale)
    _trace(stencil, scale, rim, 2, functools.partial(_line, at=rim, width=1.7))
    _trace(stencil, scale, rim + 6, 2, functools.partial(_line, at=rim + 6, width=0.9))
    _trace(stencil, scale, rim + 24, 14, functools.partial(_rays, start=rim + 10))
    return stencil


def _rings(view: MapView, scale: float) -> npt.NDArray[np.uint8]:
    """Return the ink of the dashed rings."""
    stencil = _empty(view, scale)
    for distance_km in RINGS_KM:
        ring = distance_km * 1000 / view.pixel_m
        _trace(stencil, scale, ring, 2, functools.partial(_dashes, at=ring))
    return stencil


def _empty(view: MapView, scale: float) -> npt.NDArray[np.uint8]:
    side = round(view.pixels * scale)
    return np.zeros((side, side), dtype=np.uint8)


def _tiles(stencil: npt.NDArray[np.uint8]) -> tuple[Tile, ...]:
    """Return the square pieces of a stencil that have ink, which are few, because circles cover little of a map."""
    corners = range(0, len(stencil), _TILE)
    pieces = (
        ((column, row), stencil[row : row + _TILE, column : column + _TILE]) for row in corners for column in corners
    )
    return tuple((at, Image.fromarray(piece)) for at, piece in pieces if piece.any())


def _trace(stencil: npt.NDArray[np.uint8], scale: float, radius: float, reach: float, strength: Strength) -> None:
    """Ink the pixels within ``reach`` of a circle around the center, by a function of radius and angle.

    Radii are in pixels of the map; one of these has ``scale`` pixels of the stencil.
    """
    angles = np.arange(0, 2 * math.pi, _STEP / (radius + reach) / scale)
    radii = np.arange(radius - reach, radius + reach + _STEP / scale, _STEP / scale)[:, None]
    center = len(stencil) / 2
    columns = np.floor(center + scale * radii * np.sin(angles)).astype(np.intp)
    rows = np.floor(center - scale * radii * np.cos(angles)).astype(np.intp)
    on_map = (rows >= 0) & (rows < len(stencil)) & (columns >= 0) & (columns < len(stencil))
    rows, columns = rows[on_map], columns[on_map]
    east, north = (columns + np.float32(0.5 - center)) / scale, (np.float32(center - 0.5) - rows) / scale
    ink = strength(np.hypot(east, north), np.arctan2(east, north))
    stencil[rows, columns] = np.maximum(stencil[rows, columns], (ink * 255).astype(np.uint8))


def _line(radius: Plane, _angle: Plane, *, at: float, width: float) -> Plane:
    """Return the ink of a circle; the line is about twice ``width`` less one pixel wide."""
    return np.asarray(np.clip(width - np.abs(radius - at), 0, 1))


def _dashes(radius: Plane, angle: Plane, *, at: float) -> Plane:
    """Return the ink of a faint dashed circle with a whole number of dashes: about 9 pixels of line and 7 of gap."""
    count = round(2 * math.pi * at / 16)
    along = np.mod(angle * (count / (2 * math.pi)), 1) * (2 * math.pi * at / count)
    dash = np.clip(5 - np.abs(along - 5), 0, 1)
    return np.asarray(np.clip(1.2 - np.abs(radius - at), 0, 1) * dash * 0.5)


def _rays(radius: Plane, angle: Plane, *, start: float) -> Plane:
    """Return the ink of fading rays, one per degree, long and short in turn."""
    turn = np.mod(np.degrees(angle), 360)
    number = np.floor(turn)
    length = 14 + 14 * np.mod(number, 2)
    off = np.abs(np.radians(turn - number - 0.5)) * start
    fade = np.clip(1 - (radius - start) / length, 0, 1) * (radius > start)
    return np.asarray(np.clip(1.1 - off, 0, 1) * fade * 0.55)
