"""The asset ``survey``: the statistics of many seeds, with one partition per depth and block of 4096 seeds."""

import warnings
from collections.abc import Iterator

import dagster as dg

from vwe_dagster.analysis.columns import ROW_VERSION
from vwe_dagster.defs.check_names import step_of
from vwe_dagster.defs.partitions import survey_blocks
from vwe_dagster.defs.resources import Surveys
from vwe_dagster.defs.survey_metadata import block_metadata
from vwe_dagster.engine.messages import EngineError
from vwe_dagster.engine.rows import stamps_of
from vwe_dagster.quality.survey_blocks import BLOCK_CHECKS, run_block_check
from vwe_dagster.store import StoreError, WorldStore
from vwe_dagster.survey.files import FileState, SurveyFile, file_of, read_rows
from vwe_dagster.survey.running import Outcome, survey_set
from vwe_dagster.survey.seed_sets import block, parse_block_key

_LOG_EVERY = 0.1


@dg.asset(
    partitions_def=survey_blocks,
    group_name="survey",
    kinds={"parquet", "numpy"},
    code_version=ROW_VERSION,
)
def survey(
    context: dg.AssetExecutionContext, store: dg.ResourceParam[WorldStore], pool: dg.ResourceParam[Surveys]
) -> dg.MaterializeResult[None]:
    """The statistics of a block of seeds, without their worlds; `vwe find` searches them.

    The partition key names the depth and the block, as in `world:0000012`. Existing rows are kept, so a run continues
    where an earlier one stopped.
    """
    try:
        depth, number = parse_block_key(context.partition_key)
        outcome = _surveyed(context, store, pool)
    except (ValueError, StoreError, EngineError) as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    if outcome.busy:
        raise dg.Failure(
            description=f"Another process surveys the block {context.partition_key}; run this again afterwards.",
            allow_retries=False,
        )
    path = file_of(store, depth, block(number).name)
    table = read_rows(path)
    return dg.MaterializeResult(
        metadata=block_metadata(SurveyFile(path, table.num_rows, FileState.CURRENT), table, added=outcome.added),
        data_version=dg.DataVersion(stamps_of(depth).digest),
    )


def _surveyed(context: dg.AssetExecutionContext, store: WorldStore, pool: Surveys) -> Outcome:
    depth, number = parse_block_key(context.partition_key)
    wanted, logged = block(number), 0.0

    def report(added: float, phase: str) -> None:
        nonlocal logged
        if added - logged >= _LOG_EVERY * wanted.seeds.size:
            logged = added
            context.log.info(f"{int(added)} of {wanted.seeds.size} seeds ({phase})")

    return survey_set(store, wanted, depth, pool.survey, report=report)


def _spec(name: str, description: str | None) -> dg.AssetCheckSpec:
    with warnings.catch_warnings():
        # Partitions of checks are in preview: every command and every run would print a warning.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(name, asset="survey", description=description, partitions_def=survey_blocks)


@dg.multi_asset_check(
    name=step_of("survey"),
    specs=[_spec(name, check.__doc__) for name, check in BLOCK_CHECKS.items()],
    can_subset=True,
)
def SURVEY_CHECKS(  # noqa: N802  a constant of the definitions
    context: dg.AssetCheckExecutionContext, store: dg.ResourceParam[WorldStore]
) -> Iterator[dg.AssetCheckResult]:
    """Check the block that this run surveyed."""
    run = context.op_execution_context
    depth, number = parse_block_key(run.partition_key)
    for selected in sorted(run.selected_asset_check_keys, key=lambda check: list(BLOCK_CHECKS).index(check.name)):
        result = run_block_check(store, depth, number, BLOCK_CHECKS[selected.name])
        yield dg.AssetCheckResult(
            passed=result.passed,
            asset_key=selected.asset_key,
            check_name=selected.name,
            description=result.description,
            metadata=dict(result.metadata),
        )
