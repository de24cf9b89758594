"""The asset ``processed``: the statistics of a world."""

from collections.abc import Mapping
from typing import cast

import dagster as dg
import pydantic

from vwe_dagster.analysis import CODE_VERSION
from vwe_dagster.analysis.columns import COLUMNS
from vwe_dagster.analysis.world import WorldAnalysis, analyze
from vwe_dagster.defs.automation import FOLLOW
from vwe_dagster.defs.batching import BatchReport, batch_asset, for_each_seed
from vwe_dagster.defs.metadata import materialization
from vwe_dagster.defs.plain_config import PlainConfig
from vwe_dagster.defs.stage_builder import StageBuilder, recipe_from
from vwe_dagster.extraction.terrain import terrain_of
from vwe_dagster.rendering.biome_map import biome_thumbnail
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import Draft, Manifest, WorldStore
from vwe_dagster.store.stages import (
    grid_of,
    own_location_table,
    read_extracted,
    read_plane,
    read_processed,
    write_processed,
)

_SHOWN = ("highest_peak_above_sea_m", "start_land_km2", "swamp_first_m", "haldor_m", "boss_tour_km")
"""Columns in the metadata of a materialization."""


class ProcessedConfig(PlainConfig):
    """Settings of the stage."""

    force: bool = pydantic.Field(default=False, description="Build the stage even if it is up to date.")


@batch_asset(
    deps=["extracted"],
    group_name="world",
    kinds={"scipy", "pandas", "parquet"},
    code_version=CODE_VERSION,
    automation_condition=FOLLOW,
)
def processed(
    context: dg.AssetExecutionContext, config: ProcessedConfig, store: dg.ResourceParam[WorldStore]
) -> BatchReport:
    """The statistics of a world: its biomes, start land, islands, peaks, shoreline, bosses and traders."""

    def build(seed: Seed) -> dg.MaterializeResult[None]:
        builder = StageBuilder(context, store, seed, "processed")
        source = builder.source("extracted", "extracted")
        recipe = recipe_from(CODE_VERSION, source)
        manifest, analysis = builder.build(recipe, lambda draft: _analyze(store, source, draft), force=config.force)
        analyzed = analysis or read_processed(store, manifest)
        return _report(store, manifest, analyzed, source, kept=analysis is None)

    return for_each_seed(context, build)


def _analyze(store: WorldStore, source: Manifest, draft: Draft) -> WorldAnalysis:
    world = read_extracted(store, source)
    table = own_location_table(store, source, store.manifest(source.seed, "raw"))
    analysis = analyze(world, terrain_of(world, source.seed.number), table)
    write_processed(draft, analysis)
    return analysis


def _report(
    store: WorldStore, manifest: Manifest, analysis: WorldAnalysis, source: Manifest, *, kept: bool
) -> dg.MaterializeResult[None]:
    statistics = analysis.statistics
    columns = cast("Mapping[str, float | None]", statistics["columns"])
    return materialization(
        store,
        manifest,
        kept=kept,
        emblem=biome_thumbnail(read_plane(store, source, "biome"), grid_of(source)),
        biomes=analysis.biomes,
        counts={
            "islands": len(analysis.islands),
            "land (km²)": statistics["land_area_km2"],
            "land (share of the disc)": statistics["land_share_of_disc"],
            "shoreline (km)": statistics["shoreline_km"],
            **{COLUMNS[name].heading: columns[name] for name in _SHOWN},
            "rivers": statistics["river_count"],
            "streams": statistics["stream_count"],
            "lakes": statistics["lake_count"],
            "locations": statistics["location_count"],
        },
    )
