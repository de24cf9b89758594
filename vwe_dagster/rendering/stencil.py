"""Smooth shapes: drawn large, shrunk, and used as a mask for ink."""

from __future__ import annotations

from collections.abc import Iterable

from PIL import Image, ImageDraw

_SCALE = 4

Point = tuple[float, float]


class Stencil:
    """A mask of a few shapes; coordinates and widths are pixels from its upper left corner."""

    def __init__(self, width: int, height: int) -> None:
        """An empty stencil of so many pixels."""
        self._mask = Image.new("L", (width * _SCALE, height * _SCALE))
        self._draw = ImageDraw.Draw(self._mask)

    def coverage(self) -> Image.Image:
        """How much of each pixel is covered, 0 to 255: L."""
        return self._mask.reduce(_SCALE)

    def polygon(self, points: Iterable[Point]) -> None:
        """Covers a polygon."""
        self._draw.polygon(_scaled(points), fill=255)

    def line(self, points: Iterable[Point], width: float = 1.0) -> None:
        """Covers a line through points."""
        self._draw.line(_scaled(points), fill=255, width=round(width * _SCALE))

    def disc(self, centre: Point, radius: float) -> None:
        """Covers a disc."""
        self._draw.ellipse(_box(centre, radius), fill=255)

    def circle(self, centre: Point, radius: float, width: float = 1.0) -> None:
        """Covers a circle; the width lies inside."""
        self._draw.ellipse(_box(centre, radius), outline=255, width=round(width * _SCALE))

    def rectangle(self, upper_left: Point, lower_right: Point, outline: float | None = None, corner: float = 0) -> None:
        """Covers a rectangle with corners of a radius, or only an outline of a width inside it."""
        (left, top), (right, bottom) = _scaled((upper_left, lower_right))
        box, radius = (left, top, right - 1, bottom - 1), corner * _SCALE
        if outline is None:
            self._draw.rounded_rectangle(box, radius, fill=255)
        else:
            self._draw.rounded_rectangle(box, radius, outline=255, width=round(outline * _SCALE))


def _scaled(points: Iterable[Point]) -> list[Point]:
    return [(x * _SCALE, y * _SCALE) for x, y in points]


def _box(centre: Point, radius: float) -> tuple[float, float, float, float]:
    (x, y), reach = centre, radius * _SCALE
    return x * _SCALE - reach, y * _SCALE - reach, x * _SCALE + reach, y * _SCALE + reach
