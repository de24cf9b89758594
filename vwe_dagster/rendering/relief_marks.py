"""Marks on the relief: the places of the world on pins, and their legend."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageChops

from vwe_dagster.rendering import lettering, palette
from vwe_dagster.rendering.free_space import FreeSpace
from vwe_dagster.rendering.place_marks import Mark, Site, arrange, badge_picture, badge_size
from vwe_dagster.rendering.stencil import Stencil

_BADGE_SHARE = 0.8
"""Width of a badge as a share of that on the map."""

_PIN = 0.95
"""Height of the middle of a badge above its place, in badges."""

_GROUND_SHARE = 0.4
"""The share of the picture that shows ground."""

_LEGEND_TYPE, _LEGEND_ROW, _LEGEND_LEFT, _LEGEND_GAP = 17.0, 34.0, 52.0, 14.0


def draw_relief_marks(
    picture: Image.Image, sites: Sequence[tuple[Site, tuple[float, float]]], space: FreeSpace, scale: float
) -> None:
    """Mark places with badges on pins without overlaps.

    Args:
        picture: RGB, changed in place.
        sites: each with the pixel of its ground.
        space: free space of the picture.
        scale: scale of the picture.
    """
    pixels = badge_size(_BADGE_SHARE * scale)
    pin = _PIN * pixels
    tops = [(site, (x, y - pin)) for site, (x, y) in sites]
    marks = arrange(tops, pixels, _GROUND_SHARE * picture.width * picture.height, space)
    # Nearer pins cover farther ones.
    marks.sort(key=lambda mark: mark.place[1])
    for mark in marks:
        _draw_pin(picture, mark, pin, scale)
    for mark in marks:
        _paste_centered(picture, mark.at, badge_picture(mark.site.badge, pixels))


def _draw_pin(picture: Image.Image, mark: Mark, pin: float, scale: float) -> None:
    """Draw a line from a badge to the ground of its place."""
    (x0, y0), (x1, y1) = mark.at, (mark.place[0], mark.place[1] + pin)
    width = max(1.0, 1.6 * scale)
    left, top = int(min(x0, x1) - width), int(min(y0, y1) - width)
    line = Stencil(abs(x1 - x0) + 2 * width + 2, abs(y1 - y0) + 2 * width + 2)
    line.line([(x0 - left, y0 - top), (x1 - left, y1 - top)], width)
    line.disc((x1 - left, y1 - top), width)
    picture.paste(palette.INK, (left, top), line.coverage())


def with_legend(picture: Image.Image, sites: Sequence[Site], scale: float) -> Image.Image:
    """Return a picture with the legend of its places below, in as many rows as needed."""
    badge = badge_size(_BADGE_SHARE * scale)
    row, left = max(_LEGEND_ROW * scale, badge + 3), _LEGEND_LEFT * scale
    entries: list[tuple[Site, float, int]] = []
    x, rows = left, 1
    for site in {site.icon: site for site in sites}.values():
        width = badge + _LEGEND_GAP * scale + lettering.width(site.title, _LEGEND_TYPE * scale)
        if x + width > picture.width - left and x > left:
            x, rows = left, rows + 1
        entries.append((site, x, rows - 1))
        x += width + 3 * _LEGEND_GAP * scale
    larger = _extended(picture, round(rows * row + 14 * scale))
    for site, x, number in entries:
        middle = picture.height + (number + 0.5) * row - 6 * scale
        _paste_centered(larger, (x + badge / 2, middle), badge_picture(site.badge, badge))
        at = (x + badge + _LEGEND_GAP / 2 * scale, middle)
        lettering.letter(larger, at, site.title, _LEGEND_TYPE * scale, anchor="lm", color=palette.INK_SOFT)
    return larger


def _extended(picture: Image.Image, rows: int) -> Image.Image:
    """Return a picture with more paper below, into which its last row fades."""
    larger = Image.new("RGB", (picture.width, picture.height + rows), palette.PAPER)
    larger.paste(picture, (0, 0))
    size = (picture.width, rows)
    last_row = picture.crop((0, picture.height - 1, picture.width, picture.height)).resize(size)
    fading = ImageChops.invert(Image.linear_gradient("L").resize(size))
    larger.paste(last_row, (0, picture.height), fading)
    return larger


def _paste_centered(picture: Image.Image, at: tuple[float, float], badge: Image.Image) -> None:
    picture.paste(badge, (round(at[0] - badge.width / 2), round(at[1] - badge.height / 2)), badge)
