"""A machine of stand-ins: engines that do nothing, a launcher that starts them, and a clock that tests turn."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections.abc import Callable
from pathlib import Path

from vwe_dagster.engine.client import EngineRefusedError
from vwe_dagster.engine.connections import EngineUnreachableError
from vwe_dagster.engine.messages import EngineError, EngineIdentity, Progress, WorldExport, WorldRequest
from vwe_dagster.engine.protocol import REFUSALS, Capabilities, EngineState, ErrorBody, Status
from vwe_dagster.pool.clock import Clock
from vwe_dagster.pool.connection import Connections
from vwe_dagster.pool.launcher import EngineEnd, EngineInfo, Launched, LauncherError, LaunchSpec
from vwe_dagster.pool.ledger import Ledger
from vwe_dagster.pool.pool import EnginePool
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.upkeep import Upkeep
from vwe_dagster.world.grid import Grid

REQUEST = WorldRequest(1, Grid.of_world(64))
IDENTITY = EngineIdentity("native", "1.0")


class FakeClock:
    """A clock that goes when it is slept on or turned."""

    def __init__(self) -> None:
        self.boot = "this boot"
        self.time = 1000.0
        self.on_sleep: Callable[[], None] = lambda: None

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        self.on_sleep()


@dataclasses.dataclass
class FakeEngine:
    """An engine: what it is doing, and in what way it misbehaves."""

    name: str
    started_s: float
    running: bool = True
    hangs: bool = False
    reset_fails: bool = False
    state: EngineState = EngineState.READY
    token: int = 0
    jobs: list[tuple[int, str]] = dataclasses.field(default_factory=list)
    working: int = 0
    most_at_once: int = 0


class FakeMachine:
    """What all fake processes share: the engines that are there."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.engines: dict[str, FakeEngine] = {}
        self.digest = "one configuration"
        self.boots_take_s = 0.0
        self.boots_broken: str | None = None
        self.launches = 0
        self.launch_fails: str | None = None
        self.launcher_is_down = False
        self.most_running = 0
        self.in_job: Callable[[FakeEngine, str], None] = lambda _engine, _phase: None

    def pool(self, folder: Path, settings: PoolSettings, clock: Clock | None = None) -> EnginePool:
        """The pool as one more process would open it."""
        return EnginePool(
            Upkeep(
                settings=settings,
                ledger=Ledger(folder),
                launcher=FakeLauncher(self),
                connections=Connections(lambda launched: FakeConnection(self, launched.handle)),
                clock=clock or self.clock,
                pool_id="fake",
                locks=folder / "locks",
            ),
            data=folder,
        )


class FakeLauncher:
    """Starts and ends the engines of a fake machine."""

    def __init__(self, machine: FakeMachine) -> None:
        self._machine = machine

    @property
    def digest(self) -> str:
        self._refuse_down()
        return self._machine.digest

    def launch(self, spec: LaunchSpec) -> Launched:
        machine = self._machine
        self._refuse_down()
        machine.launches += 1
        if machine.launch_fails:
            raise LauncherError(machine.launch_fails)
        machine.engines[spec.engine] = FakeEngine(spec.engine, machine.clock.now())
        machine.most_running = max(machine.most_running, sum(one.running for one in machine.engines.values()))
        return Launched(spec.engine, f"unix:/fake/{spec.engine}")

    def running(self, launched: Launched) -> bool:
        self._refuse_down()
        engine = self._machine.engines.get(launched.handle)
        return engine is not None and engine.running

    def why_ended(self, launched: Launched) -> EngineEnd:
        return EngineEnd(f"{launched.handle} was killed")

    def end(self, engine: str, launched: Launched | None) -> None:  # noqa: ARG002
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

    def memory_bytes(self, launched: Launched) -> int | None:  # noqa: ARG002
        return 1

    def remove_logs(self, keep: set[str]) -> None:
        pass

    def _refuse_down(self) -> None:
        if self._machine.launcher_is_down:
            raise LauncherError("The launcher does not answer.")


class FakeConnection:
    """Speaks to an engine of a fake machine."""

    def __init__(self, machine: FakeMachine, name: str) -> None:
        self._machine = machine
        self._name = name

    def status(self) -> Status:
        engine = self._reach()
        booting = self._machine.clock.now() - engine.started_s < self._machine.boots_take_s
        if booting:
            raise EngineUnreachableError("It is still booting.")
        broken = self._machine.boots_broken
        return Status(
            protocol=1,
            name=engine.name,
            kind="native",
            version="1.0",
            game_version=None,
            boot_id="boot",
            state=EngineState.ERROR if broken else engine.state,
            draining=False,
            job_id=None,
            progress=0.5,
            phase="a phase",
            token=engine.token,
            pid=1,
            uptime_s=1,
            idle_s=0,
            jobs_done=0,
            memory_bytes=1,
            error=ErrorBody(code="engine_error", message=broken, retryable=False) if broken else None,
            capabilities=Capabilities(layers=(), world_gen_versions=(2,), min_size=64, max_size=8192),
        )

    def claim(self, token: int) -> Status:
        engine = self._reach()
        if token < engine.token:
            raise refused("fenced")
        engine.token = token
        return self.status()

    def reset(self, token: int) -> Status:
        engine = self._reach()
        if token < engine.token:
            raise refused("fenced")
        if engine.reset_fails:
            engine.state = EngineState.ERROR
            raise refused("reset_failed")
        engine.state = EngineState.READY
        engine.working = 0
        return self.status()

    def generate(
        self,
        request: WorldRequest,
        *,
        token: int,
        job_id: str,
        deadline_s: float,  # noqa: ARG002
        progress: Progress,
        exporting: Callable[[], None],
    ) -> WorldExport:
        engine = self._reach()
        if token < engine.token:
            raise refused("fenced")
        engine.jobs.append((token, job_id))
        engine.working += 1
        engine.most_at_once = max(engine.most_at_once, engine.working)
        engine.state = EngineState.GENERATING
        progress(0.5, "half of it")
        self._machine.in_job(engine, "generating")
        if self._reach().token != token:
            raise refused("fenced")
        engine.state = EngineState.EXPORTING
        engine.working = 0
        exporting()
        self._machine.in_job(engine, "exporting")
        self._reach()
        return WorldExport(request, IDENTITY, {}, {}, {})

    def close(self) -> None:
        pass

    def _reach(self) -> FakeEngine:
        engine = self._machine.engines[self._name]
        if engine.hangs or not engine.running:
            raise EngineUnreachableError("Nobody answers.")
        return engine


class Holder:
    """A fake process that holds a lease and works in a thread, which tests stop and continue in the middle of a job."""

    _numbers = itertools.count(1)

    def __init__(self, pool: EnginePool) -> None:
        # A dead holder's block must not end, as it would with `with`.
        self.lease = pool.allocation.acquire(purpose=f"holder {next(self._numbers)}", timeout_s=1)
        self.thread: threading.Thread | None = None
        self.error: BaseException | None = None
        self.export: WorldExport | None = None
        self._stopped_at = threading.Event()
        self._go_on = threading.Event()

    def begin_job(self, machine: FakeMachine, phase: str) -> None:
        """Starts a world and is stopped when it comes to a phase."""

        def in_job(engine: FakeEngine, now_in: str) -> None:
            if now_in == phase and threading.current_thread() is self.thread and engine.name == self.lease.engine:
                self._stopped_at.set()
                self._go_on.wait(20)

        def work() -> None:
            try:
                self.export = self.lease.generate(REQUEST)
            except BaseException as error:  # noqa: BLE001  the test looks at it
                self.error = error
            self._stopped_at.set()

        machine.in_job = _both(machine.in_job, in_job)
        self.thread = threading.Thread(target=work, daemon=True)
        self.thread.start()
        assert self._stopped_at.wait(20)

    def go_on(self) -> None:
        """Continues the job to its end."""
        self._go_on.set()
        if self.thread is not None:
            self.thread.join(20)
            assert not self.thread.is_alive()

    def die(self) -> None:
        """Dies: the kernel frees its lock, and nothing else happens."""
        self.lease._lock.release()  # noqa: SLF001  the death of a process cannot be had otherwise

    def give_back(self) -> None:
        self.lease.give_back()


def _both(
    first: Callable[[FakeEngine, str], None], second: Callable[[FakeEngine, str], None]
) -> Callable[[FakeEngine, str], None]:
    def both(engine: FakeEngine, phase: str) -> None:
        first(engine, phase)
        second(engine, phase)

    return both


def refused(code: str) -> EngineRefusedError:
    """What an engine refuses a call with."""
    status, retryable = REFUSALS[code]
    return EngineRefusedError(ErrorBody(code=code, message=f"It refused: {code}.", retryable=retryable), status)


def failing(*, at: str, error: EngineError) -> Callable[[FakeEngine, str], None]:
    """What happens in a job that fails in a phase."""

    def in_job(_engine: FakeEngine, phase: str) -> None:
        if phase == at:
            raise error

    return in_job
