"""State machine tests: in any order of events, no engine has two holders, no token repeats, and the pool recovers."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from vwe_dagster.engine.messages import EngineError
from vwe_dagster.pool.errors import FencedError, NoEngineError, PoolError
from vwe_dagster.pool.launcher import LauncherError
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.states import LEGAL, State
from vwe_dagster.pool.upkeep import LEASE_GRACE_S
from vwe_dagster_tests.pool.fakes import REQUEST, STOPS, FakeMachine, FakeProcess, Holder

pytestmark = pytest.mark.slow

SLOTS = 2
PROCESSES = 3
SETTINGS = PoolSettings(
    max_warm_containers=SLOTS,
    min_free_disk_gb=0,
    max_jobs_per_engine=4,
    world_gen_timeout=60,
    container_ttl_minutes=20,
    idle_minutes=10,
)


class PoolMachine(RuleBasedStateMachine):
    """Processes that share a pool, and the events that may happen to them and to its engines."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.machine = FakeMachine()
        self.pools = [self.machine.pool(self.folder / "pool", SETTINGS) for _ in range(PROCESSES)]
        self.alive: list[Holder] = []
        self.working: list[Holder] = []
        self.fenced_or_dead: list[Holder] = []
        self.tokens: dict[int, int] = {}
        self.stopped: list[FakeProcess] = []
        self.processes: list[FakeProcess] = []
        self.stopped_launches = 0

    @rule(process=st.integers(0, PROCESSES - 1))
    def lease(self, process: int) -> None:
        try:
            holder = Holder(self.pools[process])
        except (NoEngineError, PoolError):
            return
        taken = [other for other in self.alive + self.working if other.lease.slot == holder.lease.slot]
        for other in taken:
            self._has_lost(other)
        assert holder.lease.token > self.tokens.get(holder.lease.slot, 0)
        self.tokens[holder.lease.slot] = holder.lease.token
        self.alive.append(holder)

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), phase=st.sampled_from(["generating", "exporting"]))
    def begin_a_job(self, data: st.DataObject, phase: str) -> None:
        holder = self._pick(data, self.alive)
        holder.begin_job(self.machine, phase)
        if holder.error is None and holder.export is None:
            self.working.append(holder)
        else:
            self.alive.append(holder)

    @precondition(lambda self: self.working)
    @rule(data=st.data())
    def end_a_job(self, data: st.DataObject) -> None:
        holder = self._pick(data, self.working)
        holder.go_on()
        if holder.export is not None:
            with contextlib.suppress(FencedError):
                holder.export.confirm()
                assert holder.lease.token == self._token(holder.lease.slot)
        self._give_back(holder)

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def return_engine(self, data: st.DataObject) -> None:
        self._give_back(self._pick(data, self.alive))

    @precondition(lambda self: self.alive or self.working)
    @rule(data=st.data())
    def a_holder_dies(self, data: st.DataObject) -> None:
        holder = self._pick(data, self.working or self.alive)
        holder.die()
        self.fenced_or_dead.append(holder)

    @precondition(lambda self: len(self.processes) < 2 * PROCESSES)
    @rule(point=st.sampled_from([*STOPS, "leased", "generating", "exporting"]))
    def a_process_is_stopped(self, point: str) -> None:
        process = FakeProcess(self.machine, self.folder / "pool", SETTINGS)
        self.processes.append(process)
        process.run(process.pool.reap if point == "fencing" else process.make_world, stop_at=point)
        if process.stopped_at is not None:
            self.stopped.append(process)
            self.stopped_launches += point in {"launching", "launched"}
        self._notice_leases(process)

    @precondition(lambda self: self.stopped)
    @rule(data=st.data(), is_killed=st.booleans())
    def a_stopped_process_goes_on_or_dies(self, data: st.DataObject, is_killed: bool) -> None:
        process = data.draw(st.sampled_from(self.stopped))
        self.stopped.remove(process)
        if is_killed:
            process.die()
        else:
            process.go_on()
        self._notice_leases(process)

    @rule(seconds=st.sampled_from([1, 11, SETTINGS.world_gen_timeout + LEASE_GRACE_S + 1, 700, 1500]))
    def time_passes(self, seconds: float) -> None:
        self.machine.clock.time += seconds

    @rule(data=st.data(), what=st.sampled_from(["dies", "hangs", "cannot be reset", "breaks"]))
    def an_engine_fails(self, data: st.DataObject, what: str) -> None:
        there = [engine for engine in self.machine.engines.values() if engine.running]
        if not there:
            return
        engine = data.draw(st.sampled_from(there))
        match what:
            case "dies":
                engine.running = False
            case "hangs":
                engine.hangs = True
            case "cannot be reset":
                engine.reset_fails = True
            case _:
                engine.break_down()

    @rule(process=st.integers(0, PROCESSES - 1))
    def reap(self, process: int) -> None:
        self.pools[process].reap()
        self._notice_fenced()

    @rule(process=st.integers(0, PROCESSES - 1), force=st.booleans(), slot=st.integers(0, SLOTS - 1))
    def release(self, process: int, slot: int, force: bool) -> None:
        with contextlib.suppress(PoolError, LauncherError):
            self.pools[process].release(slot, force=force)
        self._notice_fenced()

    @rule(process=st.integers(0, PROCESSES - 1), count=st.integers(0, SLOTS))
    def warm(self, process: int, count: int) -> None:
        self.pools[process].warm(count, wait=False)

    @rule(process=st.integers(0, PROCESSES - 1))
    def drain(self, process: int) -> None:
        with contextlib.suppress(NoEngineError, LauncherError):
            self.pools[process].drain(timeout_s=0)

    @rule(boots_take_s=st.sampled_from([0, 0, 0.5, 1000]))
    def engines_boot_slower_or_faster(self, boots_take_s: float) -> None:
        self.machine.boots_take_s = boots_take_s

    @rule(fails=st.sampled_from([None, None, "It does not start."]), down=st.booleans())
    def the_launcher_fails_or_recovers(self, fails: str | None, down: bool) -> None:
        self.machine.launch_fails = fails
        self.machine.launcher_is_down = down and fails is not None

    @rule(digest=st.sampled_from(["one configuration", "another"]))
    def the_configuration_changes(self, digest: str) -> None:
        self.machine.digest = digest

    @invariant()
    def there_are_never_more_engines_than_slots(self) -> None:
        # A process that was fenced while it launched an engine ends the engine when it continues.
        assert self.machine.most_running <= SLOTS + self.stopped_launches

    @invariant()
    def no_engine_does_two_jobs_at_once(self) -> None:
        assert all(engine.most_concurrent_jobs <= 1 for engine in self.machine.engines.values())

    @invariant()
    def engines_see_tokens_that_only_grow(self) -> None:
        for engine in self.machine.engines.values():
            tokens = [token for token, _job in engine.jobs]
            assert tokens == sorted(tokens)

    @invariant()
    def the_record_of_every_slot_is_a_chain_of_legal_steps(self) -> None:
        now = dict.fromkeys(range(SLOTS), State.EMPTY)
        for step in self.pools[0].events():
            assert State(step.before) is now[step.slot]
            assert (State(step.before), State(step.after)) in LEGAL
            assert step.detail
            now[step.slot] = State(step.after)

    @invariant()
    def every_cause_is_of_a_known_kind(self) -> None:
        with self.pools[0]._upkeep.ledger.database.connected() as db:  # noqa: SLF001  no method returns these counts
            assert not db.execute("SELECT * FROM step_counts WHERE kind = 'other'").fetchall()

    def teardown(self) -> None:
        """Let every process continue or die, and check that the pool recovers completely."""
        for process in self.stopped:
            process.go_on()
        for holder in [*self.alive, *self.working]:
            holder.die()
        for holder in [*self.working, *self.fenced_or_dead]:
            holder.go_on()
            assert holder.export is None or holder.error is None
        self.machine.boots_take_s, self.machine.launch_fails, self.machine.launcher_is_down = 0, None, False
        for engine in self.machine.engines.values():
            engine.reset_fails = False
        pool = self.pools[0]
        pool.reap()
        assert pool.warm(SLOTS) == SLOTS
        with pool.lease(timeout_s=30), pool.lease(timeout_s=30):
            pass
        for _ in range(SLOTS):
            pool.generate(REQUEST).confirm()
        assert {slot.state for slot in pool.status().slots} <= {State.READY, State.STARTING}
        assert pool.drain() == SLOTS
        assert not [engine for engine in self.machine.engines.values() if engine.running]
        for each in [*self.pools, *(process.pool for process in self.processes)]:
            each.close()
        shutil.rmtree(self.folder)

    def _pick(self, data: st.DataObject, holders: list[Holder]) -> Holder:
        holder = data.draw(st.sampled_from(holders))
        holders.remove(holder)
        return holder

    def _give_back(self, holder: Holder) -> None:
        if holder.error is not None:
            assert isinstance(holder.error, EngineError)
        holder.return_engine()

    def _token(self, slot: int) -> int:
        return next(status.token for status in self.pools[0].status().slots if status.slot == slot)

    def _notice_leases(self, process: FakeProcess) -> None:
        """Check the tokens of a process, and find the holders that lost their slots to it."""
        assert process.error is None or isinstance(process.error, EngineError), process.error
        for slot, token in process.tokens:
            assert token > self.tokens.get(slot, 0)
            self.tokens[slot] = token
        process.tokens.clear()
        self._notice_fenced()

    def _notice_fenced(self) -> None:
        for holder in [*self.alive, *self.working]:
            if self._token(holder.lease.slot) != holder.lease.token:
                self._has_lost(holder)

    def _has_lost(self, holder: Holder) -> None:
        """Check that a holder whose slot was taken is fenced."""
        with contextlib.suppress(ValueError):
            self.alive.remove(holder)
        with contextlib.suppress(ValueError):
            self.working.remove(holder)
        try:
            holder.lease.check()
        except FencedError:
            self.fenced_or_dead.append(holder)
        else:
            raise AssertionError("two holders of one slot")


TestPoolMachine = PoolMachine.TestCase
TestPoolMachine.settings = hypothesis.settings(max_examples=40, stateful_step_count=30)
