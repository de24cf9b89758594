"""The asset ``extracted``: a validated world in canonical form, independent of its engine or file."""

from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import pydantic

from vwe_dagster.defs.automation import FOLLOW
from vwe_dagster.defs.batching import BatchReport, batch_asset, for_each_seed
from vwe_dagster.defs.metadata import biome_cover, materialization
from vwe_dagster.defs.plain_config import PlainConfig
from vwe_dagster.defs.stage_builder import StageBuilder, recipe_from
from vwe_dagster.extraction.engine_export import canonical_world
from vwe_dagster.extraction.foreign import read_foreign
from vwe_dagster.extraction.foreign_source import ForeignExport
from vwe_dagster.extraction.validate import ExtractionError
from vwe_dagster.rendering.biome_map import biome_thumbnail
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.seeds.typable import typable_text
from vwe_dagster.store import Draft, Manifest, Recipe, WorldStore
from vwe_dagster.store.stages import grid_of, plane_file, read_extracted, read_raw, write_extracted
from vwe_dagster.world.canonical import CanonicalWorld

CODE_VERSION = "2"


class ExtractedConfig(PlainConfig):
    """Source of the world."""

    foreign_export: str | None = pydantic.Field(
        default=None,
        description="Folder with an export of another program to use instead of raw_export: "
        "the older plugin's JSON or valheim-map.world tiles.",
    )
    force: bool = pydantic.Field(default=False, description="Build the stage even if it is up to date.")


@batch_asset(
    deps=["raw_export"],
    group_name="world",
    kinds={"numpy", "parquet"},
    code_version=CODE_VERSION,
    automation_condition=FOLLOW,
)
def extracted(
    context: dg.AssetExecutionContext, config: ExtractedConfig, store: dg.ResourceParam[WorldStore]
) -> BatchReport:
    """The world in canonical form: biome indices, heights, forest factor, lava, water mask, rivers and lakes.

    Built from `raw_export`, or from an export of another program. Invalid worlds are rejected: wrong shapes, unknown
    biomes, impossible heights, damaged files.
    """
    _reject_several_seeds(config, context.partition_keys)

    def build(seed: Seed) -> dg.MaterializeResult[None]:
        builder = StageBuilder(context, store, seed, "extracted")
        if config.foreign_export is None:
            raw = builder.source("raw", "raw_export")
            manifest, world = builder.build(
                recipe_from(CODE_VERSION, raw), lambda draft: _extract(store, raw, draft), force=config.force
            )
        else:
            export = read_foreign(Path(config.foreign_export))
            _check_seed(seed, export, config.foreign_export)
            manifest, world = builder.build(
                _foreign_recipe(export), lambda draft: _written(draft, export.world), force=config.force
            )
        return _report(store, manifest, world or read_extracted(store, manifest), kept=world is None)

    return for_each_seed(context, build)


def _reject_several_seeds(config: ExtractedConfig, keys: Sequence[str]) -> None:
    if config.foreign_export is not None and len(keys) > 1:
        raise dg.Failure(
            description=f"{config.foreign_export} has one world, but the run has {len(keys)} seeds; "
            f"start a run of the seed of that world only.",
            allow_retries=False,
        )


def _extract(store: WorldStore, raw: Manifest, draft: Draft) -> CanonicalWorld:
    planes, lines = read_raw(store, raw)
    world = canonical_world(planes, lines, grid_of(raw))
    folder = store.folder(raw.seed, raw.stage)
    unchanged = [plane_file(name) for name, plane in planes.items() if getattr(world, name) is plane]
    write_extracted(draft, world, {name: (folder / name, raw.files[name]) for name in unchanged})
    return world


def _written(draft: Draft, world: CanonicalWorld) -> CanonicalWorld:
    write_extracted(draft, world, {})
    return world


def _foreign_recipe(export: ForeignExport) -> Recipe:
    return Recipe(
        inputs={"foreign_export": export.kind, "files": dict(export.sha256)},
        code_version=CODE_VERSION,
        made_by={"kind": export.kind, "world_version": export.world_version},
        grid=export.world.grid,
    )


def _check_seed(seed: Seed, export: ForeignExport, folder: str) -> None:
    """Raise ExtractionError for the world of another seed; an export without a seed is accepted as it is."""
    if export.seed_number is not None and export.seed_number != seed.number:
        stated = export.seed_text or f"@{export.seed_number}"
        raise ExtractionError(
            f"{folder} has the world of the seed {stated} (the integer {export.seed_number}), "
            f"not that of {seed.key} (the integer {seed.number}); import it as "
            f"{typable_text(export.seed_number)} or as @{export.seed_number}, which are the same world."
        )


def _report(store: WorldStore, manifest: Manifest, world: CanonicalWorld, *, kept: bool) -> dg.MaterializeResult[None]:
    lines = None if world.rivers is None else world.rivers.groupby("kind", observed=False)["line"].nunique()
    return materialization(
        store,
        manifest,
        kept=kept,
        emblem=biome_thumbnail(world.biome, world.grid),
        biomes=biome_cover(world.biome, world.grid),
        counts={
            "source": _source(manifest),
            "highest (m)": float(world.height.max()),
            "water (share of the map)": float(world.water.mean()),
            "rivers": None if lines is None else int(lines["river"]),
            "streams": None if lines is None else int(lines["stream"]),
            "lakes": None if world.lakes is None else len(world.lakes),
            "locations": None if world.locations is None else len(world.locations),
        },
    )


def _source(manifest: Manifest) -> str:
    foreign = manifest.recipe.inputs.get("foreign_export")
    return "raw_export" if foreign is None else f"an export of another program ({foreign})"
