"""Batches: build one stage of many seeds in one run; a failed seed does not affect the others.

In Dagster, steps succeed or fail as a whole. A partially successful batch therefore records each success, emits its
output so that the next step can start, and only then fails; see :class:`BatchEnd`.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import hashlib
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import dagster as dg

from vwe_dagster.defs.partitions import seeds
from vwe_dagster.engine.messages import EngineError
from vwe_dagster.extraction.validate import ExtractionError
from vwe_dagster.kernels.cores import usable_cores
from vwe_dagster.locations.location_table import LocationTableError
from vwe_dagster.seeds.seed import Seed, SeedError, parse_seed
from vwe_dagster.store import StoreError
from vwe_dagster.world.grid import GridError

SEEDS_PER_RUN = 10
"""Seeds per run of a backfill.

A run has an overhead of 2.5 s and 184 KB of records, which ten seeds share. Ten seeds also keep all engines of a pool
busy for some rounds. With more seeds, more work is lost when a run is killed.
"""

LONG_LIST = 500
"""Minimum length of a long list, whose runs take :data:`SEEDS_PER_LONG_RUN` seeds each."""

SEEDS_PER_LONG_RUN = 50
"""Seeds per run of a long list.

With 10,000 registered keys the record of a run takes 0.1 s of CPU time per seed for
runs of 10 seeds, 0.06 s for 50 and 0.05 s for 100: Dagster reads all keys again for each asset and check of a run. A
run of 50 takes 46 MB more memory than one of 10 and 16 % less CPU time per seed; one of 100 saves 5 % more. A killed
run loses no published stage, but Dagster learns only from the next run that the stages exist.
"""

MAX_CONCURRENT = 4
"""Maximum number of seeds built concurrently, one per core; each takes half a gigabyte of memory."""

BATCH_END = "batch_end"
"""The key of the resource :class:`BatchEnd`."""

FAILED_SEEDS = "failed seeds"
"""Metadata label of a failure with the cause for each failed seed, by partition key."""

Item = TypeVar("Item")
Result = TypeVar("Result")

_EXPECTED_ERRORS = (SeedError, GridError, EngineError, ExtractionError, LocationTableError, StoreError)


def seeds_per_run(listed: int) -> int:
    """Return the number of seeds per run for a list of ``listed`` seeds."""
    return SEEDS_PER_LONG_RUN if listed >= LONG_LIST else SEEDS_PER_RUN


@dataclasses.dataclass(frozen=True)
class BatchReport:
    """Result of a batch.

    Attributes:
        succeeded: number of successful seeds.
        failed: cause for each failed seed, by partition key.
    """

    succeeded: int
    failed: Mapping[str, str]

    def failure(self) -> dg.Failure:
        """Return a Dagster failure that lists the failed seeds."""
        among = len(self.failed) + self.succeeded
        outcome = f"the other {self.succeeded} succeeded" if self.succeeded else "none succeeded"
        reasons = [f"{key}: {reason}" for key, reason in self.failed.items()]
        return dg.Failure(
            description="\n".join([f"{len(self.failed)} of {among} seeds failed, {outcome}.", *reasons]),
            metadata={FAILED_SEEDS: dg.MetadataValue.json(dict(self.failed))},
            allow_retries=False,
        )


def batch_asset(
    *,
    group_name: str,
    kinds: set[str],
    code_version: str,
    deps: Sequence[str] = (),
    automation_condition: dg.AutomationCondition[Any] | None = None,
) -> Callable[[Callable[..., BatchReport]], dg.AssetsDefinition]:
    """Declare an asset of seeds that a run materializes in batches; see :func:`dagster.asset` for the parameters."""
    with warnings.catch_warnings():
        # Backfill policies are in beta: every command and every run would print a warning.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.asset(
            partitions_def=seeds,
            deps=deps,
            group_name=group_name,
            kinds=kinds,
            code_version=code_version,
            automation_condition=automation_condition,
            backfill_policy=dg.BackfillPolicy.multi_run(SEEDS_PER_RUN),
            io_manager_key=BATCH_END,
        )


class BatchEnd(dg.IOManager):
    """Fails the step of a partially successful batch after its output was emitted.

    An asset that raises emits no output. An asset that returns materializes all its partitions.
    """

    def handle_output(self, context: dg.OutputContext, obj: BatchReport) -> None:  # noqa: ARG002
        """Fail if a seed failed; nothing is stored.

        Raises:
            Failure: a seed failed.
        """
        if obj.failed:
            raise obj.failure()

    def load_input(self, context: dg.InputContext) -> None:
        """Raise: assets read their sources from the store."""
        raise NotImplementedError(
            f"Dagster cannot load the asset {context.asset_key.to_user_string()}; read its stage from the WorldStore."
        )


class Batch:
    """The seeds of one run and their results for one stage."""

    def __init__(self, context: dg.AssetExecutionContext) -> None:
        """Start a batch with the partition keys of a run."""
        self._context = context
        self._keys = list(context.partition_keys)
        self._succeeded: dict[str, dg.MaterializeResult[None]] = {}
        self._failed: dict[str, Exception] = {}

    @property
    def has_many(self) -> bool:
        """True if the batch has more than one seed."""
        return len(self._keys) > 1

    def seeds(self) -> Iterator[Seed]:
        """Yield the seeds; record invalid keys, and seeds that failed earlier in the run, as failures."""
        context = self._context
        sources = {source.to_user_string() for source in context.assets_def.asset_deps[context.asset_key]}
        failed_before = failed_seeds_of(context.instance, context.run.run_id, sources)
        for key in self._keys:
            with self.attempt(key):
                if key in failed_before:
                    raise StoreError(f"Skipped because {failed_before[key]} failed.")
                seed = parse_seed(key)
            if key not in self._failed:
                yield seed

    @contextlib.contextmanager
    def attempt(self, key: str) -> Iterator[None]:
        """Record an exception in the block as the failure of this seed; other seeds continue."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  a failed seed must not stop the others
            self._fail(key, error)

    def report(self, key: str, result: dg.MaterializeResult[None]) -> None:
        """Record a seed whose stage was built or kept."""
        self._succeeded[key] = result
        if self.has_many:
            done = len(self._succeeded) + len(self._failed)
            self._context.log.info(f"{key} is ready; {done} of {len(self._keys)} seeds are done.")

    def end(self) -> BatchReport:
        """Report every successful seed to Dagster.

        Returns:
            The return value of the asset.

        Raises:
            Failure: no seed succeeded.
            Exception: the only seed failed unexpectedly.
        """
        # Results arrive in the order of completion.
        self._succeeded = {key: self._succeeded[key] for key in self._keys if key in self._succeeded}
        self._failed = {key: self._failed[key] for key in self._keys if key in self._failed}
        report = BatchReport(len(self._succeeded), {key: _reason(error) for key, error in self._failed.items()})
        if not self._failed:
            self._materialize_all()
        elif self._succeeded:
            self._materialize_some()
        elif self.has_many:
            raise report.failure()
        else:
            (error,) = self._failed.values()
            if _is_unexpected(error):
                raise error
            raise dg.Failure(description=str(error), allow_retries=False) from error
        return report

    def _fail(self, key: str, error: Exception) -> None:
        self._failed[key] = error
        if self.has_many:
            self._context.log.error(
                f"{key} failed. {_reason(error)}", exc_info=error if _is_unexpected(error) else None
            )

    def _materialize_all(self) -> None:
        for key, result in self._succeeded.items():
            self._context.add_asset_metadata(dict(result.metadata or {}), partition_key=key)
        # Dagster gives all partitions of a successful step one data version. The seeds of a batch have the same one
        # unless they were built in different ways, such as on different grids.
        versions = sorted({result.data_version.value for result in self._succeeded.values() if result.data_version})
        joint = versions[0] if len(versions) == 1 else hashlib.sha256("".join(versions).encode()).hexdigest()
        self._context.set_data_version(self._context.asset_key, dg.DataVersion(joint))

    def _materialize_some(self) -> None:
        code_version = self._context.assets_def.get_asset_spec(self._context.asset_key).code_version
        for key, result in self._succeeded.items():
            versions = {
                "dagster/data_version": result.data_version.value if result.data_version else None,
                "dagster/code_version": code_version,
            }
            self._context.log_event(
                dg.AssetMaterialization(
                    self._context.asset_key,
                    partition=key,
                    metadata=result.metadata,
                    tags={tag: version for tag, version in versions.items() if version is not None},
                )
            )


def for_each_seed(
    context: dg.AssetExecutionContext, build: Callable[[Seed], dg.MaterializeResult[None]]
) -> BatchReport:
    """Build a stage of every seed of a run, concurrently.

    Args:
        context: context of the asset's step.
        build: builds the stage of one seed and returns its metadata; called in several threads.

    Returns:
        The return value of the asset.

    Raises:
        Failure: no seed succeeded.
    """
    batch = Batch(context)

    def build_one(seed: Seed) -> None:
        with batch.attempt(seed.key):
            batch.report(seed.key, build(seed))

    map_in_threads(build_one, batch.seeds())
    return batch.end()


def map_in_threads(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Run ``work`` for all items in threads; return the results in the order of the items."""
    threads = concurrent.futures.ThreadPoolExecutor(min(usable_cores(), MAX_CONCURRENT))
    try:
        return [done.result() for done in [threads.submit(work, item) for item in items]]
    finally:
        # An interrupted run finishes running items and starts no others.
        threads.shutdown(cancel_futures=True)


def failed_seeds(failure: dg.DagsterEvent) -> Collection[str]:
    """Return the partition keys for which a step failed; empty if the failure does not list them."""
    data = failure.step_failure_data.user_failure_data
    seeds = data.metadata.get(FAILED_SEEDS) if data is not None else None
    return set(seeds.data) if isinstance(seeds, dg.JsonMetadataValue) and isinstance(seeds.data, Mapping) else set()


def failed_seeds_of(instance: dg.DagsterInstance, run_id: str, assets: Collection[str]) -> dict[str, str]:
    """Return the partition keys for which an asset or its checks failed in a run, each with the name of what failed.

    Args:
        instance: instance that records the run.
        run_id: id of the run.
        assets: names of the assets.
    """
    failed: dict[str, str] = {}
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.ASSET_CHECK_EVALUATION}
    for record in instance.all_logs(run_id, of_type=kinds):
        event = record.dagster_event
        if event is None:
            continue
        if event.event_type is dg.DagsterEventType.STEP_FAILURE and event.step_key in assets:
            failed |= dict.fromkeys(failed_seeds(event), str(event.step_key))
        elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            asset = check.asset_key.to_user_string()
            if not check.passed and check.partition is not None and asset in assets:
                failed[check.partition] = f"the check {check.check_name} of {asset}"
    return failed


def _is_unexpected(error: Exception) -> bool:
    return not isinstance(error, _EXPECTED_ERRORS)


def _reason(error: Exception) -> str:
    return f"It failed unexpectedly: {error!r}" if _is_unexpected(error) else str(error)
