"""Elements of a map besides the ground: title, compass rose, scale bar, legends, marks of places."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image

from vwe_dagster.rendering import lettering, palette
from vwe_dagster.rendering.free_space import Box, FreeSpace
from vwe_dagster.rendering.layout import COMPASS, Layout, Legend, Spot
from vwe_dagster.rendering.sheet import Sheet
from vwe_dagster.rendering.stencil import Point

LEGEND_ROW = 46
"""Units from one entry of a legend to the next one below."""

TITLE_SIZE, TITLE_SPACING = 62.0, 0.04
"""Size of the title's type, and the space between its letters as a share of that size."""

_BAR_UNITS = 300
"""Minimum length of the scale bar."""

Entry = tuple[Image.Image, str]
"""An entry of a legend: a small picture and its name."""


def draw_title(sheet: Sheet, title: str, layout: Layout, *, above: str, facts: Sequence[str] = ()) -> None:
    """Draw the title in its place of the layout, a small line above it and lines of figures below."""
    left, top = layout.title
    wide = lettering.width(title, TITLE_SIZE, TITLE_SIZE * TITLE_SPACING)
    size = TITLE_SIZE * min(1.0, layout.title_width / max(1.0, wide))
    sheet.letter((left, top + 14), above.upper(), 19, spacing=7, color=palette.INK_FAINT)
    sheet.letter((left - 3, top + 84), title, size, spacing=size * TITLE_SPACING)
    for row, fact in enumerate(facts):
        sheet.letter((left, top + 128 + 30 * row), fact, 21, spacing=0.6, color=palette.INK_SOFT)


def draw_compass(sheet: Sheet, at: Spot) -> None:
    """Draw a compass rose with its upper left corner at a place."""
    half = COMPASS // 2
    left, top = at
    rings = sheet.stencil(2 * half, 2 * half)
    for radius in (0.70, 0.64):
        rings.circle((half, half), radius * half)
    sheet.ink((left, top), palette.INK, rings.coverage())
    for first_point, reach in ((1, 0.52), (0, 0.94)):
        light, dark = sheet.stencil(2 * half, 2 * half), sheet.stencil(2 * half, 2 * half)
        for number in range(4):
            angle = (first_point + 2 * number) * math.pi / 4
            lit = _half_point(half, reach, angle, -1)
            light.polygon(lit)
            dark.line([*lit, lit[0]])
            dark.polygon(_half_point(half, reach, angle, 1))
        sheet.ink((left, top), palette.PAPER_SHADE, light.coverage())
        sheet.ink((left, top), palette.INK, dark.coverage())
    sheet.letter((left + half, top - 8), "N", 30, anchor="ms")


def _half_point(half: int, reach: float, angle: float, side: int) -> list[Point]:
    """Return the left (side -1) or right (1) half of a point of the compass rose."""
    corners = ((0.0, 0.0), (reach, angle), (0.19, angle + side * math.pi / 4))
    return [(half * (1 + length * math.sin(turn)), half * (1 - length * math.cos(turn))) for length, turn in corners]


def draw_scale_bar(sheet: Sheet, at: Spot) -> None:
    """Draw a scale bar of four kilometers, or more on a small map, with its lower right corner at a place."""
    step_km = next(step for step in (1, 2, 4, 8) if 4000 * step / sheet.view.pixel_m >= _BAR_UNITS or step == 8)
    step = 1000 * step_km / sheet.view.pixel_m
    right, top = at[0], at[1] - 11
    left = right - math.ceil(4 * step)
    bar = sheet.stencil(right - left, 11)
    bar.rectangle((0, 0), (4 * step, 11), outline=1.5)
    for start, stop in ((0, 0.5), (1, 2)):
        bar.rectangle((start * step, 0), (stop * step, 11))
    sheet.ink((left, top), palette.INK, bar.coverage())
    for steps, unit in ((0, ""), (1, ""), (2, ""), (4, " km")):
        place = (left + steps * step, top - 8)
        sheet.letter(place, f"{steps * step_km}{unit}", 19, anchor="ms", spacing=0.6, color=palette.INK_SOFT)


def draw_legend(sheet: Sheet, heading: str, entries: Sequence[Entry], place: Legend) -> None:
    """Draw a legend, filled column by column.

    Args:
        sheet: the sheet, changed in place.
        heading: text above the entries.
        entries: small pictures with their names.
        place: place of the legend; it has at most as many rows as entries.
    """
    rows = min(len(entries), place.rows)
    left, top = place.at[0], place.at[1] - rows * LEGEND_ROW + 12
    sheet.letter((left, top - 22), heading.upper(), 19, spacing=5, color=palette.INK_FAINT)
    for number, (swatch, name) in enumerate(entries):
        column, row = divmod(number, rows)
        x, y = left + column * place.column, top + row * LEGEND_ROW
        sheet.paste_swatch((x, y), swatch)
        width, height = swatch.width / sheet.scale, swatch.height / sheet.scale
        sheet.letter((x + width + 14, y + height / 2), name, 22, spacing=0.4, anchor="lm")


def draw_color_bar(sheet: Sheet, bar: Image.Image, ticks: Sequence[tuple[float, str]], *, at: tuple[int, int]) -> None:
    """Draw a color bar with its lower left corner at a place; ticks below are at shares of its width, 0 to 1."""
    left, bottom = at
    width, height = bar.width / sheet.scale, bar.height / sheet.scale
    sheet.paste_swatch((left, bottom - height), bar)
    marks = sheet.stencil(width, 8)
    for share, text in ticks:
        x = share * (width - 1) + 0.5
        marks.line([(x, 0), (x, 8)], width=1.5)
        sheet.letter((left + x, bottom + 28), text, 19, anchor="ms", color=palette.INK_SOFT)
    sheet.ink((left, bottom), palette.INK_SOFT, marks.coverage())


def draw_peaks(sheet: Sheet, peaks: Sequence[tuple[float, float, float]], space: FreeSpace) -> None:
    """Mark peaks, given by x, z and height in meters, with a triangle and the height.

    A peak whose box is not free is left out. Below full size, boxes of higher peaks are not free either.
    """
    taken: list[Box] = []
    for x_m, z_m, above_sea_m in peaks:
        x, y = sheet.nearest_place(x_m, z_m)
        box = (x - 9, y - 9, x + 11 + sheet.width(f"{above_sea_m:.0f}", 16), y + 10)
        if not space.is_free(box):
            continue
        taken.append(box)
        if sheet.scale < 1:
            space.take(box)
        for grow, color in ((2.4, palette.PAPER), (0.0, palette.INK)):
            triangle = sheet.stencil(18, 18)
            foot = 12.5 + 0.6 * grow
            triangle.polygon([(9, 3 - 1.6 * grow), (14 + grow, foot), (4 - grow, foot)])
            sheet.ink((x - 9, y - 9), color, triangle.coverage())
        sheet.letter((x + 9, y + 1), f"{above_sea_m:.0f}", 16, anchor="lm", halo=palette.PAPER)
    space.take(*taken)


def center_boxes(sheet: Sheet) -> list[Box]:
    """Return the boxes that :func:`draw_center` takes."""
    x, y = sheet.nearest_place(0, 0)
    half = sheet.width("Center", 18) / 2
    return [(x - 13, y - 13, x + 13, y + 13), (x - half - 2, y + 14, x + half + 2, y + 36)]


def draw_center(sheet: Sheet) -> None:
    """Mark the center of the world."""
    x, y = sheet.nearest_place(0, 0)
    halo, mark = sheet.stencil(26, 26), sheet.stencil(26, 26)
    halo.disc((13, 13), 12)
    mark.circle((13, 13), 10, width=2.2)
    mark.disc((13, 13), 3.2)
    sheet.ink((x - 13, y - 13), palette.PAPER, halo.coverage())
    sheet.ink((x - 13, y - 13), palette.INK, mark.coverage())
    sheet.letter((x, y + 32), "Center", 18, anchor="ms", halo=palette.PAPER)
