"""The content of ``world.json``: everything that the page of a world shows except pictures and planes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import numpy as np
import pandas as pd

from vwe_dagster import __version__
from vwe_dagster.analysis.column_texts import GROUPS, figures
from vwe_dagster.analysis.world import WorldAnalysis
from vwe_dagster.rendering.legend import BIOME_ORDER
from vwe_dagster.rendering.palette import BIOME_COLORS, hex_code
from vwe_dagster.rendering.tiles import NATIVE_ZOOM, STYLES
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.seeds.typable import typable_key
from vwe_dagster.site.blocks import BLOCK
from vwe_dagster.site.header import WorldHeader
from vwe_dagster.site.places import boss_tour, places_summary, start
from vwe_dagster.world.biomes import BIOMES
from vwe_dagster.world.grid import MAP_WIDTH_M, SEA_LEVEL_M, WORLD_RADIUS_M

_DECIMALS = 5
"""Decimals of all measures; exact values are in the planes."""

_APART = {"biomes", "places", "columns"}
"""Statistics that ``world.json`` has outside its member ``statistics``."""


def outline_json(header: WorldHeader, *, max_zoom: int) -> dict[str, Any]:
    """Return the members of ``world.json`` that need no analysis: all that a map without places needs.

    Units are in the names of keys. ``made_at`` is null for a world that is not stored. ``data`` describes the format
    of the planes, see :mod:`vwe_dagster.site.blocks`.

    Args:
        header: the header of the world.
        max_zoom: the highest zoom that has tiles.
    """
    grid = header.grid
    return {
        "key": header.seed.key,
        "number": header.seed.number,
        "typed_in_game": typable_key(header.seed),
        "version": header.version,
        "made_at": None if header.built_at is None else header.built_at.isoformat(timespec="seconds"),
        "engine": {
            **header.engine,
            "world_gen_version": header.world_gen_version,
            "vwe": __version__,
        },
        "grid": {"size": grid.size, "cell_m": grid.cell_m, "first_m": grid.first_m},
        "width_m": MAP_WIDTH_M,
        "radius_m": WORLD_RADIUS_M,
        "sea_level_m": SEA_LEVEL_M,
        "data": {
            "version": header.data_version,
            "block": BLOCK,
            "order": "height float32 LE, biome uint8; rows from the south, columns from the west",
        },
        "biomes": _biomes({}),
        "has_waterways": header.has_waterways,
        "styles": [{"id": style, "title": title} for style, title in STYLES.items()],
        "native_zoom": NATIVE_ZOOM,
        "max_zoom": max_zoom,
    }


def world_json(
    header: WorldHeader,
    analysis: WorldAnalysis,
    *,
    same_world: Iterable[Seed],
    max_zoom: int,
) -> dict[str, Any]:
    """Return the content of ``world.json``: :func:`outline_json`, and the analysis of the world.

    ``places`` is null if the source has no locations, else a summary, see
    :func:`vwe_dagster.site.places.places_summary`. ``start`` and ``boss_tour`` are points, see the functions
    :func:`vwe_dagster.site.places.start` and :func:`vwe_dagster.site.places.boss_tour`. ``figures`` are groups of
    columns: a ``title``, and ``name``, ``label``, ``meaning``, ``value``, ``unit`` and ``decimals`` of each figure.

    Args:
        header: the header of the world.
        analysis: the analysis of this world.
        same_world: the other seeds with the same world.
        max_zoom: the highest zoom that has tiles.
    """
    return {
        **outline_json(header, max_zoom=max_zoom),
        "same_world": [seed.key for seed in same_world],
        "biomes": _biomes({row.pop("biome"): row for row in _rows(analysis.biomes)}),
        "statistics": {name: _plain(value) for name, value in analysis.statistics.items() if name not in _APART},
        "figures": _figures(analysis),
        "peaks": _rows(analysis.peaks),
        "islands": _rows(analysis.islands),
        "places": places_summary(header.location_table, analysis),
        "start": start(analysis),
        "boss_tour": boss_tour(analysis),
    }


def _figures(analysis: WorldAnalysis) -> list[dict[str, Any]]:
    """Return the groups of columns with their figures; stages that older code built have none."""
    row = cast("Mapping[str, object]", analysis.statistics.get("columns", {}))
    return [
        {
            "title": group,
            "figures": [
                {
                    "name": each.column.name,
                    "label": each.column.label,
                    "meaning": each.column.meaning,
                    "value": _plain(each.value),
                    "unit": each.column.unit,
                    "decimals": each.column.decimals,
                }
                for each in figures(row, group)
            ],
        }
        for group in GROUPS
    ]


def _biomes(measured: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return every biome with its measures, in the order in which players reach them."""
    return [
        {
            "index": int(biome),
            "name": biome.game_name,
            "title": biome.title,
            "color": hex_code(BIOME_COLORS[biome]),
            **measured.get(biome.game_name, {}),
        }
        for biome in sorted(BIOMES, key=BIOME_ORDER.index)
    ]


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(column): _plain(value) for column, value in row.items()} for row in table.to_dict("records")]


def _plain(value: Any) -> Any:
    """Return a rounded value for JSON; None if it is missing."""
    if value is None or pd.isna(value):
        return None
    if isinstance(value, np.generic):
        value = value.item()
    return round(value, _DECIMALS) if isinstance(value, float) else value
