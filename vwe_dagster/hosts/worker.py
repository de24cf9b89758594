"""The worker of a host: executes runs from the queues, maintains the pools of the host, and reports both.

Celery consumes the queues. SIGTERM drains the worker: it takes no more runs, waits for its runs, and ends.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import logging
import os
import platform
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import celery.signals
import redis
from filelock import FileLock, Timeout

from vwe_dagster.config.home import Home
from vwe_dagster.config.pool import settings_from_environment, valheim_settings_from_environment
from vwe_dagster.engine.messages import EngineError
from vwe_dagster.files.atomic import write_atomically
from vwe_dagster.hosts.app import RunThreads, worker_app
from vwe_dagster.hosts.host_reports import LOST_S, REPORT_S, HostReport, HostReports, HostState, PoolReport
from vwe_dagster.hosts.redis_connection import connect
from vwe_dagster.hosts.shared_data import DataWatch
from vwe_dagster.pool.clock import SystemClock
from vwe_dagster.pool.counts import read_counts
from vwe_dagster.pool.database import ledger_file
from vwe_dagster.pool.ledger import Ledger
from vwe_dagster.pool.opening import open_pool, state_folder
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.text.commands import vwe_command

DATA_S = 2.0
"""Seconds between two checks of the data folder."""

UPKEEP_S = 30.0
"""Seconds between two passes of the reaper over the pools of the host."""

_log = logging.getLogger(__name__)


class WorkerError(RuntimeError):
    """A worker cannot start. The message contains a remedy."""


@dataclasses.dataclass(frozen=True)
class Worker:
    """A worker of one host.

    Attributes:
        name: the name of the host.
        slots: runs that it executes concurrently.
        home: its home, with the pools of the host and the shared data folder.
        broker: the URL of Redis.
        watch: the watch of the data folder.
    """

    name: str
    slots: int
    home: Home
    broker: str
    watch: DataWatch

    def run(self, started: Callable[[], None]) -> None:
        """Work until SIGTERM or SIGINT; runs in progress are finished first.

        Args:
            started: called when this worker has its home and its name for itself.

        Raises:
            WorkerError: another worker uses the home or the name.
        """
        os.environ.update(self.home.environment)
        with (
            self._exclusive() as home,
            _repeating(self.watch.check, DATA_S, "data"),
            self._reporting(home) as report,
            self.maintaining(),
        ):
            started()

            def drain(**_: object) -> None:
                report(HostState.DRAINING)

            celery.signals.worker_shutting_down.connect(drain)
            # Threads wait for the processes of the runs. Workers need no events of each other.
            worker = worker_app(self.broker, self.name, self.watch).Worker(
                hostname=f"{self.name}@{platform.node()}",
                pool_cls=RunThreads,
                concurrency=self.slots,
                quiet=True,
                without_gossip=True,
                without_mingle=True,
                without_heartbeat=True,
            )
            worker.start()

    def pools(self) -> Sequence[tuple[PoolSettings, Path]]:
        """Return the settings and the folder of each configured pool of this host."""
        settings = (settings_from_environment(), valheim_settings_from_environment())
        return [(one, self.home.pools / one.folder_name) for one in settings if one is not None]

    def maintain(self) -> None:
        """Run one pass of the reaper over the pools that exist, and start their missing warm engines."""
        for settings, folder in self.pools():
            if not ledger_file(state_folder(folder)).is_file():
                continue
            try:
                with open_pool(settings, folder, data=self.home.data) as pool:
                    report = pool.reap()
                    alerts = pool.take_alerts()
            except EngineError as error:
                _log.warning("The pool %s cannot be maintained: %s", settings.name, error)
                continue
            for action in report.actions:
                _log.info("%s", action)
            for problem in filter(None, [report.problem, *alerts]):
                _log.warning("The pool %s: %s", settings.name, problem)

    @contextlib.contextmanager
    def maintaining(self) -> Iterator[None]:
        """Maintain the pools in a thread during the block: immediately, and then every :data:`UPKEEP_S` seconds."""
        with _repeating(self.maintain, UPKEEP_S, "upkeep"):
            yield

    def report(self, state: HostState) -> HostReport:
        """Return the report of this worker, in a state of its own while it has no data folder."""
        if state is HostState.WORKING and not self.watch.is_present:
            state = HostState.WITHOUT_DATA
        return HostReport(
            name=self.name,
            machine=platform.node(),
            process=os.getpid(),
            slots=self.slots,
            version=importlib.metadata.version("vwe-dagster"),
            state=state,
            seen_s=0.0,
            pools=tuple(filter(None, (_pool_report(settings, folder) for settings, folder in self.pools()))),
            free_disk_bytes=shutil.disk_usage(self.home.folder).free,
        )

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[str]:
        """Hold the lock of the home and the name of the host; yield the id of the home.

        Raises:
            WorkerError: another worker uses the home or the name.
        """
        lock = self.home.pools.parent / "worker.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(FileLock(lock, timeout=0))
            except Timeout as error:
                raise WorkerError(
                    f"Another worker uses the home {self.home.folder}; wait until it has ended. A drained worker ends "
                    f"after its runs, which are listed by: {vwe_command('hosts')}"
                ) from error
            home, reports = _id_of(lock.with_name("worker.id")), HostReports(connect(self.broker))
            if not reports.take_name(self.name, home):
                other = next((one for one in reports.read() if one.name == self.name), None)
                where = "" if other is None else f" on {other.machine}, process {other.process},"
                raise WorkerError(
                    f"Another worker{where} has the name {self.name}; choose another name with --name. If that worker "
                    f"was killed, its name is free after {LOST_S:g} s."
                )
            yield home

    @contextlib.contextmanager
    def _reporting(self, home: str) -> Iterator[Callable[[HostState], None]]:
        """Report the state every few seconds during the block, STOPPED at its end; yield the setter of the state."""
        reports, state = HostReports(connect(self.broker)), HostState.WORKING

        def write() -> None:
            try:
                if reports.take_name(self.name, home):
                    reports.write(self.report(state))
                else:
                    # It took the name while this host did not reach Redis.
                    _log.error("Another worker has the name %s, so this one is not listed; end one of them.", self.name)
            except (redis.RedisError, EngineError, OSError) as error:
                _log.warning("The state of the host cannot be reported: %s", error)

        def change(wanted: HostState) -> None:
            nonlocal state
            state = wanted

        try:
            with _repeating(write, REPORT_S, "reports"):
                yield change
        finally:
            change(HostState.STOPPED)
            write()
            with contextlib.suppress(redis.RedisError):
                reports.release_name(self.name, home)


def _id_of(path: Path) -> str:
    """Return the id in a file, which is created if it is missing or empty."""
    with contextlib.suppress(FileNotFoundError):
        if text := path.read_text(encoding="utf-8").strip():
            return text
    identity = secrets.token_hex(8)
    write_atomically(path, identity.encode())
    return identity


@contextlib.contextmanager
def _repeating(work: Callable[[], object], every_s: float, name: str) -> Iterator[None]:
    """Call ``work`` in a thread during the block, immediately and then at intervals; wait for the last call."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.is_set():
            try:
                work()
            except Exception:  # noqa: BLE001  a failed pass must not end the thread
                _log.exception("The thread %s of the worker failed and tries again.", name)
            ended.wait(every_s)

    thread = threading.Thread(target=repeat, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _pool_report(settings: PoolSettings, folder: Path) -> PoolReport | None:
    """Return the state of a pool; None if it was never used, or if its ledger cannot be read.

    A host with a full disk still executes runs, so it must not count as lost.
    """
    if not ledger_file(state_folder(folder)).is_file():
        return None
    try:
        ledger = Ledger(state_folder(folder))
        try:
            counts = read_counts(ledger, SystemClock())
        finally:
            ledger.close()
    except EngineError as error:
        _log.warning("The state of the pool %s cannot be reported: %s", settings.name, error)
        return None
    engines = {state.value: count for state, count in counts.slots.items() if count}
    return PoolReport(settings.name, counts.size, counts.free, engines, counts.waiting)
