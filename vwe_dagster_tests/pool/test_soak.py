"""A minute of misfortune: holders and engines are killed and stopped at random, and every promise is kept.

``VWE_SOAK_S`` says for how many seconds, ``VWE_SOAK_SEED`` which misfortune; a failure tells the seed it had.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import itertools
import logging
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest

from vwe_dagster.engine.messages import EngineError, WorldRequest
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.pool.ledger import JobRecord, Ledger
from vwe_dagster.pool.opening import state_folder
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.states import State
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import WorldStore
from vwe_dagster_tests.engine.engines import wait_until
from vwe_dagster_tests.pool.holders import GRID, PATIENCE_S, PROCESSES, Site, hashes, pid_of, publish

pytestmark = pytest.mark.slow

SOAK_S = float(os.environ.get("VWE_SOAK_S", "60"))
SLOTS = 3
HOLDERS = 4
SEEDS = [parse_seed(key) for key in ("HHcLC5acQt", "one", "two", "three", "four")]
SETTINGS = PoolSettings(
    max_warm_containers=SLOTS, min_free_disk_gb=0, world_gen_timeout=4, engine_startup_timeout=20, idle_minutes=5
)
FAULTS = (
    "crash_in_job@0.05",
    "fail_job@0.05",
    "hang@0.02",
    "fail_reset@0.05",
    "corrupt_layer@0.01",
    "half_export@0.01",
    "slow_boot=1@0.1",
    "fail_start@0.05",
)
LONGEST_STOP_S = 12.0
"""Long enough for a holder to be fenced meanwhile."""

_CLOCK_S = 0.05
"""How far the times of the ledger, which are for people, may be from the truth."""

_log = logging.getLogger(__name__)


def make_worlds_until(site: Site, _connection: Connection[Any, Any], seed: int, told: Path, stop: Path) -> None:
    """Makes worlds and publishes them until a file appears; writes down every lease before it is used."""
    choice = random.Random(seed)
    with site.pool() as pool, told.open("a", buffering=1, encoding="ascii") as leases:
        while not stop.exists():
            seed_of_world = choice.choice(SEEDS)
            request = WorldRequest(seed_of_world.number, GRID)
            with contextlib.suppress(EngineError):
                with pool.lease(purpose=seed_of_world.key) as lease:
                    leases.write(f"{lease.slot} {lease.token}\n")
                    export = lease.generate(request)
                publish(site.store, seed_of_world, export)


@dataclasses.dataclass
class Watch:
    """What was seen in the course of it all."""

    site: Site
    most_engines: int = 0
    double_jobs: list[str] = dataclasses.field(default_factory=list)
    broken: list[Exception] = dataclasses.field(default_factory=list)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Watches from a thread of its own while the block lasts."""
        done = threading.Event()

        def watch() -> None:
            try:
                with contextlib.closing(Ledger(state_folder(self.site.folder))) as ledger:
                    while not done.wait(0.05):
                        self._look(ledger)
            except Exception as error:  # noqa: BLE001  raised by the test
                self.broken.append(error)

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _look(self, ledger: Ledger) -> None:
        self.most_engines = max(self.most_engines, len(self.site.engines()))
        running = Counter(job.engine for job in ledger.jobs(100) if job.state == "running")
        self.double_jobs += [engine for engine, count in running.items() if count > 1]


class Misfortune:
    """Kills and stops holders and engines, and starts holders in place of the killed ones."""

    def __init__(self, site: Site, choice: random.Random, folder: Path) -> None:
        self.done: Counter[str] = Counter()
        self.exits: list[int | None] = []
        self._site, self._choice, self._folder = site, choice, folder
        self._stop = folder / "stop"
        self._numbers = itertools.count()
        self._holders: list[ForkServerProcess] = []
        self._stopped: list[tuple[float, int]] = []

    @property
    def told(self) -> list[Path]:
        """The files in which the holders wrote down their leases."""
        return sorted(self._folder.glob("leases-*"))

    def run(self) -> None:
        """Begins when a holder has its first lease, goes on for as long as it should, lets everybody end in peace."""
        try:
            self._await_first_lease()
            ends = time.monotonic() + SOAK_S
            while time.monotonic() < ends:
                self._fill_up()
                time.sleep(self._choice.uniform(0.5, 3))
                self._continue_some(time.monotonic())
                self._strike()
            self._stop.touch()
            self._continue_some(float("inf"))
            for process in self._holders:
                process.join(PATIENCE_S)
        finally:
            for process in self._holders:
                process.kill()
                process.join()
        self.exits += [process.exitcode for process in self._holders]

    def _await_first_lease(self) -> None:
        """Engines killed while they start open the circuit: on a busy machine nobody would have one for long."""
        self._fill_up()
        wait_until(lambda: any(told.stat().st_size for told in self.told), 3 * PATIENCE_S)

    def _fill_up(self) -> None:
        ended = [process for process in self._holders if process.exitcode is not None]
        self.exits += [process.exitcode for process in ended]
        self._holders = [process for process in self._holders if process not in ended]
        while len(self._holders) < HOLDERS:
            told = self._folder / f"leases-{next(self._numbers)}"
            process = PROCESSES.Process(
                target=make_worlds_until, args=(self._site, None, self._choice.randrange(2**32), told, self._stop)
            )
            process.start()
            self._holders.append(process)

    def _strike(self) -> None:
        what = self._choice.choice(["kill a holder", "stop a holder", "kill an engine", "stop an engine"])
        if what.endswith("holder"):
            pids = [int(process.pid or 0) for process in self._holders if process.exitcode is None]
        else:
            pids = [pid_of(info.handle) for info in self._site.engines()]
        if not pids:
            return
        pid = self._choice.choice(pids)
        self.done[what] += 1
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL if what.startswith("kill") else signal.SIGSTOP)
        if what.startswith("stop"):
            self._stopped.append((time.monotonic() + LONGEST_STOP_S * self._choice.random() ** 2, pid))

    def _continue_some(self, now: float) -> None:
        for at, pid in self._stopped:
            if at <= now:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        self._stopped = [(at, pid) for at, pid in self._stopped if at > now]


def overlaps(jobs: list[JobRecord]) -> list[tuple[str, str]]:
    """Jobs of one engine of which the later began before the earlier, as far as its end is known, was over."""
    found = []
    for engine in {job.engine for job in jobs}:
        of_engine = sorted((_began(job), job) for job in jobs if job.engine == engine)
        for (began, job), (next_began, next_job) in itertools.pairwise(of_engine):
            if job.duration_s is not None and next_began < began + job.duration_s - _CLOCK_S:
                found.append((job.job_id, next_job.job_id))
    return found


def _began(job: JobRecord) -> float:
    return dt.datetime.fromisoformat(job.at).timestamp()


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """The hashes of the worlds as the native engine makes them in this process, by seed."""
    store, engine = WorldStore(tmp_path_factory.mktemp("native")), NativeEngine()
    for seed in SEEDS:
        publish(store, seed, engine.generate(WorldRequest(seed.number, GRID)))
    return {seed.key: hashes(store, seed) for seed in SEEDS}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path / "pool", SETTINGS)
    yield site
    site.end_engines()


def test_nothing_is_held_twice_lost_or_left_behind_whatever_happens(
    site: Site, tmp_path: Path, native: dict[str, dict[str, str]]
) -> None:
    seed = int(os.environ.get("VWE_SOAK_SEED") or random.SystemRandom().randrange(2**32))
    _log.warning("VWE_SOAK_SEED=%d", seed)
    site.break_engines(*FAULTS)
    misfortune, watch = Misfortune(site, random.Random(seed), tmp_path), Watch(site)
    with site.pool() as pool:
        pool.status()
        with watch.watching():
            misfortune.run()
        _log.warning("%s; %s", dict(misfortune.done), Counter(job.state for job in pool.history(10_000)))
        assert watch.broken == []
        assert set(misfortune.exits) <= {0, -signal.SIGKILL}

        leases = [line for told in misfortune.told for line in told.read_text(encoding="ascii").splitlines()]
        assert leases
        assert [lease for lease, count in Counter(leases).items() if count > 1] == []
        assert watch.double_jobs == []
        assert overlaps(pool.history(10_000)) == []
        assert 0 < watch.most_engines <= SLOTS
        published = {key: world for key, world in _published(site.store).items() if world}
        assert published
        assert published == {key: native[key] for key in published}

        site.break_engines()
        pool.reap()
        assert pool.warm(SLOTS) == SLOTS
        status = pool.status()
        assert [(slot.state, slot.holder) for slot in status.slots] == [(State.READY, None)] * SLOTS
        assert (status.waiting, len(site.engines())) == (0, SLOTS)
        assert pool.drain(timeout_s=PATIENCE_S) == SLOTS
    assert site.engines() == []
    assert site.socket_dirs() == []


def _published(store: WorldStore) -> dict[str, dict[str, str]]:
    return {seed.key: hashes(store, seed) for seed in SEEDS}
