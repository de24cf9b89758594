"""Runs and registered seeds of the project's Dagster instance, for the command line.

A run of the command line is alive while its process holds the lock file that the run's tag names. The operating system
releases the lock of a killed process, so dead runs can be found and marked as failed.

The definitions are imported within functions: they load kernels and tables, which takes a second.
"""

from __future__ import annotations

import contextlib
import sqlite3
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import dagster as dg
import sqlalchemy.exc
import yaml
from filelock import FileLock, Timeout

from vwe_dagster.config.home import SETTINGS, Home, HomeError
from vwe_dagster.defs.in_flight import UNFINISHED_RUNS, keys_in_backfills, keys_in_runs
from vwe_dagster.defs.jobs import tile_pyramid, world
from vwe_dagster.defs.partitions import PARTITION_TAG, RANGE_TAGS, run_tags
from vwe_dagster.defs.partitions import seeds as partitions
from vwe_dagster.defs.run_events import LISTENER, Listener, is_check_failure, listening, was_interrupted
from vwe_dagster.instance.partition_statuses import warm_partition_statuses, wipe_partition_statuses
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import WorldStore
from vwe_dagster.text.commands import vwe_command

_COMMAND_LINE_TAGS = {"vwe/made_by": "command line"}
DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
"""The SQLite files of an instance, except those of single runs."""

_LOCK_TAG = ".dagster/vwe_lock"
"""Tag of a run with the name of its lock file; Dagster's pages hide tags with this prefix."""


class SeedInFlightError(RuntimeError):
    """A seed cannot be removed because a run or a backfill is using it. The message names it and contains a remedy."""


class SeedRuns:
    """The registered seeds and the runs of the project's Dagster instance."""

    def __init__(self, home: Home, dagster: dg.DagsterInstance) -> None:
        """Wrap an open Dagster instance; use :func:`open_instance` instead."""
        self._locks = home.instance / "vwe_runs"
        self._dagster = dagster

    def keys(self) -> Sequence[str]:
        """Return the registered partition keys, including keys that are not valid seeds."""
        return self._dagster.get_dynamic_partitions(str(partitions.name))

    def register(self, seeds: Iterable[Seed]) -> None:
        """Register seeds as partitions; seeds that are already registered stay."""
        self._dagster.add_dynamic_partitions(str(partitions.name), [seed.key for seed in seeds])

    def build_worlds(
        self,
        keys: Sequence[str],
        *,
        config: Mapping[str, Mapping[str, object]],
        listener: Listener,
    ) -> Collection[str]:
        """Build worlds or their tiles in one run, in this process.

        Args:
            keys: registered seeds, adjacent in :meth:`keys`.
            config: the configuration of each asset to materialize: ``tiles``, or the assets of a world.
            listener: receives the events of the run.

        Returns:
            The keys that failed; the listener has received the causes.

        Raises:
            KeyboardInterrupt: the run was interrupted.
        """
        from vwe_dagster.defs.batching import failed_seeds, failed_seeds_of  # noqa: PLC0415

        lock = str(uuid.uuid4())
        with (
            self._run_lock(lock),
            listening(listener),
            dg.execute_job(
                dg.build_reconstructable_job(__name__, (tile_pyramid_job if "tiles" in config else world_job).__name__),
                instance=self._dagster,
                run_config={
                    "ops": {asset: {"config": dict(values)} for asset, values in config.items()},
                    "loggers": {LISTENER: {}},
                },
                asset_selection=[dg.AssetKey(asset) for asset in config],
                tags={**_COMMAND_LINE_TAGS, _LOCK_TAG: lock, **run_tags(keys)},
            ) as result,
        ):
            failures = [event for event in result.all_events if event.is_step_failure and not is_check_failure(event)]
            unsound = failed_seeds_of(self._dagster, result.run_id, config)
        if any(was_interrupted(event) for event in failures):
            raise KeyboardInterrupt
        return {*unsound, *(key for event in failures for key in failed_seeds(event) or keys)}

    def end_dead_runs(self) -> None:
        """Mark runs of the command line as failed if their process was killed."""
        for run in self._dagster.get_runs(dg.RunsFilter(tags=_COMMAND_LINE_TAGS, statuses=UNFINISHED_RUNS)):
            with contextlib.suppress(Timeout), self._run_lock(run.tags.get(_LOCK_TAG, run.run_id)):
                # The run may have ended since it was listed.
                if self._dagster.get_runs(dg.RunsFilter(run_ids=[run.run_id], statuses=UNFINISHED_RUNS)):
                    self._dagster.report_run_failed(run, "The process of this run was killed.")

    def remove(self, key: str) -> None:
        """Remove a key from the registered partitions; do nothing if it is not registered.

        If a run on the key starts at the same moment, the key is registered again, after all others. A run of several
        seeds may then miss it and must be repeated.

        Raises:
            SeedInFlightError: an unfinished run or backfill includes the key.
        """
        registered = self.keys()
        self._check_not_in_flight(key, registered)
        if key not in registered:
            return
        self._dagster.delete_dynamic_partition(str(partitions.name), key)
        try:
            # A run may have started before the deletion; none can start after it.
            self._check_not_in_flight(key, registered)
        except SeedInFlightError:
            self._dagster.add_dynamic_partitions(str(partitions.name), [key])
            raise

    def unregister_unbuilt(self, seeds: Iterable[Seed], store: WorldStore) -> None:
        """Remove seeds without any stage from the registered partitions, unless a run or backfill includes them."""
        for seed in seeds:
            if not store.published_stages(seed):
                with contextlib.suppress(SeedInFlightError):
                    self.remove(seed.key)

    def forget_runs(self, key: str) -> int:
        """Delete the records of a partition key's runs, including their asset events.

        The records of runs that included other seeds stay.

        Returns:
            The number of deleted runs.
        """
        single_key_tags = ({PARTITION_TAG: key}, dict.fromkeys(RANGE_TAGS, key))
        runs = [run for tags in single_key_tags for run in self._dagster.get_runs(dg.RunsFilter(tags=tags))]
        for run in runs:
            self._dagster.delete_run(run.run_id)
        wipe_partition_statuses(self._dagster)
        return len(runs)

    def warm_statuses(self) -> None:
        """Recompute the cached statuses of all partitions, which the removal of a seed invalidates."""
        warm_partition_statuses(self._dagster)

    def _check_not_in_flight(self, key: str, registered: Sequence[str]) -> None:
        run = keys_in_runs(self._dagster, registered).get(key)
        if run is not None:
            raise SeedInFlightError(
                f"The run {run.run_id} includes {key} (its status is {run.status.value.lower()}); "
                f"wait for it to end or terminate it in the UI, then remove the seed."
            )
        backfill = keys_in_backfills(self._dagster).get(key)
        if backfill is not None:
            raise SeedInFlightError(
                f"The backfill {backfill} includes {key}; "
                f"wait for it to end or cancel it in the UI, then remove the seed."
            )

    @contextlib.contextmanager
    def _run_lock(self, lock: str) -> Iterator[None]:
        """Hold the lock that marks a run as alive.

        Raises:
            Timeout: another process holds the lock.
        """
        self._locks.mkdir(parents=True, exist_ok=True)
        path = self._locks / f"{lock}.lock"
        with FileLock(path, timeout=0):
            try:
                yield
            finally:
                path.unlink(missing_ok=True)


def world_job() -> dg.JobDefinition:
    """Return the job ``world``; Dagster imports this function by its name."""
    from vwe_dagster.defs.build import build_defs  # noqa: PLC0415

    return build_defs().resolve_job_def(world.name)


def tile_pyramid_job() -> dg.JobDefinition:
    """Return the job ``tile_pyramid``; Dagster imports this function by its name."""
    from vwe_dagster.defs.build import build_defs  # noqa: PLC0415

    return build_defs().resolve_job_def(tile_pyramid.name)


@contextlib.contextmanager
def open_dagster(home: Home) -> Iterator[dg.DagsterInstance]:
    """Open the Dagster instance of a home; create it if necessary.

    Raises:
        HomeError: the folder of the instance cannot be created or written, or a database or the settings in it cannot
            be used. Dagster opens some databases at their first use, so the block may raise it, too.
    """
    home.prepare_instance()
    with _database_errors_explained(home.instance), _opened(home.instance) as dagster:
        yield dagster


def _opened(instance: Path) -> dg.DagsterInstance:
    try:
        # Without the lock, two processes that open a new instance would both create its tables.
        with FileLock(instance / "vwe_opening.lock"):
            _remove_unfinished_databases(instance)
            return dg.DagsterInstance.from_config(str(instance))
    except OSError as error:
        raise _unusable(instance, error) from error
    except (dg.DagsterError, yaml.YAMLError) as error:
        # Dagster's message lists every setting that exists.
        cause = str(error.errors[0].message if isinstance(error, dg.DagsterInvalidConfigError) else error)
        raise HomeError(
            f"The settings {instance / SETTINGS} cannot be used ({cause.partition(' Expected: ')[0]}); correct the "
            f"file, or remove it to use the project's settings."
        ) from error


def _remove_unfinished_databases(instance: Path) -> None:
    """Remove databases that a killed process has not finished creating, so that Dagster creates them again.

    Dagster completes no database whose file exists: without its tables, every later command would fail.
    """
    for name in DATABASES:
        path = instance / name
        if path.is_file() and _is_unfinished(path):
            for suffix in ("", "-wal", "-shm", "-journal"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)


def _is_unfinished(path: Path) -> bool:
    """Return whether no table of a database has a row: Dagster ends the creation with the row of the version."""
    try:
        with contextlib.closing(sqlite3.connect(path)) as database:
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            return not any(
                database.execute(f'SELECT 1 FROM "{table}" LIMIT 1').fetchone()  # noqa: S608  a name from the schema
                for (table,) in sorted(tables)
            )
    except sqlite3.Error:
        return False


@contextlib.contextmanager
def _database_errors_explained(instance: Path) -> Iterator[None]:
    """Convert the errors of the databases of an instance to :class:`HomeError`."""
    try:
        yield
    except sqlalchemy.exc.DBAPIError as error:
        raise _unusable(instance, error.orig or error) from error


def _unusable(instance: Path, cause: BaseException) -> HomeError:
    is_damaged = getattr(cause, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
    remedy = "check that the disk is not full and that this user may write to the folder."
    if is_damaged:
        remedy = (
            f"one of its databases is damaged. Restore the folder from a backup, or move it away and register the "
            f"seeds again with: {vwe_command('seeds', 'add')} SEED. The worlds stay."
        )
    return HomeError(f"The Dagster instance in {instance} cannot be used ({cause}); {remedy}")


@contextlib.contextmanager
def open_instance(home: Home) -> Iterator[SeedRuns]:
    """Open the Dagster instance of a home, create it if necessary, and mark dead runs as failed.

    Raises:
        HomeError: as :func:`open_dagster`.
    """
    with open_dagster(home) as dagster:
        instance = SeedRuns(home, dagster)
        instance.end_dead_runs()
        yield instance
