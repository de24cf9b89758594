"""Asset checks: each stage of a seed must pass them before the next stage is built from it.

Each asset has one step that runs its checks on all seeds of the run. For a run of several seeds, Dagster records one
result per check. The result of each seed is therefore logged as a separate event.
"""

import functools
import warnings
from collections.abc import Iterator, Mapping

import dagster as dg

from vwe_dagster.defs.batching import failed_seeds_of, map_in_threads
from vwe_dagster.defs.check_names import step_of
from vwe_dagster.defs.partitions import seeds
from vwe_dagster.quality import locations, planes, products
from vwe_dagster.quality.result import ASSETS, Check, CheckResult, run_check
from vwe_dagster.seeds.seed import SeedError, parse_seed
from vwe_dagster.store import Stage, WorldStore

STAGE_CHECKS: dict[Stage, dict[str, Check]] = {
    "raw": {"grid_complete": planes.raw_grid_complete, "biomes_valid": planes.biomes_valid},
    "extracted": {
        "grid_complete": planes.extracted_grid_complete,
        "seed_independent_counts": planes.seed_independent_counts,
        "world_edge": planes.world_edge,
        "known_digest": planes.known_digest,
        "locations_valid": locations.locations_valid,
    },
    "processed": {"statistics_add_up": products.statistics_add_up},
    "renders": {"pictures_not_blank": products.pictures_not_blank},
    "tiles": {"tiles_not_blank": products.tiles_not_blank},
}
"""The checks of each stage, by name. All are blocking: a seed that fails one is not built further in that run."""


def _checks_of(stage: Stage) -> dg.AssetChecksDefinition:
    asset, stage_checks = ASSETS[stage], STAGE_CHECKS[stage]

    @dg.multi_asset_check(
        name=step_of(asset),
        specs=[_spec(asset, name, check.__doc__) for name, check in stage_checks.items()],
        can_subset=True,
    )
    def checks(
        context: dg.AssetCheckExecutionContext, store: dg.ResourceParam[WorldStore]
    ) -> Iterator[dg.AssetCheckResult]:
        run = context.op_execution_context
        failed_before = failed_seeds_of(run.instance, run.run.run_id, {asset})
        keys = [key for key in run.partition_keys if key not in failed_before]
        for selected in sorted(run.selected_asset_check_keys, key=lambda check: list(stage_checks).index(check.name)):
            evaluate = functools.partial(_evaluate, store, stage, stage_checks[selected.name])
            results = dict(zip(keys, map_in_threads(evaluate, keys), strict=True))
            if len(run.partition_keys) > 1:
                for key, result in results.items():
                    # log_event accepts evaluations, but its type annotation does not.
                    run.log_event(_evaluation(selected, key, result))  # type: ignore[arg-type]
            yield _result(selected, results)

    return checks


def _spec(asset: str, name: str, description: str | None) -> dg.AssetCheckSpec:
    with warnings.catch_warnings():
        # Partitions of checks are in preview: every command and every run would print a warning.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(name, asset=asset, description=description, blocking=True, partitions_def=seeds)


def _evaluate(store: WorldStore, stage: Stage, check: Check, key: str) -> CheckResult:
    try:
        seed = parse_seed(key)
    except SeedError as error:
        return CheckResult(str(error), passed=False)
    return run_check(store, seed, stage, check)


def _evaluation(check: dg.AssetCheckKey, key: str, result: CheckResult) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=check.asset_key,
        check_name=check.name,
        passed=result.passed,
        description=result.description,
        metadata=dict(result.metadata),
        blocking=True,
        partition=key,
    )


def _result(check: dg.AssetCheckKey, results: Mapping[str, CheckResult]) -> dg.AssetCheckResult:
    failed = [f"{key}: {result.description}" for key, result in results.items() if not result.passed]
    if len(results) == 1:
        (result,) = results.values()
        description, metadata = result.description, dict(result.metadata)
    else:
        description, metadata = "\n".join(failed) or f"All {len(results)} seeds passed.", {}
    return dg.AssetCheckResult(
        passed=not failed, asset_key=check.asset_key, check_name=check.name, description=description, metadata=metadata
    )


CHECKS = [_checks_of(stage) for stage in STAGE_CHECKS]
