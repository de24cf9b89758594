"""A lease that is not returned is logged once, with the stack of its holder."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from vwe_dagster.engine.messages import EngineError
from vwe_dagster.pool.lease import Lease
from vwe_dagster.pool.pool import EnginePool
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.upkeep import LEASE_GRACE_S, MAX_SETTLING_S
from vwe_dagster.pool.watch import LeaseWatch
from vwe_dagster_tests.engine.engines import wait_until
from vwe_dagster_tests.pool.fakes import REQUEST, FakeClock, FakeEngine, FakeMachine

SETTINGS = PoolSettings(max_warm_containers=1, min_free_disk_gb=0, world_gen_timeout=60)


@pytest.fixture
def pool(machine: FakeMachine, folder: Path) -> Iterator[EnginePool]:
    with machine.pool(folder, SETTINGS) as pool:
        yield pool


def forget_to_give_back(pool: EnginePool) -> Lease:
    return pool.allocation.acquire(purpose="a world")


def overdue(pool: EnginePool) -> int:
    return len(pool._upkeep.watch.report_overdue())  # noqa: SLF001  called by the watch thread


def test_leaked_lease_is_logged_once_with_the_stack_of_its_acquisition(
    pool: EnginePool, machine: FakeMachine, caplog: pytest.LogCaptureFixture
) -> None:
    thread = threading.Thread(target=forget_to_give_back, args=(pool,))
    thread.start()
    thread.join()
    assert overdue(pool) == 0
    machine.clock.time += SETTINGS.world_gen_timeout + LEASE_GRACE_S + 1
    assert overdue(pool) == 1
    assert overdue(pool) == 0
    (record,) = [record for record in caplog.records if record.name.endswith("pool.watch")]
    text = record.getMessage()
    assert f"Slot 0 (token 2) has been held for 71 s by pid {os.getpid()} on " in text
    assert "forget_to_give_back" in text


def test_overdue_lease_is_logged_with_the_present_stack_of_its_holder(
    pool: EnginePool, machine: FakeMachine, caplog: pytest.LogCaptureFixture
) -> None:
    goes_on = threading.Event()
    is_here = threading.Event()

    def dawdle() -> None:
        is_here.set()
        goes_on.wait(20)

    def work() -> None:
        with pool.lease():
            dawdle()

    thread = threading.Thread(target=work)
    thread.start()
    assert is_here.wait(20)
    machine.clock.time += SETTINGS.world_gen_timeout + LEASE_GRACE_S + 1
    assert overdue(pool) == 1
    goes_on.set()
    thread.join()
    assert "dawdle" in caplog.text
    assert overdue(pool) == 0


def test_lease_with_several_jobs_is_not_logged(pool: EnginePool, machine: FakeMachine) -> None:
    with pool.lease() as lease:
        for _ in range(3):
            machine.clock.time += SETTINGS.world_gen_timeout - 1
            lease.generate(REQUEST).confirm()
            assert overdue(pool) == 0
    machine.clock.time += SETTINGS.world_gen_timeout * 9
    assert overdue(pool) == 0


def test_holder_has_time_to_end_an_engine_that_hung(pool: EnginePool, machine: FakeMachine) -> None:
    def hang(engine: FakeEngine, _phase: str) -> None:
        machine.clock.time += SETTINGS.world_gen_timeout + LEASE_GRACE_S - 1
        engine.hangs = True
        machine.in_job = lambda _engine, _phase: None

    machine.in_job = hang
    with pool.lease() as lease:
        with pytest.raises(EngineError):
            lease.generate(REQUEST)
        machine.clock.time += MAX_SETTLING_S
        assert overdue(pool) == 0
        assert pool.reap().actions == []


def test_watch_thread_finds_a_leak(caplog: pytest.LogCaptureFixture) -> None:
    watch = LeaseWatch(FakeClock())
    with caplog.at_level(logging.WARNING):
        lease = watch.begin(3, 7, "pid 1 on vm", -1.0)
        wait_until(lambda: "Slot 3 (token 7)" in caplog.text, 20)
    watch.end(lease)
    wait_until(lambda: watch._thread is None, 20)  # noqa: SLF001  threads of other tests have the same name


def test_watch_thread_finds_a_second_leak(caplog: pytest.LogCaptureFixture) -> None:
    watch = LeaseWatch(FakeClock())
    with caplog.at_level(logging.WARNING):
        leases = []
        for slot in range(2):
            leases.append(watch.begin(slot, 7, "pid 1 on vm", -1.0))
            wait_until(lambda slot=slot: f"Slot {slot} (token 7)" in caplog.text, 20)  # type: ignore[misc]
            # The thread waits without a timeout once every lease is reported.
            wait_until(lambda: bool(watch._changed._waiters), 20)  # type: ignore[attr-defined]  # noqa: SLF001
    for lease in leases:
        watch.end(lease)
