"""The plan of a purge: find removable items of a home, and remove them."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping, Sequence

import dagster as dg

from vwe_dagster.config.home import Home
from vwe_dagster.defs.dagster_private import SqlEventLogStorage
from vwe_dagster.defs.in_flight import keys_in_backfills, keys_in_runs
from vwe_dagster.defs.partitions import seeds as partitions
from vwe_dagster.instance.partition_statuses import warm_partition_statuses, wipe_partition_statuses
from vwe_dagster.instance.retention.items import Item
from vwe_dagster.instance.retention.run_records import RunRecords
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import STAGES, WorldStore
from vwe_dagster.store.leftovers import bytes_in, find_leftovers


class PurgeError(RuntimeError):
    """A purge would not be safe. The message contains the cause and a remedy."""


@dataclasses.dataclass(frozen=True)
class PurgeSummary:
    """A summary of the removable items of one kind.

    Attributes:
        what: the kind, as text.
        count: the number of items.
        bytes: the size of all items.
    """

    what: str
    count: int
    bytes: int


@dataclasses.dataclass(frozen=True)
class Plan:
    """The removable items of a home, by kind."""

    _instance: dg.DagsterInstance
    _items: Mapping[str, Sequence[Item]]

    def purgeable(self) -> list[PurgeSummary]:
        """Return a summary of each kind of items."""
        return [_summary(what, items) for what, items in self._items.items()]

    def carry_out(self) -> list[PurgeSummary]:
        """Remove the items.

        Returns:
            A summary of the removed items of each kind; items that are in use again stay.

        Raises:
            StoreError: the data folder cannot be written.
        """
        removed = {what: [item for item in items if item.remove()] for what, items in self._items.items()}
        wipe_partition_statuses(self._instance)
        warm_partition_statuses(self._instance)
        return [_summary(what, items) for what, items in removed.items()]


def plan_purge(
    home: Home, instance: dg.DagsterInstance, *, older_than: dt.timedelta, now: dt.datetime, unregistered: bool = False
) -> Plan:
    """Find removable items without changing anything.

    Args:
        home: the home to purge.
        instance: the Dagster instance of the home.
        older_than: the minimum age of removable runs, and of worlds of unregistered seeds.
        now: the time.
        unregistered: whether to include the worlds of unregistered seeds.

    Raises:
        PurgeError: the removable items cannot be determined safely.
        StoreError: the data folder cannot be read.
    """
    before = now - older_than
    events = instance.event_log_storage
    if not isinstance(events, SqlEventLogStorage):
        raise PurgeError(
            "The events of this Dagster instance are not in an SQL database, so runs cannot be purged; "
            "delete old runs with the tools of its event storage."
        )
    runs = RunRecords(instance, events)
    items = {
        "runs": runs.removable(before),
        "leftovers of deleted runs": runs.leftovers(),
        "unfinished stages": [
            Item(leftover.bytes, leftover.remove) for leftover in find_leftovers(home.data, now.timestamp())
        ],
    }
    if unregistered:
        items["worlds of unregistered seeds"] = _unregistered(WorldStore(home.data), instance, before)
    return Plan(instance, items)


def _unregistered(store: WorldStore, instance: dg.DagsterInstance, before: dt.datetime) -> list[Item]:
    def keys() -> set[str]:
        return set(instance.get_dynamic_partitions(str(partitions.name)))

    def busy() -> set[str]:
        return {*keys_in_runs(instance, sorted(keys())), *keys_in_backfills(instance)}

    def removing(seed: Seed) -> Callable[[], bool]:
        def remove() -> bool:
            # The seed may have been registered since it was listed.
            if seed.key in keys() | busy():
                return False
            store.remove(seed)
            return True

        return remove

    registered, stored = keys(), list(store.seeds())
    if stored and not registered:
        raise PurgeError(
            f"No seed is registered, so the purge would remove every world in {store.root}. To remove them all, delete "
            f"the folder; otherwise check that DAGSTER_HOME and VWE_HOME belong to the same project."
        )
    taken = registered | busy()
    return [
        Item(bytes_in(store.folder(seed, "raw").parent), removing(seed))
        for seed in stored
        if seed.key not in taken and _was_built_before(store, seed, before)
    ]


def _was_built_before(store: WorldStore, seed: Seed, before: dt.datetime) -> bool:
    manifests = (store.manifest(seed, stage) for stage in STAGES)
    return all(manifest.made_at < before for manifest in manifests if manifest is not None)


def _summary(what: str, items: Sequence[Item]) -> PurgeSummary:
    return PurgeSummary(what, len(items), sum(item.bytes for item in items))
