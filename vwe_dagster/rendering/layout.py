"""Places of title, compass, legends and scale bar on a sheet: in the corners of a large map, beside a small one."""

from __future__ import annotations

import dataclasses
from typing import Self

from vwe_dagster.rendering.view import MAP_PIXELS

Spot = tuple[int, int]

CORNER = 44
"""Units between the frame and the plates in the corners of the map."""

COMPASS = 192
"""Width and height of the compass rose."""

_TITLE_SHARE = 0.42
"""The share of the map that its title may take."""

_SIDE_GAP, _SIDE_WIDTH = 76, 500
"""A small map has its plates beside it: their distance from the map, and their width."""


@dataclasses.dataclass(frozen=True)
class Legend:
    """A place for a legend.

    Attributes:
        at: lower left corner.
        rows: entries in a column.
        column: units from one column to the next.
    """

    at: Spot
    rows: int
    column: int = 226


@dataclasses.dataclass(frozen=True)
class Layout:
    """The places of the plates, in units from the upper left corner of the map.

    Attributes:
        title: upper left corner of the title.
        title_width: room for the title.
        compass: upper left corner of the compass rose.
        biomes: legend of the biomes, or a color bar.
        signs: legend of the signs.
        bosses, places: upper left corners of the legends of bosses and of other places.
        scale_bar: lower right corner of the scale bar.
        width, height: units that the map and the plates take.
    """

    title: Spot
    title_width: float
    compass: Spot
    biomes: Legend
    signs: Legend
    bosses: Spot
    places: Spot
    scale_bar: Spot
    width: int
    height: int

    @classmethod
    def of_map(cls, side: int, *, has_places: bool = False) -> Self:
        """Return the layout of the sheet of a map.

        Args:
            side: width and height of the map.
            has_places: whether legends of places are drawn.
        """
        return cls._in_corners(side) if side >= MAP_PIXELS else cls._beside(side, has_places=has_places)

    @classmethod
    def _in_corners(cls, side: int) -> Self:
        bottom = side - CORNER
        return cls(
            title=(CORNER, CORNER),
            title_width=side * _TITLE_SHARE,
            compass=(bottom - COMPASS, CORNER + 22),
            biomes=Legend((CORNER, bottom), rows=5),
            signs=Legend((bottom - 240, bottom - 84), rows=4),
            bosses=(CORNER, 284),
            places=(bottom - 244, 284),
            scale_bar=(bottom, bottom),
            width=side,
            height=side,
        )

    @classmethod
    def _beside(cls, side: int, *, has_places: bool) -> Self:
        left = side + _SIDE_GAP
        right, bottom = left + _SIDE_WIDTH, 1124 if has_places else 760
        return cls(
            title=(left, -10),
            title_width=_SIDE_WIDTH - COMPASS - 24,
            compass=(right - COMPASS, 20),
            biomes=Legend((left, 514), rows=5, column=250),
            signs=Legend((left, 672), rows=2, column=250),
            bosses=(left, 712),
            places=(left + 250, 712),
            scale_bar=(right - 20, bottom),
            width=right,
            height=max(side, bottom),
        )
