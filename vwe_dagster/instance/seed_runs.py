"""Runs and registered seeds of the project's Dagster instance, for the command line.

A run that the command line makes is alive as long as its process holds the lock file that its tag names. The operating
system takes the lock from a killed process, so that runs without a process can be found and ended.

The definitions are imported where a run needs them: they load kernels and tables, which takes a second.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import dagster as dg
import sqlalchemy.exc
from filelock import FileLock, Timeout

from vwe_dagster.config.home import Home, HomeError
from vwe_dagster.defs.in_flight import UNFINISHED_RUNS, keys_in_backfills, keys_in_runs
from vwe_dagster.defs.jobs import tile_pyramid, world
from vwe_dagster.defs.partitions import PARTITION_TAG, RANGE_TAGS, run_tags
from vwe_dagster.defs.partitions import seeds as partitions
from vwe_dagster.defs.run_events import LISTENER, Listener, is_check_failure, listening, was_interrupted
from vwe_dagster.instance.partition_statuses import warm_partition_statuses, wipe_partition_statuses
from vwe_dagster.seeds.seed import Seed

_OURS = {"vwe/made_by": "command line"}
_LOCK_TAG = "vwe/lock"


class SeedInFlightError(RuntimeError):
    """A seed that cannot be removed now because a run works on it; the message says which and what to do."""


class SeedRuns:
    """The project's Dagster instance: its registered seeds and its runs."""

    def __init__(self, home: Home, dagster: dg.DagsterInstance) -> None:
        """Wraps an open instance; :func:`open_instance` gives one."""
        self._locks = home.instance / "vwe_runs"
        self._dagster = dagster

    def keys(self) -> Sequence[str]:
        """The registered partition keys, valid seeds or not."""
        return self._dagster.get_dynamic_partitions(str(partitions.name))

    def register(self, seeds: Iterable[Seed]) -> None:
        """Registers seeds as partitions; those that are registered stay so."""
        self._dagster.add_dynamic_partitions(str(partitions.name), [seed.key for seed in seeds])

    def make_worlds(
        self,
        keys: Sequence[str],
        *,
        config: Mapping[str, Mapping[str, object]],
        listener: Listener,
    ) -> Collection[str]:
        """Makes worlds, or their tiles, in one run, in this process.

        Args:
            keys: registered seeds, side by side in :meth:`keys`.
            config: the assets to make, and the configuration of each; `tiles`, or some that make a world.
            listener: is told what happens.

        Returns:
            The keys that failed; the listener has been told why.

        Raises:
            KeyboardInterrupt: the process was told to end.
        """
        from vwe_dagster.defs.batching import failed_seeds, failed_seeds_of  # noqa: PLC0415

        lock = str(uuid.uuid4())
        with (
            self._alive(lock),
            listening(listener),
            dg.execute_job(
                dg.build_reconstructable_job(__name__, (tile_pyramid_job if "tiles" in config else world_job).__name__),
                instance=self._dagster,
                run_config={
                    "ops": {asset: {"config": dict(values)} for asset, values in config.items()},
                    "loggers": {LISTENER: {}},
                },
                asset_selection=[dg.AssetKey(asset) for asset in config],
                tags={**_OURS, _LOCK_TAG: lock, **run_tags(keys)},
            ) as result,
        ):
            failures = [event for event in result.all_events if event.is_step_failure and not is_check_failure(event)]
            unsound = failed_seeds_of(self._dagster, result.run_id, config)
        if any(was_interrupted(event) for event in failures):
            raise KeyboardInterrupt
        return {*unsound, *(key for event in failures for key in failed_seeds(event) or keys)}

    def end_dead_runs(self) -> None:
        """Marks as failed the runs of the command line whose process was killed."""
        for run in self._dagster.get_runs(dg.RunsFilter(tags=_OURS, statuses=UNFINISHED_RUNS)):
            with contextlib.suppress(Timeout), self._alive(run.tags.get(_LOCK_TAG, run.run_id)):
                # It may have ended since it was listed.
                if self._dagster.get_runs(dg.RunsFilter(run_ids=[run.run_id], statuses=UNFINISHED_RUNS)):
                    self._dagster.report_run_failed(run, "The process that made this run was killed.")

    def remove(self, key: str) -> None:
        """Takes a partition key off the registered ones, where it is one of them.

        Where a run begins to work on it in that very moment, the key is registered again, after all others. A run of
        several seeds may then miss it and has to be repeated.

        Raises:
            SeedInFlightError: a run or a backfill works on it, or is going to.
        """
        registered = self.keys()
        self._refuse_in_flight(key, registered)
        if key not in registered:
            return
        self._dagster.delete_dynamic_partition(str(partitions.name), key)
        try:
            # A run may have started meanwhile; none can start from here on.
            self._refuse_in_flight(key, registered)
        except SeedInFlightError:
            self._dagster.add_dynamic_partitions(str(partitions.name), [key])
            raise

    def forget_runs(self, key: str) -> int:
        """Deletes the records of a partition key's runs, with what they say of its assets.

        The record of a run that made other seeds too is kept.

        Returns:
            How many were deleted.
        """
        of_it_alone = ({PARTITION_TAG: key}, dict.fromkeys(RANGE_TAGS, key))
        runs = [run for tags in of_it_alone for run in self._dagster.get_runs(dg.RunsFilter(tags=tags))]
        for run in runs:
            self._dagster.delete_run(run.run_id)
        wipe_partition_statuses(self._dagster)
        return len(runs)

    def warm_statuses(self) -> None:
        """Cache the statuses of all partitions again: every removal of a seed makes the cached ones invalid."""
        warm_partition_statuses(self._dagster)

    def _refuse_in_flight(self, key: str, registered: Sequence[str]) -> None:
        run = keys_in_runs(self._dagster, registered).get(key)
        if run is not None:
            raise SeedInFlightError(
                f"The run {run.run_id} is making {key} (it is {run.status.value.lower()}); "
                f"wait for it to end or terminate it in the UI, then remove the seed."
            )
        backfill = keys_in_backfills(self._dagster).get(key)
        if backfill is not None:
            raise SeedInFlightError(
                f"The backfill {backfill} is making {key}, among others; "
                f"wait for it to end or cancel it in the UI, then remove the seed."
            )

    @contextlib.contextmanager
    def _alive(self, lock: str) -> Iterator[None]:
        """Holds the lock that tells others that a run is alive.

        Raises:
            Timeout: another process holds it.
        """
        self._locks.mkdir(parents=True, exist_ok=True)
        path = self._locks / f"{lock}.lock"
        with FileLock(path, timeout=0):
            try:
                yield
            finally:
                path.unlink(missing_ok=True)


def world_job() -> dg.JobDefinition:
    """The job ``world``, for Dagster, which asks for it by the name of this function."""
    from vwe_dagster.defs.build import build_defs  # noqa: PLC0415

    return build_defs().resolve_job_def(world.name)


def tile_pyramid_job() -> dg.JobDefinition:
    """The job ``tile_pyramid``, likewise."""
    from vwe_dagster.defs.build import build_defs  # noqa: PLC0415

    return build_defs().resolve_job_def(tile_pyramid.name)


@contextlib.contextmanager
def open_dagster(home: Home) -> Iterator[dg.DagsterInstance]:
    """Opens the Dagster instance of a home as it is, making it if need be.

    Raises:
        HomeError: the instance's folder cannot be prepared or written.
    """
    home.prepare_instance()
    try:
        # Two processes that set up a new instance at once would both make its tables.
        with FileLock(home.instance / "vwe_opening.lock"):
            dagster = dg.DagsterInstance.from_config(str(home.instance))
    except (OSError, sqlalchemy.exc.OperationalError) as error:
        raise HomeError(
            f"Dagster's records in {home.instance} cannot be opened ({error}); "
            f"look whether the disk is full and whether you may write there."
        ) from error
    with dagster:
        yield dagster


@contextlib.contextmanager
def open_instance(home: Home) -> Iterator[SeedRuns]:
    """Opens the Dagster instance of a home, making it if need be, and ends the runs whose process is gone.

    Raises:
        HomeError: the instance's folder cannot be prepared.
    """
    with open_dagster(home) as dagster:
        instance = SeedRuns(home, dagster)
        instance.end_dead_runs()
        yield instance
