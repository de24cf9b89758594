"""Shapes of the icons of places, as data: drawn for this project, as outlines in a box of 24 by 24.

The x axis points to the right, the y axis down. :mod:`vwe_dagster.rendering.icons` draws them.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

Point = tuple[float, float]
Outline = tuple[Point, ...]

BOX = 24.0
"""Width and height of the box."""


@dataclasses.dataclass(frozen=True)
class Shape:
    """A silhouette.

    Attributes:
        solids: outlines that are filled; they can overlap.
        holes: outlines that are left out afterwards, each inside one solid only and apart from the others.
    """

    solids: tuple[Outline, ...]
    holes: tuple[Outline, ...] = ()


def _oval(x: float, y: float, across: float, down: float | None = None) -> Outline:
    """Return an ellipse with a middle and half axes."""
    high = across if down is None else down
    count = 20
    turns = (2 * math.pi * number / count for number in range(count))
    return tuple((round(x + across * math.cos(turn), 2), round(y + high * math.sin(turn), 2)) for turn in turns)


def _away(distance: float, turn: float) -> Point:
    """Return the point at a distance from the middle of the box, clockwise from the top by an angle in radians."""
    return round(BOX / 2 + distance * math.sin(turn), 2), round(BOX / 2 - distance * math.cos(turn), 2)


def _bar(start: Point, end: Point, width: float = 2.0) -> Outline:
    """Return a straight stroke with square ends."""
    (x0, y0), (x1, y1) = start, end
    length = math.hypot(x1 - x0, y1 - y0)
    across, down = (y0 - y1) / length * width / 2, (x1 - x0) / length * width / 2
    corners = ((x0 + across, y0 + down), (x1 + across, y1 + down), (x1 - across, y1 - down), (x0 - across, y0 - down))
    return tuple((round(x, 2), round(y, 2)) for x, y in corners)


def _stroke(*points: Point, width: float = 2.0) -> tuple[Outline, ...]:
    """Return a bent stroke with round bends."""
    bars = tuple(_bar(start, end, width) for start, end in itertools.pairwise(points))
    return bars + tuple(_oval(x, y, width / 2) for x, y in points)


def _mirrored(outlines: Sequence[Outline]) -> tuple[Outline, ...]:
    """Return the outlines, and the same with left and right exchanged."""
    return (*outlines, *(tuple((BOX - x, y) for x, y in outline) for outline in outlines))


def _symmetric(*half: Point) -> Outline:
    """Return a symmetric outline from its right half, given from the top to the bottom."""
    return half + tuple((BOX - x, y) for x, y in reversed(half))


def _box(left: float, top: float, right: float, bottom: float) -> Outline:
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def _arch(left: float, right: float, top: float, bottom: float) -> Outline:
    """Return a door with a round top."""
    radius, middle = (right - left) / 2, (left + right) / 2
    turns = (math.pi * number / 10 for number in range(11))
    bow = (
        (round(middle - radius * math.cos(turn), 2), round(top + radius - radius * math.sin(turn), 2)) for turn in turns
    )
    return ((left, bottom), *bow, (right, bottom))


# fmt: off
_ANTLER = (*_stroke((13, 13), (17.5, 10), (19.5, 2.5), width=2.2), *_stroke((18.2, 8), (22.3, 5.5), width=2))
_SKULL = (_oval(12, 9.5, 9, 8.5), _box(7.5, 15, 16.5, 22))
_SNOW = tuple(
    outline
    for turn in (number * math.pi / 3 for number in range(6))
    for outline in (
        _bar((12, 12), _away(10.5, turn), 2.2),
        *(_bar(_away(5.5, turn), _away(9.5, turn + bend), 1.9) for bend in (0.42, -0.42)),
    )
)
_BATTLEMENT = ((5, 3), (8.5, 3), (8.5, 6), (10.5, 6), (10.5, 3), (13.5, 3), (13.5, 6), (15.5, 6), (15.5, 3), (19, 3))
_FLAME: Outline = (
    (12.5, 1), (15.5, 6), (16, 9.5), (18, 7.5), (20.3, 13), (19, 18.5), (15.5, 22.3), (8.5, 22.3), (5, 18.5),
    (4, 13.5), (6.5, 9), (8.5, 11.5), (10.5, 7),
)

SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "spawn": Shape(
            (
                ((8.6, 22), (8.2, 6), (10.5, 2), (14.2, 3), (15.8, 7), (15.2, 22)),
                ((1.8, 22), (2.2, 12.5), (4, 10), (6.3, 11.5), (6.6, 22)),
                ((17.3, 22), (17.8, 11.5), (20, 9.5), (22, 12.5), (22.3, 22)),
            )
        ),
        "eikthyr": Shape((_symmetric((12, 10.5), (15, 12.5), (16, 15), (14.3, 20), (13.2, 22.5)), *_mirrored(_ANTLER))),
        "elder": Shape(
            (
                _symmetric((12, 8), (14.5, 9), (14, 17), (17.5, 22.5), (12, 20.5)),
                *_mirrored(
                    (
                        *_stroke((13, 12.5), (18.5, 9.5), (20, 3), width=2.2),
                        *_stroke((19, 8), (22.5, 8.5), width=1.8),
                        *_stroke((12, 9), (15, 3), width=2),
                    )
                ),
            )
        ),
        "bonemass": Shape(
            _SKULL,
            (
                _oval(8.3, 10, 2.6, 2.8),
                _oval(15.7, 10, 2.6, 2.8),
                ((12, 13), (13.4, 15), (10.6, 15)),
                _box(9.9, 18.4, 11.1, 22),
                _box(12.9, 18.4, 14.1, 22),
            ),
        ),
        "moder": Shape(
            (
                _symmetric(
                    (12, 1.5), (13.8, 4), (13.2, 7.5), (17, 4.5), (23.5, 4), (21.5, 8.5), (21.2, 14), (18, 12),
                    (15.8, 16), (13.3, 14.5), (12, 22.8),
                ),
            )
        ),
        "yagluth": Shape(
            (
                ((2.5, 16.5), (2, 5), (7.5, 10.5), (12, 3), (16.5, 10.5), (22, 5), (21.5, 16.5)),
                _box(2.8, 18.3, 21.2, 21.8),
            )
        ),
        "queen": Shape(
            (
                _oval(12, 15.2, 4.3, 7.2),
                _oval(12, 6.3, 3.2),
                *_mirrored(
                    (
                        *_stroke((12.8, 5), (15.5, 1.5), width=1.7),
                        *_stroke((14, 11.5), (19, 10), (21.5, 6), width=1.9),
                        *_stroke((15, 15), (20, 15.5), (22.5, 13.5), width=1.9),
                        *_stroke((14.5, 18.5), (19, 20), (20.5, 23), width=1.9),
                    )
                ),
            )
        ),
        "fader": Shape(
            (
                _symmetric(
                    (12, 6.5), (17, 7.2), (20, 5.5), (20.5, 1), (23, 6), (21.5, 10), (18, 12), (16.5, 16.5),
                    (14.5, 22.5),
                ),
            ),
            tuple(_mirrored((((13.2, 14.2), (16.2, 11), (15.3, 14.8)),))),
        ),
        "deep_north_boss": Shape(_SNOW),
        "haldor": Shape(
            (
                _oval(12, 15.5, 8.5, 7),
                ((7.5, 2), (10, 3.5), (12, 2), (14, 3.5), (16.5, 2), (14.5, 7), (9.5, 7)),
                ((9.5, 8.3), (14.5, 8.3), (17, 12), (7, 12)),
            ),
            (((12, 12.3), (15, 16), (12, 19.7), (9, 16)),),
        ),
        "hildir": Shape(
            (_symmetric((12, 5.5), (14, 5), (16, 2.5), (23, 8), (20, 12.5), (17, 10.5), (16.5, 14), (19.5, 22.5)),)
        ),
        "bog_witch": Shape(
            (
                _symmetric((12, 9), (22, 9), (22, 11.8), (20, 11.8), (20.5, 16), (18, 20.2), (15.5, 21.5), (12, 21.8)),
                *_mirrored((_bar((15.5, 20), (17.5, 23), 2.4),)),
                _oval(8.5, 5.5, 2.1),
                _oval(14.8, 4, 2.6),
                _oval(11.3, 1.8, 1.2),
            )
        ),
        "crypt": Shape((_arch(2.5, 21.5, 2.5, 22),), (_arch(8.3, 15.7, 9.5, 22),)),
        "cave": Shape(
            (((1.5, 22), (4, 13), (7.5, 9.5), (9.5, 4), (14, 3), (17.5, 8.5), (20.5, 12), (22.5, 22)),),
            (_arch(7.5, 16.5, 11.5, 22),),
        ),
        "mine": Shape(
            (
                _bar((4.5, 21.5), (16, 7), 3),
                ((3.5, 8.5), (8, 3.8), (14, 3), (19.5, 6.5), (22, 13), (22, 16.5), (18.5, 11.5), (13.5, 8), (8.5, 7)),
            )
        ),
        "tower": Shape(
            ((*_BATTLEMENT, (19, 10), (17, 12), (17.5, 22), (6.5, 22), (7, 12), (5, 10)),), (_arch(10, 14, 15, 22),)
        ),
        "house": Shape(
            (_symmetric((12, 2.5), (23, 12.5), (21.5, 14), (19, 14), (19, 22)),), (_box(9.5, 14.5, 14.5, 22),)
        ),
        "ruin": Shape(
            (
                _box(2, 19.3, 22, 22),
                ((3.5, 18.5), (3.5, 7), (5, 5.5), (6.5, 7.5), (8.5, 5.5), (8.5, 18.5)),
                ((10.5, 18.5), (10.5, 13.5), (12, 12), (13.5, 14.5), (13.5, 18.5)),
                ((15.5, 18.5), (15.5, 3), (17.5, 2), (20.5, 3), (20.5, 18.5)),
            )
        ),
        "village": Shape(
            (
                ((8, 4), (15.5, 11.5), (13.5, 11.5), (13.5, 21.5), (2.5, 21.5), (2.5, 11.5), (0.8, 11.5)),
                ((18, 8.5), (23.5, 14), (22, 14), (22, 21.5), (14.8, 21.5), (14.8, 14), (16, 10.5)),
            ),
            (_box(6.2, 14.5, 9.8, 21.5), _box(17.2, 16.3, 19.6, 21.5)),
        ),
        "camp": Shape(
            (
                _symmetric((12, 6), (22.5, 21.5)),
                *_mirrored((_bar((11, 7.5), (14.5, 1.8), 1.9),)),
            ),
            (((12, 12.5), (15.8, 21.5), (8.2, 21.5)),),
        ),
        "fortress": Shape(
            (
                (
                    (1.5, 4), (3.5, 4), (3.5, 6), (5, 6), (5, 4), (7.5, 4), (7.5, 10.5), (9.5, 10.5), (9.5, 8.5),
                    (14.5, 8.5), (14.5, 10.5), (16.5, 10.5), (16.5, 4), (19, 4), (19, 6), (20.5, 6), (20.5, 4),
                    (22.5, 4), (22.5, 21.5), (1.5, 21.5),
                ),
            ),
            (_arch(9, 15, 13, 21.5),),
        ),
        "ship": Shape(
            (
                (
                    (0.8, 11), (3, 12.5), (4.5, 16), (19.5, 16), (21, 12.5), (23.2, 11), (22, 17), (18.5, 21.5),
                    (5.5, 21.5), (2, 17),
                ),
                _box(11.2, 2, 12.8, 16),
                ((5.5, 3.5), (18.5, 3.5), (17, 8.5), (18.5, 13.5), (5.5, 13.5), (7, 8.5)),
            )
        ),
        "tar": Shape(
            (
                (
                    (12, 1.5), (15.5, 7.5), (18.7, 12.5), (19, 16.5), (16.5, 20.8), (12, 22.5), (7.5, 20.8),
                    (5, 16.5), (5.3, 12.5), (8.5, 7.5),
                ),
            ),
            (((8, 15), (9.8, 15), (10.8, 18), (12.8, 19.3), (11.5, 20.5), (8.8, 18.8)),),
        ),
        "grave": Shape(
            (_arch(6, 18, 2, 19.5), _box(3, 19, 21, 22)),
            (_symmetric((12, 6), (13, 6), (13, 8.6), (15.5, 8.6), (15.5, 10.6), (13, 10.6), (13, 16)),),
        ),
        "stone": Shape(
            (((1.5, 21), (3, 13), (8, 6.5), (14, 4.5), (20, 9.5), (22.5, 16), (22, 21)),),
            (((8.8, 9), (13, 7.3), (11.5, 12), (7, 14.5)),),
        ),
        "runestone": Shape(
            (((6, 22), (5.5, 6), (9, 2), (15, 1.5), (18.5, 5.5), (18, 22)),),
            (((13.6, 5), (14.6, 6.5), (11.4, 10), (14.8, 13.4), (11.2, 18.5), (9.8, 17.3), (12.2, 13.6), (8.8, 10.2)),),
        ),
        "sword": Shape(
            (
                ((12, 0.8), (14.2, 4), (14.2, 14.5), (9.8, 14.5), (9.8, 4)),
                _box(5.5, 14.5, 18.5, 17),
                _box(10.7, 17, 13.3, 21),
                _oval(12, 21.5, 2),
            )
        ),
        "bones": Shape(
            (
                *(
                    _bar((6, 18), (18, 6), 3.4),
                    _oval(4, 17.5, 2.9),
                    _oval(6.5, 20, 2.9),
                    _oval(17.5, 4, 2.9),
                    _oval(20, 6.5, 2.9),
                ),
                *(
                    _bar((6, 6), (18, 18), 3.4),
                    _oval(4, 6.5, 2.9),
                    _oval(6.5, 4, 2.9),
                    _oval(17.5, 20, 2.9),
                    _oval(20, 17.5, 2.9),
                ),
            )
        ),
        "nest": Shape(
            (
                ((1, 11.5), (5, 14.5), (12, 15.5), (19, 14.5), (23, 11.5), (21, 18), (16, 21.8), (8, 21.8), (3, 18)),
                _oval(7.8, 9.5, 2.9, 4),
                _oval(16.2, 9.5, 2.9, 4),
                _oval(12, 8, 3, 4.5),
            )
        ),
        "fire": Shape((_FLAME,), (((12, 13.5), (14.8, 17.5), (12, 20.8), (9.2, 17.5)),)),
        "well": Shape(
            (
                _symmetric((12, 1.5), (22, 7.5), (21, 9.5), (12, 4.8)),
                *_mirrored((_box(17.2, 7, 19, 15),)),
                ((3, 14.5), (21, 14.5), (20, 22), (4, 22)),
                _box(11.3, 4, 12.7, 9.5),
                _box(9.8, 9, 14.2, 13),
            )
        ),
        "tree": Shape(
            (
                ((12, 1), (17, 8), (7, 8)),
                ((12, 5), (19, 14), (5, 14)),
                ((12, 10), (21, 20), (3, 20)),
                _box(10.6, 19.5, 13.4, 23),
            )
        ),
        "leviathan": Shape(
            (
                (
                    (1.5, 17), (2.5, 11.5), (7, 7.8), (12.5, 8), (16.5, 11.5), (19, 12), (19.5, 8.5), (17, 5.5),
                    (20, 5.5), (21, 7), (22.2, 4.5), (23.5, 6.5), (22.2, 10), (21.5, 14), (18.5, 17),
                ),
                _box(1, 18.5, 23, 20.5),
            ),
            (_oval(6, 12.2, 1.3),),
        ),
        "pond": Shape(
            tuple(
                outline
                for row in (7, 12.5, 18)
                for outline in _stroke(
                    (2.5, row),
                    (6.5, row - 2.2),
                    (10.5, row),
                    (14.5, row - 2.2),
                    (18.5, row),
                    (21.8, row - 1.8),
                    width=2.3,
                )
            )
        ),
        "mystery": Shape(
            (
                *_stroke(
                    (7, 8), (7.6, 5), (10, 3), (13.5, 2.8), (16.3, 4.8), (16.8, 8), (15, 10.5), (12.4, 12.3),
                    (12, 15.5),
                    width=3,
                ),
                _oval(12, 20.5, 2.1),
            )
        ),
        "station": Shape(
            (
                (
                    (1, 6.5), (6.5, 6.5), (6.5, 5), (22.5, 5), (22.5, 8), (18, 10.5), (15, 12.5), (15, 16),
                    (9.5, 16), (9.5, 12.5), (5.5, 11),
                ),
                ((7.5, 16), (17, 16), (19.5, 21), (5, 21)),
            )
        ),
        "other": Shape((_oval(12, 12, 7.5),), (_oval(12, 12, 3.5),)),
    }
)
"""Shapes by the name of the icon."""
