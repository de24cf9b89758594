"""The asset ``raw_export``: the unmodified export of an engine. No other asset of a world uses an engine."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import dagster as dg
import pydantic

from vwe_dagster.config.location_table import location_table_from_environment
from vwe_dagster.config.pool import EngineChoice, engine_choice_from_environment
from vwe_dagster.defs.batching import Batch, BatchReport, batch_asset
from vwe_dagster.defs.metadata import biome_cover, materialization
from vwe_dagster.defs.plain_config import PlainConfig
from vwe_dagster.defs.resources import Engines
from vwe_dagster.defs.stage_builder import StageBuilder
from vwe_dagster.engine.messages import (
    ESSENTIAL,
    LANDMARKS,
    LINES,
    LOCATIONS,
    NATIVE,
    EngineError,
    EngineIdentity,
    LocationScope,
    WorldExport,
    WorldRequest,
)
from vwe_dagster.engine.native_locations import location_table_identity
from vwe_dagster.exporting.source import NATIVE_GAME_VERSION
from vwe_dagster.extraction.engine_export import biome_indices
from vwe_dagster.locations.location_table import LocationTable
from vwe_dagster.locations.world_locations import SUPPORTED_VERSION as LOCATIONS_VERSION
from vwe_dagster.pool.many import Outcome
from vwe_dagster.rendering.biome_map import biome_thumbnail
from vwe_dagster.seeds.lookalikes import LookAlikes, parse_keys
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import Draft, Manifest, Recipe, WorldStore
from vwe_dagster.store.stages import grid_of, plane_names, read_plane, write_raw
from vwe_dagster.world.grid import Grid

CODE_VERSION = "2"

_LAYERS_IF_OFFERED = ("lava", *LINES)

_OwnTable = Callable[[], LocationTable | None]


class RawExportConfig(PlainConfig):
    """Request to the engine."""

    size: int = pydantic.Field(default=2048, description="Samples along each side of the map, 64 to 8192.")
    world_gen_version: int = pydantic.Field(
        default=2, description="2 for every world created since 2022, 1 or 0 for older ones."
    )
    engine: EngineChoice | None = pydantic.Field(
        default=None,
        description="`native`; `valheim`, the game's own server; or `valheim_else_native`, the native engine for "
        "worlds that the server fails to generate. By default VWE_ENGINE, or else `native`.",
    )
    locations: LocationScope = pydantic.Field(
        default=LocationScope.ALL,
        description="`all` locations; `landmarks`, only the types that the game places first, such as bosses and "
        "traders, on the native engine; or `none`.",
    )
    force: bool = pydantic.Field(default=False, description="Generate the world even if the stage is up to date.")


@batch_asset(
    group_name="world",
    kinds={"numpy", "json"},
    code_version=CODE_VERSION,
)
def raw_export(
    context: dg.AssetExecutionContext,
    config: RawExportConfig,
    store: dg.ResourceParam[WorldStore],
    pool: dg.ResourceParam[Engines],
    valheim_pool: dg.ResourceParam[Engines],
) -> BatchReport:
    """The unmodified export of the engine for the seed: planes, rivers, streams, lakes and locations.

    A world is generated again only if its request changes (grid, layers, kind of engine, world-gen version, location
    table of the native engine) or if a file no longer matches its hash. Several engines of the pool generate the seeds
    of a batch concurrently. If the native engine replaces a failed Valheim server, the metadata has the cause.
    """
    batch = Batch(context)
    choice = config.engine or engine_choice_from_environment()
    engines = pool if choice is EngineChoice.NATIVE else valheim_pool
    instead = pool if choice is EngineChoice.VALHEIM_ELSE_NATIVE else None
    look_alikes = LookAlikes(parse_keys(context.instance.get_dynamic_partitions("seeds")))
    own_table = functools.cache(lambda: location_table_from_environment(NATIVE_GAME_VERSION))
    wanted: list[_Wanted] = []
    for seed in batch.seeds():
        with batch.attempt(seed.key):
            for remark in look_alikes.remarks(seed):
                context.log.warning(remark)
            request = _request(seed, config, engines.identity, own_table)
            recipe = _recipe(request, engines.identity)
            builder = StageBuilder(context, store, seed, "raw")
            kept = builder.keep(recipe, force=config.force)
            if kept is None:
                wanted.append(_Wanted(builder, request, recipe))
            else:
                batch.report(seed.key, _report(store, kept, {}, kept=True))
    if instead is None:
        _generate(batch, wanted, engines)
    else:
        left = _generate(batch, wanted, engines, fail=False)
        _generate_fallback(batch, left, instead, own_table, force=config.force)
    return batch.end()


@dataclasses.dataclass(frozen=True)
class _Wanted:
    """A world to be generated.

    Attributes:
        builder: builder of the raw stage.
        request: request to the engine.
        recipe: recipe of the stage.
        fallback: the reason to use a fallback engine; None for the configured engine.
    """

    builder: StageBuilder
    request: WorldRequest
    recipe: Recipe
    fallback: str | None = None

    def publish(self, export: WorldExport) -> dg.MaterializeResult[None]:
        def write(draft: Draft) -> None:
            draft.record_engine(dataclasses.asdict(export.engine), seconds=sum(export.timings_s.values()))
            write_raw(draft, export)
            export.confirm()

        manifest = self.builder.publish(self.recipe, write)
        return _report(self.builder.store, manifest, export.timings_s, kept=False, fallback=self.fallback)


def _generate(
    batch: Batch,
    wanted: Sequence[_Wanted],
    pool: Engines,
    *,
    fail: bool = True,
) -> list[_Wanted]:
    """Generate worlds and publish each one on arrival, so that memory holds no more worlds than the pool has engines.

    Args:
        batch: batch that records the results.
        wanted: worlds to generate.
        pool: pool that generates them.
        fail: True to record a world that the pool does not generate as failed.

    Returns:
        With ``fail`` unset, the worlds that the pool did not generate, each with the cause as ``fallback``.
    """
    left = []
    progress = None if batch.has_many or not wanted else _logging_progress(wanted[0].builder.context)
    outcomes = pool.generate_many((world.request for world in wanted), progress)
    with contextlib.closing(outcomes):
        for world in wanted:
            with batch.attempt(world.builder.seed.key):
                # No variable may keep an export alive while the next one is awaited.
                reason = _publish(batch, world, next(outcomes), fail=fail)
                if reason is not None:
                    left.append(dataclasses.replace(world, fallback=reason))
    return left


def _publish(batch: Batch, world: _Wanted, outcome: Outcome, *, fail: bool) -> str | None:
    """Publish a generated world; return None, or the cause of the failure if ``fail`` is unset."""
    if outcome.export is None and not fail:
        return str(outcome.error)
    batch.report(world.builder.seed.key, world.publish(_export(outcome)))
    return None


def _generate_fallback(
    batch: Batch,
    left: Sequence[_Wanted],
    pool: Engines,
    own_table: _OwnTable,
    *,
    force: bool,
) -> None:
    """Generate the remaining worlds in a fallback pool; existing stages of either engine stay."""
    wanted = []
    for world in left:
        builder, fallback = world.builder, str(world.fallback)
        with batch.attempt(builder.seed.key):
            if builder.store.current(builder.seed, builder.stage, world.recipe) is not None:
                raise EngineError(
                    f"The existing stage of the {world.recipe.inputs['engine']} engine is not replaced. {fallback}"
                )
            builder.context.log.warning(
                f"{builder.seed.key} is generated by the {pool.identity.kind} engine instead. {fallback}"
            )
            table = own_table() if LOCATIONS in world.request.if_offered else None
            request = dataclasses.replace(world.request, location_table=table)
            recipe = _recipe(request, pool.identity)
            kept = builder.keep(recipe, force=force)
            if kept is None:
                wanted.append(dataclasses.replace(world, request=request, recipe=recipe))
            else:
                batch.report(builder.seed.key, _report(builder.store, kept, {}, kept=True, fallback=fallback))
    _generate(batch, wanted, pool)


def _export(outcome: Outcome) -> WorldExport:
    if outcome.export is None:
        raise outcome.error or EngineError("The engine returned neither a world nor an error; run this again.")
    return outcome.export


def _request(seed: Seed, config: RawExportConfig, engine: EngineIdentity, own_table: _OwnTable) -> WorldRequest:
    """Return the request for a seed, with the same layers for every engine except locations."""
    layers: tuple[str, ...] = _LAYERS_IF_OFFERED
    table = None
    is_native = engine.kind == NATIVE.kind
    is_known = not is_native or config.world_gen_version == LOCATIONS_VERSION
    if config.locations is not LocationScope.NONE and is_known:
        layers += (LANDMARKS,) if is_native and config.locations is LocationScope.LANDMARKS else (LOCATIONS,)
        table = own_table() if is_native else None
    return WorldRequest(seed.number, Grid.of_world(config.size), config.world_gen_version, ESSENTIAL, layers, table)


def _recipe(request: WorldRequest, engine: EngineIdentity) -> Recipe:
    inputs: dict[str, pydantic.JsonValue] = {
        "engine": engine.kind,
        "world_gen_version": request.world_gen_version,
        "layers": [*request.layers, *request.if_offered],
    }
    if engine.kind == NATIVE.kind and {LOCATIONS, LANDMARKS} & set(request.if_offered):
        inputs["location_table"] = location_table_identity(request.location_table)
    return Recipe(
        inputs=inputs,
        code_version=CODE_VERSION,
        made_by=dataclasses.asdict(engine),
        grid=request.grid,
    )


def _logging_progress(context: dg.AssetExecutionContext) -> Callable[[int, float, str], None]:
    """Return a progress callback that logs one line per phase and tenth."""
    logged: set[tuple[str, int]] = set()

    def progress(_: int, fraction: float, phase: str) -> None:
        line = (phase, int(fraction * 10))
        if line not in logged:
            logged.add(line)
            context.log.info(f"{phase} ({fraction:.0%})")

    return progress


def _report(
    store: WorldStore,
    manifest: Manifest,
    timings_s: Mapping[str, float],
    *,
    kept: bool,
    fallback: str | None = None,
) -> dg.MaterializeResult[None]:
    grid = grid_of(manifest)
    biome = biome_indices(read_plane(store, manifest, "biome"), grid)
    names = {layer: f"{layer}.jsonl" for layer in (*LINES, LOCATIONS, LANDMARKS)}
    lines = {layer: manifest.files[name].shape for layer, name in names.items() if name in manifest.files}
    missing = [layer for layer in ("lava", *LINES) if layer not in lines and layer not in plane_names(manifest)]
    return materialization(
        store,
        manifest,
        kept=kept,
        emblem=biome_thumbnail(biome, grid),
        biomes=biome_cover(biome, grid),
        counts={
            "native engine used because": fallback,
            "missing layers": ", ".join(missing) or None,
            **{layer: shape[0] for layer, shape in lines.items() if shape},
            **{f"{phase.replace('_', ' ')} (s)": seconds for phase, seconds in timings_s.items()},
        },
    )
