"""What a pool is in need of, as its ledger and its locks tell without any launcher being asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from vwe_dagster.pool.due import REAP_EVERY_S, reasons, upkeep_due
from vwe_dagster.pool.errors import NoEngineError
from vwe_dagster.pool.ledger import Ledger
from vwe_dagster.pool.pool import EnginePool
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.upkeep import LEASE_GRACE_S
from vwe_dagster_tests.pool.fakes import REQUEST, FakeMachine, Holder

SETTINGS = PoolSettings(max_warm_containers=2, min_free_disk_gb=0, acquire_timeout=30)


@pytest.fixture
def pool(machine: FakeMachine, folder: Path) -> EnginePool:
    return machine.pool(folder, SETTINGS)


def due(machine: FakeMachine, folder: Path) -> list[str]:
    """What is due while the launcher would fail if it were asked."""
    machine.launcher_is_down = True
    try:
        return reasons(Ledger(folder), folder / "locks", SETTINGS, machine.clock)
    finally:
        machine.launcher_is_down = False


def test_a_pool_that_was_never_used_needs_nothing_and_is_left_so(tmp_path: Path) -> None:
    assert upkeep_due(tmp_path / "pool", SETTINGS) == []
    assert list(tmp_path.iterdir()) == []


def test_a_pool_in_order_needs_nothing(pool: EnginePool, machine: FakeMachine, folder: Path) -> None:
    pool.warm(2)
    pool.reap()
    holder = Holder(pool)
    assert due(machine, folder) == []
    holder.give_back()
    pool.generate(REQUEST).confirm()
    assert due(machine, folder) == []


@pytest.mark.parametrize("phase", [None, "generating", "exporting"])
def test_a_dead_holder_is_noticed_and_put_right(
    pool: EnginePool, machine: FakeMachine, folder: Path, phase: str | None
) -> None:
    pool.reap()
    holder = Holder(pool)
    if phase is not None:
        holder.begin_job(machine, phase)
    assert due(machine, folder) == []
    holder.die()
    assert due(machine, folder) == ["slot 0: its holder is dead"]
    pool.reap()
    assert due(machine, folder) == []
    holder.go_on()


def test_a_holder_that_does_not_come_back_is_noticed(pool: EnginePool, machine: FakeMachine, folder: Path) -> None:
    Holder(pool)
    machine.clock.time += SETTINGS.world_gen_timeout + LEASE_GRACE_S + 1
    assert "slot 0: its holder is overdue" in due(machine, folder)
    pool.reap()
    assert due(machine, folder) == []


@pytest.mark.parametrize(
    ("minutes", "reason"), [(11, "slot 0: its engine ended idle"), (140, "slot 0: its engine is too old")]
)
def test_an_engine_that_is_idle_or_old_is_noticed(
    pool: EnginePool, machine: FakeMachine, folder: Path, minutes: float, reason: str
) -> None:
    pool.generate(REQUEST).confirm()
    machine.clock.time += 60 * minutes
    assert reason in due(machine, folder)
    for engine in machine.engines.values():
        engine.running = False
    pool.reap()
    assert due(machine, folder) == []


def test_an_engine_that_does_not_become_ready_is_noticed(pool: EnginePool, machine: FakeMachine, folder: Path) -> None:
    machine.boots_take_s = 1e6
    pool.warm(1, wait=False)
    pool.reap()
    assert due(machine, folder) == []
    machine.clock.time += SETTINGS.engine_startup_timeout + 1
    assert due(machine, folder) == ["slot 0: its engine is not ready in time"]


def test_an_engine_that_cannot_be_ended_is_noticed(pool: EnginePool, machine: FakeMachine, folder: Path) -> None:
    pool.warm(2)
    machine.launcher_is_down = True
    for engine in machine.engines.values():
        engine.hangs = True
    with pytest.raises(NoEngineError):
        pool.generate(REQUEST)
    assert {"slot 0: its engine is broken", "slot 1: its engine is broken"} <= set(due(machine, folder))


def test_missing_engines_are_noticed_while_there_is_work_and_may_be_tried(
    pool: EnginePool, machine: FakeMachine, folder: Path
) -> None:
    pool.warm(2)
    machine.launch_fails = "It does not start."
    for engine in machine.engines.values():
        engine.running = False
    pool.reap()
    assert due(machine, folder) == ["0 engines where there should be 2"]
    for _ in range(2):
        pool.reap()
    assert due(machine, folder) == ["engines fail repeatedly"]
    pool.take_alerts()
    assert due(machine, folder) == []
    machine.clock.time += 100
    assert due(machine, folder) == ["0 engines where there should be 2"]
    machine.clock.time += SETTINGS.idle_s
    assert due(machine, folder) == []


def test_the_reaper_looks_now_and_then_while_engines_may_be_there_and_never_after(
    pool: EnginePool, machine: FakeMachine, folder: Path
) -> None:
    pool.warm(1)
    pool.reap()
    for _ in range(3):
        machine.clock.time += REAP_EVERY_S / 2 - 1
        assert due(machine, folder) == []
        pool.generate(REQUEST).confirm()
        machine.clock.time += REAP_EVERY_S / 2 + 1
        assert due(machine, folder) == ["no pass of the reaper for 10 minutes"]
        pool.reap()
    pool.drain()
    machine.clock.time += REAP_EVERY_S
    assert due(machine, folder) == ["no pass of the reaper for 10 minutes"]
    pool.reap()
    machine.clock.time += 10 * REAP_EVERY_S
    assert due(machine, folder) == []
