"""Icons of places: drawn as masks for pictures, and as SVG paths for pages."""

from __future__ import annotations

import functools

from PIL import Image, ImageDraw

from vwe_dagster.rendering.icon_shapes import BOX, SHAPES, Outline, Shape

_OVERSAMPLING = 8


def shape_of(icon: str) -> Shape:
    """Return the shape of an icon by its name; that of ``other`` for an unknown name."""
    return SHAPES.get(icon, SHAPES["other"])


@functools.cache
def icon_mask(icon: str, pixels: int) -> Image.Image:
    """Draw an icon in a square of ``pixels`` by ``pixels``; the picture is shared and must not be drawn on.

    Returns:
        L, how much of each pixel the icon covers, 0 to 255.
    """
    side = pixels * _OVERSAMPLING
    mask = Image.new("L", (side, side))
    draw, shape = ImageDraw.Draw(mask), shape_of(icon)
    for outlines, fill in ((shape.solids, 255), (shape.holes, 0)):
        for outline in outlines:
            draw.polygon([(x * side / BOX, y * side / BOX) for x, y in outline], fill=fill)
    return mask.reduce(_OVERSAMPLING)


@functools.cache
def icon_path(icon: str) -> str:
    """Return an icon as the data of an SVG path, to be filled by the rule ``nonzero`` in a view box of 24 by 24."""
    shape = shape_of(icon)
    outlines = [*(_turned(outline, 1) for outline in shape.solids), *(_turned(outline, -1) for outline in shape.holes)]
    return "".join("M" + "L".join(f"{x:g} {y:g}" for x, y in outline) + "Z" for outline in outlines)


def _turned(outline: Outline, direction: int) -> Outline:
    """Return an outline clockwise (1) or counterclockwise (-1), so that holes remove parts of solids."""
    doubled_area = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(outline, outline[1:] + outline[:1], strict=True))
    return outline if doubled_area * direction > 0 else outline[::-1]
