"""Batches: the seeds that one run makes a stage of, where one that fails does not spoil the others.

Dagster knows of a step only that it went well or not. So a batch that is made in part tells of every seed that was
made, gives its output, that the next step may begin with those, and only then fails; see :class:`BatchEnd`.
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
"""Seeds in a run of a backfill. A run takes 2.5 s besides its work and its record 184 KB, which ten seeds share; ten
also keep every engine of a pool busy for some rounds. More would lose more when a run is killed or has to be stopped.
"""

LONG_LIST = 500
"""Number of seeds from which a list is long, so that its runs take :data:`SEEDS_PER_LONG_RUN` seeds each."""

SEEDS_PER_LONG_RUN = 50
"""Seeds in a run of a long list. With 10,000 registered keys the record of a run takes 0.1 s of CPU time per seed for
runs of 10 seeds, 0.06 s for 50 and 0.05 s for 100: Dagster reads all keys again for each asset and check of a run. A
run of 50 takes 46 MB more memory than one of 10 and 16 % less CPU time per seed; one of 100 saves 5 % more. A killed
run loses no published stage, but Dagster learns only from the next run that the stages exist.
"""

MOST_AT_ONCE = 4
"""Seeds of a batch that a stage is made of at once, on as many cores; each takes half a gigabyte of memory."""

BATCH_END = "batch_end"
"""The key of the resource :class:`BatchEnd`."""

FAILED_SEEDS = "failed seeds"
"""Label under which a failure tells why each seed of a batch failed, by partition key."""

Item = TypeVar("Item")
Result = TypeVar("Result")

_FOR_PEOPLE = (SeedError, GridError, EngineError, ExtractionError, LocationTableError, StoreError)


def seeds_per_run(listed: int) -> int:
    """Return how many seeds each run of a list of so many seeds takes."""
    return SEEDS_PER_LONG_RUN if listed >= LONG_LIST else SEEDS_PER_RUN


@dataclasses.dataclass(frozen=True)
class BatchReport:
    """What a batch came to.

    Attributes:
        made: how many seeds went well.
        failed: why each of the others failed, by partition key.
    """

    made: int
    failed: Mapping[str, str]

    def failure(self) -> dg.Failure:
        """The failure that tells of the seeds that failed."""
        among = len(self.failed) + self.made
        outcome = f"the other {self.made} are made" if self.made else "none is made"
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
    """Fails the step of a batch that was made in part, when its output has been given already.

    An asset that fails by itself gives no output, and one that gives it well materializes all its partitions.
    """

    def handle_output(self, context: dg.OutputContext, obj: BatchReport) -> None:  # noqa: ARG002
        """Fails if a seed failed; there is nothing to be stored.

        Raises:
            Failure: a seed failed.
        """
        if obj.failed:
            raise obj.failure()

    def load_input(self, context: dg.InputContext) -> None:
        """Not to be called: assets read from the store."""
        raise NotImplementedError(f"The asset {context.asset_key.to_user_string()} is read from the store.")


class Batch:
    """The seeds that one run makes a stage of."""

    def __init__(self, context: dg.AssetExecutionContext) -> None:
        """Begins a batch.

        Args:
            context: the run.
        """
        self._context = context
        self._keys = list(context.partition_keys)
        self._made: dict[str, dg.MaterializeResult[None]] = {}
        self._failed: dict[str, Exception] = {}

    @property
    def has_many(self) -> bool:
        """Whether the batch has more than one seed."""
        return len(self._keys) > 1

    def seeds(self) -> Iterator[Seed]:
        """The seeds one after the other, but for those that are none and those that failed earlier in the run."""
        context = self._context
        sources = {source.to_user_string() for source in context.assets_def.asset_deps[context.asset_key]}
        failed_before = failed_seeds_of(context.instance, context.run.run_id, sources)
        for key in self._keys:
            with self.attempt(key):
                if key in failed_before:
                    raise StoreError(f"It is left out, for {failed_before[key]} failed.")
                seed = parse_seed(key)
            if key not in self._failed:
                yield seed

    @contextlib.contextmanager
    def attempt(self, key: str) -> Iterator[None]:
        """Does a part of what a seed needs; whatever goes wrong in the block is the failure of this seed alone."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  whatever happens to one seed, the others are made
            self._fail(key, error)

    def report(self, key: str, result: dg.MaterializeResult[None]) -> None:
        """Takes note of a seed whose stage is there."""
        self._made[key] = result
        if self.has_many:
            done = len(self._made) + len(self._failed)
            self._context.log.info(f"{key} is there; {done} of {len(self._keys)} seeds are done.")

    def end(self) -> BatchReport:
        """Tells Dagster of every seed that was made.

        Returns:
            What the asset returns.

        Raises:
            Failure: no seed was made.
            Exception: the only seed failed in a way that nobody foresaw.
        """
        # They came as they were ready.
        self._made = {key: self._made[key] for key in self._keys if key in self._made}
        self._failed = {key: self._failed[key] for key in self._keys if key in self._failed}
        report = BatchReport(len(self._made), {key: _reason(error) for key, error in self._failed.items()})
        if not self._failed:
            self._materialize_all()
        elif self._made:
            self._materialize_some()
        elif self.has_many:
            raise report.failure()
        else:
            (error,) = self._failed.values()
            if _is_unforeseen(error):
                raise error
            raise dg.Failure(description=str(error), allow_retries=False) from error
        return report

    def _fail(self, key: str, error: Exception) -> None:
        self._failed[key] = error
        if self.has_many:
            self._context.log.error(
                f"{key} failed. {_reason(error)}", exc_info=error if _is_unforeseen(error) else None
            )

    def _materialize_all(self) -> None:
        for key, result in self._made.items():
            self._context.add_asset_metadata(dict(result.metadata or {}), partition_key=key)
        # Dagster gives all partitions of a successful step one data version. The seeds of a batch have the same one
        # unless they were built in different ways, such as on different grids.
        versions = sorted({result.data_version.value for result in self._made.values() if result.data_version})
        joint = versions[0] if len(versions) == 1 else hashlib.sha256("".join(versions).encode()).hexdigest()
        self._context.set_data_version(self._context.asset_key, dg.DataVersion(joint))

    def _materialize_some(self) -> None:
        code_version = self._context.assets_def.get_asset_spec(self._context.asset_key).code_version
        for key, result in self._made.items():
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


def each_seed(context: dg.AssetExecutionContext, make: Callable[[Seed], dg.MaterializeResult[None]]) -> BatchReport:
    """Makes a stage of every seed of a run, on every core.

    Args:
        context: the run.
        make: makes the stage of one seed and reports of it; called in several threads at once.

    Returns:
        What the asset returns.

    Raises:
        Failure: no seed was made.
    """
    batch = Batch(context)

    def make_one(seed: Seed) -> None:
        with batch.attempt(seed.key):
            batch.report(seed.key, make(seed))

    on_every_core(make_one, batch.seeds())
    return batch.end()


def on_every_core(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Does some work for many items, several at once; the results come in the order of the items."""
    threads = concurrent.futures.ThreadPoolExecutor(min(usable_cores(), MOST_AT_ONCE))
    try:
        return [done.result() for done in [threads.submit(work, item) for item in items]]
    finally:
        # A run that is told to end finishes what is begun and begins nothing more.
        threads.shutdown(cancel_futures=True)


def failed_seeds(failure: dg.DagsterEvent) -> Collection[str]:
    """The partition keys for which a step failed; none where it did not come to tell of them."""
    told = failure.step_failure_data.user_failure_data
    seeds = told.metadata.get(FAILED_SEEDS) if told is not None else None
    return set(seeds.data) if isinstance(seeds, dg.JsonMetadataValue) and isinstance(seeds.data, Mapping) else set()


def failed_seeds_of(instance: dg.DagsterInstance, run_id: str, assets: Collection[str]) -> dict[str, str]:
    """The partition keys that some assets of a run, or their checks, failed for, each with what failed.

    Args:
        instance: where the run is recorded.
        run_id: the run.
        assets: the names of the assets.
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


def _is_unforeseen(error: Exception) -> bool:
    return not isinstance(error, _FOR_PEOPLE)


def _reason(error: Exception) -> str:
    return f"It failed unexpectedly: {error!r}" if _is_unforeseen(error) else str(error)
