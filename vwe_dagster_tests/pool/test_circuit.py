"""The circuit breaker: failing starts are tried rarely and one at a time, and cause one alert."""

from __future__ import annotations

from pathlib import Path

import pytest

from vwe_dagster.pool.alerts import LOST_OFTEN
from vwe_dagster.pool.circuit import FIRST_RETRY_S, MAX_RETRY_S, OPENS_AFTER, OPENS_AFTER_KILLS
from vwe_dagster.pool.counts import read_counts
from vwe_dagster.pool.errors import NoEngineError, PoolError
from vwe_dagster.pool.kinds import Reason, TransitionKind
from vwe_dagster.pool.launcher import OUT_OF_MEMORY, UNKNOWN_END, EngineEnd
from vwe_dagster.pool.ledger import Ledger
from vwe_dagster.pool.pool import EnginePool
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster_tests.pool.fakes import REQUEST, FakeMachine, Holder

SETTINGS = PoolSettings(max_warm_containers=2, min_free_disk_gb=0, acquire_timeout=30, launcher="docker")


@pytest.fixture
def pool(machine: FakeMachine, folder: Path) -> EnginePool:
    return machine.pool(folder, SETTINGS)


@pytest.fixture
def peer(machine: FakeMachine, folder: Path) -> EnginePool:
    """The same pool, opened by another process."""
    return machine.pool(folder, SETTINGS)


def fail(pool: EnginePool, machine: FakeMachine) -> str:
    """Request a world while engines do not start, and return the error message."""
    machine.launch_fails = "There is no such image."
    with pytest.raises(PoolError) as refusal:
        pool.generate(REQUEST)
    return str(refusal.value)


def test_open_circuit_rejects_callers_immediately_with_a_remedy(
    pool: EnginePool, peer: EnginePool, machine: FakeMachine
) -> None:
    fail(pool, machine)
    before = machine.clock.time
    assert fail(peer, machine) == (
        "Engines do not start: it could not be started: There is no such image. 3 failed in a row; another start is "
        "tried in 30 s, or immediately with: vwe pool warm 1. To find the cause: vwe pool logs 0, and check that the "
        "image vwe-engine exists and is up to date"
    )
    assert machine.launches == OPENS_AFTER
    assert machine.clock.time == before
    status = peer.status().circuit
    assert (status.state, status.failures, status.openings) == ("open", 3, 1)


def test_unavailable_launcher_is_reported_immediately_and_leaves_no_engine(
    pool: EnginePool, machine: FakeMachine
) -> None:
    machine.launcher_is_down = True
    before = machine.clock.time
    with pytest.raises(PoolError, match="could not be started: The launcher does not answer"):
        pool.generate(REQUEST)
    assert machine.clock.time < before + 0.1
    assert {slot.state for slot in pool.status().slots} == {"EMPTY"}


def test_timeout_error_contains_the_cause_of_a_slot_in_error(pool: EnginePool, machine: FakeMachine) -> None:
    pool.warm(2)
    machine.launcher_is_down = True
    for engine in machine.engines.values():
        engine.hangs = True
    with pytest.raises(NoEngineError, match=r"Slot 0 \(ERROR\): it does not answer"):
        pool.generate(REQUEST)


def test_each_failed_trial_doubles_the_backoff_up_to_a_limit(pool: EnginePool, machine: FakeMachine) -> None:
    fail(pool, machine)
    waits = []
    for _ in range(7):
        waits.append(pool.status().circuit.retry_in_s)
        machine.clock.time += waits[-1]
        assert pool.status().circuit.state == "half-open"
        launches = machine.launches
        fail(pool, machine)
        assert machine.launches == launches + 1
    assert waits == pytest.approx([FIRST_RETRY_S * 2**n for n in range(5)] + 2 * [MAX_RETRY_S], abs=0.1)
    assert pool.status().circuit.openings == 1


def test_one_trial_start_at_a_time_and_success_closes_the_circuit(
    pool: EnginePool, peer: EnginePool, machine: FakeMachine
) -> None:
    fail(pool, machine)
    machine.clock.time += FIRST_RETRY_S
    machine.launch_fails, machine.boots_take_s = None, 5
    launches = machine.launches
    pool.warm(2, wait=False)
    peer.warm(2, wait=False)
    assert machine.launches == launches + 1
    machine.clock.time += 5
    pool.generate(REQUEST).confirm()
    assert pool.status().circuit.state == "closed"
    assert peer.warm(2) == 2


def test_good_start_in_between_keeps_the_circuit_closed(pool: EnginePool, machine: FakeMachine) -> None:
    for _ in range(OPENS_AFTER):
        machine.launch_fails = "Not now."
        pool.warm(1, wait=False)
        machine.launch_fails = None
        pool.generate(REQUEST).confirm()
        pool.drain()
    assert pool.status().circuit.openings == 0


def test_warming_tries_a_start_immediately(pool: EnginePool, machine: FakeMachine) -> None:
    fail(pool, machine)
    with pytest.raises(PoolError, match="4 failed in a row; another start is tried in 60 s"):
        pool.warm(1)
    machine.launch_fails = None
    assert pool.warm(2) == 2
    pool.generate(REQUEST).confirm()


def test_caller_waits_for_an_existing_engine_while_the_circuit_is_open(
    pool: EnginePool, peer: EnginePool, machine: FakeMachine
) -> None:
    holder = Holder(pool)
    machine.launch_fails = "There is no such image."
    given_back = False

    def come_back() -> None:
        nonlocal given_back
        if machine.clock.time > 1010 and not given_back:
            given_back = True
            holder.return_engine()

    machine.clock.on_sleep = come_back
    peer.generate(REQUEST).confirm()
    assert given_back
    assert peer.status().circuit.state == "open"


def test_starts_of_dead_processes_do_not_count(pool: EnginePool, folder: Path) -> None:
    for _ in range(OPENS_AFTER + 1):
        pool.status()
        reason = Reason(TransitionKind.WARMED, "the pool is warmed")
        assert Ledger(folder).begin_engine(
            0, single_flight_s=None, reason=reason, changes={"engine": "fake", "boot": "this boot"}
        )
        pool.reap()
    assert pool.status().circuit.failures == 0


def test_unused_engine_that_ended_does_not_count(folder: Path, machine: FakeMachine) -> None:
    pool = machine.pool(folder, SETTINGS.model_copy(update={"idle_minutes": 1}))
    machine.boots_take_s = 5

    def leave() -> None:
        raise KeyboardInterrupt

    machine.clock.on_sleep = leave
    with pytest.raises(KeyboardInterrupt):
        pool.warm(1)
    machine.clock.on_sleep = lambda: None
    machine.clock.time += 61
    for engine in machine.engines.values():
        engine.running = False
    status = pool.status()
    assert [slot.state for slot in status.slots] == ["EMPTY", "EMPTY"]
    assert status.circuit.failures == 0


def kill_starting(pool: EnginePool, machine: FakeMachine, end: EngineEnd) -> None:
    """End an engine while it starts."""
    machine.boots_take_s, machine.end = 5, end
    pool.warm(1, wait=False)
    for engine in machine.engines.values():
        engine.running = False
    pool.reap()


KINDS = {
    EngineEnd.by_signal(9): TransitionKind.START_KILLED,
    EngineEnd.by_signal(15): TransitionKind.START_KILLED,
    UNKNOWN_END: TransitionKind.START_LOST,
    OUT_OF_MEMORY: TransitionKind.OUT_OF_MEMORY,
}


@pytest.mark.parametrize("end", KINDS)
def test_killed_starts_are_counted_separately(pool: EnginePool, machine: FakeMachine, end: EngineEnd) -> None:
    for _ in range(OPENS_AFTER):
        kill_starting(pool, machine, end)
    circuit = pool.status().circuit
    assert (circuit.state, circuit.failures, circuit.kills) == ("closed", 0, OPENS_AFTER)
    assert end.detail in str(circuit.cause)
    kinds = {step.kind for step in pool.events() if step.after == "ERROR"}
    assert kinds == {KINDS[end]}
    machine.boots_take_s = 0
    pool.generate(REQUEST).confirm()
    assert pool.status().circuit.kills == 0


def test_many_killed_starts_open_the_circuit(pool: EnginePool, machine: FakeMachine) -> None:
    for _ in range(OPENS_AFTER_KILLS):
        kill_starting(pool, machine, EngineEnd.by_signal(9))
    with pytest.raises(
        PoolError, match=r"Engines are killed while they start: .*signal 9.* 10 were killed or lost in a row"
    ):
        pool.generate(REQUEST)
    (alert,) = pool.take_alerts()
    assert alert.startswith("Engines are killed while they start")


def test_engine_that_crashes_while_starting_is_a_failed_start(pool: EnginePool, machine: FakeMachine) -> None:
    for _ in range(OPENS_AFTER):
        kill_starting(pool, machine, EngineEnd.by_signal(11))
    circuit = pool.status().circuit
    assert (circuit.state, circuit.failures, circuit.kills) == ("open", OPENS_AFTER, 0)


def test_trial_start_is_allowed_after_a_reboot(pool: EnginePool, machine: FakeMachine) -> None:
    fail(pool, machine)
    machine.clock.boot, machine.clock.time, machine.launch_fails = "the next boot", 5.0, None
    pool.generate(REQUEST).confirm()


def test_open_circuit_causes_one_alert_per_opening(pool: EnginePool, peer: EnginePool, machine: FakeMachine) -> None:
    assert pool.take_alerts() == []
    for _ in range(2):
        sentence = fail(pool, machine)
        assert peer.take_alerts() == [sentence]
        machine.clock.time += FIRST_RETRY_S
        fail(pool, machine)
        assert pool.take_alerts() == []
        machine.launch_fails = None
        pool.warm(1)
        pool.drain()


def test_repeatedly_lost_engines_cause_one_alert(pool: EnginePool, machine: FakeMachine) -> None:
    for _ in range(LOST_OFTEN):
        assert pool.take_alerts() == []
        pool.warm(1)
        next(engine for engine in machine.engines.values() if engine.running).running = False
        pool.reap()
    (alert,) = pool.take_alerts()
    assert alert.startswith("5 engines were lost within an hour, the last in slot 0: it ended by itself (")
    assert "vwe pool logs 0" in alert
    assert pool.take_alerts() == []


def test_pool_without_work_does_not_replace_lost_engines(pool: EnginePool, machine: FakeMachine) -> None:
    pool.warm(2)
    machine.clock.time += SETTINGS.idle_s / 2
    pool.generate(REQUEST).confirm()
    machine.clock.time += SETTINGS.idle_s * 0.9
    launches = machine.launches
    pool.reap()
    assert machine.launches == launches + 2, "two were too old, and there was work a short while ago"
    machine.clock.time += SETTINGS.container_ttl_minutes * 60 * 1.2
    pool.reap()
    pool.reap()
    assert machine.launches == launches + 2
    assert {slot.state for slot in pool.status().slots} == {"EMPTY"}


def test_counts_do_not_decrease_when_records_are_pruned(pool: EnginePool, machine: FakeMachine, folder: Path) -> None:
    pool.generate(REQUEST).confirm()
    pool.generate(REQUEST).confirm()
    ledger = Ledger(folder)
    before = read_counts(ledger, machine.clock)
    ledger.prune(keep=1)
    assert read_counts(ledger, machine.clock) == before
    assert before.jobs == {"exported": 2}
    assert before.cold_starts == 1
    assert list(before.waits.at_most.values())[-1] == 2
    assert before.steps["READY", "GENERATING", "job"] == 2
