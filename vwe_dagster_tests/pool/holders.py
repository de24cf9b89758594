"""Pools of engine processes for tests: engines with configurable faults, and holders in separate processes."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from vwe_dagster.engine.messages import EngineError, Progress, WorldExport, WorldRequest
from vwe_dagster.pool.launcher import EngineInfo
from vwe_dagster.pool.launchers.process import ProcessLauncher
from vwe_dagster.pool.launchers.socket_dirs import socket_dir_of
from vwe_dagster.pool.ledger import Ledger, Slot
from vwe_dagster.pool.opening import open_pool, pool_id_of, state_folder
from vwe_dagster.pool.pool import EnginePool
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.states import State
from vwe_dagster.seeds.seed import Seed, parse_seed
from vwe_dagster.store import Recipe, StoreError, WorldStore
from vwe_dagster.store.stages import write_raw
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.engine.engines import SIMPLE_ENGINE
from vwe_dagster_tests.forking import PROCESSES

PATIENCE_S = 60
SEED = parse_seed("HHcLC5acQt")
GRID = Grid.of_world(64)
REQUEST = WorldRequest(SEED.number, GRID)
RECIPE = Recipe(inputs={"engine": "native"}, code_version="1", made_by={"engine": "native"}, grid=GRID)


@dataclasses.dataclass(frozen=True)
class Site:
    """A pool that any process can open.

    Attributes:
        folder: the folder of the pool.
        settings: the default settings of the pool.
    """

    folder: Path
    settings: PoolSettings

    @property
    def store(self) -> WorldStore:
        """The store that the holders publish worlds to."""
        return WorldStore(self.folder.with_name("data"))

    @property
    def pool_id(self) -> str:
        return pool_id_of(self.folder)

    def pool(self, **changes: object) -> EnginePool:
        """Open the pool as another process would, with changed settings."""
        settings = PoolSettings.model_validate({**self.settings.model_dump(), **changes})
        return open_pool(settings, self.folder, launcher=self._launcher(settings))

    def break_engines(self, *faults: str) -> None:
        """Set the faults of engines that start from now on, without changing the digest of their configuration."""
        self._faults.write_text(" ".join(f"--fault {fault}" for fault in faults))

    def engines(self) -> list[EngineInfo]:
        """Return the engines that have a process, recorded in the ledger or not."""
        return self._launcher(self.settings).engines()

    def pids(self) -> list[int]:
        return [pid_of(info.handle) for info in self.engines()]

    def socket_dirs(self) -> list[Path]:
        """Return the socket directories of the engines."""
        return list(socket_dir_of(self.pool_id).parent.glob(f"{self.pool_id}-*"))

    def slot(self, slot: int = 0) -> Slot:
        """Return a slot from the ledger."""
        with contextlib.closing(Ledger(state_folder(self.folder))) as ledger:
            return ledger.slot(slot)

    def wait_for(self, state: State) -> None:
        """Wait until the first slot is in a state."""
        until(lambda: self.slot().state is state)

    def end_engines(self) -> list[str]:
        """End the engines that a test left running, and return their names."""
        launcher = self._launcher(self.settings)
        left = [info.engine for info in launcher.engines()]
        for engine in left:
            launcher.end(engine, None)
        return left

    @property
    def _faults(self) -> Path:
        return self.folder.with_name("faults")

    def _launcher(self, settings: PoolSettings) -> ProcessLauncher:
        faults = f"$(cat {shlex.quote(str(self._faults))} 2>/dev/null)"
        script = f'exec {shlex.join([sys.executable, "-m", SIMPLE_ENGINE])} {faults} "$@"'
        command = ("sh", "-c", script, "engine")
        return ProcessLauncher(settings, folder=self.folder, pool_id=self.pool_id, command=command)


class Holder:
    """Another process that uses a pool. It sends messages about its progress, and pauses until :meth:`go_on`."""

    def __init__(self, process: ForkServerProcess, connection: Connection[Any, Any]) -> None:
        self.process = process
        self._connection = connection

    def receive(self) -> Any:
        """Return the next message of the process.

        Raises:
            EOFError: the process ended without another message.
        """
        assert self._connection.poll(PATIENCE_S), "no message from the holder"
        return self._connection.recv()

    def go_on(self) -> None:
        self._connection.send("go on")

    def signal(self, number: signal.Signals) -> None:
        os.kill(int(self.process.pid or 0), number)

    def kill(self) -> None:
        self.process.kill()
        self.process.join()


@contextlib.contextmanager
def holder(behavior: Callable[..., None], site: Site, *arguments: object) -> Iterator[Holder]:
    """Run a process that calls ``behavior(site, connection, *arguments)``, and kill it at the end of the block."""
    ours, theirs = PROCESSES.Pipe()
    process = PROCESSES.Process(target=behavior, args=(site, theirs, *arguments))
    process.start()
    theirs.close()
    one = Holder(process, ours)
    try:
        yield one
    finally:
        one.kill()
        ours.close()


def work(site: Site, connection: Connection[Any, Any], pause: State) -> None:
    """Generate and publish a world, pausing in one state; send that state, and then the outcome."""
    paused = False

    def reach(state: State) -> None:
        nonlocal paused
        if state is pause and not paused:
            paused = True
            connection.send(state)
            connection.recv()

    with site.pool() as pool:
        try:
            with pool.lease(purpose="work") as lease:
                reach(State.READY)
                lease.check()
                export = lease.generate(REQUEST, lambda _fraction, _phase: reach(State.GENERATING))
                reach(State.EXPORTING)
                publish(site.store, SEED, export)
        except (EngineError, StoreError) as error:
            connection.send((type(error).__name__, str(error)))
        else:
            connection.send("done")


def build_worlds(site: Site, connection: Connection[Any, Any], count: int) -> None:
    """Generate worlds after a signal to begin; send engine, start and end of each lease."""
    connection.send("here")
    connection.recv()
    with site.pool() as pool:
        for _ in range(count):
            with pool.lease(purpose="work") as lease:
                began = time.monotonic()
                lease.generate(REQUEST)
                connection.send((lease.engine, began, time.monotonic()))


def lease_once(site: Site, connection: Connection[Any, Any]) -> None:
    """Lease an engine after a signal to begin; send its name, or the error."""
    connection.send("here")
    connection.recv()
    with site.pool() as pool:
        try:
            with pool.lease(purpose="look") as lease:
                connection.send(lease.engine)
        except EngineError as error:
            connection.send((type(error).__name__, str(error)))


def publish(store: WorldStore, seed: Seed, export: WorldExport) -> None:
    """Publish a world like the pipeline."""
    with store.publish(seed, "raw", RECIPE) as draft:
        write_raw(draft, export)
        export.confirm()


def hashes(store: WorldStore, seed: Seed = SEED) -> dict[str, str]:
    """Return the hashes of a world's files after checking the files; empty if the world was not published."""
    manifest = store.manifest(seed, "raw")
    if manifest is None:
        return {}
    assert store.damaged(seed, "raw") == []
    return {name: entry.sha256 for name, entry in manifest.files.items()}


def pid_of(handle: str) -> int:
    """Return the process id in the handle of a process engine."""
    return int(handle.partition(":")[0])


def until(condition: Callable[[], object]) -> None:
    """Wait until a condition is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true"
        time.sleep(0.01)


def causes(pool: EnginePool, after: State) -> list[str]:
    """Return the details of transitions into a state, oldest first."""
    return [step.detail for step in pool.events() if step.after == after]


def at_first(act: Callable[[], object]) -> Progress:
    """Return a progress callback that calls ``act`` once, when the engine first reports progress."""
    done: list[object] = []

    def progress(_fraction: float, phase: str) -> None:
        if not done and not phase.startswith("waiting"):
            done.append(act())

    return progress
