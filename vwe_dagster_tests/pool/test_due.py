"""The reasons why a pool needs the reaper, from its ledger and locks, without a launcher."""

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
    """Return the reasons, with a launcher that fails on every call."""
    machine.launcher_is_down = True
    try:
        return reasons(Ledger(folder), folder / "locks", SETTINGS, machine.clock)
    finally:
        machine.launcher_is_down = False


def test_unused_pool_needs_nothing_and_stays_without_files(tmp_path: Path) -> None:
    assert upkeep_due(tmp_path / "pool", SETTINGS) == []
    assert list(tmp_path.iterdir()) == []


def test_sound_pool_needs_nothing(pool: EnginePool, machine: FakeMachine, folder: Path) -> None:
    pool.warm(2)
    pool.reap()
    holder = Holder(pool)
    assert due(machine, folder) == []
    holder.return_engine()
    pool.generate(REQUEST).confirm()
    assert due(machine, folder) == []


@pytest.mark.parametrize("phase", [None, "generating", "exporting"])
def test_dead_holder_is_reported_and_recovered(
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


def test_overdue_holder_is_reported(pool: EnginePool, machine: FakeMachine, folder: Path) -> None:
    Holder(pool)
    machine.clock.time += SETTINGS.world_gen_timeout + LEASE_GRACE_S + 1
    assert "slot 0: its holder is overdue" in due(machine, folder)
    pool.reap()
    assert due(machine, folder) == []


@pytest.mark.parametrize(
    ("minutes", "reason"), [(11, "slot 0: its engine exceeded its idle time"), (140, "slot 0: its engine is too old")]
)
def test_idle_or_old_engine_is_reported(
    pool: EnginePool, machine: FakeMachine, folder: Path, minutes: float, reason: str
) -> None:
    pool.generate(REQUEST).confirm()
    machine.clock.time += 60 * minutes
    assert reason in due(machine, folder)
    for engine in machine.engines.values():
        engine.running = False
    pool.reap()
    assert due(machine, folder) == []


def test_engine_that_does_not_become_ready_is_reported(pool: EnginePool, machine: FakeMachine, folder: Path) -> None:
    machine.boots_take_s = 1e6
    pool.warm(1, wait=False)
    pool.reap()
    assert due(machine, folder) == []
    machine.clock.time += SETTINGS.engine_startup_timeout + 1
    assert due(machine, folder) == ["slot 0: its engine is not ready in time"]


def test_engine_that_cannot_be_ended_is_reported(pool: EnginePool, machine: FakeMachine, folder: Path) -> None:
    pool.warm(2)
    machine.launcher_is_down = True
    for engine in machine.engines.values():
        engine.hangs = True
    with pytest.raises(NoEngineError):
        pool.generate(REQUEST)
    assert {"slot 0: its engine is broken", "slot 1: its engine is broken"} <= set(due(machine, folder))


def test_missing_warm_engines_are_reported_while_the_pool_has_work(
    pool: EnginePool, machine: FakeMachine, folder: Path
) -> None:
    pool.warm(2)
    machine.launch_fails = "It does not start."
    for engine in machine.engines.values():
        engine.running = False
    pool.reap()
    assert due(machine, folder) == ["0 of 2 warm engines exist"]
    for _ in range(2):
        pool.reap()
    assert due(machine, folder) == ["engines fail repeatedly"]
    pool.take_alerts()
    assert due(machine, folder) == []
    machine.clock.time += 100
    assert due(machine, folder) == ["0 of 2 warm engines exist"]
    machine.clock.time += SETTINGS.idle_s
    assert due(machine, folder) == []


def test_reaper_is_due_periodically_while_engines_may_exist(
    pool: EnginePool, machine: FakeMachine, folder: Path
) -> None:
    pool.warm(1)
    pool.reap()
    for _ in range(3):
        machine.clock.time += REAP_EVERY_S / 2 - 1
        assert due(machine, folder) == []
        pool.generate(REQUEST).confirm()
        machine.clock.time += REAP_EVERY_S / 2 + 1
        assert due(machine, folder) == ["no reaper pass for 10 minutes"]
        pool.reap()
    pool.drain()
    machine.clock.time += REAP_EVERY_S
    assert due(machine, folder) == ["no reaper pass for 10 minutes"]
    pool.reap()
    machine.clock.time += 10 * REAP_EVERY_S
    assert due(machine, folder) == []
