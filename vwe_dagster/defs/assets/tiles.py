"""The asset ``tiles``: map tiles of a world for web pages."""

import dataclasses
import time

import dagster as dg
import pydantic

from vwe_dagster.defs.automation import FOLLOW
from vwe_dagster.defs.batching import BatchReport, batch_asset, for_each_seed
from vwe_dagster.defs.metadata import biome_cover, materialization
from vwe_dagster.defs.plain_config import PlainConfig
from vwe_dagster.defs.stage_builder import StageBuilder, recipe_from
from vwe_dagster.extraction.terrain import terrain_of
from vwe_dagster.rendering.biome_map import biome_thumbnail
from vwe_dagster.rendering.tiles import MAX_ZOOM, NATIVE_ZOOM, STYLES, WorldTiles
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import Draft, Manifest, WorldStore
from vwe_dagster.store.stages import TileChoice, grid_of, read_extracted, read_plane, tile_choice, write_tile

CODE_VERSION = "1"

_LOG_EVERY_S = 2.0
"""Seconds between log lines of a run that draws many tiles."""


class TilesConfig(PlainConfig):
    """Selection of the tiles."""

    styles: list[str] | None = pydantic.Field(
        default=None,
        description=f"Styles, of {', '.join(STYLES)}. By default those of the existing tiles, or else all.",
    )
    max_zoom: int | None = pydantic.Field(
        default=None,
        ge=0,
        le=MAX_ZOOM,
        description=f"The last zoom: {NATIVE_ZOOM} has 12 m per pixel, as the game's own map, {MAX_ZOOM} has 3 m. "
        f"By default that of the existing tiles, or else {NATIVE_ZOOM}.",
    )
    force: bool = pydantic.Field(default=False, description="Draw the tiles even if they are up to date.")


@batch_asset(
    deps=["extracted"],
    group_name="tiles",
    kinds={"image", "numpy"},
    code_version=CODE_VERSION,
    automation_condition=FOLLOW,
)
def tiles(context: dg.AssetExecutionContext, config: TilesConfig, store: dg.ResourceParam[WorldStore]) -> BatchReport:
    """Map tiles of 256 x 256 pixels for web pages, in files `{style}/{z}/{x}/{y}.webp`.

    At zoom z, the map has 2^z x 2^z tiles, x from the west and y from the north. The job `world` does not build them.
    """
    _reject_unknown(config)

    def build(seed: Seed) -> dg.MaterializeResult[None]:
        builder = StageBuilder(context, store, seed, "tiles")
        source = builder.source("extracted", "extracted")
        wanted = _wanted(config, store.manifest(seed, "tiles"))
        recipe = recipe_from(CODE_VERSION, source)
        recipe = dataclasses.replace(recipe, inputs={**recipe.inputs, **wanted.inputs()})
        manifest, drawn = builder.build(recipe, lambda draft: _draw(builder, source, draft, wanted), force=config.force)
        return _report(store, manifest, source, kept=drawn is None)

    return for_each_seed(context, build)


def _reject_unknown(config: TilesConfig) -> None:
    unknown = sorted(set(config.styles or []) - STYLES.keys())
    if unknown or config.styles == []:
        fault = f"There is no style {', '.join(unknown)} of tiles" if unknown else "The list of styles is empty"
        raise dg.Failure(description=f"{fault}; choose {', '.join(STYLES)}.", allow_retries=False)


def _wanted(config: TilesConfig, former: Manifest | None) -> TileChoice:
    """Return the configured selection, by default that of the existing tiles, or else all styles at the native zoom."""
    kept = TileChoice(tuple(STYLES), NATIVE_ZOOM) if former is None else tile_choice(former)
    return TileChoice(
        # Sorted and without duplicates: the recipe must not depend on the order in the configuration.
        tuple(style for style in STYLES if style in (config.styles or kept.styles)),
        kept.max_zoom if config.max_zoom is None else config.max_zoom,
    )


def _draw(builder: StageBuilder, extracted: Manifest, draft: Draft, wanted: TileChoice) -> int:
    """Draw the tiles and return their number."""
    world = read_extracted(builder.store, extracted)
    terrain = terrain_of(world, builder.seed.number) if wanted.max_zoom > NATIVE_ZOOM else None
    world_tiles, drawn, total = WorldTiles(world, terrain), 0, len(wanted.files())
    for style in wanted.styles:
        builder.log_phase(f"drawing {style}")
        logged = time.monotonic()
        for tile in world_tiles.pyramid(style, zooms=range(wanted.max_zoom + 1)):
            write_tile(draft, style, tile)
            drawn += 1
            if time.monotonic() - logged > _LOG_EVERY_S:
                logged = time.monotonic()
                builder.log_phase(f"drawing {style}, {drawn:,} of {total:,} tiles")
    return drawn


def _report(store: WorldStore, manifest: Manifest, source: Manifest, *, kept: bool) -> dg.MaterializeResult[None]:
    grid, biome = grid_of(source), read_plane(store, source, "biome")
    choice = tile_choice(manifest)
    return materialization(
        store,
        manifest,
        kept=kept,
        emblem=biome_thumbnail(biome, grid),
        biomes=biome_cover(biome, grid),
        counts={"styles": ", ".join(choice.styles), "last zoom": choice.max_zoom, "tiles": len(manifest.files)},
    )
