"""Sheets without a world, drawn once, and the ground of a world pasted into them.

Frame, compass, legends and scale bar are outside the edge of the world and the same for all worlds. Drawing them takes
longer than copying them.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from PIL import Image

from vwe_dagster.kernels.compiling import kernel
from vwe_dagster.rendering import palette
from vwe_dagster.rendering.circles import draw_circle_lines, letter_circles, line_coverage
from vwe_dagster.rendering.layout import Layout
from vwe_dagster.rendering.palette import Rgb
from vwe_dagster.rendering.picture_size import PictureSize
from vwe_dagster.rendering.sheet import Sheet

Pixels = npt.NDArray[np.uint8]
Sparse = tuple[npt.NDArray[np.intp], npt.NDArray[np.uint8]]
"""Indices of the pixels with ink, and the strength of the ink, 0 to 255."""


def blank_sheet(size: PictureSize, layout: Layout, rings: Rgb = palette.INK) -> Sheet:
    """Return a sheet with a frame and circles, and no ground."""
    sheet = Sheet.around(Image.new("RGB", (1, 1), palette.PAPER), size, layout)
    draw_circle_lines(sheet, rings)
    return sheet


def set_ground(blank: Image.Image, ground: Image.Image, size: PictureSize, rings: Rgb = palette.INK) -> Sheet:
    """Return a copy of a blank sheet with a ground, its circles on it and their labels.

    Args:
        blank: see :func:`blank_sheet`; not changed.
        ground: RGB, the pixels of :attr:`PictureSize.ground`, paper outside the edge of the world; not changed.
        size: size of the picture.
        rings: color of the rings.
    """
    sheet = Sheet(blank.copy(), size.view, scale=size.scale)
    pixels = np.array(ground)
    for (where, coverage), color in zip(_lines(size), (palette.INK, rings), strict=True):
        _ink(pixels.reshape(-1, 3), where, coverage, np.array(color, np.uint32))
    sheet.image.paste(Image.fromarray(pixels), sheet.ground_corner(ground.width), _disc(size))
    letter_circles(sheet)
    return sheet


@functools.lru_cache(maxsize=2)
def _disc(size: PictureSize) -> Image.Image:
    """Return a mask of the ground: 255 where a pixel belongs to the world at least partially, else 0."""
    return Image.fromarray((size.ground.inside() > 0).view(np.uint8) * np.uint8(255))


@functools.lru_cache(maxsize=2)
def _lines(size: PictureSize) -> tuple[Sparse, Sparse]:
    """Return the ink of the edge of the world and of the rings on the ground."""
    side = size.ground.pixels
    inset = (size.pixels - side) // 2
    sparse = []
    for coverage in line_coverage(size.view, size.scale):
        ground = coverage[inset : inset + side, inset : inset + side].ravel()
        where = np.flatnonzero(ground)
        sparse.append((where, ground[where]))
    edge, rings = sparse
    return edge, rings


@kernel
def _ink(pixels: Pixels, where: npt.NDArray[np.intp], coverage: Pixels, color: npt.NDArray[np.uint32]) -> None:
    """Ink pixels, ``[pixel, 3]``, with the rounding of Pillow's ``paste`` with a mask."""
    for number in range(len(where)):
        ink = np.uint32(coverage[number])
        for channel in range(3):
            below = np.uint32(pixels[where[number], channel])
            mixed = below * (np.uint32(255) - ink) + color[channel] * ink + np.uint32(128)
            pixels[where[number], channel] = np.uint8(((mixed >> np.uint32(8)) + mixed) >> np.uint32(8))
