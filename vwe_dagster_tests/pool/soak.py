"""A soak test: processes share a pool while they and its engines are killed and stopped, and slots taken, at random.

``python -m vwe_dagster_tests.pool.soak --minutes 30`` prints one line of figures. It fails if the last figures are not
all zero. ``make soak MINUTES=30`` runs it.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime as dt
import itertools
import logging
import os
import random
import re
import signal
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Final

from vwe_dagster.engine.messages import EngineError, WorldRequest
from vwe_dagster.pool.database import ledger_file
from vwe_dagster.pool.errors import DamagedLedgerError, PoolError
from vwe_dagster.pool.ledger import JobRecord, Ledger
from vwe_dagster.pool.opening import state_folder
from vwe_dagster.pool.pool import EnginePool
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.states import State
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import WorldStore
from vwe_dagster_tests.engine.engines import wait_until
from vwe_dagster_tests.engine.simple_engine import SimpleEngine
from vwe_dagster_tests.forking import PROCESSES
from vwe_dagster_tests.pool.history import Kind, Operation, Recorder, first_violation, operations, recorded
from vwe_dagster_tests.pool.holders import GRID, PATIENCE_S, Site, hashes, pid_of, publish

SLOTS: Final = 3
HOLDERS: Final = 4
SEEDS = [parse_seed(key) for key in ("HHcLC5acQt", "one", "two", "three", "four")]
SETTINGS = PoolSettings(
    max_warm_containers=SLOTS, min_free_disk_gb=0, world_gen_timeout=4, engine_startup_timeout=20, idle_minutes=5
)
CALM_STARTUP_S: Final = 3.0 * PATIENCE_S
"""Seconds that engines may take to start at the end: on a busy machine, three at a time take more than 20."""

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
MAX_STOP_S: Final = 18.0
"""Long enough for a stopped holder to be fenced; most stops are much shorter."""

_LONG_STOP_S = 1.0
"""A process that is stopped this long while it writes to the ledger noticeably delays every other holder."""

STRIKES: Final[Mapping[str, float]] = {
    "stop a holder": 0.5,
    "stop an engine": 0.354,
    "take a slot by force": 0.08,
    "kill a holder": 0.05,
    "kill an engine": 0.012,
    "damage the ledger": 0.004,
}
"""The weight of each fault. Replacing a killed engine takes half a second of processor time, and the repair of a
ledger replaces all engines."""

_PAUSE_S = (0.02, 0.2)
_CLOCK_S = 0.05
"""Tolerance for the times of the ledger, which are written for people only."""

_OVERDUE = re.compile(r"^(?P<at>[\d.]+) .* has been held for (?P<held_s>\d+) s .*$", re.MULTILINE)
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Figures:
    """The result of a soak; all sequences must be empty.

    Attributes:
        faults: the number of faults of each kind.
        leases: the number of leases.
        published: the number of published worlds.
        jobs: the number of jobs by outcome.
        double_tokens: slots and tokens that two leases had.
        double_jobs: engines that had two jobs, and pairs of overlapping jobs of one engine.
        wrong_worlds: seeds whose published world differs from the one generated in this process.
        leaks: leases that were held too long, and leftovers at the end.
        violations: operations that no legal order explains.
        crashes: unexpected ends of holders, and errors of the watch.
    """

    faults: Mapping[str, int]
    leases: int
    published: int
    jobs: Mapping[str, int]
    double_tokens: Sequence[object]
    double_jobs: Sequence[object]
    wrong_worlds: Sequence[object]
    leaks: Sequence[object]
    violations: Sequence[object]
    crashes: Sequence[object]
    most_engines: int

    @property
    def broken(self) -> Mapping[str, Sequence[object]]:
        """The violated invariants by name."""
        bad = {
            "double tokens": self.double_tokens,
            "double jobs": self.double_jobs,
            "wrong worlds": self.wrong_worlds,
            "leaks": self.leaks,
            "out of order": self.violations,
            "crashes": self.crashes,
        }
        return {name: found for name, found in bad.items() if found}

    def line(self) -> str:
        """Return the figures on one line."""
        return (
            f"faults {sum(self.faults.values())}, leases {self.leases}, worlds {self.published}, "
            f"double tokens {len(self.double_tokens)}, double jobs {len(self.double_jobs)}, "
            f"wrong worlds {len(self.wrong_worlds)}, out of order {len(self.violations)}, leaks {len(self.leaks)}, "
            f"crashes {len(self.crashes)}"
        )


def soak(folder: Path, seconds: float, seed: int) -> Figures:
    """Run a soak in an empty folder and return its figures. No process of it is left running.

    Raises:
        EngineError: the pool did not recover in the end.
    """
    site = Site(folder / "pool", SETTINGS)
    expected = expected_worlds(folder / "expected")
    site.break_engines(*FAULTS)
    misfortune, watch = Misfortune(site, random.Random(seed), folder, seconds), Watch(site)
    try:
        with site.pool() as pool:
            pool.status()
            with watch.watching():
                misfortune.run()
            jobs = pool.history(10_000)
        leaks = [*_overdue(misfortune), *_left_behind(site)]
    finally:
        site.end_engines()
    calls = [call for path in misfortune.records for call in recorded(path)]
    leases = Counter((call["slot"], call["token"]) for call in calls if call["kind"] == Kind.LEASE and "token" in call)
    published = [call for call in calls if call["kind"] == Kind.PUBLISH]
    kept = {seed.key: world for seed in SEEDS if (world := hashes(site.store, seed))}
    wrong = [call["seed"] for call in published if call.get("world", expected[call["seed"]]) != expected[call["seed"]]]
    return Figures(
        faults=dict(misfortune.done),
        leases=leases.total(),
        published=sum("world" in call for call in published),
        jobs=Counter(job.state for job in jobs),
        double_tokens=[lease for lease, count in leases.items() if count > 1],
        double_jobs=[*watch.double_jobs, *overlaps(jobs)],
        wrong_worlds=[*wrong, *(key for key, world in kept.items() if world != expected[key])],
        leaks=leaks,
        violations=_violations(operations(calls)),
        crashes=[*watch.broken, *(code for code in misfortune.exits if code not in {0, -signal.SIGKILL})],
        most_engines=watch.most_engines,
    )


def expected_worlds(folder: Path) -> dict[str, dict[str, str]]:
    """Return the hashes of the worlds as an engine in this process generates them, by seed."""
    store, engine = WorldStore(folder), SimpleEngine()
    for seed in SEEDS:
        publish(store, seed, engine.generate(WorldRequest(seed.number, GRID)))
    return {seed.key: hashes(store, seed) for seed in SEEDS}


def _left_behind(site: Site) -> list[str]:
    """Let the pool recover, warm it and end all engines; return unexpected leftovers."""
    site.break_engines()
    left = []
    with site.pool(engine_startup_timeout=CALM_STARTUP_S) as pool:
        pool.reap()
        # Engines that were started before may still have faults.
        pool.drain(timeout_s=CALM_STARTUP_S)
        ready = pool.warm(SLOTS)
        pool.reap()
        status = pool.status()
        if (ready, status.waiting, len(site.engines())) != (SLOTS, 0, SLOTS):
            left.append(f"{ready} engines ready, {len(site.engines())} running, {status.waiting} waiting")
        left += [f"slot {one.slot}: {one.state}, {one.holder}" for one in status.slots if one.state != State.READY]
        left += [f"slot {one.slot}: held by {one.holder}" for one in status.slots if one.holder is not None]
        pool.drain(timeout_s=CALM_STARTUP_S)
        pool.reap()
    left += [f"engine {info.engine}" for info in site.engines()]
    left += [f"socket directory {path}" for path in site.socket_dirs()]
    locks = {path.name for path in (state_folder(site.folder) / "locks").iterdir()}
    left += sorted(locks - {f"slot-{slot}.lock" for slot in range(SLOTS)})
    return left


def _violations(history: Sequence[Operation]) -> list[Operation]:
    by_slot: dict[int, list[Operation]] = defaultdict(list)
    for operation in history:
        by_slot[operation.slot].append(operation)
    return [found for one in by_slot.values() if (found := first_violation(one)) is not None]


def _overdue(misfortune: Misfortune) -> list[str]:
    """Return the leases that were held too long while no process was stopped for long."""
    found = []
    for path in misfortune.records:
        log = path.with_suffix(".log")
        reports = _OVERDUE.finditer(log.read_text(encoding="utf-8")) if log.exists() else ()
        for report in reports:
            until = float(report["at"])
            since = until - float(report["held_s"])
            if not any(began < until and since < ended for began, ended in misfortune.long_stops):
                found.append(report[0])
    return found


def make_worlds_until(site: Site, _connection: Connection[Any, Any], seed: int, record: Path, stop: Path) -> None:
    """Generate and publish worlds until a file appears; record every operation before it begins and when it ends."""
    logging.getLogger("vwe_dagster").propagate = False
    log = logging.FileHandler(record.with_suffix(".log"), delay=True)
    log.setFormatter(logging.Formatter("%(created)f %(message)s"))
    logging.getLogger("vwe_dagster").addHandler(log)
    choice = random.Random(seed)
    with site.pool() as pool, Recorder(record) as recorder:
        while not stop.exists():
            seed_of_world = choice.choice(SEEDS)
            request = WorldRequest(seed_of_world.number, GRID)
            with contextlib.suppress(EngineError):
                call = recorder.call(Kind.LEASE)
                with pool.lease(purpose=seed_of_world.key) as lease:
                    facts = {"slot": lease.slot, "token": lease.token}
                    recorder.returned(call, **facts)
                    with _recording(recorder, Kind.EXPORT, facts):
                        export = lease.generate(request)

                def confirm() -> None:
                    with _recording(recorder, Kind.CONFIRM, facts):  # noqa: B023  called in this iteration
                        export.confirm()  # noqa: B023

                call = recorder.call(Kind.PUBLISH, seed=seed_of_world.key)
                publish(site.store, seed_of_world, dataclasses.replace(export, confirm=confirm))
                world = hashes(site.store, seed_of_world)
                recorder.returned(call, **({"world": world} if world else {}))


def _take_a_slot(pool: EnginePool, choice: random.Random) -> None:
    pool.release(choice.randrange(SLOTS), force=True)


@contextlib.contextmanager
def _recording(recorder: Recorder, kind: Kind, facts: Mapping[str, object]) -> Iterator[None]:
    """Record an operation and whether it succeeded."""
    call = recorder.call(kind, **facts)
    try:
        yield
    except EngineError:
        recorder.returned(call, is_good=False)
        raise
    recorder.returned(call, is_good=True)


@dataclasses.dataclass
class Watch:
    """The observations of the watch thread during a soak."""

    site: Site
    most_engines: int = 0
    double_jobs: list[str] = dataclasses.field(default_factory=list)
    broken: list[Exception] = dataclasses.field(default_factory=list)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Watch from a separate thread while the block lasts."""
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
        running: Counter[str] = Counter()
        with contextlib.suppress(DamagedLedgerError):
            running.update(job.engine for job in ledger.jobs(100) if job.state == "running")
        self.double_jobs += [engine for engine, count in running.items() if count > 1]


class Misfortune:
    """Injects faults into holders, engines and slots, and replaces killed holders."""

    def __init__(self, site: Site, choice: random.Random, folder: Path, seconds: float) -> None:
        self.done: Counter[str] = Counter()
        self.long_stops: list[tuple[float, float]] = []
        """Start and end of each long stop of a process, in seconds of the wall clock."""
        self.exits: list[int | None] = []
        self._site, self._choice, self._folder, self._seconds = site, choice, folder, seconds
        self._stop = folder / "stop"
        self._numbers = itertools.count()
        self._holders: list[ForkServerProcess] = []
        self._stopped: list[tuple[float, float, int]] = []
        """Start, end and process id of each stop."""

    @property
    def records(self) -> list[Path]:
        """The files in which the holders recorded their operations."""
        return sorted(self._folder.glob("leases-*.jsonl"))

    def run(self) -> None:
        """Wait for a lease, inject faults until the time is over and a world is published, then end the holders."""
        try:
            self._await_first_lease()
            ends = time.monotonic() + self._seconds
            while (left := ends - time.monotonic()) > 0 or (left > -3 * PATIENCE_S and not self._has_recorded("world")):
                self._fill_up()
                time.sleep(self._choice.uniform(*_PAUSE_S))
                self._continue_some()
                self._strike()
            self._stop.touch()
            self._continue_some(all_of_them=True)
            for process in self._holders:
                process.join(PATIENCE_S)
        finally:
            for process in self._holders:
                process.kill()
                process.join()
        self.exits += [process.exitcode for process in self._holders]

    def _await_first_lease(self) -> None:
        """Wait before the first fault: engines killed while starting would open the circuit before any lease."""
        self._fill_up()
        wait_until(lambda: self._has_recorded("token"), 3 * PATIENCE_S)

    def _has_recorded(self, field: str) -> bool:
        """Return whether a holder has recorded a field: ``token`` of a lease, ``world`` of a published world."""
        return any(f'"{field}"' in record.read_text(encoding="utf-8") for record in self.records)

    def _fill_up(self) -> None:
        ended = [process for process in self._holders if process.exitcode is not None]
        self.exits += [process.exitcode for process in ended]
        self._holders = [process for process in self._holders if process not in ended]
        while len(self._holders) < HOLDERS:
            record = self._folder / f"leases-{next(self._numbers)}.jsonl"
            process = PROCESSES.Process(
                target=make_worlds_until, args=(self._site, None, self._choice.randrange(2**32), record, self._stop)
            )
            process.start()
            self._holders.append(process)

    def _strike(self) -> None:
        (what,) = self._choice.choices(list(STRIKES), list(STRIKES.values()))
        if what in {"take a slot by force", "damage the ledger"}:
            with self._site.pool() as pool, contextlib.suppress(PoolError):
                _take_a_slot(pool, self._choice) if what.startswith("take") else self._damage(pool)
                self.done[what] += 1
            return
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
            now = time.time()
            self._stopped.append((now, now + MAX_STOP_S * self._choice.random() ** 40, pid))

    def _damage(self, pool: EnginePool) -> None:
        """Overwrite a part of the ledger, and repair it if the damage is detected; SQLite may rewrite parts in use."""
        with ledger_file(state_folder(self._site.folder)).open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * 8192)
        with Recorder(self._folder / f"leases-{next(self._numbers)}.jsonl") as recorder:
            calls = [recorder.call(Kind.REPAIR, slot=slot) for slot in range(SLOTS)]
            report = pool.repair()
            for slot, call in enumerate(calls):
                if report.first_token is not None:
                    recorder.returned(call, slot=slot, token=report.first_token - 1)

    def _continue_some(self, *, all_of_them: bool = False) -> None:
        now = time.time()
        for since, until, pid in list(self._stopped):
            if until <= now or all_of_them:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
                self._stopped.remove((since, until, pid))
                if now - since >= _LONG_STOP_S:
                    self.long_stops.append((since, now))


def overlaps(jobs: list[JobRecord]) -> list[tuple[str, str]]:
    """Return pairs of jobs of one engine in which the later job began before the known end of the earlier one."""
    found = []
    for engine in {job.engine for job in jobs}:
        of_engine = sorted((_began(job), job) for job in jobs if job.engine == engine)
        for (began, job), (next_began, next_job) in itertools.pairwise(of_engine):
            if job.duration_s is not None and next_began < began + job.duration_s - _CLOCK_S:
                found.append((job.job_id, next_job.job_id))
    return found


def _began(job: JobRecord) -> float:
    return dt.datetime.fromisoformat(job.at).timestamp()


def main() -> int:
    """Run a soak, print its figures, and return the exit code."""
    parser = argparse.ArgumentParser(description="Share a pool while its processes and engines are killed and stopped.")
    parser.add_argument("--minutes", type=float, default=30.0, help="how long; 30 if not given")
    parser.add_argument("--seed", type=int, default=None, help="which faults; random if not given")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if given.seed is None else given.seed
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="vwe-soak-") as folder:
        figures = soak(Path(folder), 60 * given.minutes, seed)
    sys.stdout.write(f"{figures.line()} ({given.minutes:g} minutes, seed {seed})\n")
    for name, found in figures.broken.items():
        sys.stderr.write(f"{name}: {found}\n")
    return 1 if figures.broken else 0


if __name__ == "__main__":
    sys.exit(main())
