"""Administration of a pool: start, end and repair engines on request, and show the pool's state and history."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable

from vwe_dagster.pool.alerts import take_alerts
from vwe_dagster.pool.diagnosis import DRAINED
from vwe_dagster.pool.errors import FencedError, NoEngineError, PoolError
from vwe_dagster.pool.kinds import Reason, TransitionKind
from vwe_dagster.pool.last_verification import read_last_verification
from vwe_dagster.pool.launcher import LauncherError
from vwe_dagster.pool.ledger import JobRecord, Slot, Transition
from vwe_dagster.pool.polling import poll
from vwe_dagster.pool.queue import Queue
from vwe_dagster.pool.reaper import ReapReport, fence_overdue, reap
from vwe_dagster.pool.repair import RepairReport, repair
from vwe_dagster.pool.slot_locks import holder_name
from vwe_dagster.pool.slots import check_circuit, describe_holders, present_slots, start_first, try_settle
from vwe_dagster.pool.states import State
from vwe_dagster.pool.status import PoolStatus, slot_status
from vwe_dagster.pool.upkeep import FAILED_STARTS, TARGET, WARMED_S, Upkeep


class Administration:
    """The part of a pool that operators, the command line and sensors use."""

    def __init__(self, upkeep: Upkeep, queue: Queue) -> None:
        """Set the upkeep and the queue; start no engine."""
        self._upkeep = upkeep
        self._ledger = upkeep.ledger
        self._clock = upkeep.clock
        self._settings = upkeep.settings
        self._queue = queue

    def warm(self, count: int, *, wait: bool = True, progress: Callable[[int, int], None] | None = None) -> int:
        """Start engines until ``count`` exist, and keep that many until they are drained or exceed their idle time.

        One start is tried even if the circuit is open.

        Args:
            count: the target number of engines.
            wait: whether to wait until they are ready.
            progress: called with the number of ready engines and ``count``.

        Returns:
            The number of ready engines.

        Raises:
            PoolError: ``count`` exceeds ``max_warm_containers``, or the engines do not start.
        """
        if not 0 <= count <= self._settings.max_warm_containers:
            raise PoolError(
                f"The pool cannot keep {count} engines warm; choose 0 to {self._settings.max_warm_containers}, "
                f"or raise max_warm_containers."
            )
        self._ledger.ensure_slots(self._settings.max_warm_containers)
        self._ledger.set_metadata(TARGET, count)
        self._ledger.set_metadata(WARMED_S, int(self._clock.now()))
        self._upkeep.circuit.probe_now()

        def attempt() -> int | None:
            ready = self._start_missing(count)
            if progress is not None:
                progress(min(ready, count), count)
            if ready >= count or not wait:
                return ready
            check_circuit(self._upkeep)
            return None

        return poll(attempt, self._clock) or 0

    def create_engine(self, name: str) -> str:
        """Start an engine that jobs can request by name, and wait until it is ready.

        Returns:
            The unique name of the engine.

        Raises:
            PoolError: the name is in use, the pool is full, or the engine does not start.
        """
        self._ledger.ensure_slots(self._settings.max_warm_containers)
        slots = present_slots(self._upkeep)
        if any(slot.name == name for slot in slots):
            raise PoolError(f"An engine named {name} already exists; choose another name, or use that engine.")
        check_circuit(self._upkeep)
        failed = self._ledger.metadata(FAILED_STARTS)
        reason = Reason(TransitionKind.NAMED, f"named {name}")
        empty = [slot.slot for slot in slots if slot.state is State.EMPTY]
        number = start_first(self._upkeep, empty, reason, name=name)
        if number is None:
            self._check_failed_starts(failed)
            if empty:
                raise PoolError(f"Other processes hold all empty slots. {describe_holders(slots, self._upkeep)}")
            raise PoolError(
                f"All {self._settings.max_warm_containers} slots of the pool have engines; "
                f"raise max_warm_containers, or end engines with: {self._settings.command('drain')}"
            )

        def attempt() -> str | None:
            slot = try_settle(self._upkeep, number) or self._ledger.slot(number)
            self._fence_overdue()
            if slot.name != name:
                self._check_failed_starts(failed)
                raise PoolError(f"The engine {name} ended before it was ready ({slot.detail}).")
            return None if slot.state is State.STARTING else str(slot.engine)

        return str(poll(attempt, self._clock))

    def drain(self, *, timeout_s: float | None = None) -> int:
        """End every engine: free engines now, leased engines as soon as they are returned.

        Args:
            timeout_s: how long to wait for leased engines; None for no limit.

        Returns:
            The number of ended engines.

        Raises:
            NoEngineError: engines were still leased after ``timeout_s``; they end when they are returned.
            LauncherError: the launcher does not answer.
        """
        self._ledger.set_metadata(TARGET, 0)
        engines = {slot.engine for slot in self._ledger.slots() if slot.state is not State.EMPTY}
        self._ledger.retire_all(TransitionKind.DRAINED)
        left: list[Slot] = []

        def attempt() -> int | None:
            self._fence_overdue()
            left[:] = [slot for slot in self._ledger.slots() if slot.engine in engines and not self._end_free(slot)]
            return None if left else len(engines)

        ended = poll(attempt, self._clock, timeout_s=math.inf if timeout_s is None else timeout_s)
        if ended is None:
            raise NoEngineError(
                f"Some engines are still in use after the timeout; they end when they are returned. "
                f"{describe_holders(left, self._upkeep)}"
            )
        return ended

    def reap(self) -> ReapReport:
        """Recover slots of dead and overdue holders, end stray engines, and start missing warm engines."""
        self._queue.remove_dead()
        return reap(self._upkeep, holder_name("reaper"), replenish=True)

    def repair(self) -> RepairReport:
        """Replace the ledger if it is damaged or an old copy; see :func:`vwe_dagster.pool.repair.repair`."""
        return repair(self._upkeep)

    def take_alerts(self) -> list[str]:
        """Return the alerts on engines that fail repeatedly, one or two sentences each; return each alert only once."""
        return take_alerts(self._upkeep)

    def release(self, number: int, *, force: bool = False) -> str:
        """Take a slot from a holder that is dead, or with ``force`` from any holder.

        Returns:
            A sentence on the result.

        Raises:
            PoolError: the slot does not exist, or its holder is alive and ``force`` is False.
            LauncherError: the launcher does not answer.
        """
        slot = next((slot for slot in self._ledger.slots() if slot.slot == number), None)
        if slot is None:
            raise PoolError(f"The pool has no slot {number}; list its slots with: {self._settings.command('status')}")
        lock = self._upkeep.try_lock(number)
        if lock is not None:
            try:
                return f"Slot {number} had no live holder; its state is {self._upkeep.settle(number).state}."
            finally:
                lock.release()
        hold = self._upkeep.current_hold(number)
        if hold is None:
            return f"Slot {number} has just been returned by its holder."
        holder = slot.holder or hold.holder
        if not force:
            raise PoolError(
                f"Slot {number} is held by {holder}, which is alive. "
                f"Wait for it, or take the slot with: {self._settings.command('release', str(number), '--force')}"
            )
        lock = self._upkeep.lock(number, holder_name("release"))
        try:
            reason = Reason(TransitionKind.FORCE, f"taken by force from {holder}")
            self._upkeep.fence(slot, hold, lock, reason)
            with contextlib.suppress(FencedError, LauncherError):
                self._upkeep.settle(number)
        except FencedError:
            return f"Slot {number} has just been returned by its holder."
        finally:
            lock.release()
        return f"Took slot {number} from {holder}; its state is {self._ledger.slot(number).state}."

    def status(self) -> PoolStatus:
        """Return the state of the pool and of each engine."""
        settings = self._settings
        self._ledger.ensure_slots(settings.max_warm_containers)
        for slot in self._ledger.slots():
            # A free or starting engine may have ended since it was last checked.
            if slot.is_free or slot.state is State.STARTING:
                try_settle(self._upkeep, slot.slot)
        rows = [slot for slot in self._ledger.slots() if slot.slot < settings.max_warm_containers or slot.engine]
        slots = [slot_status(self._upkeep, row) for row in rows]
        return PoolStatus(
            pool=settings.name,
            launcher=settings.launcher,
            size=settings.max_warm_containers,
            ready=sum(row.is_free for row in rows),
            leased=sum(
                row.holder is not None and row.state is not State.EMPTY and not slot.holder_is_dead
                for row, slot in zip(rows, slots, strict=True)
            ),
            starting=sum(row.state is State.STARTING for row in rows),
            waiting=self._queue.length(),
            circuit=self._upkeep.circuit.status(),
            verified=read_last_verification(self._upkeep.locks.parent),
            slots=slots,
        )

    def history(self, limit: int) -> list[JobRecord]:
        """Return the latest jobs, latest first."""
        return self._ledger.jobs(limit)

    def events(self, *, after: int, limit: int | None) -> list[Transition]:
        """Return transitions with an id above ``after``, oldest first; with a limit, only the latest of them."""
        return self._ledger.transitions(after=after, limit=limit)

    def log(self, number: int, *, lines: int) -> str:
        """Return the last log lines of a slot's present or last engine.

        Raises:
            PoolError: the slot never had an engine.
        """
        engines = [step.engine for step in self._ledger.transitions() if step.slot == number and step.engine]
        if not engines:
            raise PoolError(f"Slot {number} never had an engine; see: {self._settings.command('status')}")
        return self._upkeep.launcher.log(engines[-1], lines=lines)

    def _start_missing(self, count: int) -> int:
        """Settle all slots, start engines until ``count`` exist, and return how many are ready."""
        self._fence_overdue()
        for number in range(self._settings.max_warm_containers):
            try_settle(self._upkeep, number)
        slots = present_slots(self._upkeep)
        empty = [slot.slot for slot in slots if slot.state is State.EMPTY]
        missing = count - (len(slots) - len(empty))
        for _ in range(missing):
            started = start_first(self._upkeep, empty, Reason(TransitionKind.WARMED, "the pool is warmed"))
            if started is None:
                break
            empty.remove(started)
        return sum(slot.state not in {State.EMPTY, State.STARTING, State.ERROR} for slot in slots)

    def _end_free(self, slot: Slot) -> bool:
        """End the engine of a slot if no other process holds its lock; return whether the engine has ended."""
        lock = self._upkeep.try_lock(slot.slot)
        if lock is None:
            return False
        try:
            now = self._ledger.slot(slot.slot)
            if now.engine != slot.engine:
                return True
            if now.state is State.STARTING:
                self._upkeep.fail(slot.slot, now.token, DRAINED)
                return True
            now = self._upkeep.settle(slot.slot)
            if now.engine == slot.engine and now.is_free:
                self._upkeep.retire(now, DRAINED)
            return self._ledger.slot(slot.slot).engine != slot.engine
        except FencedError:
            return False
        finally:
            lock.release()

    def _fence_overdue(self) -> None:
        """Fence overdue holders, since waiting for them may never end."""
        for slot in self._ledger.slots():
            fence_overdue(self._upkeep, slot, holder_name("upkeep"))

    def _check_failed_starts(self, before: int) -> None:
        """Raise PoolError if more than ``before`` engines have failed to start."""
        if self._ledger.metadata(FAILED_STARTS) > before:
            check_circuit(self._upkeep)
            raise PoolError(
                f"The engine does not start (see {self._settings.command('status')}): "
                f"{self._upkeep.circuit.status().cause}"
            )
