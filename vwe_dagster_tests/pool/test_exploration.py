"""Explore every state that a process can bring a pool into within some steps, if it is stopped, continued or killed.

``VWE_EXPLORATION_DEPTH`` is the number of steps: 4 in the test suite, 8 in ``make soak``, which takes a minute.

The process of :class:`Story` is stopped with or without a lock, at each step of the pool. Another process uses the
pool, and time passes. Of all stories that lead to the same state, only one is continued.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from vwe_dagster.engine.messages import EngineError
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.slot_locks import SlotLock
from vwe_dagster.pool.states import State
from vwe_dagster_tests.pool.fakes import STOPS, FakeMachine, FakeProcess

pytestmark = pytest.mark.slow

DEPTH: Final = int(os.environ.get("VWE_EXPLORATION_DEPTH", "4"))
SLOTS: Final = 2
SETTINGS: Final = PoolSettings(
    max_warm_containers=SLOTS,
    min_free_disk_gb=0,
    world_gen_timeout=60,
    engine_startup_timeout=20,
    container_ttl_minutes=10_000,
    idle_minutes=10_000,
)
LATER_S: Final = 70.0
"""Seconds longer than any process may hold a slot."""

SOON_S: Final = SETTINGS.engine_startup_timeout + LATER_S / 10
"""Seconds within which an engine must exist while one of two slots is usable."""

Signature = tuple[object, ...]


class Story:
    """A pool on a fake machine, with a process that is stopped and killed, and another that is not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "pool"
        self.machine = FakeMachine()
        # A waiting caller polls the pool about twenty times within its timeout.
        self.machine.clock.on_sleep = self._pass_some_time
        self.victim = FakeProcess(self.machine, self.folder, SETTINGS)
        self.survivor = FakeProcess(self.machine, self.folder, SETTINGS)
        self.survivor.pool.status()

    def actions(self) -> Mapping[str, Callable[[], object]]:
        """Return the possible next steps."""
        victim, survivor = self.victim, self.survivor
        actions: dict[str, Callable[[], object]] = {
            "time passes": self._pass_time,
            "the survivor makes a world": lambda: survivor.run(survivor.make_world),
            "the survivor reaps": lambda: survivor.run(survivor.pool.reap),
        }
        if victim.stopped_at is not None and not victim.is_dead:
            actions["the victim goes on"] = victim.go_on
            actions["the victim is killed"] = victim.die
        elif not victim.is_dead:
            for point in (*STOPS[:-1], "leased", "generating", "exporting"):
                actions[f"the victim is stopped while {point}"] = lambda point=point: victim.run(  # type: ignore[misc]
                    victim.make_world, stop_at=point
                )
            actions["the victim is stopped while fencing"] = lambda: victim.run(victim.pool.reap, stop_at="fencing")
        return actions

    def play(self, story: tuple[str, ...]) -> None:
        """Perform steps, and check the invariants after each."""
        for name in story:
            self.actions()[name]()
            self._check()

    def signature(self) -> Signature:
        """Return a key of the pool's state, without times, tokens and engine names."""
        upkeep = self.survivor.pool._upkeep  # noqa: SLF001  states of locks and rows together
        clock = self.machine.clock
        rows = upkeep.ledger.slots()
        slots = []
        for row in rows:
            lock = SlotLock(upkeep.locks, row.slot, clock, "")
            hold = lock.current_hold()
            engine = self.machine.engines.get(row.engine or "")
            slots.append(
                (
                    row.state,
                    row.holder is not None,
                    row.is_overdue(clock),
                    row.is_late(clock, SETTINGS.engine_startup_timeout),
                    row.launched is not None,
                    hold is not None,
                    lock.read().is_overdue(clock),
                    engine is not None and engine.running,
                    engine is not None and engine.served.status().state,
                )
            )
        return (*slots, len(self._strays()), self.victim.stopped_at, self.victim.is_dead)

    def end(self) -> None:
        """Check that another process can generate worlds and end all engines, and that the victim then fails."""
        pool = self.machine.pool(self.folder, SETTINGS)
        known = self.victim.tokens + self.survivor.tokens
        # The victim must be overdue before the first of these leases.
        self._pass_some_time()
        self._pass_some_time()
        with pool.lease(timeout_s=SOON_S) as one, pool.lease(timeout_s=LATER_S) as other:
            one.check()
            other.check()
            assert not {(lease.slot, lease.token) for lease in (one, other)} & set(known)
        self._pass_time()
        pool.reap()
        pool.drain(timeout_s=LATER_S)
        if self.victim.stopped_at is not None and not self.victim.is_dead:
            self.victim.go_on()
            self._check()
            assert not self._strays()
        self._pass_time()
        pool.reap()
        pool.reap()
        pool.drain(timeout_s=LATER_S)
        assert {slot.state for slot in pool.status().slots} == {State.EMPTY}
        assert not [engine.name for engine in self.machine.engines.values() if engine.running]
        pool.close()

    def close(self) -> None:
        for process in (self.victim, self.survivor):
            process.die()
            process.pool.close()

    def _strays(self) -> set[str]:
        """Return the running engines that no slot refers to."""
        rows = self.survivor.pool._upkeep.ledger.slots()  # noqa: SLF001
        running = {engine.name for engine in self.machine.engines.values() if engine.running}
        return running - {row.engine for row in rows if row.engine}

    def _pass_some_time(self) -> None:
        self.machine.clock.time += LATER_S / 20

    def _pass_time(self) -> None:
        self.machine.clock.time += LATER_S

    def _check(self) -> None:
        for process in (self.victim, self.survivor):
            assert process.error is None or isinstance(process.error, EngineError), process.error
        tokens = self.victim.tokens + self.survivor.tokens
        assert len(set(tokens)) == len(tokens), "a token was given twice"
        assert all(engine.most_concurrent_jobs <= 1 for engine in self.machine.engines.values())
        # A process that was stopped after it was fenced may have launched an engine, which it ends when it continues.
        assert self.machine.most_running <= SLOTS + 1


def explore(story: tuple[str, ...], seen: set[Signature]) -> list[str]:
    """Run a story, and its end if it leads to a new state; return the possible next steps."""
    folder = Path(tempfile.mkdtemp())
    here = Story(folder)
    try:
        here.play(story)
        signature, actions = here.signature(), list(here.actions())
        if signature in seen:
            return []
        seen.add(signature)
        here.end()
    except BaseException as error:
        error.add_note(f"The story: {'; '.join(story)}.")
        raise
    finally:
        here.close()
        shutil.rmtree(folder)
    return actions


def test_no_stopped_or_killed_process_blocks_the_pool_in_any_state() -> None:
    seen: set[Signature] = set()
    frontier: list[tuple[tuple[str, ...], list[str]]] = [((), explore((), seen))]
    for _ in range(DEPTH):
        stories = [(*story, name) for story, names in frontier for name in names]
        frontier = [(story, explore(story, seen)) for story in stories]
    assert len(seen) > 12 * DEPTH
