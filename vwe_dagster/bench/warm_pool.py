"""The benchmark ``vwe bench pool``: worlds from cold and from warm engines, and the cost of the pool itself.

All engines generate the same worlds. After the measurement each world is compared with the one from an engine in this
process, and the first of those with the game's digest.
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
"""The measured worlds; the digest of the first is known."""

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
    """The measurements of one kind of engine, one value per round; in seconds unless the name has another unit.

    Attributes:
        launcher: ``process`` or ``docker``.
        engines: number of engines of the full pool.
        ready_s: time until a cold engine is ready.
        cold_world_s: starting an engine, generating a world with it, and stopping it.
        first_world_s: the first world of a ready engine.
        warm_world_s: later worlds of the engine.
        overhead_ms: time of a warm world besides generating it, in milliseconds: the lease, packing, hashing,
            transfer, reading.
        one_engine_s: seconds per world, of all worlds on one engine.
        all_engines_s: seconds per world, of all worlds on all engines.
        acquire_ms: time to lease a free engine, in milliseconds.
        leases_per_s: leases per second, acquired and released by one caller.
        leases_per_s_of_callers: the same of :data:`CALLERS` concurrent callers, added up.
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
        """Return the title of the table."""
        return f"Engines as {_TITLES[self.launcher]}, digests checked"

    def rows(self, in_process_s: Sequence[float]) -> list[tuple[str, str, str, str]]:
        """Return the rows of the table: each figure with its least, median and greatest value.

        Args:
            in_process_s: seconds per world without a pool, for comparison.
        """
        figures = {
            "world, cold: start, generate, stop (s)": self.cold_world_s,
            "cold engine to ready (s)": self.ready_s,
            "first world of a ready engine (s)": self.first_world_s,
            "world, warm (s)": self.warm_world_s,
            "world, engine in this process (s)": in_process_s,
            "overhead of a warm world (ms)": self.overhead_ms,
            f"per world, concurrently on {_engines(1)} (s)": self.one_engine_s,
            f"per world, concurrently on {_engines(self.engines)} (s)": self.all_engines_s,
            "warm acquire (ms)": self.acquire_ms,
            "empty leases per second, 1 caller": self.leases_per_s,
            f"empty leases per second, {CALLERS} callers, {_engines(self.engines)}": self.leases_per_s_of_callers,
        }
        return [(name, *_texts(spread(values))) for name, values in figures.items()]


@dataclasses.dataclass(frozen=True)
class PoolBench:
    """The results of a benchmark.

    Attributes:
        size: samples along each side of a world.
        seeds: the worlds.
        in_process_s: seconds per world of an engine in this process.
        launchers: the figures of each kind of engine.
        skipped: by launcher, a sentence with the reason why its engines were not measured.
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
    """Measure temporary pools, one per kind of engine.

    Args:
        settings: settings of the pools; engines are not replaced for their age or number of jobs.
        launchers: ``process``, ``docker`` or both; if both, one that cannot start an engine is skipped.
        announce: receives a line about the next measurement.
        size: samples along each side of a world.
        seeds: the seeds of the worlds, three or more.

    Raises:
        BenchError: the only requested launcher cannot start an engine, an engine failed, or a world has a wrong digest.
    """
    announce(f"Generating {len(seeds)} worlds with an engine in this process")
    worlds = _Worlds.generate(size, seeds)
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
            skipped[launcher] = f"Engines as {_TITLES[launcher]} are skipped: {error}"
        except EngineError as error:
            raise BenchError(f"An engine failed during the benchmark: {error}") from error
    return PoolBench(size, list(seeds), worlds.seconds, measured, skipped)


class _NoEnginesError(BenchError):
    """A launcher cannot start engines here."""


@dataclasses.dataclass(frozen=True)
class _Worlds:
    """The requested worlds, with the seconds without a pool and the expected digest of each."""

    requests: list[WorldRequest]
    seconds: list[float]
    digests: Mapping[int, str]

    @classmethod
    def generate(cls, size: int, seeds: Sequence[int]) -> _Worlds:
        """Generate every world in this process."""
        engine = NativeEngine()
        requests = [WorldRequest(seed, Grid.of_world(size)) for seed in seeds]
        # The first world of a process computes the seed-independent data and compiles kernels that are not cached.
        engine.generate(requests[0])
        seconds, digests = [], {}
        for request in requests:
            taken, export = _timed(functools.partial(engine.generate, request))
            seconds.append(taken)
            digests[request.seed] = _digest(export)
            if request.seed == SEED and size == SIZE and _digest_of_game(export) != KNOWN_DIGESTS[SEED]:
                raise BenchError("The digest of the measured world differs from the game's; the engine is wrong.")
        return cls(requests, seconds, digests)

    def check(self, export: WorldExport) -> None:
        """Raise an error if the digest of a world is not the expected one."""
        if _digest(export) != self.digests[export.request.seed]:
            raise BenchError(
                f"The pool returned another world for @{export.request.seed} than an engine in this process."
            )


def _measure(pool: EnginePool, worlds: _Worlds, announce: Callable[[str], None]) -> PoolFigures:
    """Measure a pool in which one engine is ready."""
    engines = pool.settings.max_warm_containers
    announce(f"Starting an engine, generating a world and stopping it, {COLD_ROUNDS} times")
    cold = [_cold_world(pool, worlds, worlds.requests[0]) for _ in range(COLD_ROUNDS)]
    pool.warm(1)
    announce("Generating worlds on a warm engine")
    warm_s, added_s = _warm_worlds(pool, worlds)
    acquired = [_acquire(pool) for _ in range(EMPTY_LEASES)]
    alone = _leases_per_s(pool, callers=1)
    announce(f"Generating all worlds on one engine, then on {engines}")
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
    """Return three durations in seconds: the start of an engine, its first world, and both together with its stop."""
    pool.drain(timeout_s=_DRAIN_S)
    ready_s, _ = _timed(lambda: pool.warm(1))
    world_s, export = _timed(lambda: pool.generate(request))
    end_s, _ = _timed(lambda: pool.drain(timeout_s=_DRAIN_S))
    worlds.check(export)
    return ready_s, world_s, ready_s + world_s + end_s


def _warm_worlds(pool: EnginePool, worlds: _Worlds) -> tuple[list[float], list[float]]:
    """Return the seconds of each world on a warm engine, and its seconds besides the generation."""
    pool.generate(worlds.requests[0])
    taken, added = [], []
    for request in worlds.requests:
        warm_s, export = _timed(functools.partial(pool.generate, request))
        taken.append(warm_s)
        added.append(warm_s - sum(export.timings_s[phase] for phase in _GENERATING))
        worlds.check(export)
    return taken, added


def _per_world(pool: EnginePool, worlds: _Worlds) -> float:
    """Return the seconds per world when all are requested concurrently."""
    # Checked afterwards, because computing digests would take processor time from the engines.
    seconds, outcomes = _timed(lambda: list(pool.generate_many(worlds.requests)))
    for outcome in outcomes:
        if outcome.export is None:
            raise BenchError(f"A world failed during the benchmark: {outcome.error}")
        worlds.check(outcome.export)
    return seconds / len(outcomes)


def _acquire(pool: EnginePool) -> float:
    began = time.perf_counter()
    with pool.lease(purpose="measuring"):
        return time.perf_counter() - began


def _leases_per_s(pool: EnginePool, *, callers: int) -> float:
    """Return the leases per second of all callers together, each acquired and released."""

    def take_leases(_: int) -> None:
        for _ in range(EMPTY_LEASES):
            with pool.lease(purpose="measuring"):
                pass

    with ThreadPoolExecutor(callers) as threads:
        seconds, _ = _timed(lambda: list(threads.map(take_leases, range(callers))))
    return callers * EMPTY_LEASES / seconds


@contextlib.contextmanager
def _pool(settings: PoolSettings) -> Iterator[EnginePool]:
    """Yield a temporary pool; afterwards its engines are stopped and its folder is removed."""
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
