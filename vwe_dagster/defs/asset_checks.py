"""The asset checks: what must hold of every stage of every seed before the next one is made of it.

Each asset has one step that runs its checks on all seeds of the run. Dagster records of a run of several seeds only
whether a check holds for all; so what holds of each seed is told besides.
"""

import functools
import warnings
from collections.abc import Iterator, Mapping

import dagster as dg

from vwe_dagster.defs.batching import failed_seeds_of, on_every_core
from vwe_dagster.defs.check_names import step_of
from vwe_dagster.defs.partitions import seeds
from vwe_dagster.quality import planes, products
from vwe_dagster.quality.result import ASSETS, Judge, Verdict, verdict_of
from vwe_dagster.seeds.seed import SeedError, parse_seed
from vwe_dagster.store import Stage, WorldStore

# A check a seed is what it is there for; Dagster would warn of it in every command and every run.
warnings.filterwarnings(
    "ignore", message="Specifying a partitions_def on an AssetCheckSpec", category=dg.PreviewWarning
)

JUDGES: dict[Stage, dict[str, Judge]] = {
    "raw": {"grid_complete": planes.raw_grid_complete, "biomes_valid": planes.biomes_valid},
    "extracted": {
        "grid_complete": planes.extracted_grid_complete,
        "seed_independent_counts": planes.seed_independent_counts,
        "world_edge": planes.world_edge,
        "known_digest": planes.known_digest,
    },
    "processed": {"statistics_add_up": products.statistics_add_up},
    "renders": {"pictures_not_blank": products.pictures_not_blank},
    "tiles": {"tiles_not_blank": products.tiles_not_blank},
}
"""The checks of each stage, by name. All block: a seed for which one fails is made no further in that run."""


def _checks_of(stage: Stage) -> dg.AssetChecksDefinition:
    asset, judges = ASSETS[stage], JUDGES[stage]

    @dg.multi_asset_check(
        name=step_of(asset),
        specs=[
            dg.AssetCheckSpec(name, asset=asset, description=judge.__doc__, blocking=True, partitions_def=seeds)
            for name, judge in judges.items()
        ],
        can_subset=True,
    )
    def checks(
        context: dg.AssetCheckExecutionContext, store: dg.ResourceParam[WorldStore]
    ) -> Iterator[dg.AssetCheckResult]:
        run = context.op_execution_context
        failed_before = failed_seeds_of(run.instance, run.run.run_id, {asset})
        keys = [key for key in run.partition_keys if key not in failed_before]
        for selected in sorted(run.selected_asset_check_keys, key=lambda check: list(judges).index(check.name)):
            look = functools.partial(_verdict, store, stage, judges[selected.name])
            verdicts = dict(zip(keys, on_every_core(look, keys), strict=True))
            if len(run.partition_keys) > 1:
                for key, verdict in verdicts.items():
                    # The types of log_event leave out what it takes.
                    run.log_event(_evaluation(selected, key, verdict))  # type: ignore[arg-type]
            yield _result(selected, verdicts)

    return checks


def _verdict(store: WorldStore, stage: Stage, judge: Judge, key: str) -> Verdict:
    try:
        seed = parse_seed(key)
    except SeedError as error:
        return Verdict(str(error), passed=False)
    return verdict_of(store, seed, stage, judge)


def _evaluation(check: dg.AssetCheckKey, key: str, verdict: Verdict) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=check.asset_key,
        check_name=check.name,
        passed=verdict.passed,
        description=verdict.sentence,
        metadata=dict(verdict.facts),
        blocking=True,
        partition=key,
    )


def _result(check: dg.AssetCheckKey, verdicts: Mapping[str, Verdict]) -> dg.AssetCheckResult:
    failed = [f"{key}: {verdict.sentence}" for key, verdict in verdicts.items() if not verdict.passed]
    if len(verdicts) == 1:
        (verdict,) = verdicts.values()
        sentence, facts = verdict.sentence, dict(verdict.facts)
    else:
        sentence, facts = "\n".join(failed) or f"It holds for all {len(verdicts)} seeds.", {}
    return dg.AssetCheckResult(
        passed=not failed, asset_key=check.asset_key, check_name=check.name, description=sentence, metadata=facts
    )


CHECKS = [_checks_of(stage) for stage in JUDGES]
