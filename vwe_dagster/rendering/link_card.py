"""The pictures of link previews: a map and figures of a world, or the maps of several worlds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from PIL import Image

from vwe_dagster.rendering import lettering, palette

CARD_SIZE = (1200, 630)
"""Width and height of a card in pixels, of the ratio that programs show uncropped."""

_MAP, _MARGIN, _GAP = 570, 30, 36
_TITLE, _LEAST_TITLE, _FIGURE, _ROW = 68.0, 24.0, 25.0, 47
_MAX_MAPS = 18
_AREA, _BETWEEN = (1140, 530), 8


def world_card(ground: Image.Image, title: str, subtitle: str, figures: Iterable[tuple[str, str]]) -> Image.Image:
    """Draw the card of a world: its map, and beside it the title, a subtitle and figures.

    Args:
        ground: a square map, RGBA.
        title: the seed; ASCII.
        subtitle: a line below the title; ASCII.
        figures: names and values, six at most; ASCII.

    Returns:
        RGB, of :data:`CARD_SIZE`.
    """
    card = Image.new("RGB", CARD_SIZE, palette.PAPER)
    _paste(card, ground, (_MARGIN, _MARGIN), _MAP)
    left, right = _MARGIN + _MAP + _GAP, CARD_SIZE[0] - _MARGIN - 10
    size = max(_LEAST_TITLE, min(_TITLE, _TITLE * (right - left) / lettering.width(title, _TITLE)))
    lettering.letter(card, (left, 150), title, size)
    lettering.letter(card, (left, 200), subtitle, _FIGURE, color=palette.INK_FAINT)
    for row, (name, value) in enumerate(figures):
        y = 290 + row * _ROW
        lettering.letter(card, (left, y), name, _FIGURE, color=palette.INK_SOFT)
        lettering.letter(card, (right, y), value, _FIGURE, anchor="rs")
    return card


def gallery_card(maps: Sequence[Image.Image], title: str) -> Image.Image:
    """Draw the card of a gallery: the maps of its first worlds above a title.

    Args:
        maps: square maps, RGB or RGBA; one at least, of which the first 18 are drawn.
        title: the title; ASCII.

    Returns:
        RGB, of :data:`CARD_SIZE`.
    """
    card = Image.new("RGB", CARD_SIZE, palette.PAPER)
    shown = maps[:_MAX_MAPS]
    side, across = max(_fitting(len(shown), rows) for rows in (1, 2, 3))
    rows = math.ceil(len(shown) / across)
    top = _MARGIN + (_AREA[1] - rows * side) // 2
    for index, picture in enumerate(shown):
        row, column = divmod(index, across)
        in_row = min(across, len(shown) - row * across)
        left = (CARD_SIZE[0] - in_row * side) // 2 + column * side
        _paste(card, picture, (left, top + row * side), side - _BETWEEN)
    lettering.letter(card, (CARD_SIZE[0] / 2, CARD_SIZE[1] - 32), title, 38, anchor="ms")
    return card


def _fitting(count: int, rows: int) -> tuple[int, int]:
    """Return the side of maps that fit into rows, and their number in a row."""
    across = max(1, math.ceil(count / rows))
    return min(_AREA[0] // across, _AREA[1] // rows), across


def _paste(card: Image.Image, picture: Image.Image, at: tuple[int, int], side: int) -> None:
    scaled = picture.convert("RGBA").resize((side, side), Image.Resampling.LANCZOS)
    card.paste(scaled, at, scaled)
