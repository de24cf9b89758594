"""Purging a home: what has become old or belongs to nothing, found first and then removed.

Dagster knows that a partition is materialized from the events of a run, and forgets it when the run is deleted. So no
run is purged that Dagster's pages get the state of a registered seed, of an asset or of a check from. What Dagster's
own deletion leaves behind goes as well: the file of the run's events, its logs, and what it said of checks.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import itertools
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import dagster as dg
import sqlalchemy as sa

# Dagster has no public name for what it stores of assets, checks and ticks.
from dagster._core.execution.backfill import BulkActionsFilter
from dagster._core.scheduler.instigation import InstigatorTick, TickStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable as Checks
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable as Events
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from vwe_dagster.assets.seeds import seeds as partitions
from vwe_dagster.build import build_defs
from vwe_dagster.home import Home
from vwe_dagster.in_flight import UNFINISHED_BACKFILLS, UNFINISHED_RUNS, keys_in_backfills, keys_in_runs
from vwe_dagster.seeds import Seed
from vwe_dagster.store import STAGES, WorldStore
from vwe_dagster.store.leftovers import bytes_in, find_leftovers

_ENDED_TICKS = [TickStatus.SKIPPED, TickStatus.SUCCESS, TickStatus.FAILURE]
_BACKFILL_TAG = "dagster/backfill"
_ASSET_JOB = "__ASSET_JOB"
_AT_ONCE = 500
"""Runs that a query names; SQLite allows some thousands."""

_WORTH_COMPACTING = 2**20
"""Bytes that must be free in a database before it is written anew."""


class PurgeError(RuntimeError):
    """A purge that would not be safe; the message is a sentence that says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Purgeable:
    """One kind of thing that can go.

    Attributes:
        what: what it is, in words.
        count: how many there are.
        bytes: how much they hold; None where that cannot be told.
    """

    what: str
    count: int
    bytes: int | None


@dataclasses.dataclass(frozen=True)
class _Thing:
    """What can go in one step.

    Attributes:
        bytes: how much it holds; None where that cannot be told.
        remove: removes it and returns whether it is gone; it may have come to life meanwhile.
        count: how many things it is.
    """

    bytes: int | None
    remove: Callable[[], bool]
    count: int = 1


@dataclasses.dataclass(frozen=True)
class Plan:
    """What can go of a home."""

    _instance: dg.DagsterInstance
    _things: Mapping[str, Sequence[_Thing]]

    def purgeable(self) -> list[Purgeable]:
        """What can go, kind by kind."""
        return [_summary(what, things) for what, things in self._things.items()]

    def carry_out(self) -> list[Purgeable]:
        """Removes it.

        Returns:
            What is gone, kind by kind: what the plan had, but for what is in use again.

        Raises:
            StoreError: the disk does not let us.
        """
        gone = {what: [thing for thing in things if thing.remove()] for what, things in self._things.items()}
        # Dagster keeps the states it has once told, and would go on telling that a seed which is registered again is
        # there.
        self._instance.wipe_asset_cached_status(self._instance.all_asset_keys())
        return [_summary(what, things) for what, things in gone.items()]


def plan_purge(
    home: Home, instance: dg.DagsterInstance, *, older_than: dt.timedelta, now: dt.datetime, unregistered: bool = False
) -> Plan:
    """Finds what can go; changes nothing.

    Args:
        home: whose data folder.
        instance: the home's Dagster instance.
        older_than: how long ago runs and ticks, and worlds of seeds that are not registered, must have ended.
        now: the time.
        unregistered: also takes the worlds of seeds that are not registered.

    Raises:
        PurgeError: it cannot be told safely what can go.
        StoreError: the data folder cannot be read.
    """
    before = now - older_than
    events = instance.event_log_storage
    if not isinstance(events, SqlEventLogStorage):
        raise PurgeError("The events of this instance are in no SQL database; they can only be purged where they are.")
    runs = _Runs(instance, events)
    things = {
        "runs": runs.old(before),
        "rests of runs that are gone": runs.gone(),
        "ticks of sensors and schedules": list(_ticks(instance, before.timestamp())),
        "stages left unfinished": [
            _Thing(leftover.bytes, leftover.remove) for leftover in find_leftovers(home.data, now.timestamp())
        ],
    }
    if unregistered:
        things["worlds of seeds that are not registered"] = _unregistered(WorldStore(home.data), instance, before)
    return Plan(instance, things)


def compact(instance: dg.DagsterInstance, folder: Path) -> int | None:
    """Gives back the room that deleted rows leave in the SQLite databases of an instance.

    A database is locked while it is written anew. So nothing is done while a run is working, and the room is used
    again by what comes next.

    Args:
        instance: the instance.
        folder: its folder.

    Returns:
        The bytes given back; None if a run is working or a database is in use.
    """
    if instance.get_runs(dg.RunsFilter(statuses=UNFINISHED_RUNS), limit=1):
        return None
    given_back = 0
    for path in (
        folder / "history" / "runs" / "index.db",
        folder / "history" / "runs.db",
        folder / "schedules" / "schedules.db",
    ):
        if path.is_file():
            try:
                given_back += _compact(path)
            except sqlite3.OperationalError:
                return None
    return given_back


class _Runs:
    """The records of runs, as far as they can go."""

    def __init__(self, instance: dg.DagsterInstance, events: SqlEventLogStorage) -> None:
        self._instance = instance
        self._events = events
        self._kept = _runs_that_tell_states(instance, events)
        self._storage = Path(instance.storage_directory())

    def old(self, before: dt.datetime) -> list[_Thing]:
        """Finished runs of this project that no state is told from, and that no other run was made again from."""
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
        # A run that was made again from another shows it; the newest come first, so a chain is followed to its start.
        for record in records:
            run = record.dagster_run
            if run.run_id not in old:
                for source in (run.parent_run_id, run.root_run_id):
                    old.pop(str(source), None)
        sizes = self._index_bytes(old)
        return [_Thing(sizes.get(run_id, 0) + self._file_bytes(run_id), self._forgetting(run_id)) for run_id in old]

    def gone(self) -> list[_Thing]:
        """What is left of runs whose records are deleted: files of events, logs, events in the index."""
        # In this order: a run that is begun meanwhile is known before it has events.
        left = {path.stem for path in self._shards() if _is_run_id(path.stem)}
        left |= {path.name for path in self._storage.glob("*/") if _is_run_id(path.name)}
        with self._events.index_connection() as connection:
            left |= {str(row[0]) for row in connection.execute(sa.select(Events.c.run_id).distinct())}
        known = {record.dagster_run.run_id for record in self._instance.get_run_records()}
        gone = sorted(run_id for run_id in left - known - self._kept if _is_run_id(run_id))
        sizes = self._index_bytes(gone)
        return [_Thing(sizes.get(run_id, 0) + self._file_bytes(run_id), self._forgetting(run_id)) for run_id in gone]

    def _forgetting(self, run_id: str) -> Callable[[], bool]:
        def forget() -> bool:
            self._instance.delete_run(run_id)
            with self._events.index_connection() as connection:
                connection.execute(Checks.delete().where(Checks.c.run_id == run_id))
            for path in self._files(run_id):
                path.unlink(missing_ok=True)
            self._instance.compute_log_manager.delete_logs(prefix=[run_id])
            shutil.rmtree(self._storage / run_id, ignore_errors=True)
            return True

        return forget

    def _shards(self) -> Iterator[Path]:
        """The files in which SQLite keeps the events of each run; none where all are in one database."""
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
        """The bytes of what the database that all runs share tells of each run."""
        sizes: dict[str, int] = {}
        remaining = iter(run_ids)
        with self._events.index_connection() as connection:
            while some := list(itertools.islice(remaining, _AT_ONCE)):
                for table, text in ((Events, Events.c.event), (Checks, Checks.c.evaluation_event)):
                    query = sa.select(table.c.run_id, sa.func.sum(sa.func.length(text))).group_by(table.c.run_id)
                    for run_id, size in connection.execute(query.where(table.c.run_id.in_(some))):
                        sizes[run_id] = sizes.get(run_id, 0) + (size or 0)
        return sizes


def _runs_that_tell_states(instance: dg.DagsterInstance, events: SqlEventLogStorage) -> set[str]:
    """The runs from which it is known what state assets, their registered partitions and their checks are in.

    Of every kind of event the latest one counts: besides what was materialized there is what failed or was planned.
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
        # SQLite gives the number of the last event again when that is deleted, and whoever reads on from there loses
        # an event.
        kept |= {
            str(row[0]) for row in connection.execute(sa.select(Events.c.run_id).order_by(Events.c.id.desc()).limit(1))
        }
    # What an asset's own page says of it.
    entries = [record.asset_entry for record in instance.get_asset_records()]
    return kept | {entry.last_run_id for entry in entries if entry.last_run_id is not None}


def _ours() -> Callable[[dg.DagsterRun], bool]:
    """Tells runs of this project from those of others that have the same instance."""
    definitions = build_defs()
    jobs = {job.name for job in definitions.resolve_all_job_defs()}
    assets = set(definitions.resolve_asset_graph().get_all_asset_keys())

    def ours(run: dg.DagsterRun) -> bool:
        if run.job_name.startswith(_ASSET_JOB):
            return run.asset_selection is not None and run.asset_selection <= assets
        return run.job_name in jobs

    return ours


def _ticks(instance: dg.DagsterInstance, before: float) -> Iterator[_Thing]:
    """The old ticks of each sensor and schedule but for the latest, which says where it goes on."""
    for state in instance.all_instigator_state():
        whose = state.instigator_origin_id, state.selector_id
        latest = instance.get_ticks(*whose, limit=1)
        until = min(before, *(tick.timestamp for tick in latest))
        old = instance.get_ticks(*whose, before=until, statuses=_ENDED_TICKS)
        if old:
            yield _Thing(None, _forgetting_ticks(instance, whose, until, old), len(old))


def _forgetting_ticks(
    instance: dg.DagsterInstance, whose: tuple[str, str], until: float, ticks: Iterable[InstigatorTick]
) -> Callable[[], bool]:
    def forget() -> bool:
        for tick in ticks:
            if tick.log_key:
                instance.compute_log_manager.delete_logs(log_key=tick.log_key)
        instance.purge_ticks(*whose, until, _ENDED_TICKS)
        return True

    return forget


def _unregistered(store: WorldStore, instance: dg.DagsterInstance, before: dt.datetime) -> list[_Thing]:
    def keys() -> set[str]:
        return set(instance.get_dynamic_partitions(str(partitions.name)))

    def busy() -> set[str]:
        return {*keys_in_runs(instance, sorted(keys())), *keys_in_backfills(instance)}

    def removing(seed: Seed) -> Callable[[], bool]:
        def remove() -> bool:
            # It may have been registered since.
            if seed.key in keys() | busy():
                return False
            store.remove(seed)
            return True

        return remove

    registered, stored = keys(), list(store.seeds())
    if stored and not registered:
        raise PurgeError(
            f"No seed is registered at all, so every world in {store.root} would go. If that is meant, delete the "
            f"folder; if not, see that DAGSTER_HOME and VWE_HOME name the folders of the same project."
        )
    taken = registered | busy()
    return [
        _Thing(bytes_in(store.folder(seed, "raw").parent), removing(seed))
        for seed in stored
        if seed.key not in taken and _made_before(store, seed, before)
    ]


def _made_before(store: WorldStore, seed: Seed, before: dt.datetime) -> bool:
    manifests = (store.manifest(seed, stage) for stage in STAGES)
    return all(manifest.made_at < before for manifest in manifests if manifest is not None)


def _is_run_id(text: str) -> bool:
    with contextlib.suppress(ValueError):
        return str(uuid.UUID(text)) == text
    return False


def _compact(path: Path) -> int:
    """Writes a database anew if it is worth it.

    Returns:
        The bytes given back.
    """
    with contextlib.closing(sqlite3.connect(path, timeout=5)) as database:
        (pages,), (size,) = (
            database.execute("PRAGMA freelist_count").fetchone(),
            database.execute("PRAGMA page_size").fetchone(),
        )
        if pages * size < _WORTH_COMPACTING:
            return 0
        before = path.stat().st_size
        database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return max(0, before - path.stat().st_size)


def _summary(what: str, things: Sequence[_Thing]) -> Purgeable:
    sizes = [thing.bytes for thing in things]
    return Purgeable(
        what,
        sum(thing.count for thing in things),
        None if None in sizes else sum(size for size in sizes if size is not None),
    )
