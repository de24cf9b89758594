"""The plan of a purge: what of a home can go, and its removal."""

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
    """A purge that would not be safe; the message is a sentence that says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Purgeable:
    """One kind of thing that can go.

    Attributes:
        what: what it is, in words.
        count: how many there are.
        bytes: how much they hold.
    """

    what: str
    count: int
    bytes: int


@dataclasses.dataclass(frozen=True)
class Plan:
    """What can go of a home."""

    _instance: dg.DagsterInstance
    _items: Mapping[str, Sequence[Item]]

    def purgeable(self) -> list[Purgeable]:
        """What can go, kind by kind."""
        return [_summary(what, items) for what, items in self._items.items()]

    def carry_out(self) -> list[Purgeable]:
        """Removes it.

        Returns:
            What is gone, kind by kind: what the plan had, but for what is in use again.

        Raises:
            StoreError: the disk does not let us.
        """
        gone = {what: [item for item in items if item.remove()] for what, items in self._items.items()}
        wipe_partition_statuses(self._instance)
        warm_partition_statuses(self._instance)
        return [_summary(what, items) for what, items in gone.items()]


def plan_purge(
    home: Home, instance: dg.DagsterInstance, *, older_than: dt.timedelta, now: dt.datetime, unregistered: bool = False
) -> Plan:
    """Finds what can go; changes nothing.

    Args:
        home: whose data folder.
        instance: the home's Dagster instance.
        older_than: how long ago runs, and worlds of seeds that are not registered, must have ended.
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
    runs = RunRecords(instance, events)
    items = {
        "runs": runs.old(before),
        "rests of runs that are gone": runs.gone(),
        "stages left unfinished": [
            Item(leftover.bytes, leftover.remove) for leftover in find_leftovers(home.data, now.timestamp())
        ],
    }
    if unregistered:
        items["worlds of seeds that are not registered"] = _unregistered(WorldStore(home.data), instance, before)
    return Plan(instance, items)


def _unregistered(store: WorldStore, instance: dg.DagsterInstance, before: dt.datetime) -> list[Item]:
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
        Item(bytes_in(store.folder(seed, "raw").parent), removing(seed))
        for seed in stored
        if seed.key not in taken and _made_before(store, seed, before)
    ]


def _made_before(store: WorldStore, seed: Seed, before: dt.datetime) -> bool:
    manifests = (store.manifest(seed, stage) for stage in STAGES)
    return all(manifest.made_at < before for manifest in manifests if manifest is not None)


def _summary(what: str, items: Sequence[Item]) -> Purgeable:
    return Purgeable(what, len(items), sum(item.bytes for item in items))
