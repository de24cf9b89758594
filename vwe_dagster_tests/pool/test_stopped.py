"""A stopped process keeps the lock of a slot, wherever it was stopped; the other slots stay usable."""

from __future__ import annotations

import fcntl
import os
import re
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from vwe_dagster.pool import database
from vwe_dagster.pool.database import FILE
from vwe_dagster.pool.due import reasons
from vwe_dagster.pool.errors import FencedError, NoEngineError, PoolError
from vwe_dagster.pool.launchers.logs import EngineLogs
from vwe_dagster.pool.ledger import Ledger
from vwe_dagster.pool.locks import KernelLock
from vwe_dagster.pool.pool import EnginePool
from vwe_dagster.pool.queue import STOPPED_AFTER_S
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.slot_locks import UNKNOWN, SlotLock
from vwe_dagster.pool.upkeep import LEASE_GRACE_S, MAX_SETTLING_S
from vwe_dagster_tests.pool.fakes import REQUEST, FakeMachine, FakeProcess, Holder

SETTINGS = PoolSettings(max_warm_containers=2, min_free_disk_gb=0, acquire_timeout=300, engine_startup_timeout=20)
ONE_SLOT = SETTINGS.model_copy(update={"max_warm_containers": 1})
KEPT_S = MAX_SETTLING_S + LEASE_GRACE_S
"""Seconds after which a process that settles a slot is fenced."""


@pytest.fixture
def pool(machine: FakeMachine, folder: Path) -> EnginePool:
    pool = machine.pool(folder, SETTINGS)
    pool.status()
    return pool


def stopped(machine: FakeMachine, folder: Path, point: str, settings: PoolSettings = SETTINGS) -> FakeProcess:
    """Return a process that is stopped at a point on its way to generating a world."""
    process = FakeProcess(machine, folder, settings)
    process.run(process.make_world, stop_at=point)
    assert process.stopped_at == point
    return process


def test_callers_use_the_other_slots_while_a_process_is_stopped_with_an_empty_one(
    pool: EnginePool, machine: FakeMachine, folder: Path
) -> None:
    stopped(machine, folder, "starting")
    began = machine.clock.time
    pool.generate(REQUEST).confirm()
    assert machine.clock.time - began == pytest.approx(STOPPED_AFTER_S, abs=0.2)


def test_another_engine_is_started_when_a_stopped_process_is_late_with_its_own(
    pool: EnginePool, machine: FakeMachine, folder: Path
) -> None:
    stopped(machine, folder, "launching")
    began = machine.clock.time
    pool.generate(REQUEST).confirm()
    assert machine.clock.time - began == pytest.approx(SETTINGS.engine_startup_timeout, abs=0.2)


@pytest.mark.parametrize("point", ["starting", "launching", "launched", "taking", "leased", "generating"])
def test_only_slot_is_taken_from_a_stopped_process(machine: FakeMachine, folder: Path, point: str) -> None:
    short = ONE_SLOT.model_copy(update={"world_gen_timeout": 60})
    process = stopped(machine, folder, point, short)
    machine.pool(folder, short).generate(REQUEST).confirm()
    process.go_on()
    running = [engine.name for engine in machine.engines.values() if engine.running]
    assert running == [Ledger(folder).slot(0).engine]


def test_error_names_the_stopped_process_and_the_release_command(machine: FakeMachine, folder: Path) -> None:
    stopped(machine, folder, "starting", ONE_SLOT)
    pool = machine.pool(folder, ONE_SLOT)
    words = (
        rf"Slot 0 \(EMPTY\): pid {os.getpid()} on .+, for 10 s\. "
        r"To take a slot from a process that does not respond: vwe pool release 0 --force"
    )
    with pytest.raises(NoEngineError, match=words):
        pool.allocation.acquire(timeout_s=10)
    (slot,) = pool.status().slots
    assert re.match(rf"pid {os.getpid()} on ", str(slot.holder))
    with pytest.raises(PoolError, match=rf"Slot 0 is held by pid {os.getpid()} on .*, which is alive"):
        pool.release(0)
    assert re.match(rf"Took slot 0 from pid {os.getpid()} on .*; its state is EMPTY\.", pool.release(0, force=True))
    pool.generate(REQUEST).confirm()


def test_upkeep_is_due_for_an_empty_slot_whose_holder_is_overdue(
    pool: EnginePool, machine: FakeMachine, folder: Path
) -> None:
    process = stopped(machine, folder, "starting")

    def due() -> list[str]:
        return [
            reason
            for reason in reasons(Ledger(folder), folder / "locks", SETTINGS, machine.clock)
            if reason.startswith("slot 0")
        ]

    assert due() == []
    machine.clock.time += KEPT_S + 1
    assert due() == ["slot 0: its holder is overdue"]
    (action,) = pool.reap().actions
    assert re.fullmatch(r"Took slot 0 from pid .+, which missed its deadline\.", action)
    assert due() == []
    process.go_on()
    assert isinstance(process.error, NoEngineError)


def test_process_stopped_before_its_note_is_fenced_by_the_former_note(
    pool: EnginePool, machine: FakeMachine, folder: Path
) -> None:
    pool.generate(REQUEST).confirm()
    machine.clock.time += SETTINGS.world_gen_timeout + KEPT_S
    assert KernelLock(folder / "locks" / "slot-0.lock").acquire()
    assert len(pool.reap().actions) == 1
    with pool.lease() as lease:
        assert lease.slot == 0


def test_process_that_reads_a_free_lock_does_not_appear_as_a_holder(
    pool: EnginePool, machine: FakeMachine, folder: Path
) -> None:
    pool.generate(REQUEST).confirm()
    machine.clock.time += SETTINGS.world_gen_timeout + KEPT_S
    with (folder / "locks" / "slot-0.lock").open("rb") as seen:
        # Like KernelLock.is_free in another process.
        fcntl.flock(seen, fcntl.LOCK_SH)
        assert pool.reap().actions == []
        assert pool.status().slots[0].holder is None


def test_new_lock_has_a_note_before_it_is_held(machine: FakeMachine, folder: Path) -> None:
    lock = SlotLock(folder, 0, machine.clock, "pid 1 on vm")
    folder.mkdir()
    written: list[bool] = []
    acquire = lock.acquire

    def look_first(note: bytes | None = None) -> bool:
        written.append(lock.read().is_overdue(machine.clock))
        return acquire(note)

    lock.acquire = look_first  # type: ignore[method-assign]
    assert lock.take(10)
    assert written == [True]
    assert not lock.read().is_overdue(machine.clock)


@pytest.mark.parametrize("note", [b"", b"{}", b"[]", b"[" * 1024, b'{"token": 1e999}'])
def test_damaged_note_is_that_of_an_unknown_holder(machine: FakeMachine, tmp_path: Path, note: bytes) -> None:
    lock = SlotLock(tmp_path, 0, machine.clock, "pid 1 on vm")
    fields = b'"holder": "pid 2", "boot": "b", "since_s": 0, "deadline_s": 0, "token"'
    lock.path.write_bytes(note.replace(b'"token"', fields))
    assert lock.read() is UNKNOWN


def test_warming_and_draining_take_slots_from_stopped_processes(
    pool: EnginePool, machine: FakeMachine, folder: Path
) -> None:
    first = stopped(machine, folder, "launching")
    assert pool.warm(2) == 2
    second = stopped(machine, folder, "leased")
    assert pool.drain() == 2
    for process in (first, second):
        process.go_on()
    assert isinstance(first.error, NoEngineError)
    assert isinstance(second.error, FencedError)
    assert not [engine for engine in machine.engines.values() if engine.running]


def test_lease_with_several_long_jobs_is_not_fenced(machine: FakeMachine, folder: Path) -> None:
    pool, peer = machine.pool(folder, ONE_SLOT), machine.pool(folder, ONE_SLOT)
    with pool.lease() as lease:
        for _ in range(3):
            machine.clock.time += ONE_SLOT.world_gen_timeout - 1
            peer.reap()
            lease.generate(REQUEST).confirm()
    assert pool.status().ready == 1


def test_status_shows_a_dead_holder(pool: EnginePool, machine: FakeMachine) -> None:
    holder = Holder(pool)
    holder.begin_job(machine, "generating")
    before = pool.status()
    assert (before.leased, before.slots[0].holder_is_dead) == (1, False)
    holder.die()
    after = pool.status()
    assert (after.leased, after.slots[0].holder_is_dead) == (0, True)
    holder.go_on()


def test_existing_ledger_opens_while_a_stopped_process_is_opening_it(folder: Path) -> None:
    Ledger(folder).ensure_slots(1)
    with FileLock(f"{folder / FILE}.opening"):
        opened: list[int] = []
        thread = threading.Thread(target=lambda: opened.append(len(Ledger(folder).slots())), daemon=True)
        thread.start()
        thread.join(20)
    assert opened == [1]


def test_unfinished_creation_of_a_ledger_is_reported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_BUSY_TIMEOUT_S", 0.1)
    folder.mkdir()
    with (
        FileLock(f"{folder / FILE}.opening"),
        pytest.raises(PoolError, match=r"has been creating or migrating it for 0\.1 s"),
    ):
        Ledger(folder).slots()


def test_engine_starts_while_a_stopped_process_holds_the_lock_of_the_logs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vwe_dagster.pool.launchers.logs._STARTING_TIMEOUT_S", 0.1)
    logs = EngineLogs(folder)
    (folder / "logs").mkdir(parents=True)
    descriptor = os.open(folder / "logs", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    entered = threading.Event()

    def start() -> None:
        with logs.starting():
            entered.set()

    threading.Thread(target=start, daemon=True).start()
    assert entered.wait(20)
    os.close(descriptor)
