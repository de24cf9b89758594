"""The columns of a world's row of statistics: name, type, unit, depth and meaning of each, stated once.

The catalog, the survey, ``vwe find`` and the pages take their columns from here. :mod:`vwe_dagster.analysis.row`
computes the values.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping

from vwe_dagster.world.biomes import BIOMES

ROW_VERSION = "1"
"""Version of the columns and their definitions; rows of another version are stale."""


class Depth(enum.StrEnum):
    """How much of a world is computed for its row. Each depth includes the columns of the depths before it."""

    START = "start"
    """Biomes and ground within 3 km of the center, without rivers."""
    WORLD = "world"
    """The grid of 2048 x 2048 cells, and the locations of bosses and traders."""
    ALL = "all"
    """All locations."""

    @property
    def includes(self) -> tuple[Depth, ...]:
        """The depths whose columns a row of this depth has, the shallowest first."""
        depths = tuple(Depth)
        return depths[: depths.index(self) + 1]


class ColumnType(enum.StrEnum):
    """Type of the values of a column."""

    COUNT = "count"
    """Whole number, int32."""
    MEASURE = "measure"
    """float32, in the unit that ends the name: ``_m``, ``_km``, ``_km2``, ``_deg``; a ``_share`` is a fraction."""


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of the row.

    Attributes:
        name: its name; a unit ends it.
        type: type of its values; every column may be null where the world lacks the subject.
        depth: the shallowest depth at which it is computed.
        meaning: definition in one sentence, for people.
        short: other names that conditions may use for it.
    """

    name: str
    type: ColumnType
    depth: Depth
    meaning: str
    short: tuple[str, ...] = ()


def _columns() -> list[Column]:
    near = [
        Column(
            f"{biome.name.lower()}_3km_km2",
            ColumnType.MEASURE,
            Depth.START,
            f"Area of {biome.game_name} within 3 km of the center, land and water.",
        )
        for biome in BIOMES
    ]
    return [
        *near,
        Column("islands", ColumnType.COUNT, Depth.WORLD, "Number of islands of more than 0.01 km²."),
        Column("land_area_km2", ColumnType.MEASURE, Depth.WORLD, "Area of all land.", ("land",)),
    ]


COLUMNS: Mapping[str, Column] = {column.name: column for column in _columns()}
"""All columns by name, in order."""


def columns_of(depth: Depth) -> list[Column]:
    """Return the columns of a row of this depth."""
    return [column for column in COLUMNS.values() if column.depth in depth.includes]
