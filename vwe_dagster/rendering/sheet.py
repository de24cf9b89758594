"""The sheet a map is drawn on: the map in its frame, and the pens for what stands on it."""

from __future__ import annotations

import dataclasses

from PIL import Image, ImageDraw

from vwe_dagster.rendering import lettering, palette
from vwe_dagster.rendering.palette import Rgb
from vwe_dagster.rendering.stencil import Stencil
from vwe_dagster.rendering.view import MapView

MARGIN = 64
"""Pixels between the map and the edge of the sheet, on every side."""

FRAME_BAR = 12
"""Pixels between the two lines of the frame."""


@dataclasses.dataclass(frozen=True)
class Sheet:
    """A map on its sheet: places are map pixels, which start at the upper left corner inside the frame.

    Attributes:
        image: RGB, drawn on in place.
        view: the view of the map.
    """

    image: Image.Image
    view: MapView

    @classmethod
    def around(cls, ground: Image.Image, view: MapView) -> Sheet:
        """A framed sheet with a painted ground in the middle of the map."""
        side = view.pixels + 2 * MARGIN
        image = Image.new("RGB", (side, side), palette.PAPER)
        image.paste(ground, ((side - ground.width) // 2, (side - ground.height) // 2))
        _draw_frame(ImageDraw.Draw(image), view)
        sheet = cls(image, view)
        for kilometre in _marked_kilometres(view):
            sheet._letter_coordinate(kilometre)
        return sheet

    def letter(
        self,
        at: tuple[float, float],
        text: str,
        size: float,
        *,
        anchor: str = "ls",
        spacing: float = 0,
        colour: Rgb = palette.INK,
        halo: Rgb | None = None,
    ) -> None:
        """Letters a line of text at a place of the map; see :func:`vwe_dagster.rendering.lettering.letter`."""
        place = (at[0] + MARGIN, at[1] + MARGIN)
        lettering.letter(self.image, place, text, size, anchor=anchor, spacing=spacing, colour=colour, halo=halo)

    def ink(self, at: tuple[int, int], colour: Rgb, coverage: Image.Image) -> None:
        """Inks where a mask (L) with its upper left corner at a place of the map tells."""
        self.image.paste(colour, (at[0] + MARGIN, at[1] + MARGIN), coverage)

    def paste_swatch(self, at: tuple[int, int], swatch: Image.Image) -> None:
        """Pastes a small picture with rounded corners and a thin outline."""
        inside, outline = Stencil(*swatch.size), Stencil(*swatch.size)
        inside.rectangle((0, 0), swatch.size, corner=5)
        outline.rectangle((0, 0), swatch.size, corner=5, outline=1.5)
        self.image.paste(swatch, (at[0] + MARGIN, at[1] + MARGIN), inside.coverage())
        self.ink(at, palette.INK_SOFT, outline.coverage())

    def _letter_coordinate(self, kilometre: int) -> None:
        x, y = self.view.to_pixel(kilometre * 1000, kilometre * 1000)
        outside = FRAME_BAR + 12
        for at, anchor in (
            ((x, -outside), "ms"),
            ((x, self.view.pixels + 2 * outside - FRAME_BAR), "ms"),
            ((-outside, y), "rm"),
            ((self.view.pixels + outside, y), "lm"),
        ):
            self.letter(at, str(kilometre), 17, anchor=anchor, colour=palette.INK_SOFT)


def _marked_kilometres(view: MapView) -> range:
    """The even kilometres from the centre that lie on the map."""
    reach = 2 * int(view.width_m / 4000)
    return range(-reach, reach + 1, 2)


def _draw_frame(draw: ImageDraw.ImageDraw, view: MapView) -> None:
    """Two lines around the map with every other kilometre marked between them."""
    low, high = MARGIN, MARGIN + view.pixels - 1
    for gap in (2, FRAME_BAR + 2):
        draw.rectangle((low - gap, low - gap, high + gap, high + gap), outline=palette.INK, width=2)
    for kilometre in _marked_kilometres(view):
        west, south = view.to_pixel(kilometre * 1000, kilometre * 1000)
        east, north = view.to_pixel((kilometre + 1) * 1000, (kilometre + 1) * 1000)
        for near, far in ((low - FRAME_BAR + 2, low - 5), (high + 5, high + FRAME_BAR - 2)):
            draw.rectangle((low + west, near, min(low + east, high), far), fill=palette.INK_SOFT)
            draw.rectangle((near, max(low + north, low), far, low + south), fill=palette.INK_SOFT)
