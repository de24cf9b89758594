"""The sensor ``inbox``: takes up the seed lists that people put into the folder ``inbox`` of the data folder.

It remembers nothing. A list stays in the folder until every seed in it is made or a run was asked for it, and each run
that is asked for carries a tag that names the list. So wherever a tick ends or the daemon is killed, the next tick sees
what is left to do. A tick registers the seeds that are new, and a later one asks for their runs, since a run of several
seeds names the first and the last of them: that order is known only when they are registered. A long list is registered
in several ticks, which request runs of the seeds that earlier ones registered.
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
from vwe_dagster.defs.partitions import run_tags, seeds, side_by_side
from vwe_dagster.seeds.lists import SeedList, SeedListError
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import WORLD_STAGES, WorldStore
from vwe_dagster.store.inbox import FOLDER, DroppedFile, Inbox, ListChangedError
from vwe_dagster.store.notes import Notes

LIST_TAG = "vwe/seed_list"
"""The tag of a run that tells which list asked for it."""

RUNS_PER_TICK, MOST_RUNS_PER_TICK = 8, 64
"""Least and most runs that a tick requests, multiples of the daemon's threads that submit runs. An interrupted tick
ends with those that its threads are creating, and the next tick requests the rest."""

TICK_S = 45.0
"""Seconds that a tick should take, its requests included; see :func:`_runs_of_tick`.

On two busy cores some 14 s of a tick with 1,000 new seeds did not depend on its runs: longer ticks request more seeds
per minute. Other sensors do not wait for a tick: with ticks of up to 66 s none was later than 35 s.
"""

NEW_KEYS_PER_TICK = 1000
"""Seeds that a tick registers, or as many as its runs take if that is more. The daemon queries its database for each of
them, which took 10 s per 1,000 on SQLite."""

_RECENT_TICKS = 5
_SUBMITTING_THREADS = 4


@dg.sensor(job_name=world.name, minimum_interval_seconds=10, default_status=dg.DefaultSensorStatus.RUNNING)
def inbox(context: dg.SensorEvaluationContext, store: dg.ResourceParam[WorldStore]) -> dg.SensorResult:
    """Makes the worlds of the seed lists in data/inbox: .txt with a seed a line, .csv with a column seed, or .json.

    A list goes to data/inbox/done when all its seeds are asked for, or to data/inbox/rejected with a report if
    something in it was refused; its good seeds are made all the same. Worlds that are there already are not made again.
    """
    folder = Inbox(store.root / FOLDER)
    files = folder.settled(time.time())
    tick = _Tick(context.instance, folder, store, _runs_of_tick(context.instance) if files else 0)
    for file in files:
        if tick.is_full:
            break
        tick.take(file)
    for sentence in tick.told:
        context.log.info(sentence)
    told = " ".join(tick.told) or f"There is no new seed list in {folder.folder}."
    return dg.SensorResult(
        run_requests=tick.requests,
        skip_reason=None if tick.requests else told,
        dynamic_partitions_requests=[seeds.build_add_request(list(tick.new))] if tick.new else [],
    )


def _runs_of_tick(instance: dg.DagsterInstance) -> int:
    """Return how many runs fit into a tick of :data:`TICK_S`, by what the last tick with requests took.

    The cost of a request depends on the storage of the instance and on the load of the machine: on two cores it was
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
    # Rounded up: the cost per run falls as the number of runs rises, so rounding down would keep the number low.
    fitting = math.ceil(TICK_S / cost_s / _SUBMITTING_THREADS) * _SUBMITTING_THREADS
    return min(max(fitting, RUNS_PER_TICK), MOST_RUNS_PER_TICK)


class _Tick:
    """What one look at the inbox comes to.

    Attributes:
        new: the seeds to be registered, as keys, in the order of the lists.
        requests: the runs to be asked for.
        told: sentences on what was done with each list.
    """

    def __init__(self, instance: dg.DagsterInstance, folder: Inbox, store: WorldStore, runs: int) -> None:
        self.new: dict[str, None] = {}
        self.requests: list[dg.RunRequest] = []
        self.told: list[str] = []
        self._instance = instance
        self._folder = folder
        self._store = store
        self._runs = runs

    @property
    def is_full(self) -> bool:
        return len(self.requests) >= self._runs

    def take(self, file: DroppedFile) -> None:
        """Does the next step for a list: registers its seeds, asks for their runs, or moves it away."""
        try:
            self._take(file)
        except ListChangedError:
            self.told.append(f"{file.name} is being written; it is read later.")
        except OSError as error:
            # One list that cannot be moved does not hold up the others.
            self.told.append(f"{file.name} cannot be moved to a folder beside it ({error}); move it away by hand.")

    def _take(self, file: DroppedFile) -> None:
        try:
            content = self._folder.read(file)
        except SeedListError as error:
            path = self._folder.reject(file, error)
            self.told.append(f"{error} It lies in {path.parent}.")
            return
        new = [seed.key for seed in content.seeds if seed.key not in self._known]
        if new:
            room = max(NEW_KEYS_PER_TICK, self._runs * SEEDS_PER_LONG_RUN) - len(self.new)
            self._register(file, new[:room], left=len(new[room:]))
            # Seeds of the list that were registered before may be neighbors of those that are registered now.
            if len(new) <= room:
                return
        wanted = self._wanted(file, content.seeds)
        if wanted:
            self._ask(file, wanted, seeds_per_run(len(content.seeds)))
        elif not new:
            self._finish(file, content)

    def _register(self, file: DroppedFile, keys: list[str], *, left: int) -> None:
        self.new |= dict.fromkeys(keys)
        later = f", {left} are left for next time" if left else ""
        self.told.append(f"{file.name}: {len(keys)} seeds registered{later}; their runs are asked for next time.")

    def _wanted(self, file: DroppedFile, listed: Iterable[Seed]) -> list[str]:
        """Return the registered keys of a list whose worlds are not built and that it has not requested."""
        runs = self._instance.get_runs(dg.RunsFilter(tags={LIST_TAG: _label(file)}))
        asked = {key for _, keys in keys_of_runs(runs, self._registered) for key in keys}
        known = (seed for seed in listed if seed.key in self._known)
        return [seed.key for seed in known if seed.key not in asked and not self._is_made(seed)]

    def _ask(self, file: DroppedFile, wanted: list[str], per_run: int) -> None:
        # What another run makes is waited for: it may fail, or may not make the whole world.
        ready = set(wanted) - self._busy
        room = self._runs - len(self.requests)
        batches = list(itertools.islice(side_by_side(self._registered, ready, per_run), room))
        for keys in batches:
            self._busy.update(keys)
            tags = {**run_tags(keys), LIST_TAG: _label(file)}
            self.requests.append(dg.RunRequest(run_key=f"{file.identity} {keys[0]} {keys[-1]}", tags=tags))
        asked = sum(map(len, batches))
        counts = {
            f"runs of {asked} seeds are asked for": asked,
            f"{len(ready) - asked} seeds are left for next time": len(ready) - asked,
            f"{len(wanted) - len(ready)} wait for runs that work on them already": len(wanted) - len(ready),
        }
        self.told.append(f"{file.name}: {', '.join(phrase for phrase, count in counts.items() if count)}.")

    def _finish(self, file: DroppedFile, content: SeedList) -> None:
        Notes(self._store.root).add(content.notes)
        path = self._folder.finish(file, content)
        refused = f", {len(content.rejected)} refused" if content.rejected else ""
        count = len(content.seeds)
        self.told.append(f"{file.name}: {count} seeds made or asked for{refused}. It lies in {path.parent}.")

    def _is_made(self, seed: Seed) -> bool:
        return seed.key in self._materialized and all(self._store.manifest(seed, stage) for stage in WORLD_STAGES)

    @cached_property
    def _registered(self) -> list[str]:
        return list(self._instance.get_dynamic_partitions(str(seeds.name)))

    @cached_property
    def _known(self) -> set[str]:
        return set(self._registered)

    @cached_property
    def _materialized(self) -> set[str]:
        """The keys of which Dagster knows all four assets."""
        assets = (raw_export, extracted, processed, renders)
        return set.intersection(*(set(self._instance.get_materialized_partitions(asset.key)) for asset in assets))

    @cached_property
    def _busy(self) -> set[str]:
        """The keys that a run or a backfill works on or that were asked for in this tick."""
        return {*keys_in_runs(self._instance, self._registered), *keys_in_backfills(self._instance)}


def _label(file: DroppedFile) -> str:
    return f"{file.name} {file.identity}"
