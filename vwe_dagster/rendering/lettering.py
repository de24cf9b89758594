"""Text on pictures, in the typeface that comes with Pillow, so that no fonts need to be installed."""

from __future__ import annotations

import functools

from PIL import Image, ImageDraw, ImageFont

from vwe_dagster.rendering import palette
from vwe_dagster.rendering.palette import Rgb

MIN_TYPE = 11.0
"""Smallest size of type in pixels; smaller requested sizes are raised to it."""

MIN_SPACING = 0.4
"""Minimum spacing in pixels at which letters are drawn one by one; less is lost in rounding their positions."""


@functools.cache
def _sized_font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return _sized_font(max(size, MIN_TYPE))


def width(text: str, size: float, spacing: float = 0) -> float:
    """Return the width of a line of text in pixels; ``spacing`` is added between letters."""
    if not spacing:
        return _font(size).getlength(text)
    return sum(_font(size).getlength(letter) for letter in text) + spacing * max(0, len(text) - 1)


def letter(
    image: Image.Image,
    at: tuple[float, float],
    text: str,
    size: float,
    *,
    anchor: str = "ls",
    spacing: float = 0,
    color: Rgb = palette.INK,
    halo: Rgb | None = None,
    halo_width: float = 3,
) -> None:
    """Draw one line of text.

    Args:
        image: RGB, changed in place.
        at: column and row of the anchor.
        text: the text; the embedded typeface has ASCII, the degree sign and the middle dot.
        size: size of the type in pixels.
        anchor: Pillow's two letters: l, m or r, then s (baseline), m (middle), a (top) or t (top of the letters).
        spacing: pixels added between letters.
        color: color of the letters.
        halo: color drawn around the letters, to separate them from the background.
        halo_width: width of the halo in pixels.
    """
    draw = ImageDraw.Draw(image)
    column, row = at
    spacing = spacing if spacing >= MIN_SPACING else 0
    column -= width(text, size, spacing) * {"l": 0, "m": 0.5, "r": 1}[anchor[0]]
    places = []
    for part in text if spacing else [text]:
        places.append(((column, row), part))
        column += _font(size).getlength(part) + spacing
    for stroke, fill in ((halo_width, halo), (0, color)):
        if fill is not None:
            for place, part in places:
                draw.text(place, part, fill=fill, font=_font(size), anchor="l" + anchor[1], stroke_width=stroke)
