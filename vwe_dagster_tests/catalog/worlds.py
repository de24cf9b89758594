"""Processed worlds for the catalog, of numbers that a test chooses."""

from __future__ import annotations

from typing import Any

from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import Recipe, WorldStore
from vwe_dagster.store.stages import STATISTICS
from vwe_dagster.world.biomes import BIOMES, Biome
from vwe_dagster.world.grid import Grid

NUMBERS = (
    "land_area_km2", "land_share_of_disc", "shoreline_km", "island_count", "largest_island_area_km2",
    "start_island_area_km2", "highest_peak_height_m", "highest_peak_x_m", "highest_peak_z_m", "river_count",
    "river_length_km", "stream_count", "stream_length_km", "lake_count",
)  # fmt: skip
OF_BIOMES = (
    "area_km2", "share_of_disc", "nearest_m", "nearest_land_m", "max_height_m", "patch_count", "largest_patch_km2",
)  # fmt: skip


def write_statistics(store: WorldStore, key: str, *, without: Biome | None = None, **numbers: float | None) -> None:
    """Publishes a stage ``processed`` with statistics only: 1 wherever the test does not say otherwise."""
    statistics: dict[str, Any] = dict.fromkeys(NUMBERS, 1) | numbers
    statistics["biomes"] = {biome.game_name: dict.fromkeys(OF_BIOMES, 1) for biome in BIOMES if biome is not without}
    recipe = Recipe(inputs={}, code_version="1", made_by={"kind": "native", "version": "1.0"}, grid=Grid.of_world(64))
    with store.publish(parse_seed(key), "processed", recipe) as draft:
        draft.json(STATISTICS, statistics)
