"""The asset ``renders``: pictures of a world."""

import dataclasses

import dagster as dg
import pydantic
from PIL import Image

from vwe_dagster.defs.automation import FOLLOW
from vwe_dagster.defs.batching import BatchReport, batch_asset, for_each_seed, map_in_threads
from vwe_dagster.defs.metadata import materialization
from vwe_dagster.defs.plain_config import PlainConfig
from vwe_dagster.defs.stage_builder import StageBuilder, recipe_from
from vwe_dagster.rendering.biome_map import biome_thumbnail
from vwe_dagster.rendering.picture_size import MAX_PIXELS, MIN_PIXELS, PictureSize
from vwe_dagster.rendering.pictures import THUMBNAIL, pictures
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import Draft, Manifest, WorldStore
from vwe_dagster.store.stages import grid_of, read_extracted, read_plane, read_processed, write_picture

CODE_VERSION = "6"


class RendersConfig(PlainConfig):
    """Settings of the stage."""

    force: bool = pydantic.Field(default=False, description="Draw the pictures even if they are up to date.")
    pixels: int | None = pydantic.Field(
        default=None,
        ge=MIN_PIXELS,
        le=MAX_PIXELS,
        description="Pixels along each side of the map; by default four per cell of the grid, at most 2048.",
    )


@batch_asset(
    deps=["extracted", "processed"],
    group_name="world",
    kinds={"image", "numpy"},
    code_version=CODE_VERSION,
    automation_condition=FOLLOW,
)
def renders(
    context: dg.AssetExecutionContext, config: RendersConfig, store: dg.ResourceParam[WorldStore]
) -> BatchReport:
    """Pictures of a world: map, biomes, heights and a thumbnail, north up, and the relief from the south."""

    def build(seed: Seed) -> dg.MaterializeResult[None]:
        builder = StageBuilder(context, store, seed, "renders")
        world = builder.source("extracted", "extracted")
        analysis = builder.source("processed", "processed")
        recipe = recipe_from(CODE_VERSION, world, analysis)
        if config.pixels is not None:
            recipe = dataclasses.replace(recipe, inputs={**recipe.inputs, "pixels": config.pixels})
        manifest, thumbnail = builder.build(
            recipe, lambda draft: _draw(builder, world, analysis, draft, config.pixels), force=config.force
        )
        picture = thumbnail or Image.open(store.read(manifest, THUMBNAIL))
        return _report(store, manifest, world, analysis, picture, kept=thumbnail is None)

    return for_each_seed(context, build)


def _draw(
    builder: StageBuilder, extracted: Manifest, processed: Manifest, draft: Draft, pixels: int | None
) -> Image.Image:
    """Draw the pictures, concurrently if the run has one seed, and return the thumbnail."""
    world = read_extracted(builder.store, extracted)
    analysis = read_processed(builder.store, processed)
    drawing = pictures(world, analysis, builder.seed.key, PictureSize.of_grid(world.grid, pixels))

    def draw(name: str) -> Image.Image:
        builder.log_phase(f"drawing {name}")
        return drawing[name]()

    each = map if builder.is_of_many else map_in_threads
    drawn = dict(zip(drawing, each(draw, drawing), strict=True))
    for name, picture in drawn.items():
        write_picture(draft, name, picture)
    return drawn[THUMBNAIL]


def _report(
    store: WorldStore, manifest: Manifest, world: Manifest, analysis: Manifest, thumbnail: Image.Image, *, kept: bool
) -> dg.MaterializeResult[None]:
    analyzed = read_processed(store, analysis)
    return materialization(
        store,
        manifest,
        kept=kept,
        emblem=biome_thumbnail(read_plane(store, world, "biome"), grid_of(world)),
        picture=thumbnail,
        biomes=analyzed.biomes[["biome", "area_km2", "share_of_disc"]],
        counts={"islands": len(analyzed.islands), "rivers": analyzed.statistics["river_count"]},
    )
