"""The pool of warm engines: any number of processes lease engines from it, each an equal peer of the others.

There is no process that runs the pool. The ledger says what every slot is, a kernel lock on each slot says who has it,
and whoever comes by puts right what others left.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Self

import tenacity

from vwe_dagster.engine.messages import NATIVE, EngineIdentity, Progress, WorldExport, WorldRequest, no_progress
from vwe_dagster.pool.alerts import take_alerts
from vwe_dagster.pool.circuit import sentence_on
from vwe_dagster.pool.diagnosis import DRAINED
from vwe_dagster.pool.errors import EngineLostError, FencedError, NoEngineError, PoolError
from vwe_dagster.pool.kinds import Reason, TransitionKind
from vwe_dagster.pool.launcher import LauncherError
from vwe_dagster.pool.lease import Lease
from vwe_dagster.pool.ledger import JobRecord, Slot, Transition
from vwe_dagster.pool.many import Outcome, outcomes
from vwe_dagster.pool.queue import Queue
from vwe_dagster.pool.reaper import ReapReport, fence_overdue, reap
from vwe_dagster.pool.states import State
from vwe_dagster.pool.status import PoolStatus, slot_status
from vwe_dagster.pool.upkeep import FAILED_STARTS, TARGET, WARMED_S, Upkeep
from vwe_dagster.pool.verified import read_verified

ATTEMPTS = 3
"""How many engines may be lost over one world before it counts as failed."""

IDENTITIES: Mapping[str, EngineIdentity] = {"native": NATIVE, "valheim": EngineIdentity("valheim", "")}
"""Who the engines of a pool are, by their kind; of Valheim's servers each says for itself what version it is."""

_WAITING = "waiting for an engine"
_POLL_S = (0.002, 0.05)
_REAP_EVERY_S = 10.0


class EnginePool:
    """A pool, as one process sees it. Open one with :func:`vwe_dagster.pool.opening.open_pool`."""

    def __init__(self, upkeep: Upkeep, *, data: Path) -> None:
        """Starts nothing.

        Args:
            upkeep: the pool's ledger, launcher and settings.
            data: the folder that worlds are written to; its disk must have room.
        """
        self.settings = upkeep.settings
        self._upkeep = upkeep
        self._ledger = upkeep.ledger
        self._clock = upkeep.clock
        self._data = data
        self._queue = Queue(upkeep.ledger, upkeep.locks, upkeep.clock)
        self._reaped_s: float | None = None

    def __enter__(self) -> Self:
        """The pool itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    @property
    def identity(self) -> EngineIdentity:
        """What kind of engine the pool has; an export says which engine made it."""
        return IDENTITIES[self.settings.engine]

    @property
    def folder(self) -> Path:
        """The folder of the pool's ledger and locks."""
        return self._upkeep.locks.parent

    def close(self) -> None:
        """Closes files and sockets. Engines stay."""
        self._upkeep.connections.close()
        self._ledger.close()

    @contextlib.contextmanager
    def lease(
        self,
        *,
        purpose: str = "",
        timeout_s: float | None = None,
        engine: str | None = None,
        waiting: Callable[[], None] | None = None,
    ) -> Iterator[Lease]:
        """Leases an engine for the block: a free one if there is one, else a new one or the next that is given back.

        Args:
            purpose: what for, in words, for those who wait or look.
            timeout_s: how long to wait; None for ``acquire_timeout``.
            engine: the name of the one engine that will do.
            waiting: called now and then while none is free; may raise to give up.

        Raises:
            NoEngineError: none became free in time.
            PoolError: engines do not start, there is no engine of that name, or the disk is full.
        """
        self._check_disk()
        timeout_s = self.settings.acquire_timeout if timeout_s is None else timeout_s
        lease = self._acquire(purpose, timeout_s, engine, waiting)
        try:
            yield lease
        finally:
            lease.give_back()

    def generate(
        self, request: WorldRequest, progress: Progress = no_progress, *, engine: str | None = None
    ) -> WorldExport:
        """Generates one world on a leased engine, and on another one if the first is lost over it.

        Raises:
            EngineError: the request was refused, the world failed, or no engine could be leased.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(EngineLostError),
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            before_sleep=lambda state: progress(0.0, f"again, for an engine was lost (attempt {state.attempt_number})"),
            reraise=True,
        )
        purpose = f"world of {request.seed}"
        for attempt in retrying:
            with attempt, self.lease(purpose=purpose, engine=engine, waiting=lambda: progress(0.0, _WAITING)) as lease:
                return lease.generate(request, progress)
        raise AssertionError  # tenacity returns or raises

    def generate_many(
        self, requests: Iterable[WorldRequest], progress: Callable[[int, float, str], None] | None = None
    ) -> Generator[Outcome]:
        """Generates worlds on as many engines as the pool may have; see :func:`vwe_dagster.pool.many.outcomes`."""
        return outcomes(self.generate, requests, at_once=self.settings.max_warm_containers, progress=progress)

    def warm(self, count: int, *, wait: bool = True, progress: Callable[[int, int], None] | None = None) -> int:
        """Has so many engines be there, and keeps as many until they are drained or nobody uses them.

        Args:
            count: how many.
            wait: returns when they are ready.
            progress: told how many are ready, of how many.

        Returns:
            How many are ready.

        Raises:
            PoolError: the pool may not have so many, or they do not start. That engines failed before keeps none
                from being tried now.
        """
        if not 0 <= count <= self.settings.max_warm_containers:
            raise PoolError(
                f"The pool may have 0 to {self.settings.max_warm_containers} engines, not {count}; "
                f"raise max_warm_containers for more."
            )
        self._ledger.ensure_slots(self.settings.max_warm_containers)
        self._ledger.set_metadata(TARGET, count)
        self._ledger.set_metadata(WARMED_S, int(self._clock.now()))
        self._upkeep.circuit.probe_now()
        while True:
            for slot in range(self.settings.max_warm_containers):
                self._settle(slot)
            rows = self._present()
            missing = count - sum(row.state is not State.EMPTY for row in rows)
            for row in [row for row in rows if row.state is State.EMPTY][: max(0, missing)]:
                self._start(row.slot, Reason(TransitionKind.WARMED, "the pool is warmed"))
            ready = sum(row.state not in {State.EMPTY, State.STARTING, State.ERROR} for row in rows)
            if progress is not None:
                progress(min(ready, count), count)
            if ready >= count or not wait:
                return ready
            self._refuse_while_open()
            self._clock.sleep(_POLL_S[1])

    def create_engine(self, name: str) -> str:
        """Starts an engine that jobs can be run on by name, and waits until it is ready.

        Returns:
            The engine's own name.

        Raises:
            PoolError: there is one of that name, the pool is full, or it does not start.
        """
        self._ledger.ensure_slots(self.settings.max_warm_containers)
        if any(row.name == name for row in self._present()):
            raise PoolError(f"There is an engine named {name} already; choose another name, or use that one.")
        self._refuse_while_open()
        failed = self._ledger.metadata(FAILED_STARTS)
        reason = Reason(TransitionKind.NAMED, f"it is to be {name}")
        empty = (row.slot for row in self._present() if row.state is State.EMPTY)
        slot = next((slot for slot in empty if self._start(slot, reason, name=name)), None)
        if slot is None:
            self._refuse_after_failed_start(failed)
            raise PoolError(
                f"All {self.settings.max_warm_containers} slots of the pool have engines; "
                f"raise max_warm_containers, or end engines with: {self.settings.command('drain')}"
            )
        while True:
            row = self._settle(slot) or self._ledger.slot(slot)
            if row.name != name:
                self._refuse_after_failed_start(failed)
                raise PoolError(f"The engine {name} was ended before it was ready ({row.detail}).")
            if row.state is not State.STARTING:
                return str(row.engine)
            self._clock.sleep(_POLL_S[1])

    def drain(self, *, timeout_s: float | None = None) -> int:
        """Ends every engine: the free ones now, those in use as soon as they are given back.

        Args:
            timeout_s: how long to wait for those in use; None for as long as it takes.

        Returns:
            How many engines were ended.

        Raises:
            NoEngineError: some were still in use when the time was over; they end when they are given back.
            LauncherError: the launcher cannot be asked to end engines now.
        """
        self._ledger.set_metadata(TARGET, 0)
        engines = {row.engine for row in self._ledger.slots() if row.state is not State.EMPTY}
        self._ledger.retire_all(TransitionKind.DRAINED)
        until = None if timeout_s is None else self._clock.now() + timeout_s
        while True:
            left = [row for row in self._ledger.slots() if row.engine in engines and not self._end_free(row)]
            if not left:
                return len(engines)
            if until is not None and self._clock.now() >= until:
                raise NoEngineError(f"Not all engines could be ended in time. {self._who_holds_what(left)}")
            self._clock.sleep(_POLL_S[1])

    def reap(self) -> ReapReport:
        """Puts right what dead holders left, ends engines nobody knows, and starts those that are missing."""
        self._queue.remove_dead()
        return reap(self._upkeep, _holder("reaper"), replenish=True)

    def take_alerts(self) -> list[str]:
        """What people are to be told of engines that fail repeatedly, a sentence or two each; each is told once."""
        return take_alerts(self._upkeep)

    def release(self, slot: int, *, force: bool = False) -> str:
        """Takes a slot from a holder that is dead, or with ``force`` from any holder.

        Returns:
            A sentence on what was done.

        Raises:
            PoolError: there is no such slot, or its holder is alive and ``force`` was not given.
            LauncherError: the launcher cannot be asked what became of the engine.
        """
        rows = {row.slot: row for row in self._ledger.slots()}
        if slot not in rows:
            raise PoolError(f"The pool has no slot {slot}; see: {self.settings.command('status')}")
        row = rows[slot]
        lock = self._upkeep.lock(slot)
        if lock.acquire():
            try:
                row = self._upkeep.settle(slot)
            finally:
                lock.release()
            return f"Nobody held slot {slot}; it is {row.state}."
        if not force:
            raise PoolError(
                f"Slot {slot} is held by {row.holder or 'a process that is starting or ending its engine'}, which is "
                f"alive. Wait for it, or take the slot away with --force."
            )
        try:
            reason = Reason(TransitionKind.FORCE, f"taken away by force from {row.holder}")
            self._upkeep.fence(row, lock, _holder("release"), reason)
        except FencedError:
            return f"Slot {slot} was given back in this moment."
        finally:
            lock.release()
        return f"Took slot {slot} from {row.holder}; it is {self._ledger.slot(slot).state}."

    def status(self) -> PoolStatus:
        """What the pool is doing, engine by engine."""
        self._ledger.ensure_slots(self.settings.max_warm_containers)
        for row in self._ledger.slots():
            # An engine may have ended by itself since anybody looked.
            if row.is_free or row.state is State.STARTING:
                self._settle(row.slot)
        rows = [row for row in self._ledger.slots() if row.slot < self.settings.max_warm_containers or row.engine]
        starting = sum(row.state is State.STARTING for row in rows)
        return PoolStatus(
            pool=self.settings.name,
            launcher=self.settings.launcher,
            size=self.settings.max_warm_containers,
            ready=sum(row.is_free for row in rows),
            leased=sum(row.holder is not None and row.state is not State.EMPTY for row in rows),
            starting=starting,
            waiting=self._queue.length(),
            circuit=self._upkeep.circuit.status(),
            verified=read_verified(self.folder),
            slots=[slot_status(self._upkeep, row) for row in rows],
        )

    def history(self, limit: int = 50) -> list[JobRecord]:
        """The latest jobs, latest first."""
        return self._ledger.jobs(limit)

    def events(self, *, after: int = 0, limit: int | None = None) -> list[Transition]:
        """Transitions with an id above ``after``, oldest first; with a limit, the latest so many of them."""
        return self._ledger.transitions(after=after, limit=limit)

    def log(self, slot: int, *, lines: int = 200) -> str:
        """The last lines that the engine of a slot, or the last one it had, has written.

        Raises:
            PoolError: the slot never had an engine.
        """
        of_slot = [step.engine for step in self._ledger.transitions() if step.slot == slot and step.engine]
        if not of_slot:
            raise PoolError(f"Slot {slot} has had no engine; see: {self.settings.command('status')}")
        return self._upkeep.launcher.log(of_slot[-1], lines=lines)

    def _acquire(self, purpose: str, timeout_s: float, wanted: str | None, waiting: Callable[[], None] | None) -> Lease:
        self._ledger.ensure_slots(self.settings.max_warm_containers)
        began = self._clock.now()
        holder = _holder(purpose)
        if self._queue.length() == 0:
            lease = self._try_take(holder, wanted, began)
            if lease is not None:
                return lease
        pause = _POLL_S[0]
        with self._queue.waiting(holder, wanted) as ticket:
            while True:
                is_first = ticket.is_first()
                if is_first:
                    lease = self._try_take(holder, wanted, began)
                    if lease is not None:
                        return lease
                    self._make_one_ready(holder, wanted)
                if waiting is not None:
                    waiting()
                left = began + timeout_s - self._clock.now()
                if left <= 0:
                    raise NoEngineError(
                        f"No engine of the pool {self.settings.name} became free within {timeout_s:g} s. "
                        f"{self._who_holds_what(self._present())}"
                    )
                self._clock.sleep(min(pause, left))
                if is_first:
                    pause = min(2 * pause, _POLL_S[1])

    def _make_one_ready(self, holder: str, wanted: str | None) -> None:
        """What the first of the queue does when no engine is free: starts one, or takes one that is overdue."""
        rows = self._present()
        if wanted is not None and all(row.name != wanted for row in rows):
            raise PoolError(f"The pool has no engine named {wanted}; make one with create_engine, or name none.")
        if all(row.state in {State.EMPTY, State.ERROR} for row in rows):
            # Where others have engines, one of those will come free.
            self._refuse_while_open()
        empty = [row.slot for row in rows if row.state is State.EMPTY]
        if wanted is None and empty and all(row.state is not State.STARTING for row in rows):
            self._start(empty[0], Reason(TransitionKind.DEMAND, f"for {holder}"), single_flight=True)
        self._reap_now_and_then(holder)

    def _try_take(self, holder: str, wanted: str | None, began: float) -> Lease | None:
        """Takes a free engine if there is one, and puts right what stands in the way."""
        rows = [row for row in self._ledger.slots() if row.state is not State.EMPTY]
        for row in sorted(rows, key=lambda row: row.state is not State.READY):
            if wanted is not None and row.name != wanted:
                continue
            lock = self._upkeep.lock(row.slot)
            if not lock.acquire():
                continue
            try:
                token = None
                with contextlib.suppress(FencedError, LauncherError):
                    token = self._take(row.slot, holder)
                if token is not None:
                    return Lease(
                        self._upkeep,
                        lock,
                        slot=row.slot,
                        token=token,
                        engine=str(self._ledger.slot(row.slot).engine),
                        holder=holder,
                        wait_s=self._clock.now() - began,
                    )
            except BaseException:
                lock.release()
                raise
            lock.release()
        return None

    def _take(self, slot: int, holder: str) -> int | None:
        row = self._ledger.slot(slot)
        if not row.is_free:
            row = self._upkeep.settle(slot)
        # Borrowing a free engine checks that it answers.
        return self._upkeep.borrow(row, holder) if row.is_free else None

    def _settle(self, slot: int) -> Slot | None:
        """Looks after a slot if nobody holds it; None if somebody does, or the launcher cannot be asked."""
        lock = self._upkeep.lock(slot)
        if not lock.acquire():
            return None
        try:
            with contextlib.suppress(FencedError, LauncherError):
                return self._upkeep.settle(slot)
            return None
        finally:
            lock.release()

    def _start(self, slot: int, reason: Reason, *, single_flight: bool = False, name: str | None = None) -> bool:
        lock = self._upkeep.lock(slot)
        if not lock.acquire():
            return False
        try:
            return self._upkeep.start(slot, reason=reason, single_flight=single_flight, name=name)
        finally:
            lock.release()

    def _end_free(self, row: Slot) -> bool:
        """Ends the engine of a slot if nobody holds it; whether it is gone."""
        lock = self._upkeep.lock(row.slot)
        if not lock.acquire():
            return False
        try:
            now = self._ledger.slot(row.slot)
            if now.engine != row.engine:
                return True
            if now.state is State.STARTING:
                self._upkeep.fail(row.slot, now.token, DRAINED)
                return True
            now = self._upkeep.settle(row.slot)
            if now.engine == row.engine and now.is_free:
                self._upkeep.retire(now, DRAINED)
            return self._ledger.slot(row.slot).engine != row.engine
        except FencedError:
            return False
        finally:
            lock.release()

    def _reap_now_and_then(self, holder: str) -> None:
        now = self._clock.now()
        for row in self._ledger.slots():
            if row.is_overdue(self._clock):
                fence_overdue(self._upkeep, row, holder)
        if self._reaped_s is None or now - self._reaped_s >= _REAP_EVERY_S:
            self._reaped_s = now
            reap(self._upkeep, holder, replenish=False)

    def _present(self) -> list[Slot]:
        return [row for row in self._ledger.slots() if row.slot < self.settings.max_warm_containers]

    def _refuse_while_open(self) -> None:
        """Raises PoolError if engines failed so often that none may be started now."""
        circuit = self._upkeep.circuit.status()
        if circuit.state == "open":
            raise PoolError(sentence_on(circuit, self.settings))

    def _refuse_after_failed_start(self, before: int) -> None:
        if self._ledger.metadata(FAILED_STARTS) > before:
            self._refuse_while_open()
            raise PoolError(f"The engine does not start: {self._upkeep.circuit.status().cause}")

    def _check_disk(self) -> None:
        folder = next(parent for parent in (self._data, *self._data.parents) if parent.is_dir())
        free = shutil.disk_usage(folder).free
        if free < self.settings.min_free_disk_gb * 1e9:
            raise PoolError(
                f"Only {free / 1e9:.2f} GB are free on the disk of {self._data}, and worlds are begun with "
                f"{self.settings.min_free_disk_gb:g} GB or more; free some, or lower min_free_disk_gb."
            )

    def _who_holds_what(self, rows: Iterable[Slot]) -> str:
        return "; ".join(f"Slot {row.slot} ({row.state}): {self._who_holds(row)}" for row in rows) + "."

    def _who_holds(self, row: Slot) -> str:
        if row.state is State.ERROR:
            return str(row.last_error)
        now = self._clock.now()
        return f"{row.holder}, since {now - (row.held_s or now):.0f} s" if row.holder else "nobody"


def _holder(purpose: str) -> str:
    """Who we are, in words."""
    who = f"pid {os.getpid()} on {socket.gethostname()}"
    return f"{who}: {purpose}" if purpose else who
