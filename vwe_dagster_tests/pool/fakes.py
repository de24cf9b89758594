"""Test doubles for the pool: engines without computation, their launcher, and a clock that tests control."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from vwe_dagster.engine.client import EngineRefusedError, JobTerms
from vwe_dagster.engine.connections import EngineUnreachableError
from vwe_dagster.engine.jobs import Jobs
from vwe_dagster.engine.layers import OnLayer
from vwe_dagster.engine.messages import (
    LINES,
    PLANES,
    EngineError,
    EngineIdentity,
    Progress,
    SurveyExport,
    SurveyRequest,
    WorldExport,
    WorldRequest,
)
from vwe_dagster.engine.protocol import (
    Capabilities,
    EngineState,
    ErrorBody,
    GridRequest,
    JobRequest,
    JobState,
    RefusalError,
    Status,
    layer_kind,
)
from vwe_dagster.locations.table_file import shipped_table
from vwe_dagster.locations.table_json import LocationTableDocument
from vwe_dagster.pool.clock import Clock
from vwe_dagster.pool.connection import Connections
from vwe_dagster.pool.kinds import Reason
from vwe_dagster.pool.launcher import EngineEnd, EngineInfo, LaunchedEngine, LauncherError, LaunchSpec
from vwe_dagster.pool.ledger import Ledger, Slot
from vwe_dagster.pool.pool import EnginePool
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.slot_locks import SlotLock
from vwe_dagster.pool.upkeep import Upkeep
from vwe_dagster.world.grid import MAX_SIZE, MIN_SIZE, Grid

REQUEST = WorldRequest(1, Grid.of_world(64))
IDENTITY = EngineIdentity("native", "1.0")
_POLL_S = 0.002


class FakeClock:
    """A clock that advances only by :meth:`sleep` and by assignment to ``time``."""

    def __init__(self) -> None:
        self.boot = "this boot"
        self.time = 1000.0
        self.on_sleep: Callable[[], None] = lambda: None

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        self.on_sleep()


class FakeEngine:
    """An engine without a process: a :class:`StubEngine` behind the real job handling, with configurable faults.

    Attributes:
        running: whether its process runs.
        hangs: whether it leaves every call unanswered.
        reset_fails: whether its next reset finds it broken.
        served: the job handling of a real engine.
        jobs: token and id of every started job.
    """

    def __init__(self, name: str, started_s: float) -> None:
        self.name, self.started_s = name, started_s
        self.running, self.hangs, self.reset_fails = True, False, False
        self.jobs: list[tuple[int, str]] = []
        self.stub = StubEngine(self)
        self.served = Jobs(self.stub, name)

    @property
    def most_concurrent_jobs(self) -> int:
        """The maximum number of jobs that ran concurrently."""
        return self.stub.most_concurrent_jobs

    def break_down(self, reason: str = "It broke.") -> None:
        """Enter the state ``error`` like an engine that detects that it is broken."""
        with self.served._changed:  # noqa: SLF001  no call of the protocol breaks an engine
            self.served._fail(ErrorBody(code="engine_failed", message=reason, retryable=False))  # noqa: SLF001


class StubEngine:
    """An engine that generates empty worlds. A job runs until its holder lets it finish or the engine ends."""

    identity = IDENTITY
    capabilities = Capabilities(
        layers=tuple(layer_kind(name) for name in (*PLANES, *LINES)),
        world_gen_versions=(2,),
        min_size=MIN_SIZE,
        max_size=MAX_SIZE,
    )

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self._guard = threading.Lock()
        self._at_once = 0
        self.most_concurrent_jobs = 0
        self.may_finish = threading.Event()

    def generate(self, request: WorldRequest, progress: Progress, on_layer: OnLayer) -> WorldExport:  # noqa: ARG002
        with self._guard:
            self._at_once += 1
            self.most_concurrent_jobs = max(self.most_concurrent_jobs, self._at_once)
        try:
            while not self.may_finish.wait(_POLL_S) and self._engine.running:
                progress(0.5, "half of it")
        finally:
            with self._guard:
                self._at_once -= 1
        return WorldExport(request, IDENTITY, {}, {}, {})

    def verify(self) -> None:
        if self._engine.reset_fails:
            raise EngineError("It computes something else.")


class FakeMachine:
    """The state that all fake processes share: the existing engines and the clock."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.engines: dict[str, FakeEngine] = {}
        self.digest = "one configuration"
        self.boots_take_s = 0.0
        self.boots_broken: str | None = None
        self.launches = 0
        self.launch_fails: str | None = None
        self.launcher_is_down = False
        self.end: EngineEnd | None = None
        self.most_running = 0
        self.in_job: Callable[[FakeEngine, str], None] = lambda _engine, _phase: None

    def pool(
        self,
        folder: Path,
        settings: PoolSettings,
        clock: Clock | None = None,
        reach: Callable[[str], None] = lambda _point: None,
    ) -> EnginePool:
        """Open the pool as another process.

        Args:
            folder: the folder of its ledger and locks.
            settings: the settings of the pool.
            clock: the clock of the process; None for the clock of the machine.
            reach: called at each point of :data:`STOPS`; the process is stopped while this function waits.
        """
        return EnginePool(
            Upkeep(
                settings=settings,
                ledger=StoppingLedger(folder, reach),
                launcher=FakeLauncher(self, reach),
                connections=Connections(lambda launched: FakeConnection(self, launched.handle)),
                clock=clock or self.clock,
                pool_id="fake",
                locks=folder / "locks",
            ),
            data=folder,
        )


STOPS = ("starting", "launching", "launched", "taking", "fencing")
"""Points between two steps of the pool: with the lock of an empty slot; after the start was recorded; after the engine
was launched; with the lock of a free engine; after a slot was taken from its holder but before its lock was."""


class StoppingLedger(Ledger):
    """A ledger that can stop its process before or after it records a step."""

    def __init__(self, folder: Path, reach: Callable[[str], None]) -> None:
        super().__init__(folder)
        self._reach = reach

    def begin_engine(
        self,
        slot: int,
        *,
        single_flight_s: float | None,
        reason: Reason,
        changes: dict[str, object],
        admits: Callable[[sqlite3.Connection], bool] = lambda _: True,
    ) -> Slot | None:
        self._reach("starting")
        return super().begin_engine(
            slot, single_flight_s=single_flight_s, reason=reason, changes=changes, admits=admits
        )

    def take(self, slot: int, token: int, *, holder: str, now: float, deadline: float, boot: str) -> int:
        self._reach("taking")
        return super().take(slot, token, holder=holder, now=now, deadline=deadline, boot=boot)

    def fence(self, slot: int, token: int, *, holder: str, now: float, deadline: float, boot: str) -> int:
        fenced = super().fence(slot, token, holder=holder, now=now, deadline=deadline, boot=boot)
        self._reach("fencing")
        return fenced


class FakeLauncher:
    """A launcher of the engines of a fake machine."""

    def __init__(self, machine: FakeMachine, reach: Callable[[str], None] = lambda _point: None) -> None:
        self._machine = machine
        self._reach = reach

    @property
    def digest(self) -> str:
        self._refuse_down()
        return self._machine.digest

    def launch(self, spec: LaunchSpec) -> LaunchedEngine:
        machine = self._machine
        self._reach("launching")
        self._refuse_down()
        machine.launches += 1
        if machine.launch_fails:
            raise LauncherError(machine.launch_fails)
        machine.engines[spec.engine] = FakeEngine(spec.engine, machine.clock.now())
        machine.most_running = max(machine.most_running, sum(one.running for one in machine.engines.values()))
        self._reach("launched")
        return LaunchedEngine(spec.engine, f"unix:/fake/{spec.engine}")

    def running(self, launched: LaunchedEngine) -> bool:
        self._refuse_down()
        engine = self._machine.engines.get(launched.handle)
        return engine is not None and engine.running

    def cause_of_end(self, launched: LaunchedEngine) -> EngineEnd:
        return self._machine.end or EngineEnd(f"{launched.handle} was killed")

    def end(self, engine: str, launched: LaunchedEngine | None) -> None:  # noqa: ARG002
        self._refuse_down()
        if engine in self._machine.engines:
            self._machine.engines[engine].running = False

    def engines(self) -> list[EngineInfo]:
        self._refuse_down()
        now = self._machine.clock.now()
        return [
            EngineInfo(one.name, one.name, running=True, age_s=now - one.started_s)
            for one in self._machine.engines.values()
            if one.running
        ]

    def log(self, engine: str, *, lines: int) -> str:
        return f"the last {lines} lines of {engine}"

    def memory_bytes(self, launched: LaunchedEngine) -> int | None:  # noqa: ARG002
        return 1

    def remove_logs(self, keep: set[str]) -> None:
        pass

    def _refuse_down(self) -> None:
        if self._machine.launcher_is_down:
            raise LauncherError("The launcher does not answer.")


class FakeConnection:
    """Calls an engine of a fake machine like :class:`vwe_dagster.engine.client.EngineClient`, without a socket."""

    def __init__(self, machine: FakeMachine, name: str) -> None:
        self._machine = machine
        self._name = name

    def status(self) -> Status:
        engine = self._reach()
        if self._machine.clock.now() - engine.started_s < self._machine.boots_take_s:
            raise EngineUnreachableError("It is still booting.")
        status = engine.served.status()
        if engine.jobs or status.token:
            return status
        # The idle time of an unused engine follows the fake clock.
        idle_s = self._machine.clock.now() - engine.started_s - self._machine.boots_take_s
        return status.model_copy(update={"idle_s": idle_s})

    def claim(self, token: int) -> Status:
        with _refusals():
            self._reach().served.claim(token)
        return self.status()

    def reset(self, token: int) -> Status:
        with _refusals():
            self._reach().served.reset(token)
        return self.status()

    def location_table(self) -> LocationTableDocument:
        self._reach()
        return LocationTableDocument.of(shipped_table())

    def generate(self, request: WorldRequest, terms: JobTerms) -> WorldExport:
        engine = self._reach()
        job = JobRequest(
            token=terms.token,
            job_id=terms.job_id,
            seed=request.seed,
            world_gen_version=request.world_gen_version,
            grid=GridRequest(size=request.grid.size),
            layers=request.layers,
            deadline_s=terms.deadline_s,
        )
        with _refusals():
            engine.stub.may_finish.clear()
            engine.served.start(job)
            engine.jobs.append((terms.token, terms.job_id))
            try:
                terms.progress(0.5, "half of it")
                self._machine.in_job(engine, "generating")
                self._finish(terms.job_id)
                terms.exporting()
                self._machine.in_job(engine, "exporting")
                self._reach()
            except EngineUnreachableError:
                raise
            except BaseException:
                with contextlib.suppress(RefusalError):
                    engine.served.cancel(terms.job_id)
                raise
        return WorldExport(request, IDENTITY, {}, {}, {})

    def survey(self, request: SurveyRequest, terms: JobTerms) -> SurveyExport:  # noqa: ARG002
        raise EngineError(f"A stand-in computes no survey of {len(request.seeds)} seeds.")

    def close(self) -> None:
        pass

    def _finish(self, job_id: str) -> None:
        """Let a job finish, and wait for its end.

        Raises:
            EngineError: the job failed or was canceled.
        """
        engine = self._reach()
        status = engine.served.job(job_id)
        if status.state is JobState.RUNNING and status.phase != "stopping":
            engine.stub.may_finish.set()
        while (status := self._reach().served.job(job_id)).state is JobState.RUNNING:
            time.sleep(_POLL_S)
        if status.state is not JobState.DONE:
            raise EngineError(status.error.message if status.error is not None else f"It was {status.state}.")

    def _reach(self) -> FakeEngine:
        machine, engine = self._machine, self._machine.engines[self._name]
        if engine.hangs or not engine.running:
            raise EngineUnreachableError("The engine does not answer.")
        if machine.boots_broken and engine.served.status().state is not EngineState.ERROR:
            engine.break_down(machine.boots_broken)
        return engine


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """Convert an engine's rejections to the errors that a client raises."""
    try:
        yield
    except RefusalError as refusal:
        raise EngineRefusedError(refusal.body, refusal.status) from refusal


class Holder:
    """A fake process that holds a lease and works in a thread, which tests stop and continue during a job."""

    _numbers = itertools.count(1)

    def __init__(self, pool: EnginePool) -> None:
        # Without `with`, since the lease of a dead holder must not be returned.
        self.lease = pool.allocation.acquire(purpose=f"holder {next(self._numbers)}", timeout_s=1)
        self.thread: threading.Thread | None = None
        self.error: BaseException | None = None
        self.export: WorldExport | None = None
        self._stopped_at = threading.Event()
        self._go_on = threading.Event()

    def begin_job(self, machine: FakeMachine, phase: str) -> None:
        """Start a world, and stop in the given phase."""

        def in_job(engine: FakeEngine, now_in: str) -> None:
            if now_in == phase and threading.current_thread() is self.thread and engine.name == self.lease.engine:
                self._stopped_at.set()
                self._go_on.wait(20)

        def work() -> None:
            try:
                self.export = self.lease.generate(REQUEST)
            except BaseException as error:  # noqa: BLE001  checked by the test
                self.error = error
            self._stopped_at.set()

        machine.in_job = _both(machine.in_job, in_job)
        self.thread = threading.Thread(target=work, daemon=True)
        self.thread.start()
        assert self._stopped_at.wait(20)

    def go_on(self) -> None:
        """Continue the job to its end."""
        self._go_on.set()
        if self.thread is not None:
            self.thread.join(20)
            assert not self.thread.is_alive()

    def die(self) -> None:
        """Die: the kernel releases the lock, and nothing else happens."""
        self.lease._lock.release()  # noqa: SLF001  simulates the death of a process

    def return_engine(self) -> None:
        self.lease.return_engine()


class FakeProcess:
    """A process that shares a pool. It can be stopped at any of :data:`STOPS`, in a lease and in a job, and killed.

    Attributes:
        stopped_at: the point where it is stopped; None if it runs.
        is_dead: whether it was killed.
        tokens: slot and token of each of its leases.
        error: the error of its last operation.
    """

    def __init__(self, machine: FakeMachine, folder: Path, settings: PoolSettings) -> None:
        self._machine = machine
        self.pool = machine.pool(folder, settings, reach=self._reach)
        self._locks: list[SlotLock] = []
        upkeep = self.pool._upkeep  # noqa: SLF001  die() releases the locks
        make = upkeep.lock

        def lock(slot: int, holder: str | None = None) -> SlotLock:
            self._locks.append(make(slot, holder))
            return self._locks[-1]

        upkeep.lock = lock  # type: ignore[method-assign]
        machine.in_job = _both(machine.in_job, self._in_job)
        self.stopped_at: str | None = None
        self.is_dead = False
        self.tokens: list[tuple[int, int]] = []
        self.error: BaseException | None = None
        self._stops_at: str | None = None
        self._thread: threading.Thread | None = None
        self._rests = threading.Event()
        self._go_on = threading.Event()

    def run(self, operation: Callable[[], object], *, stop_at: str | None = None) -> None:
        """Run an operation to its end, or until it reaches ``stop_at``."""

        def work() -> None:
            try:
                operation()
            except BaseException as error:  # noqa: BLE001  checked by the test
                self.error = error
            self._rests.set()

        self.error, self._stops_at = None, stop_at
        self._rests.clear()
        self._go_on.clear()
        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()
        assert self._rests.wait(20)

    def make_world(self) -> None:
        """Lease an engine, generate a world, confirm it, and return the engine."""
        lease = self.pool.allocation.acquire(purpose="a world", timeout_s=1)
        self.tokens.append((lease.slot, lease.token))
        self._reach("leased")
        try:
            lease.generate(REQUEST).confirm()
        finally:
            lease.return_engine()

    def go_on(self) -> None:
        """Continue to the end of the operation."""
        self.stopped_at = None
        self._rests.clear()
        self._go_on.set()
        assert self._rests.wait(20)

    def die(self) -> None:
        """Die at the point where it is stopped: the kernel releases its locks, and nothing else happens."""
        self.is_dead = True
        for lock in self._locks:
            lock.release()

    def _reach(self, point: str) -> None:
        if point == self._stops_at and threading.current_thread() is self._thread:
            self._stops_at, self.stopped_at = None, point
            self._rests.set()
            self._go_on.wait()

    def _in_job(self, _engine: FakeEngine, phase: str) -> None:
        self._reach(phase)


def _both(
    first: Callable[[FakeEngine, str], None], second: Callable[[FakeEngine, str], None]
) -> Callable[[FakeEngine, str], None]:
    def both(engine: FakeEngine, phase: str) -> None:
        first(engine, phase)
        second(engine, phase)

    return both


def failing(*, at: str, error: EngineError) -> Callable[[FakeEngine, str], None]:
    """Return a hook that raises ``error`` in the given phase of a job."""

    def in_job(_engine: FakeEngine, phase: str) -> None:
        if phase == at:
            raise error

    return in_job
