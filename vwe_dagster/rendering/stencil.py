"""Smooth shapes: drawn large, reduced, and used as a mask for ink."""

from __future__ import annotations

import math
from collections.abc import Iterable

from PIL import Image, ImageDraw

_SCALE = 4

Point = tuple[float, float]


def whole_pixels(length: float) -> int:
    """Return the number of pixels that hold a length, with some tolerance for rounding errors."""
    return math.ceil(length - 1e-6)


class Stencil:
    """A mask of a few shapes; coordinates are from its upper left corner."""

    def __init__(self, width: float, height: float, scale: float = 1) -> None:
        """Create an empty stencil; ``scale`` is the pixels per unit of its size and coordinates."""
        self._scale = _SCALE * scale
        self._mask = Image.new("L", (whole_pixels(width * scale) * _SCALE, whole_pixels(height * scale) * _SCALE))
        self._draw = ImageDraw.Draw(self._mask)

    def coverage(self) -> Image.Image:
        """Return the share of each pixel that is covered, 0 to 255: L."""
        return self._mask.reduce(_SCALE)

    def polygon(self, points: Iterable[Point]) -> None:
        """Cover a polygon."""
        self._draw.polygon(self._scaled(points), fill=255)

    def line(self, points: Iterable[Point], width: float = 1.0) -> None:
        """Cover a line through points."""
        self._draw.line(self._scaled(points), fill=255, width=round(width * self._scale))

    def disc(self, center: Point, radius: float) -> None:
        """Cover a disc."""
        self._draw.ellipse(self._box(center, radius), fill=255)

    def circle(self, center: Point, radius: float, width: float = 1.0) -> None:
        """Cover a circle; the width is inside the radius."""
        self._draw.ellipse(self._box(center, radius), outline=255, width=round(width * self._scale))

    def rectangle(self, upper_left: Point, lower_right: Point, outline: float | None = None, corner: float = 0) -> None:
        """Cover a rectangle with rounded corners, or only an outline of a width inside it."""
        (left, top), (right, bottom) = self._scaled((upper_left, lower_right))
        box, radius = (left, top, right - 1, bottom - 1), corner * self._scale
        if outline is None:
            self._draw.rounded_rectangle(box, radius, fill=255)
        else:
            self._draw.rounded_rectangle(box, radius, outline=255, width=round(outline * self._scale))

    def _scaled(self, points: Iterable[Point]) -> list[Point]:
        return [(x * self._scale, y * self._scale) for x, y in points]

    def _box(self, center: Point, radius: float) -> tuple[float, float, float, float]:
        (x, y), reach = center, radius * self._scale
        return x * self._scale - reach, y * self._scale - reach, x * self._scale + reach, y * self._scale + reach
