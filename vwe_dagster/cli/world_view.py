"""Terminal output for a world: totals, tables, and the paths of its files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.console import Console

from vwe_dagster.analysis.column_texts import GROUPS, figures
from vwe_dagster.cli.console import say, show_items, show_table
from vwe_dagster.locations.kinds import LocationGroup
from vwe_dagster.rendering.pictures import MAP
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import Manifest, WorldStore
from vwe_dagster.store.manifest import STATISTICS
from vwe_dagster.store.stages import grid_of, read_processed
from vwe_dagster.world.biomes import BIOMES

ISLANDS_SHOWN = PEAKS_SHOWN = 5
_GROUPS_SHOWN = (LocationGroup.BOSS.value, LocationGroup.TRADER.value)

_POINTS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
_TITLES = {biome.game_name: biome.title for biome in BIOMES}


def show_world(console: Console, store: WorldStore, manifest: Manifest) -> None:
    """Print the totals, biomes, largest islands, highest peaks, bosses and traders of a world.

    Args:
        console: the console to print to.
        store: the store of the world.
        manifest: the manifest of its stage ``processed``.

    Raises:
        StoreError: a file is damaged.
    """
    analysis = read_processed(store, manifest)
    recipe, grid = manifest.recipe, grid_of(manifest)
    say(console, f"{manifest.seed.key} ({manifest.seed.number})", "bold")
    show_items(
        console,
        {
            "built by": f"{recipe.maker}, {manifest.made_at:%Y-%m-%d %H:%M} UTC, {grid.size} x {grid.size} samples",
            **_totals(analysis.statistics),
        },
    )
    for group in GROUPS:
        _show_figures(console, group, analysis.statistics)
    _show_biomes(console, analysis.biomes)
    _show_islands(console, analysis.islands)
    _show_peaks(console, analysis.peaks)
    _show_places(console, analysis.statistics["places"])


def show_files(console: Console, store: WorldStore, seed: Seed) -> None:
    """Print the paths of the picture and the statistics of a world."""
    show_items(
        console,
        {
            "picture": store.readable_folder(seed, "renders") / MAP,
            "statistics": store.readable_folder(seed, "processed") / STATISTICS,
        },
    )


def _totals(statistics: Mapping[str, Any]) -> dict[str, str]:
    land, share = _number(statistics["land_area_km2"], 1), _share(statistics["land_share_of_disc"])
    totals = {
        "land": f"{land} km², {share} of the disc",
        "shoreline": f"{_number(statistics['shoreline_km'])} km",
        "islands": f"{_number(statistics['island_count'])} larger than one hectare",
    }
    if statistics["river_count"] is not None:
        totals["rivers"] = f"{_number(statistics['river_count'])}, and {_number(statistics['stream_count'])} streams"
    return totals


def _show_figures(console: Console, group: str, statistics: Mapping[str, Any]) -> None:
    """Print the columns of a group that have a value."""
    rows = [(figure.column.label, figure.text) for figure in figures(statistics["columns"], group)]
    show_table(console, group, ("", ""), rows)


def _show_biomes(console: Console, biomes: pd.DataFrame) -> None:
    rows = [
        (
            _TITLES[row["biome"]],
            _number(row["area_km2"], 1),
            _share(row["share_of_disc"]),
            _share(row["share_of_land"]),
            _number(row["max_above_sea_m"]),
            _way(row["first_m"], row["first_bearing_deg"]),
            _number(row["first_km2"], 2),
        )
        for row in biomes.to_dict("records")
    ]
    headings = ("biome", "km²", "of disc", "of land", "highest above sea m", "first patch", "km²")
    show_table(console, "Biomes", headings, rows)


def _show_islands(console: Console, islands: pd.DataFrame) -> None:
    rows = [
        (
            row["island"],
            _number(row["area_km2"], 2),
            _number(row["peak_above_sea_m"]),
            _way(row["nearest_m"], row["nearest_bearing_deg"]),
            _TITLES[row["dominant_biome"]],
            "start" if row["is_start"] else "",
        )
        for row in islands.head(ISLANDS_SHOWN).to_dict("records")
    ]
    show_table(console, "Largest islands", ("island", "km²", "highest above sea m", "nearest", "mostly", ""), rows)


def _show_peaks(console: Console, peaks: pd.DataFrame) -> None:
    rows = [
        (
            row["peak"],
            _number(row["above_sea_m"]),
            _number(row["x_m"]),
            _number(row["z_m"]),
            _way(row["distance_m"], row["bearing_deg"]),
            _TITLES[row["biome"]],
        )
        for row in peaks.head(PEAKS_SHOWN).to_dict("records")
    ]
    show_table(console, "Highest peaks", ("peak", "above sea m", "x m", "z m", "from the center", "biome"), rows)


def _show_places(console: Console, places: Any) -> None:
    if places is None:
        return
    rows = [
        (
            place["label"],
            place["count"],
            _way(place["nearest_m"], place["nearest_bearing_deg"]),
            _number(place["nearest_x_m"]),
            _number(place["nearest_z_m"]),
            "the game keeps one of them" if place["candidates"] else "",
        )
        for place in places.values()
        if place["group"] in _GROUPS_SHOWN and place["count"]
    ]
    show_table(console, "Bosses and traders", ("", "count", "nearest", "x m", "z m", ""), rows)


def _number(number: float | None, digits: int = 0) -> str:
    return "" if number is None or pd.isna(number) else f"{number:,.{digits}f}"


def _share(share: float | None) -> str:
    return "" if share is None or pd.isna(share) else f"{share:.1%}"


def _way(distance_m: float | None, bearing_deg: float) -> str:
    """Return a distance and its compass direction, such as ``1,240 m NE``."""
    if distance_m is None or pd.isna(distance_m):
        return ""
    return f"{distance_m:,.0f} m {compass_point(bearing_deg)}"


def compass_point(bearing_deg: float) -> str:
    """Return the compass point nearest to a bearing, such as ``NE`` for 40 degrees."""
    return _POINTS[round(bearing_deg / 45) % len(_POINTS)]
