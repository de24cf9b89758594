"""The sheet of a map: the map in its frame, and functions that draw on it."""

from __future__ import annotations

import dataclasses
import math

from PIL import Image, ImageDraw

from vwe_dagster.rendering import lettering, palette
from vwe_dagster.rendering.free_space import Box
from vwe_dagster.rendering.layout import Layout
from vwe_dagster.rendering.palette import Rgb
from vwe_dagster.rendering.picture_size import PictureSize
from vwe_dagster.rendering.stencil import Stencil, whole_pixels
from vwe_dagster.rendering.view import MapView

MARGIN = 64
"""Units between the map and the edge of the sheet, on every side."""

FRAME_BAR = 12
"""Units between the two lines of the frame."""

_COORDINATE_ROOM = 70
"""Minimum distance of the coordinates along the frame, in units."""


@dataclasses.dataclass(frozen=True)
class Sheet:
    """A map on its sheet; positions are in units from the upper left corner inside the frame.

    A sheet can be drawn at any scale: positions and sizes stay the same, and each unit is :attr:`scale` pixels of the
    image. Only type has a minimum size, :data:`vwe_dagster.rendering.lettering.MIN_TYPE`.

    Attributes:
        image: RGB, changed in place.
        view: the view of the map, in units.
        origin: position of the map on the sheet.
        scale: pixels of the image per unit.
    """

    image: Image.Image
    view: MapView
    origin: tuple[int, int] = (MARGIN, MARGIN)
    scale: float = 1

    @classmethod
    def around(cls, ground: Image.Image, size: PictureSize, layout: Layout) -> Sheet:
        """Return a framed sheet with a painted ground in the middle of the map, and space for the plates."""
        width, height = (whole_pixels((side + 2 * MARGIN) * size.scale) for side in (layout.width, layout.height))
        sheet = cls(Image.new("RGB", (width, height), palette.PAPER), size.view, scale=size.scale)
        sheet.frame(ground)
        return sheet

    def frame(self, ground: Image.Image) -> None:
        """Paste a painted ground into the middle of the map, and draw the frame with its coordinates."""
        self.image.paste(ground, self.ground_corner(ground.width))
        self._draw_frame()
        for kilometer in _marked_kilometers(self.view):
            self._letter_coordinate(kilometer)

    def ground_corner(self, width: int) -> tuple[int, int]:
        """Return the pixel of the image at the upper left corner of a square ground in the middle of the map."""
        inset = (self.scale * self.view.pixels - width) // 2
        left, top = (round(self.scale * place + inset) for place in self.origin)
        return left, top

    def stencil(self, width: float, height: float) -> Stencil:
        """Return an empty stencil of a size in units."""
        return Stencil(width, height, self.scale)

    def letter(
        self,
        at: tuple[float, float],
        text: str,
        size: float,
        *,
        anchor: str = "ls",
        spacing: float = 0,
        color: Rgb = palette.INK,
        halo: Rgb | None = None,
    ) -> None:
        """Draw a line of text at a position of the map; see :func:`vwe_dagster.rendering.lettering.letter`."""
        scale, place = self.scale, self._place(at)
        lettering.letter(
            self.image,
            place,
            text,
            size * scale,
            anchor=anchor,
            spacing=spacing * scale,
            color=color,
            halo=halo,
            halo_width=3 * scale,
        )

    def width(self, text: str, size: float) -> float:
        """Return the width of a line of text in units."""
        return lettering.width(text, size * self.scale) / self.scale

    def type_size(self, size: float) -> float:
        """Return the size in units of type on the sheet, which has a minimum in pixels."""
        return max(size, lettering.MIN_TYPE / self.scale)

    def shows(self, box: Box) -> bool:
        """Return whether a box is on the map."""
        return min(box[:2]) >= 0 and max(box[2:]) <= self.view.pixels

    def paste_centered(self, at: tuple[float, float], picture: Image.Image) -> None:
        """Paste a picture (RGBA) with its middle at a position of the map, one pixel of it per pixel of the image."""
        x, y = self._place(at)
        corner = (math.floor(x - picture.width / 2 + 0.5), math.floor(y - picture.height / 2 + 0.5))
        self.image.paste(picture, corner, picture)

    def line(self, start: tuple[float, float], end: tuple[float, float], color: Rgb, width: float) -> None:
        """Draw a smooth line with round ends from one position of the map to another."""
        (x0, y0), (x1, y1) = start, end
        left, top = math.floor(min(x0, x1) - width), math.floor(min(y0, y1) - width)
        pen = self.stencil(abs(x1 - x0) + 2 * width + 1, abs(y1 - y0) + 2 * width + 1)
        pen.line([(x0 - left, y0 - top), (x1 - left, y1 - top)], width)
        pen.disc((x1 - left, y1 - top), width)
        self.ink((left, top), color, pen.coverage())

    def ink(self, at: tuple[float, float], color: Rgb, coverage: Image.Image) -> None:
        """Ink the sheet by a mask (L) of its stencil's size, with its upper left corner at a position of the map."""
        left, top = self._place(at)
        self.image.paste(color, (round(left), round(top)), coverage)

    def paste_swatch(self, at: tuple[float, float], swatch: Image.Image) -> None:
        """Paste a small picture with rounded corners and a thin outline, one pixel of it per pixel of the image."""
        size = (swatch.width / self.scale, swatch.height / self.scale)
        inside, outline = self.stencil(*size), self.stencil(*size)
        inside.rectangle((0, 0), size, corner=5)
        outline.rectangle((0, 0), size, corner=5, outline=1.5)
        left, top = self._place(at)
        self.image.paste(swatch, (round(left), round(top)), inside.coverage())
        self.ink(at, palette.INK_SOFT, outline.coverage())

    def nearest_place(self, x_m: float, z_m: float) -> tuple[float, float]:
        """Return the position of a point of the world, on the nearest pixel of the image."""
        column, row = self.view.to_pixel(x_m, z_m)
        return round(column * self.scale) / self.scale, round(row * self.scale) / self.scale

    def _place(self, at: tuple[float, float]) -> tuple[float, float]:
        """Return the pixel of the image at a position of the map."""
        return (at[0] + self.origin[0]) * self.scale, (at[1] + self.origin[1]) * self.scale

    def _draw_frame(self) -> None:
        """Draw two lines around the map, with every other kilometer or every other two marked between them."""
        draw, scale, side = ImageDraw.Draw(self.image), self.scale, self.view.pixels

        def rectangle(left: float, top: float, right: float, bottom: float, **paint: object) -> None:
            """Draw a rectangle from its first corner to the one after its last pixel."""
            first, last = self._place((left, top)), self._place((right + 1, bottom + 1))
            draw.rectangle((*first, last[0] - 1, last[1] - 1), **paint)  # type: ignore[arg-type]

        for gap in (2, FRAME_BAR + 2):
            rectangle(-gap, -gap, side - 1 + gap, side - 1 + gap, outline=palette.INK, width=max(1, round(2 * scale)))
        marked = _marked_kilometers(self.view)
        for kilometer in marked:
            west, south = self.view.to_pixel(kilometer * 1000, kilometer * 1000)
            end_m = kilometer * 1000 + marked.step * 500
            east, north = self.view.to_pixel(end_m, end_m)
            for near, far in ((2 - FRAME_BAR, -5), (side + 4, side + FRAME_BAR - 3)):
                rectangle(west, near, min(east, side - 1), far, fill=palette.INK_SOFT)
                rectangle(near, max(north, 0), far, south, fill=palette.INK_SOFT)

    def _letter_coordinate(self, kilometer: int) -> None:
        x, y = self.view.to_pixel(kilometer * 1000, kilometer * 1000)
        outside = FRAME_BAR + 12
        for at, anchor in (
            ((x, -outside), "ms"),
            ((x, self.view.pixels + 2 * outside - FRAME_BAR), "ms"),
            ((-outside, y), "rm"),
            ((self.view.pixels + outside, y), "lm"),
        ):
            self.letter(at, str(kilometer), 17, anchor=anchor, color=palette.INK_SOFT)


def _marked_kilometers(view: MapView) -> range:
    """Return every second kilometer from the center on the map, or every fourth if space is short."""
    step = 2 if 2000 / view.pixel_m >= _COORDINATE_ROOM else 4
    reach = step * int(view.width_m / (2000 * step))
    return range(-reach, reach + 1, step)
