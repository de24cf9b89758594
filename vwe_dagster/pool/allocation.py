"""Allocation: lease engines to callers in queue order, and generate worlds on them."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import tenacity

from vwe_dagster.engine.messages import (
    Progress,
    SurveyExport,
    SurveyRequest,
    WorldExport,
    WorldRequest,
    no_progress,
)
from vwe_dagster.pool.errors import EngineLostError, FencedError, NoEngineError, PoolError
from vwe_dagster.pool.kinds import Reason, TransitionKind
from vwe_dagster.pool.launcher import LauncherError
from vwe_dagster.pool.lease import Lease
from vwe_dagster.pool.many import Outcome, outcomes
from vwe_dagster.pool.polling import MAX_PAUSE_S, MIN_PAUSE_S, poll
from vwe_dagster.pool.queue import Queue
from vwe_dagster.pool.reaper import fence_overdue, reap
from vwe_dagster.pool.slot_locks import holder_name
from vwe_dagster.pool.slots import check_circuit, describe_holders, is_starting, present_slots, start_first
from vwe_dagster.pool.states import State
from vwe_dagster.pool.upkeep import Upkeep

ATTEMPTS = 3
"""Number of engines that a world may lose before it counts as failed."""

_WAITING = "waiting for an engine"
_REAP_EVERY_S = 10.0
_Export = TypeVar("_Export", WorldExport, SurveyExport)


class Allocation:
    """The part of a pool that leases engines to callers."""

    def __init__(self, upkeep: Upkeep, queue: Queue, data: Path) -> None:
        """Set the parts of the pool; start no engine.

        Args:
            upkeep: ledger, launcher and settings of the pool.
            queue: the queue of the pool.
            data: the folder of the worlds; a lease requires free space on its disk.
        """
        self._upkeep = upkeep
        self._ledger = upkeep.ledger
        self._clock = upkeep.clock
        self._settings = upkeep.settings
        self._queue = queue
        self._data = data
        self._reaped_s: float | None = None

    @contextlib.contextmanager
    def lease(
        self,
        *,
        purpose: str = "",
        timeout_s: float | None = None,
        engine: str | None = None,
        waiting: Callable[[], None] | None = None,
    ) -> Iterator[Lease]:
        """Lease an engine for the block: a free engine, else a new engine or the next that is returned.

        Args:
            purpose: what the lease is for, as shown by the pool's status and to waiting callers.
            timeout_s: how long to wait; None for ``acquire_timeout``.
            engine: the name of the required engine; None for any.
            waiting: called repeatedly while no engine is free; may raise to give up.

        Raises:
            NoEngineError: no engine became free within the timeout.
            PoolError: engines do not start, the named engine does not exist, or the disk is full.
        """
        self._check_disk()
        lease = self.acquire(purpose=purpose, timeout_s=timeout_s, engine=engine, waiting=waiting)
        try:
            yield lease
        finally:
            lease.return_engine()

    def acquire(
        self,
        *,
        purpose: str = "",
        timeout_s: float | None = None,
        engine: str | None = None,
        waiting: Callable[[], None] | None = None,
    ) -> Lease:
        """Lease an engine that the caller must return with :meth:`Lease.return_engine`; see :meth:`lease`."""
        timeout_s = self._settings.acquire_timeout if timeout_s is None else timeout_s
        self._ledger.ensure_slots(self._settings.max_warm_containers)
        began = self._clock.now()
        holder = holder_name(purpose)
        if self._queue.length() == 0:
            lease = self._try_take(holder, engine, began)
            if lease is not None:
                return lease
        lease = self._wait_in_queue(holder, engine, began, timeout_s, waiting)
        if lease is None:
            raise NoEngineError(
                f"No engine of the pool {self._settings.name} became free within {timeout_s:g} s. "
                f"{describe_holders(present_slots(self._upkeep), self._upkeep)}"
            )
        return lease

    def generate(
        self, request: WorldRequest, progress: Progress = no_progress, *, engine: str | None = None
    ) -> WorldExport:
        """Generate one world on a leased engine; retry on another engine if the first is lost.

        Raises:
            EngineError: the request was rejected, the world failed, or no engine could be leased.
        """
        purpose = f"world of {request.seed}"
        return self._on_any_engine(lambda lease: lease.generate(request, progress), purpose, progress, engine)

    def survey(self, request: SurveyRequest, progress: Progress = no_progress) -> SurveyExport:
        """Compute the rows of a survey on a leased engine; retry on another engine if the first is lost.

        Raises:
            EngineError: the request was rejected, the survey failed, or no engine could be leased.
        """
        purpose = f"survey of {len(request.seeds)} seeds"
        return self._on_any_engine(lambda lease: lease.survey(request, progress), purpose, progress)

    def generate_many(
        self, requests: Iterable[WorldRequest], progress: Callable[[int, float, str], None] | None = None
    ) -> Generator[Outcome]:
        """Generate worlds on up to ``max_warm_containers`` engines; see :func:`vwe_dagster.pool.many.outcomes`."""
        return outcomes(self.generate, requests, concurrency=self._settings.max_warm_containers, progress=progress)

    def _on_any_engine(
        self, work: Callable[[Lease], _Export], purpose: str, progress: Progress, engine: str | None = None
    ) -> _Export:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(EngineLostError),
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            before_sleep=lambda state: progress(0.0, f"retrying: an engine was lost (attempt {state.attempt_number})"),
            reraise=True,
        )
        for attempt in retrying:
            with attempt, self.lease(purpose=purpose, engine=engine, waiting=lambda: progress(0.0, _WAITING)) as lease:
                return work(lease)
        raise AssertionError  # tenacity returns or raises

    def _wait_in_queue(
        self, holder: str, wanted: str | None, began: float, timeout_s: float, waiting: Callable[[], None] | None
    ) -> Lease | None:
        is_first = False

        def attempt() -> Lease | None:
            nonlocal is_first
            is_first = ticket.is_first()
            lease = self._take_or_start(holder, wanted, began) if is_first else None
            if lease is None and waiting is not None:
                waiting()
            return lease

        def pauses_s() -> Iterator[float]:
            """Back off for the first caller only, so that the others notice their turn quickly."""
            pause = MIN_PAUSE_S
            while True:
                yield pause
                if is_first:
                    pause = min(2 * pause, MAX_PAUSE_S)

        with self._queue.waiting(holder, wanted) as ticket:
            left = began + timeout_s - self._clock.now()
            return poll(attempt, self._clock, timeout_s=left, pauses_s=pauses_s())

    def _take_or_start(self, holder: str, wanted: str | None, began: float) -> Lease | None:
        lease = self._try_take(holder, wanted, began)
        if lease is None:
            self._start_if_needed(holder, wanted)
        return lease

    def _start_if_needed(self, holder: str, wanted: str | None) -> None:
        """Start an engine if none is free or starting, and fence overdue holders; called by the first in the queue."""
        slots = present_slots(self._upkeep)
        if wanted is not None and all(slot.name != wanted for slot in slots):
            raise PoolError(
                f"The pool has no engine named {wanted}; create it with create_engine, or request any engine."
            )
        if all(slot.state in {State.EMPTY, State.ERROR} for slot in slots):
            # While engines exist, a leased one may still be returned.
            check_circuit(self._upkeep)
        empty = [slot.slot for slot in slots if slot.state is State.EMPTY]
        if wanted is None and empty and not any(is_starting(self._upkeep, slot) for slot in slots):
            reason = Reason(TransitionKind.DEMAND, f"for {holder}")
            with contextlib.suppress(FencedError):
                start_first(self._upkeep, empty, reason, single_flight=True)
        self._reap_periodically(holder)

    def _try_take(self, holder: str, wanted: str | None, began: float) -> Lease | None:
        """Take a free engine if one exists; recover slots of dead holders first."""
        slots = [slot for slot in self._ledger.slots() if slot.state is not State.EMPTY]
        for slot in sorted(slots, key=lambda slot: slot.state is not State.READY):
            if wanted is not None and slot.name != wanted:
                continue
            lock = self._upkeep.try_lock(slot.slot, holder)
            if lock is None:
                continue
            try:
                token = None
                with contextlib.suppress(FencedError, LauncherError):
                    token = self._take(slot.slot, holder)
                if token is not None:
                    lock.extend(self._upkeep.lease_s, token)
                    return Lease(
                        self._upkeep,
                        lock,
                        slot=slot.slot,
                        token=token,
                        engine=str(self._ledger.slot(slot.slot).engine),
                        holder=holder,
                        wait_s=self._clock.now() - began,
                    )
            except BaseException:
                lock.release()
                raise
            lock.release()
        return None

    def _take(self, number: int, holder: str) -> int | None:
        slot = self._ledger.slot(number)
        if not slot.is_free:
            slot = self._upkeep.settle(number)
        # assign() checks that the engine answers.
        return self._upkeep.assign(slot, holder) if slot.is_free else None

    def _reap_periodically(self, holder: str) -> None:
        now = self._clock.now()
        for slot in self._ledger.slots():
            fence_overdue(self._upkeep, slot, holder)
        if self._reaped_s is None or now - self._reaped_s >= _REAP_EVERY_S:
            self._reaped_s = now
            reap(self._upkeep, holder, replenish=False)

    def _check_disk(self) -> None:
        folder = next(parent for parent in (self._data, *self._data.parents) if parent.is_dir())
        free = shutil.disk_usage(folder).free
        if free < self._settings.min_free_disk_gb * 1e9:
            raise PoolError(
                f"The disk of {self._data} has only {free / 1e9:.2f} GB free, but a new world requires "
                f"{self._settings.min_free_disk_gb:g} GB; free some space, or lower min_free_disk_gb."
            )
