"""What ``vwe bench pool`` measures: worlds of cold engines and of warm ones, and what the pool itself costs.

All make the same worlds. Each that arrives is compared, outside of what is timed, with the one an engine in this
process makes, and that one with the game's.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np

from vwe_dagster.bench.engine import SEED
from vwe_dagster.bench.figures import BenchError, spread
from vwe_dagster.engine.messages import EngineError, WorldExport, WorldRequest
from vwe_dagster.engine.native import FLAGS, NativeEngine
from vwe_dagster.pool.opening import open_pool
from vwe_dagster.pool.pool import EnginePool
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.world.grid import Grid
from vwe_dagster.worldgen.digest import KNOWN_DIGESTS, planes_digest

SEEDS = (SEED, *range(1, 8))
"""The worlds that everything is measured with; the first is one whose digest we know."""

SIZE = 2048
COLD_ROUNDS, EMPTY_LEASES, CALLERS = 3, 50, 4

_TITLES = {"process": "processes", "docker": "containers"}
_LAYERS = ("biome", "height")
_DRAIN_S = 60.0
_GENERATING = ("rivers", "terrain", "other_layers")
"""The phases of :class:`NativeEngine`."""

Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class PoolFigures:
    """What was measured with one kind of engine, one value for each time; seconds, but for what is named otherwise.

    Attributes:
        launcher: ``process`` or ``docker``.
        engines: how many the pool had where it had all.
        ready_s: from no engine to one that is ready.
        cold_world_s: starting an engine, making a world with it, and ending it.
        first_world_s: the first world of an engine that is ready.
        warm_world_s: the worlds after it.
        overhead_ms: what a warm world takes besides its engine's generating it, in milliseconds: the lease, packing,
            hashing, transfer, reading.
        one_engine_s: seconds per world, of all worlds on one engine.
        all_engines_s: seconds per world, of all worlds on all engines.
        acquire_ms: until a free engine is leased, in milliseconds.
        leases_per_s: leases taken and given back by one caller in a second.
        leases_per_s_of_callers: the same of :data:`CALLERS` callers at once, together.
    """

    launcher: str
    engines: int
    ready_s: list[float]
    cold_world_s: list[float]
    first_world_s: list[float]
    warm_world_s: list[float]
    overhead_ms: list[float]
    one_engine_s: list[float]
    all_engines_s: list[float]
    acquire_ms: list[float]
    leases_per_s: list[float]
    leases_per_s_of_callers: list[float]

    @property
    def title(self) -> str:
        """What heads the table."""
        return f"Engines as {_TITLES[self.launcher]}, digests checked"

    def rows(self, in_process_s: Sequence[float]) -> list[tuple[str, str, str, str]]:
        """The table: each figure with its least, median and greatest value.

        Args:
            in_process_s: seconds per world without a pool, to compare with.
        """
        figures = {
            "world, cold: start, make, end (s)": self.cold_world_s,
            "cold engine to ready (s)": self.ready_s,
            "first world of a ready engine (s)": self.first_world_s,
            "world, warm (s)": self.warm_world_s,
            "world, engine in this process (s)": in_process_s,
            "of a warm world, not spent on generating (ms)": self.overhead_ms,
            f"per world, all at once on {_engines(1)} (s)": self.one_engine_s,
            f"per world, all at once on {_engines(self.engines)} (s)": self.all_engines_s,
            "warm acquire (ms)": self.acquire_ms,
            "empty leases per second, 1 caller": self.leases_per_s,
            f"empty leases per second, {CALLERS} callers, {_engines(self.engines)}": self.leases_per_s_of_callers,
        }
        return [(name, *_texts(spread(values))) for name, values in figures.items()]


@dataclasses.dataclass(frozen=True)
class PoolBench:
    """A whole benchmark.

    Attributes:
        size: samples along each side of a world.
        seeds: the worlds.
        in_process_s: seconds each world took an engine in this process.
        launchers: what was measured, by kind of engine.
        skipped: why a kind of engine was not measured, in a sentence, by launcher.
    """

    size: int
    seeds: list[int]
    in_process_s: list[float]
    launchers: list[PoolFigures]
    skipped: dict[str, str]


def bench_pool(
    settings: PoolSettings,
    launchers: Sequence[str],
    announce: Callable[[str], None],
    *,
    size: int = SIZE,
    seeds: Sequence[int] = SEEDS,
) -> PoolBench:
    """Measures pools of their own, which are gone afterwards.

    Args:
        settings: of the pools; their engines are not replaced for their age or jobs.
        launchers: ``process``, ``docker`` or both; of both, one that cannot start an engine is skipped.
        announce: told what is measured next.
        size: samples along each side of a world.
        seeds: the worlds, three or more.

    Raises:
        BenchError: the only launcher asked for cannot start an engine, an engine failed, or a world is another than it
            should be.
    """
    announce(f"Making {len(seeds)} worlds with an engine in this process")
    worlds = _Worlds.made(size, seeds)
    measured, skipped = [], {}
    for launcher in launchers:
        settings_of = settings.model_copy(
            update={"name": "bench", "launcher": launcher, "max_jobs_per_engine": 10**6, "container_ttl_minutes": 1e6}
        )
        try:
            with _pool(settings_of) as pool:
                announce(f"Starting an engine as a {'process' if launcher == 'process' else 'container'}")
                try:
                    pool.warm(1)
                except EngineError as error:
                    raise _NoEnginesError(str(error)) from error
                measured.append(_measure(pool, worlds, announce))
        except _NoEnginesError as error:
            if len(launchers) == 1:
                raise BenchError(str(error)) from error
            skipped[launcher] = f"Engines as {_TITLES[launcher]} are left out: {error}"
        except EngineError as error:
            raise BenchError(f"An engine failed while it was measured: {error}") from error
    return PoolBench(size, list(seeds), worlds.seconds, measured, skipped)


class _NoEnginesError(BenchError):
    """A launcher cannot start engines here."""


@dataclasses.dataclass(frozen=True)
class _Worlds:
    """The worlds to be made, how long each takes without a pool, and the digest it must come out with."""

    requests: list[WorldRequest]
    seconds: list[float]
    digests: Mapping[int, str]

    @classmethod
    def made(cls, size: int, seeds: Sequence[int]) -> _Worlds:
        """Makes every world in this process."""
        engine = NativeEngine()
        requests = [WorldRequest(seed, Grid.of_world(size)) for seed in seeds]
        # The first world of a process surveys what no seed changes, and compiles kernels where there are none.
        engine.generate(requests[0])
        seconds, digests = [], {}
        for request in requests:
            taken, export = _timed(functools.partial(engine.generate, request))
            seconds.append(taken)
            digests[request.seed] = _digest(export)
            if request.seed == SEED and size == SIZE and _digest_of_game(export) != KNOWN_DIGESTS[SEED]:
                raise BenchError("The world that was timed has another digest than the game's; the engine is wrong.")
        return cls(requests, seconds, digests)

    def check(self, export: WorldExport) -> None:
        """Refuses a world that is not what it must be."""
        if _digest(export) != self.digests[export.request.seed]:
            raise BenchError(f"The world of @{export.request.seed} came out of the pool as another than it is.")


def _measure(pool: EnginePool, worlds: _Worlds, announce: Callable[[str], None]) -> PoolFigures:
    """Measures a pool in which one engine is ready."""
    engines = pool.settings.max_warm_containers
    announce("Starting an engine for one world and ending it, and again")
    cold = [_cold_world(pool, worlds, worlds.requests[0]) for _ in range(COLD_ROUNDS)]
    pool.warm(1)
    announce("Making worlds on a warm engine")
    warm_s, added_s = _warm_worlds(pool, worlds)
    acquired = [_acquire(pool) for _ in range(EMPTY_LEASES)]
    alone = _leases_per_s(pool, callers=1)
    announce(f"Making all worlds on one engine, then on {engines}")
    with _pool(pool.settings.model_copy(update={"max_warm_containers": 1})) as single:
        single.warm(1)
        single.generate(worlds.requests[0])
        one_s = _per_world(single, worlds)
    pool.warm(engines)
    # The first world of each engine is slower, and is measured above.
    for _ in pool.generate_many(worlds.requests[:1] * 2 * engines):
        pass
    return PoolFigures(
        launcher=pool.settings.launcher,
        engines=engines,
        ready_s=[ready for ready, _, _ in cold],
        cold_world_s=[whole for _, _, whole in cold],
        first_world_s=[first for _, first, _ in cold],
        warm_world_s=warm_s,
        overhead_ms=[1e3 * seconds for seconds in added_s],
        one_engine_s=[one_s],
        all_engines_s=[_per_world(pool, worlds)],
        acquire_ms=[1e3 * seconds for seconds in acquired],
        leases_per_s=[alone],
        leases_per_s_of_callers=[_leases_per_s(pool, callers=CALLERS)],
    )


def _cold_world(pool: EnginePool, worlds: _Worlds, request: WorldRequest) -> tuple[float, float, float]:
    """Seconds until an engine is ready, for its first world, and for both and its end."""
    pool.drain(timeout_s=_DRAIN_S)
    ready_s, _ = _timed(lambda: pool.warm(1))
    world_s, export = _timed(lambda: pool.generate(request))
    end_s, _ = _timed(lambda: pool.drain(timeout_s=_DRAIN_S))
    worlds.check(export)
    return ready_s, world_s, ready_s + world_s + end_s


def _warm_worlds(pool: EnginePool, worlds: _Worlds) -> tuple[list[float], list[float]]:
    """Seconds each world takes on an engine that has made one before, and how many of them it did not generate."""
    pool.generate(worlds.requests[0])
    taken, added = [], []
    for request in worlds.requests:
        warm_s, export = _timed(functools.partial(pool.generate, request))
        taken.append(warm_s)
        added.append(warm_s - sum(export.timings_s[phase] for phase in _GENERATING))
        worlds.check(export)
    return taken, added


def _per_world(pool: EnginePool, worlds: _Worlds) -> float:
    """Seconds per world when all are asked for at once."""
    # Checked afterwards: the digests would take the processors from the engines.
    seconds, outcomes = _timed(lambda: list(pool.generate_many(worlds.requests)))
    for outcome in outcomes:
        if outcome.export is None:
            raise BenchError(f"A world failed while it was measured: {outcome.error}")
        worlds.check(outcome.export)
    return seconds / len(outcomes)


def _acquire(pool: EnginePool) -> float:
    began = time.perf_counter()
    with pool.lease(purpose="measuring"):
        return time.perf_counter() - began


def _leases_per_s(pool: EnginePool, *, callers: int) -> float:
    """Leases taken and given back in a second, by all callers together."""

    def take_some(_: int) -> None:
        for _ in range(EMPTY_LEASES):
            with pool.lease(purpose="measuring"):
                pass

    with ThreadPoolExecutor(callers) as threads:
        seconds, _ = _timed(lambda: list(threads.map(take_some, range(callers))))
    return callers * EMPTY_LEASES / seconds


@contextlib.contextmanager
def _pool(settings: PoolSettings) -> Iterator[EnginePool]:
    """A pool of its own, which leaves nothing behind."""
    with tempfile.TemporaryDirectory(prefix="vwe-bench-") as folder, open_pool(settings, Path(folder)) as pool:
        try:
            yield pool
        finally:
            pool.drain(timeout_s=_DRAIN_S)


def _timed(task: Callable[[], Result]) -> tuple[float, Result]:
    began = time.perf_counter()
    result = task()
    return time.perf_counter() - began, result


def _digest(export: WorldExport) -> str:
    return hashlib.sha256(b"".join(export.planes[layer].tobytes() for layer in _LAYERS)).hexdigest()


def _digest_of_game(export: WorldExport) -> str:
    coordinates = export.request.grid.coordinates()
    biome = np.searchsorted(np.sort(FLAGS), export.planes["biome"])
    indices = np.argsort(FLAGS)[biome].astype(np.uint8)
    height = export.planes["height"].astype(np.float32)
    return planes_digest(coordinates, coordinates, indices, height)


def _engines(count: int) -> str:
    return f"{count} engine{'' if count == 1 else 's'}"


def _texts(values: Sequence[float]) -> tuple[str, str, str]:
    least, middle, greatest = (f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}" for value in values)
    return least, middle, greatest
