"""The sensor ``inbox``, which processes the seed lists in the folder ``inbox`` of the data folder.

The sensor has no state. A list stays in the folder until each of its seeds is built or has a requested run. Each
requested run has a tag that names the list. Whenever a tick ends or the daemon is killed, the next tick therefore finds
the remaining work. One tick registers the new seeds, and a later one requests their runs: a run of several seeds names
the first and the last one, and their order is known only after registration. A long list is registered in several
ticks, each of which requests runs of seeds that earlier ticks registered.
"""

import itertools
import math
import time
from collections.abc import Iterable
from functools import cached_property

import dagster as dg

from vwe_dagster.defs.assets.extracted import extracted
from vwe_dagster.defs.assets.processed import processed
from vwe_dagster.defs.assets.raw_export import raw_export
from vwe_dagster.defs.assets.renders import renders
from vwe_dagster.defs.batching import SEEDS_PER_LONG_RUN, seeds_per_run
from vwe_dagster.defs.in_flight import keys_in_backfills, keys_in_runs, keys_of_runs
from vwe_dagster.defs.jobs import world
from vwe_dagster.defs.partitions import consecutive_batches, run_tags, seeds
from vwe_dagster.seeds.lists import SeedList, SeedListError
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import WORLD_STAGES, StoreError, WorldStore
from vwe_dagster.store.inbox import FOLDER, DroppedFile, Inbox, ListChangedError
from vwe_dagster.store.notes import Notes

LIST_TAG = "vwe/seed_list"
"""Tag of a run with the list that requested it."""

RUNS_PER_TICK, MAX_RUNS_PER_TICK = 8, 64
"""Minimum and maximum number of runs per tick, multiples of the daemon's submitting threads.

An interrupted tick finishes the runs that its threads are creating, and the next tick requests the rest.
"""

TICK_S = 45.0
"""Target duration of a tick with its requests, in seconds; see :func:`_runs_of_tick`.

On two busy cores, some 14 s of a tick with 1,000 new seeds did not depend on its runs, so longer ticks request more
seeds per minute. Other sensors do not wait for a tick: with ticks of up to 66 s, none was later than 35 s.
"""

NEW_KEYS_PER_TICK = 1000
"""Minimum limit of new seeds per tick; the limit is higher if its runs take more seeds.

The daemon queries its database for each new seed, which took 10 s per 1,000 on SQLite.
"""

_RECENT_TICKS = 5
_SUBMITTING_THREADS = 4


@dg.sensor(
    job_name=world.name,
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Builds the worlds of the seed lists in data/inbox: .txt with a seed per line, .csv with a column seed "
    "or .json. A list moves to data/inbox/done, or to data/inbox/rejected with a report on its invalid entries.",
)
def inbox(context: dg.SensorEvaluationContext, store: dg.ResourceParam[WorldStore]) -> dg.SensorResult:
    """Request runs for the seeds of the lists in the inbox, and register new seeds.

    A list is moved to data/inbox/done when all its seeds are requested, or to data/inbox/rejected with a report if it
    has invalid entries; its valid seeds are built anyway. Existing worlds are not rebuilt.
    """
    folder = Inbox(store.root / FOLDER)
    files = folder.settled(time.time())
    tick = _Tick(context.instance, folder, store, _runs_of_tick(context.instance) if files else 0)
    for file in files:
        if tick.is_full:
            break
        tick.take(file)
    for sentence in tick.messages:
        context.log.info(sentence)
    messages = " ".join(tick.messages) or f"There is no new seed list in {folder.folder}."
    return dg.SensorResult(
        run_requests=tick.requests,
        skip_reason=None if tick.requests else messages,
        dynamic_partitions_requests=[seeds.build_add_request(list(tick.new))] if tick.new else [],
    )


def _runs_of_tick(instance: dg.DagsterInstance) -> int:
    """Return the number of runs that fit into :data:`TICK_S`, estimated from the last tick with requests.

    The time per request depends on the storage of the instance and on the load of the machine: on two cores, it was
    2 to 9 s on SQLite.
    """
    if instance.schedule_storage is None:
        return RUNS_PER_TICK
    states = [state for state in instance.all_instigator_state() if state.instigator_name == inbox.name]
    ticks = [
        tick
        for state in states
        for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=_RECENT_TICKS)
        if tick.run_ids and tick.end_timestamp is not None
    ]
    if not ticks:
        return RUNS_PER_TICK
    last = max(ticks, key=lambda tick: tick.timestamp)
    cost_s = max((last.end_timestamp or 0.0) - last.timestamp, 0.001) / len(last.run_ids)
    # Round up: the time per run falls with the number of runs, so rounding down would keep the number low.
    fitting = math.ceil(TICK_S / cost_s / _SUBMITTING_THREADS) * _SUBMITTING_THREADS
    return min(max(fitting, RUNS_PER_TICK), MAX_RUNS_PER_TICK)


class _Tick:
    """Result of one tick of the sensor.

    Attributes:
        new: keys to register, in the order of the lists.
        requests: runs to request.
        messages: sentences about what was done with each list.
    """

    def __init__(self, instance: dg.DagsterInstance, folder: Inbox, store: WorldStore, runs: int) -> None:
        self.new: dict[str, None] = {}
        self.requests: list[dg.RunRequest] = []
        self.messages: list[str] = []
        self._instance = instance
        self._folder = folder
        self._store = store
        self._runs = runs

    @property
    def is_full(self) -> bool:
        return len(self.requests) >= self._runs

    def take(self, file: DroppedFile) -> None:
        """Do the next step for a list: register its seeds, request their runs, or move it away."""
        try:
            self._take(file)
        except ListChangedError:
            self.messages.append(f"{file.name} is still being written; it is read later.")
        except OSError as error:
            # A list that cannot be moved must not block the others.
            self.messages.append(f"{file.name} cannot be moved out of the inbox ({error}); move it away by hand.")
        except StoreError as error:
            # A damaged file of notes must not block lists without notes, either.
            self.messages.append(f"{file.name} stays in the inbox. {error}")

    def _take(self, file: DroppedFile) -> None:
        try:
            content = self._folder.read(file)
        except SeedListError as error:
            path = self._folder.reject(file, error)
            self.messages.append(f"{error} It was moved to {path.parent}.")
            return
        new = [seed.key for seed in content.seeds if seed.key not in self._known]
        if new:
            room = max(NEW_KEYS_PER_TICK, self._runs * SEEDS_PER_LONG_RUN) - len(self.new)
            self._register(file, new[:room], left=len(new[room:]))
            # Seeds that are registered now may be neighbors of earlier ones and share runs with them.
            if len(new) <= room:
                return
        wanted = self._wanted(file, content.seeds)
        if wanted:
            self._request_runs(file, wanted, seeds_per_run(len(content.seeds)))
        elif not new:
            self._finish(file, content)

    def _register(self, file: DroppedFile, keys: list[str], *, left: int) -> None:
        self.new |= dict.fromkeys(keys)
        later = f", {left} follow in the next tick" if left else ""
        self.messages.append(
            f"{file.name}: {len(keys)} seeds were registered{later}; their runs are requested in the next tick."
        )

    def _wanted(self, file: DroppedFile, listed: Iterable[Seed]) -> list[str]:
        """Return the registered keys of a list that have neither a world nor a run requested by it."""
        runs = self._instance.get_runs(dg.RunsFilter(tags={LIST_TAG: _label(file)}))
        requested = {key for _, keys in keys_of_runs(runs, self._registered) for key in keys}
        known = (seed for seed in listed if seed.key in self._known)
        return [seed.key for seed in known if seed.key not in requested and not self._is_built(seed)]

    def _request_runs(self, file: DroppedFile, wanted: list[str], per_run: int) -> None:
        # Wait for seeds of other runs, which may fail or not build the whole world.
        ready = set(wanted) - self._busy
        room = self._runs - len(self.requests)
        batches = list(itertools.islice(consecutive_batches(self._registered, ready, per_run), room))
        for keys in batches:
            self._busy.update(keys)
            tags = {**run_tags(keys), LIST_TAG: _label(file)}
            self.requests.append(dg.RunRequest(run_key=f"{file.identity} {keys[0]} {keys[-1]}", tags=tags))
        requested = sum(map(len, batches))
        counts = {
            f"runs of {requested} seeds are requested": requested,
            f"{len(ready) - requested} seeds follow in the next tick": len(ready) - requested,
            f"{len(wanted) - len(ready)} wait for other unfinished runs": len(wanted) - len(ready),
        }
        self.messages.append(f"{file.name}: {', '.join(phrase for phrase, count in counts.items() if count)}.")

    def _finish(self, file: DroppedFile, content: SeedList) -> None:
        Notes(self._store.root).add(content.notes)
        path = self._folder.finish(file, content)
        rejected = f", {len(content.rejected)} entries are rejected" if content.rejected else ""
        count = len(content.seeds)
        self.messages.append(
            f"{file.name}: {count} seeds are built or requested{rejected}. It was moved to {path.parent}."
        )

    def _is_built(self, seed: Seed) -> bool:
        return seed.key in self._materialized and all(self._store.manifest(seed, stage) for stage in WORLD_STAGES)

    @cached_property
    def _registered(self) -> list[str]:
        return list(self._instance.get_dynamic_partitions(str(seeds.name)))

    @cached_property
    def _known(self) -> set[str]:
        return set(self._registered)

    @cached_property
    def _materialized(self) -> set[str]:
        """Keys with materializations of all four assets."""
        assets = (raw_export, extracted, processed, renders)
        return set.intersection(*(set(self._instance.get_materialized_partitions(asset.key)) for asset in assets))

    @cached_property
    def _busy(self) -> set[str]:
        """Keys of unfinished runs and backfills, and of runs requested in this tick."""
        return {*keys_in_runs(self._instance, self._registered), *keys_in_backfills(self._instance)}


def _label(file: DroppedFile) -> str:
    return f"{file.name} {file.identity}"
