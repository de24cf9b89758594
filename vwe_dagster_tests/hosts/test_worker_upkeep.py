"""The upkeep of a worker's own pools: dead engines and holders are replaced at the start and repeatedly."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vwe_dagster.config.home import find_home
from vwe_dagster.hosts import worker as worker_module
from vwe_dagster.hosts.host_reports import HostState
from vwe_dagster.hosts.shared_data import DataWatch
from vwe_dagster.hosts.worker import Worker
from vwe_dagster.pool.clock import SystemClock
from vwe_dagster.pool.database import ledger_file
from vwe_dagster.pool.opening import state_folder
from vwe_dagster.pool.pool import EnginePool
from vwe_dagster.pool.settings import DEFAULT_NAME, PoolSettings
from vwe_dagster_tests.pool.fakes import FakeMachine, Holder

SETTINGS = PoolSettings(max_warm_containers=2, min_free_disk_gb=0)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    home = find_home({"VWE_HOME": str(tmp_path)})
    return Worker("attic", 1, home, "redis://127.0.0.1:1/0", DataWatch(home.data, ""))


@pytest.fixture
def machine() -> FakeMachine:
    return FakeMachine()


@pytest.fixture
def pool(worker: Worker, machine: FakeMachine, monkeypatch: pytest.MonkeyPatch) -> Iterator[EnginePool]:
    """Return the pool of the worker, with engines that do nothing."""

    def opened(*_: object, **__: object) -> EnginePool:
        return machine.pool(state_folder(worker.home.pools / DEFAULT_NAME), SETTINGS, SystemClock())

    monkeypatch.setattr(worker_module, "open_pool", opened)
    with opened() as pool:
        yield pool


def test_worker_replaces_a_dead_engine_and_a_dead_holder_at_its_start(
    worker: Worker, machine: FakeMachine, pool: EnginePool
) -> None:
    pool.warm(2)
    Holder(pool).die()
    next(iter(machine.engines.values())).running = False
    with worker.maintaining():
        until(lambda: pool.status().ready == 2)
    assert pool.status().leased == 0


def test_worker_maintains_its_pools_repeatedly(
    worker: Worker, pool: EnginePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool.warm(1)
    monkeypatch.setattr(worker_module, "UPKEEP_S", 0.01)
    with worker.maintaining():
        for _ in range(2):
            Holder(pool).die()
            until(lambda: (pool.status().leased, pool.status().ready) == (0, 1))


@pytest.mark.usefixtures("pool")
def test_worker_leaves_an_unused_pool_alone(worker: Worker, machine: FakeMachine) -> None:
    worker.maintain()
    assert machine.launches == 0
    assert not worker.home.pools.exists()


def test_host_with_an_unusable_pool_is_still_reported(worker: Worker) -> None:
    ledger = ledger_file(state_folder(worker.home.pools / DEFAULT_NAME))
    ledger.parent.mkdir(parents=True)
    ledger.write_text("not a database" * 100, encoding="utf-8")
    report = worker.report(HostState.WORKING)
    assert (report.state, report.pools) == (HostState.WORKING, ())
