"""The asset ``raw_export``: exactly what the engine said of a seed. The only asset that asks an engine."""

import dataclasses
from collections.abc import Mapping

import dagster as dg
import pydantic

from vwe_dagster.assets.making import Making, failing_in_sentences
from vwe_dagster.assets.metadata import biome_cover, materialization
from vwe_dagster.assets.seeds import seeds
from vwe_dagster.catalog import parse_catalog, remarks
from vwe_dagster.engine.messages import LINES, Engine, Progress, WorldRequest
from vwe_dagster.extraction.engine_export import biome_indices
from vwe_dagster.grid import Grid
from vwe_dagster.rendering.biomes import biome_thumbnail
from vwe_dagster.seeds import parse_seed
from vwe_dagster.stages import grid_of, read_plane, write_raw
from vwe_dagster.store import Draft, Manifest, Recipe, WorldStore

CODE_VERSION = "1"


class RawExportConfig(dg.Config):
    """What to ask the engine for."""

    size: int = pydantic.Field(default=2048, description="Samples along each side of the map, 64 to 8192.")
    world_gen_version: int = pydantic.Field(
        default=2, description="2 for every world made since 2022, 1 or 0 for older ones."
    )
    force: bool = pydantic.Field(default=False, description="Ask the engine even if its answer is there already.")


@dg.asset(
    partitions_def=seeds,
    group_name="world",
    kinds={"numpy", "json"},
    code_version=CODE_VERSION,
)
def raw_export(
    context: dg.AssetExecutionContext,
    config: RawExportConfig,
    store: dg.ResourceParam[WorldStore],
    engine: dg.ResourceParam[Engine],
) -> dg.MaterializeResult[None]:
    """Exactly what the engine said of the seed: planes of biome flags, heights and lava; rivers, streams and lakes.

    The engine is asked again only if the request changes: the grid, the layers, the kind of engine or the world-gen
    version. A file that no longer has the hash it was written with makes the stage anew.
    """
    with failing_in_sentences():
        seed = parse_seed(context.partition_key)
        for remark in remarks(seed, parse_catalog(context.instance.get_dynamic_partitions("seeds"))):
            context.log.warning(remark)
        request = WorldRequest(seed.number, Grid.of_world(config.size), config.world_gen_version)
        recipe = Recipe(
            inputs={
                "engine": engine.identity.kind,
                "world_gen_version": request.world_gen_version,
                "layers": list(request.layers),
            },
            code_version=CODE_VERSION,
            made_by=dataclasses.asdict(engine.identity),
            grid=request.grid,
        )

        timings_s: dict[str, float] = {}

        def write(draft: Draft) -> None:
            export = engine.generate(request, _logging_progress(context))
            timings_s.update(export.timings_s)
            write_raw(draft, export)

        manifest, kept = Making(context, store, seed, "raw").make(recipe, write, force=config.force)
        return _report(store, manifest, timings_s, kept=kept)


def _logging_progress(context: dg.AssetExecutionContext) -> Progress:
    """Progress as lines of the run's log: one for each phase, and for each tenth of the way."""
    told: set[tuple[str, int]] = set()

    def progress(fraction: float, phase: str) -> None:
        tenth = (phase, int(fraction * 10))
        if tenth not in told:
            told.add(tenth)
            context.log.info(f"{phase} ({fraction:.0%})")

    return progress


def _report(
    store: WorldStore, manifest: Manifest, timings_s: Mapping[str, float], *, kept: bool
) -> dg.MaterializeResult[None]:
    grid = grid_of(manifest)
    biome = biome_indices(read_plane(store, manifest, "biome.npy"), grid)
    lines = {layer: manifest.files[f"{layer}.jsonl"].shape for layer in LINES}
    return materialization(
        store,
        manifest,
        kept=kept,
        emblem=biome_thumbnail(biome, grid),
        biomes=biome_cover(biome, grid),
        counts={
            **{layer: shape[0] for layer, shape in lines.items() if shape},
            **{f"{phase.replace('_', ' ')} (s)": seconds for phase, seconds in timings_s.items()},
        },
    )
