"""The columns in groups, with labels and units, for pages, pictures and the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from vwe_dagster.analysis.columns import COLUMNS, Column

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Start land": (
        "start_land_km2",
        "start_land_highest_above_sea_m",
        "start_land_biomes",
        "start_land_bosses",
        "haldor_start_land",
        "burial_chamber_start_land",
        "troll_cave_start_land",
        "sunken_crypt_start_land",
    ),
    "Distances": (
        "black_forest_first_m",
        "swamp_first_m",
        "mountain_first_m",
        "plains_sail_m",
        "mistlands_sail_m",
        "ashlands_sail_m",
        "deep_north_sail_m",
    ),
    "Bosses and traders": (
        "boss_tour_km",
        "eikthyr_m",
        "elder_m",
        "bonemass_m",
        "moder_m",
        "yagluth_m",
        "queen_m",
        "trader_tour_km",
        "haldor_m",
        "haldor_second_m",
        "hildir_m",
        "bog_witch_m",
    ),
}
"""Columns that distinguish a world from others, by the title of their group."""


class Figure(NamedTuple):
    """A column of a world with its formatted value.

    Attributes:
        column: the column.
        value: its value.
        text: the value with its unit.
    """

    column: Column
    value: float
    text: str


def figures(row: Mapping[str, object], group: str) -> Iterator[Figure]:
    """Yield the columns of a group of :data:`GROUPS` that have a value.

    Args:
        row: values by name of the column.
        group: title of the group.
    """
    for name in GROUPS[group]:
        value = row.get(name)
        if isinstance(value, (int, float)):
            yield Figure(COLUMNS[name], value, text_of(COLUMNS[name], value))


def text_of(column: Column, value: float, area_unit: str = "km²") -> str:
    """Return a value with its unit, such as ``2,345 m``.

    Args:
        column: the column of the value.
        value: the value.
        area_unit: the symbol of square kilometers; the fonts of pictures lack the superscript two.
    """
    number = f"{value:,.{column.decimals}f}"
    unit = area_unit if column.unit == "km²" else column.unit
    return f"{number}°" if unit == "°" else f"{number} {unit}".rstrip()
