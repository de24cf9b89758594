"""The pool with fake engines: allocation to callers, and recovery from dead processes and engines."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from vwe_dagster.engine.messages import EngineError, WorldRequest
from vwe_dagster.pool.clock import SystemClock
from vwe_dagster.pool.counts import read_counts
from vwe_dagster.pool.errors import EngineLostError, FencedError, NoEngineError, PoolError
from vwe_dagster.pool.kinds import Reason, TransitionKind
from vwe_dagster.pool.ledger import Ledger
from vwe_dagster.pool.pool import EnginePool
from vwe_dagster.pool.reaper import KEPT_RECORDS
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.states import State
from vwe_dagster.pool.upkeep import LEASE_GRACE_S
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.pool.fakes import REQUEST, FakeEngine, FakeLauncher, FakeMachine, Holder, failing
from vwe_dagster_tests.pool.holders import causes

SETTINGS = PoolSettings(max_warm_containers=2, min_free_disk_gb=0, acquire_timeout=30)


def settings(**changes: object) -> PoolSettings:
    return PoolSettings(**{**SETTINGS.model_dump(), **changes})


@pytest.fixture
def pool(machine: FakeMachine, folder: Path) -> EnginePool:
    return machine.pool(folder, SETTINGS)


@pytest.fixture
def peer(machine: FakeMachine, folder: Path) -> EnginePool:
    """The same pool, opened by another process."""
    return machine.pool(folder, SETTINGS)


def states(pool: EnginePool) -> list[str]:
    return [slot.state for slot in pool.status().slots]


def running(machine: FakeMachine) -> list[FakeEngine]:
    return [engine for engine in machine.engines.values() if engine.running]


def test_no_engine_starts_before_it_is_needed(pool: EnginePool, machine: FakeMachine) -> None:
    assert states(pool) == ["EMPTY", "EMPTY"]
    assert machine.launches == 0


def test_world_takes_an_engine_through_all_states_and_leaves_it_warm(pool: EnginePool, machine: FakeMachine) -> None:
    export = pool.generate(REQUEST)
    export.confirm()
    pool.generate(REQUEST)
    assert machine.launches == 1
    steps = [step.after for step in pool.events() if step.slot == 0]
    assert steps == ["STARTING", "READY", *2 * ["GENERATING", "EXPORTING", "RESETTING", "READY"]]
    assert [(job.state, job.seed, job.size) for job in pool.history()] == 2 * [("exported", 1, 64)]
    assert states(pool) == ["READY", "EMPTY"]


def test_peer_uses_the_engines_of_a_process_that_ended(
    pool: EnginePool, peer: EnginePool, machine: FakeMachine
) -> None:
    pool.generate(REQUEST)
    pool.close()
    peer.generate(REQUEST)
    assert machine.launches == 1


def test_every_lease_has_a_higher_token_than_earlier_leases(pool: EnginePool, peer: EnginePool) -> None:
    tokens = []
    for each in (pool, peer, pool):
        with each.lease() as lease:
            tokens.append(lease.token)
    assert tokens == sorted(set(tokens))


def test_pool_grows_only_for_waiting_callers_and_up_to_its_slots(pool: EnginePool, machine: FakeMachine) -> None:
    with pool.lease(), pool.lease():
        assert len(running(machine)) == 2
        with pytest.raises(NoEngineError), pool.lease(timeout_s=1):
            pass
    assert machine.launches == 2


def test_engines_start_one_at_a_time_for_many_callers(folder: Path, machine: FakeMachine) -> None:
    machine.boots_take_s = 10
    pools = [machine.pool(folder, settings(max_warm_containers=4)) for _ in range(3)]
    starting: list[int] = []
    clock, once = machine.clock, threading.Event()

    def look() -> None:
        starting.append(sum(slot.state is State.STARTING for slot in Ledger(folder).slots()))
        if clock.time > 1005 and not once.is_set():
            once.set()
            for each in pools[1:]:
                with pytest.raises(NoEngineError), each.lease(timeout_s=1):
                    pass

    clock.on_sleep = look
    with pools[0].lease():
        assert max(starting) == 1
        assert machine.launches == 1
        assert once.is_set()


def test_timeout_error_lists_the_holders(pool: EnginePool, peer: EnginePool, machine: FakeMachine) -> None:
    with pool.lease(purpose="a long world"), pool.lease(purpose="another"):
        machine.clock.time += 3
        holder = r"Slot 0 \(READY\): pid \d+ on .+: a long world, for \d+ s"
        with pytest.raises(NoEngineError, match=holder), peer.lease(timeout_s=0.5):
            pass


def test_caller_waits_for_acquire_timeout(folder: Path, machine: FakeMachine) -> None:
    pool = machine.pool(folder, settings(max_warm_containers=1, acquire_timeout=7))
    with pool.lease():
        began = machine.clock.time
        with pytest.raises(NoEngineError, match="became free within 7 s"):
            pool.generate(REQUEST)
    assert machine.clock.time - began == pytest.approx(7, abs=0.1)


def test_callers_are_served_in_queue_order(folder: Path, machine: FakeMachine) -> None:
    """The fifth caller in the queue gets no engine before the first four, in any order of polling."""
    one_slot = settings(max_warm_containers=1)
    holding = machine.pool(folder, one_slot, SystemClock())
    got: list[int] = []
    waiting: list[threading.Thread] = []
    with holding.lease():
        for number in range(5):
            thread = threading.Thread(
                target=_queue_up, args=(machine.pool(folder, one_slot, SystemClock()), number, got)
            )
            thread.start()
            waiting.append(thread)
            while holding.status().waiting <= number:
                thread.join(0.001)
    for thread in waiting:
        thread.join(20)
    assert got == [0, 1, 2, 3, 4]


def _queue_up(pool: EnginePool, number: int, got: list[int]) -> None:
    with pool.lease(timeout_s=1e9):
        got.append(number)


def test_dead_waiter_does_not_block_the_queue(pool: EnginePool, folder: Path) -> None:
    ledger = Ledger(folder)
    pool.warm(1)
    with ledger.database.connected() as db:
        db.execute(
            "INSERT INTO tickets (holder, lock, boot, since_s, seen_s) VALUES ('dead', 'gone', ?, 0, 1e9)",
            (pool._upkeep.clock.boot,),  # noqa: SLF001
        )
    with pool.lease(timeout_s=1):
        pass
    pool.reap()
    assert pool.status().waiting == 0


def test_free_engine_that_died_is_replaced_transparently(pool: EnginePool, machine: FakeMachine) -> None:
    pool.generate(REQUEST)
    running(machine)[0].running = False
    pool.generate(REQUEST)
    assert machine.launches == 2
    assert "it ended (fake-0-1 was killed)" in causes(pool, State.ERROR)


def test_free_engine_that_hangs_is_replaced_transparently(pool: EnginePool, machine: FakeMachine) -> None:
    pool.generate(REQUEST)
    running(machine)[0].hangs = True
    pool.generate(REQUEST)
    assert [engine.hangs for engine in running(machine)] == [False]
    assert any("does not answer" in cause for cause in causes(pool, State.ERROR))


def test_world_survives_the_loss_of_its_engine(pool: EnginePool, machine: FakeMachine) -> None:
    lost: list[str] = []

    def die_once(engine: FakeEngine, phase: str) -> None:
        if phase == "exporting" and not lost:
            lost.append(engine.name)
            engine.running = False

    machine.in_job = die_once
    pool.generate(REQUEST).confirm()
    assert [job.state for job in pool.history()] == ["exported", "failed"]
    assert lost[0] not in [engine.name for engine in running(machine)]


def test_world_that_kills_every_engine_fails_after_three(pool: EnginePool, machine: FakeMachine) -> None:
    def die(engine: FakeEngine, _phase: str) -> None:
        engine.running = False

    machine.in_job = die
    with pytest.raises(EngineLostError, match="was lost during a job"):
        pool.generate(REQUEST)
    assert machine.launches == 3
    assert running(machine) == []


def test_failed_job_leaves_its_engine_warm(pool: EnginePool, machine: FakeMachine) -> None:
    machine.in_job = failing(at="generating", error=EngineError("There is no such layer."))
    with pytest.raises(EngineError, match="no such layer"):
        pool.generate(REQUEST)
    assert states(pool)[0] == "READY"
    assert pool.status().slots[0].last_error == "There is no such layer."
    machine.in_job = lambda _engine, _phase: None
    pool.generate(REQUEST)
    assert machine.launches == 1


def test_engine_that_cannot_be_reset_is_ended(pool: EnginePool, machine: FakeMachine) -> None:
    def spoil(engine: FakeEngine, _phase: str) -> None:
        engine.reset_fails = True

    machine.in_job = spoil
    pool.generate(REQUEST).confirm()
    assert running(machine) == []
    assert any("its reset failed" in cause for cause in causes(pool, State.ERROR))


@pytest.mark.parametrize("phase", ["generating", "exporting"])
def test_engine_of_a_dead_holder_is_reset_and_reused(
    pool: EnginePool, peer: EnginePool, machine: FakeMachine, phase: str
) -> None:
    holder = Holder(pool)
    holder.begin_job(machine, phase)
    holder.die()
    peer.generate(REQUEST).confirm()
    assert machine.launches == 1
    assert any("its holder died" in cause for cause in causes(peer, State.RESETTING))
    assert "abandoned" in [job.state for job in peer.history()]
    holder.go_on()
    assert isinstance(holder.error, FencedError)


@pytest.mark.parametrize("phase", ["generating", "exporting"])
def test_stopped_holder_is_fenced_when_it_continues(folder: Path, machine: FakeMachine, phase: str) -> None:
    one_slot = settings(max_warm_containers=1, world_gen_timeout=60)
    pool, peer = machine.pool(folder, one_slot), machine.pool(folder, one_slot)
    holder = Holder(pool)
    holder.begin_job(machine, phase)
    machine.clock.time += 60 + LEASE_GRACE_S - 1
    with pytest.raises(NoEngineError), peer.lease(timeout_s=0):
        pass
    machine.clock.time += 2
    peer.generate(REQUEST).confirm()
    holder.go_on()
    assert isinstance(holder.error, FencedError)
    assert sorted(job.state for job in peer.history()) == ["exported", "fenced"]
    holder.return_engine()
    peer.generate(REQUEST)
    assert machine.launches == 1


def test_overdue_idle_lease_is_fenced_and_cannot_be_confirmed(folder: Path, machine: FakeMachine) -> None:
    pool, peer = machine.pool(folder, SETTINGS), machine.pool(folder, SETTINGS)
    holder = Holder(pool)
    holder.lease.check()
    machine.clock.time += SETTINGS.world_gen_timeout + LEASE_GRACE_S + 1
    assert any("missed its deadline" in action for action in peer.reap().actions)
    with pytest.raises(FencedError):
        holder.lease.check()
    with pytest.raises(FencedError):
        holder.lease.generate(REQUEST)
    holder.return_engine()


def test_engine_retires_after_max_jobs_and_is_replaced(folder: Path, machine: FakeMachine) -> None:
    pool = machine.pool(folder, settings(max_jobs_per_engine=2))
    for _ in range(4):
        pool.generate(REQUEST)
    assert [len(engine.jobs) for engine in machine.engines.values()] == [2, 2, 0]
    assert causes(pool, State.EMPTY) == 2 * ["it has generated 2 worlds"]


def test_engine_retires_after_its_time_to_live(folder: Path, machine: FakeMachine) -> None:
    pool = machine.pool(folder, settings(container_ttl_minutes=10))
    pool.generate(REQUEST)
    machine.clock.time += 8.9 * 60
    pool.generate(REQUEST)
    assert machine.launches == 1
    machine.clock.time += 2.2 * 60
    pool.generate(REQUEST)
    assert len(running(machine)) == 1
    assert "it is older than 10 minutes" in causes(pool, State.EMPTY)


def test_times_to_live_of_engines_differ(folder: Path, machine: FakeMachine) -> None:
    pool = machine.pool(folder, settings(max_warm_containers=8))
    pool.warm(8)
    lives = [slot.expires_in_s for slot in pool.status().slots]
    assert len(set(lives)) == 8
    assert all(life is not None and 0.89 < life / 7200 < 1.11 for life in lives)


def test_engines_with_another_configuration_retire(folder: Path, machine: FakeMachine) -> None:
    machine.pool(folder, SETTINGS).generate(REQUEST)
    machine.digest = "another configuration"
    machine.clock.time += 10
    machine.pool(folder, SETTINGS).generate(REQUEST)
    assert machine.launches == 2
    assert len(running(machine)) == 1


def test_engines_beyond_the_pool_size_are_ended(folder: Path, machine: FakeMachine) -> None:
    machine.pool(folder, settings(max_warm_containers=3)).warm(3)
    smaller = machine.pool(folder, settings(max_warm_containers=1))
    smaller.reap()
    assert len(running(machine)) == 1
    assert states(smaller) == ["READY"]


def test_without_auto_reset_the_next_holder_resets_the_engine(folder: Path, machine: FakeMachine) -> None:
    pool = machine.pool(folder, settings(auto_reset_after_job=False))
    pool.generate(REQUEST)
    assert states(pool)[0] == "EXPORTING"
    pool.generate(REQUEST)
    assert [step.after for step in pool.events()][-3:] == ["READY", "GENERATING", "EXPORTING"]
    assert machine.launches == 1
    assert pool.drain() == 1
    assert running(machine) == []


@pytest.mark.parametrize("auto_reset", [True, False])
def test_status_and_metrics_count_the_same_free_engines(folder: Path, machine: FakeMachine, auto_reset: bool) -> None:
    pool = machine.pool(folder, settings(auto_reset_after_job=auto_reset))
    pool.generate(REQUEST)
    assert read_counts(Ledger(folder), machine.clock).free == pool.status().ready == 1
    with pool.lease():
        assert read_counts(Ledger(folder), machine.clock).free == pool.status().ready == 0


def test_reaper_retires_expired_engine_that_was_not_reset(folder: Path, machine: FakeMachine) -> None:
    pool = machine.pool(folder, settings(auto_reset_after_job=False, container_ttl_minutes=1, idle_minutes=60))
    pool.generate(REQUEST)
    assert states(pool)[0] == "EXPORTING"
    machine.clock.time += 120
    pool.reap()
    assert running(machine) == []


def test_status_detects_an_engine_that_ended_before_its_reset(folder: Path, machine: FakeMachine) -> None:
    pool = machine.pool(folder, settings(auto_reset_after_job=False))
    pool.generate(REQUEST)
    running(machine)[0].running = False
    assert pool.status().ready == 0


def test_settled_slot_of_a_dead_holder_is_free(pool: EnginePool, folder: Path) -> None:
    Holder(pool).die()
    pool.release(0)
    assert Ledger(folder).slot(0).is_free


def test_lease_can_generate_several_worlds(pool: EnginePool, machine: FakeMachine) -> None:
    with pool.lease() as lease:
        lease.generate(REQUEST)
        lease.generate(REQUEST)
    assert [len(engine.jobs) for engine in machine.engines.values()] == [2]


def test_warming_starts_only_missing_engines(pool: EnginePool, machine: FakeMachine) -> None:
    machine.boots_take_s = 5
    reported: list[tuple[int, int]] = []
    assert pool.warm(2, progress=lambda ready, count: reported.append((ready, count))) == 2
    assert (reported[0], reported[-1]) == ((0, 2), (2, 2))
    pool.warm(2)
    assert machine.launches == 2
    with pytest.raises(PoolError, match="cannot keep 3 engines warm; choose 0 to 2"):
        pool.warm(3)


def test_reaper_maintains_the_warm_target(pool: EnginePool, machine: FakeMachine) -> None:
    pool.warm(2)
    running(machine)[0].running = False
    pool.reap()
    assert len(running(machine)) == 2
    pool.drain()
    pool.reap()
    assert running(machine) == []


def test_unused_engines_are_not_replaced(folder: Path, machine: FakeMachine) -> None:
    pool = machine.pool(folder, settings(idle_minutes=1))
    pool.warm(2)
    machine.clock.time += 61
    for engine in running(machine):
        engine.running = False
    assert states(pool) == ["EMPTY", "EMPTY"]
    assert causes(pool, State.EMPTY) == 2 * ["it was unused for 1 minutes"]
    pool.reap()
    assert running(machine) == []


def test_draining_waits_for_leased_engines(pool: EnginePool, peer: EnginePool, machine: FakeMachine) -> None:
    pool.warm(2)
    with pool.lease(purpose="a world") as lease:
        with pytest.raises(NoEngineError, match="a world"):
            peer.drain(timeout_s=1)
        assert [engine.name for engine in running(machine)] == [lease.engine]
    assert running(machine) == []
    assert states(peer) == ["EMPTY", "EMPTY"]


def test_draining_ends_starting_engines(pool: EnginePool, machine: FakeMachine) -> None:
    machine.boots_take_s = 100
    pool.warm(1, wait=False)
    assert pool.drain() == 1
    assert running(machine) == []


def test_slot_of_a_live_holder_is_released_only_by_force(pool: EnginePool, peer: EnginePool) -> None:
    holder = Holder(pool)
    with pytest.raises(PoolError, match="--force"):
        peer.release(0)
    assert "READY" in peer.release(0, force=True)
    with pytest.raises(FencedError):
        holder.lease.check()
    assert "Slot 0 had no live holder" in peer.release(0)
    with pytest.raises(PoolError, match="no slot 7"):
        peer.release(7)


def test_job_runs_on_an_engine_by_name(pool: EnginePool, machine: FakeMachine) -> None:
    pool.generate(REQUEST)
    own_name = pool.create_engine("mine")
    pool.generate(REQUEST, engine="mine")
    assert len(machine.engines[own_name].jobs) == 1
    with pytest.raises(PoolError, match="already"):
        pool.create_engine("mine")
    with pytest.raises(PoolError, match="raise max_warm_containers"):
        pool.create_engine("one too many")
    with pytest.raises(PoolError, match="no engine named yours"):
        pool.generate(REQUEST, engine="yours")


def test_failing_starts_are_reported_quickly(pool: EnginePool, machine: FakeMachine) -> None:
    machine.launch_fails = "There is no such image."
    with pytest.raises(PoolError, match=r"Engines do not start: .*There is no such image\."):
        pool.generate(REQUEST)
    assert machine.launches == 3
    assert states(pool) == ["EMPTY", "EMPTY"]
    with pytest.raises(PoolError, match="no such image"):
        pool.create_engine("mine")


def test_engine_that_is_not_ready_in_time_is_ended(folder: Path, machine: FakeMachine) -> None:
    machine.boots_take_s = 1000
    pool = machine.pool(folder, settings(engine_startup_timeout=5, acquire_timeout=100))
    with pytest.raises(PoolError, match="not ready within 5 s"):
        pool.generate(REQUEST)
    assert running(machine) == []


@pytest.mark.parametrize(
    ("boots_take_s", "seen_after_s", "accepted"), [(4, 4.5, True), (6, 6.5, False), (4, 30, True), (29, 30, False)]
)
def test_lateness_counts_until_the_engine_became_ready(
    folder: Path, machine: FakeMachine, boots_take_s: float, seen_after_s: float, accepted: bool
) -> None:
    machine.boots_take_s = boots_take_s
    pool = machine.pool(folder, settings(engine_startup_timeout=5))
    pool.warm(1, wait=False)
    machine.clock.time += seen_after_s
    pool.status()
    assert (len(running(machine)) == 1) is accepted
    assert (states(pool)[0] == "READY") is accepted


def test_engine_that_starts_broken_is_ended_with_its_message(pool: EnginePool, machine: FakeMachine) -> None:
    machine.boots_broken = "Plugins that may change worlds are loaded."
    began = machine.clock.time
    with pytest.raises(PoolError, match=r"it is broken: Plugins that may change worlds are loaded\."):
        pool.generate(REQUEST)
    assert machine.clock.time - began < SETTINGS.engine_startup_timeout
    assert running(machine) == []


def test_kind_of_a_failed_start_does_not_depend_on_its_log(
    pool: EnginePool, machine: FakeMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeLauncher, "log", lambda *_, **__: "it ended (out of memory)")
    machine.boots_take_s = 1000
    pool.warm(1, wait=False)
    running(machine)[0].running = False
    pool.reap()
    (failure,) = [step for step in pool.events() if step.after == State.ERROR]
    assert failure.kind is TransitionKind.START_FAILED
    assert failure.detail.endswith("Its log ends: it ended (out of memory)")


def test_engine_of_another_kind_counts_as_a_failed_start(folder: Path, machine: FakeMachine) -> None:
    pool = machine.pool(folder, settings(engine="valheim"))
    with pytest.raises(PoolError, match="its kind is native, but the pool requires valheim"):
        pool.generate(REQUEST)
    assert {step.kind for step in pool.events() if step.after == State.ERROR} == {TransitionKind.START_FAILED}


def test_start_of_a_dead_process_is_cleared(pool: EnginePool, folder: Path, machine: FakeMachine) -> None:
    pool.status()
    assert Ledger(folder).begin_engine(
        0, single_flight_s=None, reason=Reason(TransitionKind.DEMAND, "a test"), changes={"engine": "fake"}
    )
    pool.generate(REQUEST)
    assert "the process that started it died" in causes(pool, State.ERROR)
    assert len(running(machine)) == 1


def test_old_stray_engine_is_ended_by_the_second_pass(pool: EnginePool, machine: FakeMachine) -> None:
    machine.engines["fake-9-9"] = FakeEngine("fake-9-9", machine.clock.now())
    for _ in range(3):
        pool.reap()
    assert [engine.name for engine in running(machine)] == ["fake-9-9"]
    machine.clock.time += SETTINGS.engine_startup_timeout + 1
    assert pool.reap().actions == ["Ended the engine fake-9-9, which no slot refers to."]
    assert running(machine) == []
    machine.engines["fake-9-8"] = FakeEngine("fake-9-8", 0)
    assert pool.reap().actions == []
    assert pool.reap().actions == ["Ended the engine fake-9-8, which no slot refers to."]


def test_reaper_changes_nothing_while_the_launcher_does_not_answer(pool: EnginePool, machine: FakeMachine) -> None:
    pool.warm(2)
    running(machine)[0].running = False
    machine.launcher_is_down = True
    report = pool.reap()
    assert (report.actions, report.problem) == ([], "The launcher does not answer.")
    assert states(pool) == ["READY", "READY"]
    pool.generate(REQUEST).confirm()
    machine.launcher_is_down = False
    pool.reap()
    assert len(running(machine)) == 2


def test_engines_and_holders_of_a_former_boot_are_cleared(pool: EnginePool, machine: FakeMachine) -> None:
    pool.warm(1)
    holder = Holder(pool)
    holder.die()
    running(machine)[0].running = False
    machine.clock.boot, machine.clock.time = "the next boot", 5.0
    pool.generate(REQUEST).confirm()
    assert len(running(machine)) == 1


def test_no_world_begins_on_a_full_disk(folder: Path, machine: FakeMachine) -> None:
    pool = machine.pool(folder, settings(min_free_disk_gb=1e9))
    with pytest.raises(PoolError, match="free some space, or lower min_free_disk_gb"):
        pool.generate(REQUEST)
    assert machine.launches == 0


def test_many_worlds_come_in_order_with_failures_as_outcomes(pool: EnginePool, machine: FakeMachine) -> None:
    requests = [WorldRequest(seed, Grid.of_world(64)) for seed in range(7)]
    pool.warm(2)
    fail = failing(at="generating", error=EngineError("This one fails."))

    def fail_third(engine: FakeEngine, phase: str) -> None:
        if next(job for job in pool.history() if job.slot == int(engine.name.split("-")[1])).seed == 3:
            fail(engine, phase)

    machine.in_job = fail_third
    outcomes = list(pool.generate_many(requests))
    assert [outcome.request for outcome in outcomes] == requests
    assert [str(outcome.error) for outcome in outcomes if outcome.error] == ["This one fails."]
    assert [outcome.export is None for outcome in outcomes].index(True) == 3
    assert machine.launches == 2


def test_many_worlds_are_requested_lazily(pool: EnginePool) -> None:
    asked: list[int] = []

    def requests(count: int) -> list[WorldRequest]:
        return [WorldRequest(seed, Grid.of_world(64)) for seed in range(count)]

    def lazily() -> object:
        for request in requests(100):
            asked.append(request.seed)
            yield request

    outcomes = pool.generate_many(lazily())  # type: ignore[arg-type]
    next(outcomes)
    assert len(asked) <= 3
    outcomes.close()
    assert len(asked) <= 3


def test_many_worlds_can_be_canceled(pool: EnginePool, machine: FakeMachine) -> None:
    is_second_on, go_on = threading.Event(), threading.Event()

    def pause(number: int, _fraction: float, _phase: str) -> None:
        if number:
            is_second_on.set()
            go_on.wait(20)

    outcomes = pool.generate_many((WorldRequest(seed, Grid.of_world(64)) for seed in range(9)), pause)
    next(outcomes)
    assert is_second_on.wait(20)
    threading.Timer(0.05, go_on.set).start()
    outcomes.close()
    assert pool.status().leased == 0
    assert sum(len(engine.jobs) for engine in machine.engines.values()) <= 2


@pytest.mark.parametrize("take", [lambda pool: pool.log(0), lambda pool: pool.release(0)])
def test_log_of_a_slot_that_never_had_an_engine_is_an_error(
    pool: EnginePool, take: Callable[[EnginePool], str]
) -> None:
    with pytest.raises(PoolError, match="vwe pool status"):
        take(pool)


def test_number_of_records_is_limited(pool: EnginePool, folder: Path) -> None:
    pool.warm(1)
    with Ledger(folder).database.transaction() as db:
        db.executemany(
            "INSERT INTO transitions (at, slot, before, after, detail, token) VALUES ('', 0, '', '', '', 0)",
            [()] * (KEPT_RECORDS + 10),
        )
    pool.reap()
    assert len(pool.events()) == KEPT_RECORDS
