"""One function diagnoses a slot, and the reaper resolves every reason that the sensor reports."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st

from vwe_dagster.pool.alerts import LOST_OFTEN
from vwe_dagster.pool.diagnosis import DRAINED, IDLE_GRACE_S, SPAWN_S, Action, diagnose, retirement
from vwe_dagster.pool.due import reasons
from vwe_dagster.pool.kinds import TransitionKind
from vwe_dagster.pool.ledger import Ledger, Slot
from vwe_dagster.pool.pool import EnginePool
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.slot_locks import UNKNOWN, Hold, SlotLock
from vwe_dagster.pool.states import State
from vwe_dagster.pool.upkeep import LEASE_GRACE_S
from vwe_dagster_tests.pool.fakes import REQUEST, FakeClock, FakeEngine, FakeMachine, Holder

SETTINGS = PoolSettings(max_warm_containers=2, max_jobs_per_engine=5, min_free_disk_gb=0, container_ttl_minutes=20)
CLOCK = FakeClock()
ENGINE = "fake-0-1"

times = st.sampled_from([-1500.0, -700.0, -641.0, -639.0, -130.0, -110.0, -1.0, 0.0, 1.0, 300.0]).map(
    lambda ago: CLOCK.time + ago
)


holds = st.builds(
    Hold,
    holder=st.just("pid 1 on vm"),
    boot=st.sampled_from([CLOCK.boot, "another boot"]),
    since_s=times,
    deadline_s=times,
    token=st.integers(0, 9),
)


@st.composite
def slots(draw: st.DrawFn, states: frozenset[State] = frozenset(State)) -> Slot:
    """Draw any slot that a ledger may contain: an EMPTY slot has no engine, an EMPTY or STARTING slot no holder."""
    state = draw(st.sampled_from(sorted(states)))
    is_empty = state is State.EMPTY
    can_be_held = state not in {State.EMPTY, State.STARTING}
    is_recorded = not is_empty and (state is not State.STARTING or draw(st.booleans()))
    holder = draw(st.none() | st.just("pid 1 on vm")) if can_be_held else None
    if state in {State.GENERATING, State.RESETTING}:
        holder = "pid 1 on vm"
    return Slot(
        slot=draw(st.integers(0, 3)),
        token=draw(st.integers(1, 9)),
        state=state,
        kind=draw(st.sampled_from(TransitionKind)),
        detail="",
        engine=None if is_empty else ENGINE,
        name=None,
        handle=ENGINE if is_recorded else None,
        address=f"unix:/fake/{ENGINE}" if is_recorded else None,
        bearer=None,
        digest="one configuration" if is_recorded else None,
        boot=draw(st.sampled_from([CLOCK.boot, "another boot"])),
        started_s=draw(times),
        expires_s=draw(times),
        used_s=draw(times),
        jobs=draw(st.integers(0, 6)),
        retiring=draw(st.none() | st.just(TransitionKind.DRAINED)),
        holder=holder,
        held_s=draw(times),
        deadline_s=draw(times) if holder else None,
        job=None,
        last_error=None,
    )


def healthy(state: State, **changes: object) -> Slot:
    """Return a slot whose engine is young, was just used, and has no holder."""
    now = CLOCK.time
    slot = Slot(
        slot=0,
        token=1,
        state=state,
        kind=TransitionKind.STARTED,
        detail="",
        engine=ENGINE,
        name=None,
        handle=ENGINE,
        address="unix:/fake",
        bearer=None,
        digest=None,
        boot=CLOCK.boot,
        started_s=now - 10,
        expires_s=now + 600,
        used_s=now - 1,
        jobs=1,
        retiring=None,
        holder=None,
        held_s=None,
        deadline_s=None,
        job=None,
        last_error=None,
    )
    return dataclasses.replace(slot, **changes)  # type: ignore[arg-type]


@hypothesis.given(slot=slots(), hold=st.none() | holds)
def test_every_slot_has_one_diagnosis_which_changes_nothing(slot: Slot, hold: Hold | None) -> None:
    before = dataclasses.asdict(slot)
    first = diagnose(slot, SETTINGS, CLOCK, hold)
    assert isinstance(first, Action)
    assert diagnose(slot, SETTINGS, CLOCK, hold) is first
    assert dataclasses.asdict(slot) == before


@hypothesis.given(slot=slots(), hold=holds)
def test_only_overdue_holders_with_a_lock_are_fenced(slot: Slot, hold: Hold) -> None:
    held = diagnose(slot, SETTINGS, CLOCK, hold)
    assert held in {Action.NONE, Action.FENCE}
    assert (held is Action.FENCE) == (hold.boot != CLOCK.boot or CLOCK.time > hold.deadline_s)
    assert diagnose(slot, SETTINGS, CLOCK, hold=None) is not Action.FENCE


@hypothesis.given(slot=slots())
def test_holder_without_a_note_is_fenced_by_the_deadline_of_the_ledger(slot: Slot) -> None:
    held = diagnose(slot, SETTINGS, CLOCK, UNKNOWN)
    is_overdue = slot.holder is not None and (slot.boot != CLOCK.boot or CLOCK.time > (slot.deadline_s or 0))
    assert held is (Action.FENCE if is_overdue else Action.NONE)


@hypothesis.given(slot=slots(frozenset({State.EMPTY})))
def test_empty_slot_with_a_free_lock_needs_nothing(slot: Slot) -> None:
    assert diagnose(slot, SETTINGS, CLOCK, hold=None) is Action.NONE


@hypothesis.given(slot=slots(frozenset(State) - {State.EMPTY}))
def test_occupied_slot_with_a_free_lock_needs_an_action(slot: Slot) -> None:
    assert diagnose(slot, SETTINGS, CLOCK, hold=None) is not Action.NONE


@hypothesis.given(slot=slots(frozenset({State.READY, State.EXPORTING})))
def test_free_engine_is_retired_only_with_a_reason(slot: Slot) -> None:
    action = diagnose(slot, SETTINGS, CLOCK, hold=None)
    reason = retirement(slot, SETTINGS, CLOCK)
    assert (action is Action.RETIRE) == (slot.is_free and reason is not None)
    if slot.retiring:
        assert reason == DRAINED


@pytest.mark.parametrize("state", [State.READY, State.GENERATING, State.EXPORTING, State.RESETTING])
def test_slot_with_a_live_holder_needs_nothing(state: State) -> None:
    slot = healthy(state, holder="pid 1 on vm", deadline_s=CLOCK.time + 1)
    hold = Hold("pid 1 on vm", CLOCK.boot, CLOCK.time, CLOCK.time + 1, 1)
    assert diagnose(slot, SETTINGS, CLOCK, hold) is Action.NONE


@pytest.mark.parametrize(
    ("state", "changes", "action"),
    [
        (State.READY, {}, Action.PROBE),
        (State.EXPORTING, {}, Action.PROBE),
        (State.READY, {"holder": "pid 1"}, Action.FORGET_HOLDER),
        (State.GENERATING, {"holder": "pid 1"}, Action.RECOVER),
        (State.EXPORTING, {"holder": "pid 1"}, Action.RECOVER),
        (State.RESETTING, {"holder": "pid 1"}, Action.RECOVER),
        (State.ERROR, {"holder": "pid 1"}, Action.REMOVE),
        (State.STARTING, {}, Action.PROBE_START),
        (State.STARTING, {"handle": None, "address": None}, Action.FAIL_START),
        (State.STARTING, {"handle": None, "started_s": CLOCK.time - SPAWN_S}, Action.FAIL_START),
        (State.STARTING, {"handle": None, "started_s": CLOCK.time - SPAWN_S + 1}, Action.AWAIT_SPAWN),
        (State.STARTING, {"started_s": CLOCK.time - SETTINGS.engine_startup_timeout - 1}, Action.END_LATE_START),
        (State.STARTING, {"boot": "another boot"}, Action.END_LATE_START),
        (State.READY, {"retiring": TransitionKind.DRAINED}, Action.RETIRE),
        (State.READY, {"slot": 2}, Action.RETIRE),
        (State.READY, {"jobs": 5}, Action.RETIRE),
        (State.EXPORTING, {"expires_s": CLOCK.time}, Action.RETIRE),
        (State.READY, {"used_s": CLOCK.time - SETTINGS.idle_s - IDLE_GRACE_S + 1}, Action.PROBE),
        (State.READY, {"used_s": CLOCK.time - SETTINGS.idle_s - IDLE_GRACE_S}, Action.END_IDLE),
    ],
)
def test_diagnosis_of_a_slot_with_a_free_lock(state: State, changes: dict[str, object], action: Action) -> None:
    assert diagnose(healthy(state, **changes), SETTINGS, CLOCK, hold=None) is action


@hypothesis.settings(max_examples=150, deadline=None)
@hypothesis.given(
    slot=slots(),
    is_held=st.booleans(),
    hold_s=st.none() | st.sampled_from([-1.0, 10.0]),
    running=st.booleans(),
    hangs=st.booleans(),
)
def test_reaper_resolves_what_the_sensor_reports(
    slot: Slot, is_held: bool, hold_s: float | None, running: bool, hangs: bool
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "pool"
        machine = FakeMachine()
        machine.engines[ENGINE] = engine = FakeEngine(ENGINE, CLOCK.time - 100)
        engine.running, engine.hangs = running, hangs
        engine.served.claim(slot.token)
        pool = machine.pool(folder, SETTINGS)
        ledger = Ledger(folder)
        write(ledger, slot)
        (folder / "locks").mkdir(exist_ok=True)
        lock = SlotLock(folder / "locks", slot.slot, machine.clock, "pid 1 on vm")
        if hold_s is not None:
            assert lock.take(hold_s)
        elif is_held:
            assert lock.acquire()
        before = needs(ledger, folder, machine, slot)
        if before:
            pool.reap()
            now = ledger.slot(slot.slot)
            assert (now.state, now.token, now.holder) != (slot.state, slot.token, slot.holder)
            lock.release()
        for _ in range(2):
            pool.reap()
        lock.release()
        if before:
            assert needs(ledger, folder, machine, slot) == []
        ledger.close()
        pool.close()


def needs(ledger: Ledger, folder: Path, machine: FakeMachine, slot: Slot) -> list[str]:
    """Return the reported reasons on one slot."""
    reported = reasons(ledger, folder / "locks", SETTINGS, machine.clock)
    return [reason for reason in reported if reason.startswith(f"slot {slot.slot}:")]


def write(ledger: Ledger, slot: Slot) -> None:
    """Write a slot directly into a ledger, including states that no legal step from EMPTY reaches."""
    values = dataclasses.asdict(slot)
    with ledger.database.transaction() as db:
        db.execute("DROP TRIGGER slots_begin_empty")
        columns = ", ".join(values)
        places = ", ".join(f":{column}" for column in values)
        db.execute(f"INSERT INTO slots ({columns}) VALUES ({places})", values)  # noqa: S608


def test_engine_that_outlives_its_idle_time_is_ended_by_the_reaper(machine: FakeMachine, folder: Path) -> None:
    pool = machine.pool(folder, SETTINGS)
    pool.warm(1)
    machine.clock.time += SETTINGS.idle_s + IDLE_GRACE_S
    assert reported(pool, machine, folder) == ["slot 0: its engine exceeded its idle time"]
    pool.reap()
    assert reported(pool, machine, folder) == []
    assert pool.events(limit=1)[0].kind is TransitionKind.IDLE
    assert not any(engine.running for engine in machine.engines.values())


def test_engine_that_ended_by_itself_before_a_caller_claims_it_is_not_counted_as_lost(
    machine: FakeMachine, folder: Path
) -> None:
    with machine.pool(folder, SETTINGS) as pool:
        for _ in range(LOST_OFTEN):
            pool.warm(1)
            machine.clock.time += SETTINGS.idle_s
            for engine in machine.engines.values():
                engine.running = False
            with pool.lease():
                pass
        assert pool.take_alerts() == []


@pytest.mark.parametrize("ends_by", ["death", "fence"])
def test_last_use_of_an_engine_is_the_claim_of_its_lost_holder(
    machine: FakeMachine, folder: Path, ends_by: str
) -> None:
    long = SETTINGS.model_copy(update={"world_gen_timeout": SETTINGS.idle_s, "container_ttl_minutes": 1000})
    pool = machine.pool(folder, long)
    holder = Holder(pool)
    holder.begin_job(machine, "generating")
    machine.clock.time += long.world_gen_timeout + LEASE_GRACE_S + IDLE_GRACE_S + 1
    if ends_by == "death":
        holder.die()
    pool.reap()
    assert [slot.state for slot in pool.status().slots] == ["READY", "EMPTY"]
    pool.reap()
    assert [slot.state for slot in pool.status().slots] == ["READY", "EMPTY"]
    holder.go_on()
    pool.generate(REQUEST).confirm()


def reported(pool: EnginePool, machine: FakeMachine, folder: Path) -> list[str]:
    return [
        reason
        for reason in reasons(Ledger(folder), folder / "locks", pool.settings, machine.clock)
        if reason.startswith("slot")
    ]
