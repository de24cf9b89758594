"""The records of runs, and which of them a purge can remove.

Dagster derives the state of a partition from the events of runs, and loses it when the run is deleted. So a run stays
if Dagster's UI derives the state of a registered seed, an asset or a check from it. A purge also removes what Dagster's
own deletion leaves behind: the file of the run's events, its logs, and its check results.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import dagster as dg
import sqlalchemy as sa

from vwe_dagster.defs.build import build_defs
from vwe_dagster.defs.dagster_private import AssetCheckExecutionsTable as Checks
from vwe_dagster.defs.dagster_private import BulkActionsFilter, SqlEventLogStorage, SqliteEventLogStorage
from vwe_dagster.defs.dagster_private import SqlEventLogStorageTable as Events
from vwe_dagster.defs.in_flight import UNFINISHED_BACKFILLS
from vwe_dagster.defs.partitions import seeds as partitions
from vwe_dagster.instance.retention.items import Item
from vwe_dagster.store.leftovers import bytes_in

_BACKFILL_TAG = "dagster/backfill"
_ASSET_JOB = "__ASSET_JOB"
_RUNS_PER_QUERY = 500
"""Maximum number of run ids in a query; SQLite allows some thousands."""


class RunRecords:
    """The removable records of an instance's runs."""

    def __init__(self, instance: dg.DagsterInstance, events: SqlEventLogStorage) -> None:
        self._instance = instance
        self._events = events
        self._kept = _runs_that_define_states(instance, events)
        self._storage = Path(instance.storage_directory())

    def removable(self, before: dt.datetime) -> list[Item]:
        """Return finished runs of this project that define no state and have no unremovable re-execution."""
        ours = _ours()
        unfinished = self._instance.get_backfills(BulkActionsFilter(statuses=UNFINISHED_BACKFILLS))
        backfills = {backfill.backfill_id for backfill in unfinished}
        records = self._instance.get_run_records()
        old = {
            record.dagster_run.run_id: record.dagster_run
            for record in records
            if record.dagster_run.is_finished
            and (record.end_time or record.update_timestamp.timestamp()) < before.timestamp()
            and record.dagster_run.run_id not in self._kept
            and record.dagster_run.tags.get(_BACKFILL_TAG) not in backfills
            and ours(record.dagster_run)
        }
        # A re-execution shows its source run. The newest runs come first, so a chain is followed to its start.
        for record in records:
            run = record.dagster_run
            if run.run_id not in old:
                for source in (run.parent_run_id, run.root_run_id):
                    old.pop(str(source), None)
        sizes = self._index_bytes(old)
        return [Item(sizes.get(run_id, 0) + self._file_bytes(run_id), self._remover(run_id)) for run_id in old]

    def leftovers(self) -> list[Item]:
        """Return the leftovers of runs whose records are deleted: event files, logs, events in the index."""
        # This order matters: a run that starts meanwhile is recorded before it has events.
        left = {path.stem for path in self._shards() if _is_run_id(path.stem)}
        left |= {path.name for path in self._storage.glob("*/") if _is_run_id(path.name)}
        with self._events.index_connection() as connection:
            left |= {str(row[0]) for row in connection.execute(sa.select(Events.c.run_id).distinct())}
        known = {record.dagster_run.run_id for record in self._instance.get_run_records()}
        gone = sorted(run_id for run_id in left - known - self._kept if _is_run_id(run_id))
        sizes = self._index_bytes(gone)
        return [Item(sizes.get(run_id, 0) + self._file_bytes(run_id), self._remover(run_id)) for run_id in gone]

    def _remover(self, run_id: str) -> Callable[[], bool]:
        def remove() -> bool:
            self._instance.delete_run(run_id)
            with self._events.index_connection() as connection:
                connection.execute(Checks.delete().where(Checks.c.run_id == run_id))
            for path in self._files(run_id):
                path.unlink(missing_ok=True)
            self._instance.compute_log_manager.delete_logs(prefix=[run_id])
            shutil.rmtree(self._storage / run_id, ignore_errors=True)
            return True

        return remove

    def _shards(self) -> Iterator[Path]:
        """Yield the SQLite files with the events of each run; none if all events are in one database."""
        if isinstance(self._events, SqliteEventLogStorage):
            yield from Path(self._events.path_for_shard("index")).parent.glob("*.db")

    def _files(self, run_id: str) -> list[Path]:
        if not isinstance(self._events, SqliteEventLogStorage):
            return []
        path = Path(self._events.path_for_shard(run_id))
        return [path, *(path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))]

    def _file_bytes(self, run_id: str) -> int:
        files = [*self._files(run_id), self._storage / run_id]
        return sum(bytes_in(path) for path in files if path.exists())

    def _index_bytes(self, run_ids: Iterable[str]) -> dict[str, int]:
        """Return the bytes of each run's rows in the shared database."""
        sizes: dict[str, int] = {}
        remaining = iter(run_ids)
        with self._events.index_connection() as connection:
            while some := list(itertools.islice(remaining, _RUNS_PER_QUERY)):
                for table, text in ((Events, Events.c.event), (Checks, Checks.c.evaluation_event)):
                    query = sa.select(table.c.run_id, sa.func.sum(sa.func.length(text))).group_by(table.c.run_id)
                    for run_id, size in connection.execute(query.where(table.c.run_id.in_(some))):
                        sizes[run_id] = sizes.get(run_id, 0) + (size or 0)
        return sizes


def _runs_that_define_states(instance: dg.DagsterInstance, events: SqlEventLogStorage) -> set[str]:
    """Return the runs that define the state of assets, registered partitions and checks.

    The latest event of every type counts: materializations, failures and plans.
    """
    registered = set(instance.get_dynamic_partitions(str(partitions.name)))
    graph = build_defs().resolve_asset_graph()
    by_seed = {key.to_string() for key in graph.get_all_asset_keys() if graph.get(key).partitions_def == partitions}
    latest_events = sa.select(sa.func.max(Events.c.id)).where(Events.c.asset_key.is_not(None))
    latest_events = latest_events.group_by(Events.c.asset_key, Events.c.partition, Events.c.dagster_event_type)
    latest_checks = sa.select(sa.func.max(Checks.c.id))
    latest_checks = latest_checks.group_by(Checks.c.asset_key, Checks.c.check_name, Checks.c.partition)
    kept: set[str] = set()
    with events.index_connection() as connection:
        for table, latest in ((Events, latest_events), (Checks, latest_checks)):
            query = sa.select(table.c.asset_key, table.c.partition, table.c.run_id).where(table.c.id.in_(latest))
            kept |= {
                run_id
                for asset, partition, run_id in connection.execute(query)
                if partition is None or partition in registered or asset not in by_seed
            }
        # SQLite reuses the id of the last event if that event is deleted. A reader that continues from this id would
        # then miss an event.
        kept |= {
            str(row[0]) for row in connection.execute(sa.select(Events.c.run_id).order_by(Events.c.id.desc()).limit(1))
        }
    # The page of an asset shows its last run.
    entries = [record.asset_entry for record in instance.get_asset_records()]
    return kept | {entry.last_run_id for entry in entries if entry.last_run_id is not None}


def _ours() -> Callable[[dg.DagsterRun], bool]:
    """Return a filter for runs of this project, since other projects may share the instance."""
    definitions = build_defs()
    jobs = {job.name for job in definitions.resolve_all_job_defs()}
    assets = set(definitions.resolve_asset_graph().get_all_asset_keys())

    def ours(run: dg.DagsterRun) -> bool:
        if run.job_name.startswith(_ASSET_JOB):
            return run.asset_selection is not None and run.asset_selection <= assets
        return run.job_name in jobs

    return ours


def _is_run_id(text: str) -> bool:
    with contextlib.suppress(ValueError):
        return str(uuid.UUID(text)) == text
    return False
