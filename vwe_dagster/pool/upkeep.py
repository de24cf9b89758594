"""The operations of the holder of a slot's lock: start, settle, reset and end the slot's engine."""

from __future__ import annotations

import contextlib
import dataclasses
import random
from pathlib import Path

from vwe_dagster.engine.connections import EngineUnreachableError
from vwe_dagster.engine.messages import EngineError
from vwe_dagster.engine.protocol import EngineState
from vwe_dagster.pool.circuit import Circuit
from vwe_dagster.pool.clock import Clock
from vwe_dagster.pool.connection import ANSWER_TIMEOUT_S, Connection, Connections
from vwe_dagster.pool.database import ledger_file
from vwe_dagster.pool.diagnosis import Action, diagnose, retirement
from vwe_dagster.pool.errors import DamagedLedgerError, FencedError, PoolError
from vwe_dagster.pool.kinds import Reason, TransitionKind
from vwe_dagster.pool.launcher import EngineEnd, LaunchedEngine, Launcher, LauncherError, LaunchSpec
from vwe_dagster.pool.ledger import Ledger, Slot
from vwe_dagster.pool.locks import lock_folder
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.slot_locks import Hold, SlotLock, holder_name
from vwe_dagster.pool.states import BUSY, State
from vwe_dagster.pool.watch import LeaseWatch

LEASE_GRACE_S = 2 * ANSWER_TIMEOUT_S
"""Seconds beyond ``world_gen_timeout`` after which a holder is fenced.

A job ends up to ``ANSWER_TIMEOUT_S`` after its deadline if its engine does not respond; canceling it takes 2 s more.
"""

MAX_SETTLING_S = 60.0
"""Maximum seconds for the reset of an engine (30 s), its end (20 s) and the calls of the launcher."""

TARGET = "target"
"""Key of the number of engines to keep warm."""

WARMED_S = "warmed_s"
"""Key of the time when the target was set, in seconds of the pool's clock."""

FAILED_STARTS = "failed_starts"
"""Key of the number of engines that did not become ready."""

_STARTER_DIED = Reason(TransitionKind.START_FAILED, "the process that started it died")
_ENDED_UNSEEN = Reason(TransitionKind.ENGINE_ENDED, "it ended before any process saw it ready")
_NOT_RESET = Reason(TransitionKind.NOT_RESET, "it was not reset by the last holder")
_RESET = Reason(TransitionKind.RESET, "it was reset and verified")
_TO_BE_ENDED = Reason(TransitionKind.RETIRED, "it must end")
_NOT_NEEDED = Reason(TransitionKind.CLEARED, "it is no longer needed")
_ENDED = Reason(TransitionKind.CLEARED, "its engine was ended")

_DIGEST_KEPT_S = 5.0
_TTL_JITTER = 0.1


@dataclasses.dataclass
class Upkeep:
    """The operations on single slots. The caller holds the slot's lock unless a method documents otherwise."""

    settings: PoolSettings
    ledger: Ledger
    launcher: Launcher
    connections: Connections
    clock: Clock
    pool_id: str
    locks: Path

    def __post_init__(self) -> None:
        self._digest: tuple[float, str | None] | None = None
        self.circuit = Circuit(self.ledger, self.clock)
        self.watch = LeaseWatch(self.clock)

    def try_lock(self, slot: int, holder: str | None = None) -> SlotLock | None:
        """Take the lock of a slot for at most :attr:`upkeep_s`; return None if another process holds it.

        Args:
            slot: the number of the slot.
            holder: the process and its purpose; None for this process and the purpose ``upkeep``.
        """
        lock = self.lock(slot, holder)
        if not lock.take(self.upkeep_s):
            return None
        try:
            row = self.ledger.slot(slot)
            self.check_not_rolled_back(row, lock.read())
            if row.token > lock.token:
                lock.extend(self.upkeep_s, row.token)
        except BaseException:
            lock.release()
            raise
        return lock

    def check_not_rolled_back(self, row: Slot, hold: Hold) -> None:
        """Compare a slot's token with the highest token that is noted in its lock.

        Raises:
            DamagedLedgerError: the ledger has a lower token. It is an old copy and would use a token twice.
        """
        if row.token < hold.token:
            problem = f"it is an old copy; slot {row.slot} has token {row.token} but already had token {hold.token}"
            raise DamagedLedgerError(ledger_file(self.locks.parent), problem)

    def lock(self, slot: int, holder: str | None = None) -> SlotLock:
        """Return the lock of a slot without taking it."""
        return SlotLock(lock_folder(self.locks), slot, self.clock, holder or holder_name("upkeep"))

    def current_hold(self, slot: int) -> Hold | None:
        """Return the note of the process that holds a slot's lock; None if the lock is free."""
        return self.lock(slot).current_hold()

    @property
    def upkeep_s(self) -> float:
        """Seconds after which a process that settles a slot or starts its engine is fenced."""
        return max(self.settings.engine_startup_timeout, MAX_SETTLING_S) + LEASE_GRACE_S

    @property
    def lease_s(self) -> float:
        """Seconds after which a holder is fenced, counted from its lease or the start of its last job."""
        return self.settings.world_gen_timeout + LEASE_GRACE_S

    def deadline(self) -> float:
        """Return the deadline of a lease or job that starts now."""
        return self.clock.now() + self.lease_s

    def start(self, slot: int, *, reason: Reason, single_flight: bool = False, name: str | None = None) -> bool:
        """Start an engine in an empty slot without waiting until it is ready.

        Returns:
            Whether an engine is starting. False if the slot is not empty, the start failed, the circuit is open, or
            with ``single_flight`` if another engine is starting.

        Raises:
            FencedError: another process took the slot because this one missed its deadline.
        """
        now = self.clock.now()
        ttl_s = self.settings.container_ttl_minutes * 60 * (1 + random.uniform(-_TTL_JITTER, _TTL_JITTER))  # noqa: S311
        row = self.ledger.begin_engine(
            slot,
            single_flight_s=self.settings.engine_startup_timeout if single_flight else None,
            reason=reason,
            changes={
                "engine": self.pool_id,
                "name": name,
                "boot": self.clock.boot,
                "started_s": now,
                "used_s": now,
                "expires_s": now + ttl_s,
            },
            admits=self.circuit.admits,
        )
        if row is None or row.engine is None:
            return False
        digest = None
        try:
            digest = self.launcher.digest
            launched = self.launcher.launch(LaunchSpec(row.engine, slot, digest))
        except LauncherError as error:
            reason = Reason(TransitionKind.START_FAILED, f"it could not be started: {error}")
            self._start_failed(row, reason, nothing_to_end=digest is None)
            return False
        try:
            self.ledger.update(slot, row.token, **dataclasses.asdict(launched), digest=digest)
        except FencedError:
            # This process was stopped until another one took the slot, so no slot refers to the engine.
            with contextlib.suppress(LauncherError):
                self.launcher.end(row.engine, launched)
            raise
        return True

    def settle(self, slot: int) -> Slot:
        """Diagnose and recover a slot that no live process holds.

        Returns:
            The slot: free (see :attr:`Slot.is_free`), EMPTY, still STARTING, or in ERROR if its engine cannot be ended.

        Raises:
            LauncherError: the launcher does not answer; the slot is unchanged.
        """
        row = self.ledger.slot(slot)
        match diagnose(row, self.settings, self.clock, hold=None):
            case Action.FORGET_HOLDER:
                self._clear_holder(row)
                return self.settle(slot)
            case Action.RECOVER:
                self._recover(row)
            case Action.FAIL_START:
                # Not counted by the circuit: the start was interrupted, the engine did not fail.
                self.fail(slot, row.token, _STARTER_DIED)
            case Action.PROBE_START:
                self._probe_start(row)
            case Action.END_LATE_START:
                self._probe_start(row, is_late=True)
            case Action.REMOVE:
                self._remove(row, row.token, _NOT_NEEDED)
            case Action.PROBE | Action.RETIRE | Action.END_IDLE:
                self._clear_if_ended(row)
            case Action.NONE | Action.FENCE | Action.AWAIT_SPAWN:
                pass
        return self.ledger.slot(slot)

    def end_unwanted(self, row: Slot) -> None:
        """End a free engine that must not be used again or has exceeded its idle time."""
        reason = self.retirement(row)
        if reason is None and diagnose(row, self.settings, self.clock, hold=None) is Action.END_IDLE:
            self._lower_target()
            reason = self._idle
        if reason is not None:
            self.retire(row, reason)

    def assign(self, row: Slot, holder: str) -> int | None:
        """Assign a free engine to a holder after checking that it answers and is clean.

        Returns:
            The token of the holder; None if the engine was unusable and was ended.
        """
        reason = self.retirement(row)
        if reason is not None:
            self.retire(row, reason)
            return None
        token = self.ledger.take(
            row.slot,
            row.token,
            holder=holder,
            now=self.clock.now(),
            deadline=self.deadline(),
            boot=self.clock.boot,
        )
        try:
            status = self.connection(row).claim(token)
        except EngineError as error:
            reason = self._cause_of_failed_request(row, error)
            is_idle = reason.kind is TransitionKind.ENGINE_ENDED and self._has_exceeded_idle_time(row)
            self.fail(row.slot, token, self._idle if is_idle else reason)
            return None
        if row.state is not State.READY or status.state is not EngineState.READY:
            return token if self.reset(row.slot, token, _NOT_RESET) else None
        return token

    def reset(self, slot: int, token: int, reason: Reason) -> bool:
        """Reset an engine to READY; end it if the reset fails.

        Returns:
            Whether the engine is READY.
        """
        row = self.ledger.slot(slot)
        if row.state is not State.RESETTING:
            self.ledger.change_state(slot, token, State.RESETTING, reason)
        try:
            connection = self.connection(row)
            connection.claim(token)
            connection.reset(token)
        except EngineError as error:
            self.fail(slot, token, Reason(TransitionKind.RESET_FAILED, f"its reset failed: {error}"))
            return False
        self.ledger.change_state(slot, token, State.READY, _RESET, job=None, used_s=self.clock.now())
        return True

    def fail(self, slot: int, token: int, reason: Reason) -> None:
        """End a broken engine. If it cannot be ended now, the slot stays in ERROR until it is settled."""
        row = self.ledger.slot(slot)
        self.ledger.change_state(slot, token, State.ERROR, reason, last_error=reason.detail)
        with contextlib.suppress(LauncherError):
            self._remove(row, token, _ENDED)

    def retire(self, row: Slot, reason: Reason) -> None:
        """End a working engine that is no longer wanted; its slot is READY or EXPORTING."""
        if row.state is not State.READY:
            token = self._take_over(row)
            if not self.reset(row.slot, token, _TO_BE_ENDED):
                return
            row = self.ledger.slot(row.slot)
        self._remove(row, row.token, reason)

    def retirement(self, row: Slot) -> Reason | None:
        """Return why the engine of a slot must not be used again; None if it may."""
        reason = retirement(row, self.settings, self.clock)
        if reason is not None:
            return reason
        digest = self._known_digest()
        if digest is not None and row.digest != digest:
            return Reason(TransitionKind.RECONFIGURED, "its configuration is outdated")
        return None

    def connection(self, row: Slot) -> Connection:
        """Return the connection to the engine of a slot.

        Raises:
            PoolError: the slot has no engine.
        """
        return self.connections.to(_launched(row))

    def fence(self, row: Slot, hold: Hold, lock: SlotLock, reason: Reason) -> None:
        """Take a slot and its lock from another process. The caller holds the lock afterwards.

        Args:
            row: the slot, read before ``hold``.
            hold: the note of that process in the lock.
            lock: the lock of the slot, not held by the caller.
            reason: the cause of the fencing.

        Raises:
            FencedError: another process took the slot first.
        """
        token = self.ledger.fence(
            row.slot,
            row.token,
            holder=lock.holder,
            now=self.clock.now(),
            deadline=self.clock.now() + self.upkeep_s,
            boot=self.clock.boot,
        )

        def check() -> None:
            if lock.read() != hold:
                self.ledger.update(row.slot, token, holder=None, deadline_s=None)
                raise FencedError(f"Another process has just taken slot {row.slot}.")
            self.ledger.check(row.slot, token)

        lock.seize(self.upkeep_s, token, check=check)
        state = self.ledger.slot(row.slot).state
        if state in BUSY:
            self.reset(row.slot, token, reason)
        elif state is State.READY:
            # The fenced holder may still use the idle engine, so the engine must learn the new token.
            try:
                self.connection(row).claim(token)
            except EngineError as error:
                self.fail(row.slot, token, self._cause_of_failed_request(row, error))
        with contextlib.suppress(FencedError):
            self.ledger.update(row.slot, token, holder=None, deadline_s=None, used_s=self.clock.now())

    def examine(self, slot: int, token: int) -> Reason | None:
        """Check whether an engine has survived a failed job, and end it if not.

        Returns:
            Why the engine was ended; None if it survived.
        """
        row = self.ledger.slot(slot)
        try:
            status = self.connection(row).status()
        except EngineError as error:
            reason = self._cause_of_failed_request(row, error)
        else:
            if status.state is not EngineState.ERROR:
                return None
            reason = _broken(status.error.message if status.error else "it reports no cause")
        self.fail(slot, token, reason)
        return reason

    def _probe_start(self, row: Slot, *, is_late: bool = False) -> None:
        launched = _launched(row)
        with contextlib.suppress(EngineError):
            status = self.connections.to(launched).status()
            if status.kind != self.settings.engine:
                why = f"its kind is {status.kind}, but the pool requires {self.settings.engine}"
                self._start_failed(row, Reason(TransitionKind.START_FAILED, why))
                return
            if status.state is EngineState.READY:
                # It may have been ready long before this check. Its idle time shows since when.
                took = self.clock.now() - (row.started_s or 0) - status.idle_s
                if took > self.settings.engine_startup_timeout:
                    self._start_failed(row, self._late())
                    return
                reason = Reason(TransitionKind.STARTED, f"it answered after {took:.1f} s")
                self.ledger.change_state(row.slot, row.token, State.READY, reason)
                self.circuit.succeeded()
                return
            if status.error is not None:
                self._start_failed(row, _broken(status.error.message))
                return
        if not self.launcher.running(launched):
            if row.boot == self.clock.boot and self._age(row) >= self.settings.idle_s:
                # It was probably ready: engines that are not used end by themselves.
                self.fail(row.slot, row.token, _ENDED_UNSEEN)
                return
            end = self.launcher.cause_of_end(launched)
            self._start_failed(row, _ended(f"it ended while starting ({end.detail})", end, _kind_of_failed_start(end)))
        elif is_late:
            self._start_failed(row, self._late())

    def _late(self) -> Reason:
        why = f"it was not ready within {self.settings.engine_startup_timeout:g} s"
        return Reason(TransitionKind.START_FAILED, why)

    def _start_failed(self, row: Slot, reason: Reason, *, nothing_to_end: bool = False) -> None:
        log = self.launcher.log(row.engine, lines=3).strip() if row.engine and row.launched else ""
        if log:
            reason = dataclasses.replace(reason, detail=f"{reason.detail}. Its log ends: {log}")
        self.ledger.count(FAILED_STARTS)
        if row.boot == self.clock.boot:
            # Must precede the change of state: a process that finds the slot empty must see the updated circuit.
            self.circuit.failed(row.slot, reason)
        if nothing_to_end:
            # A launcher that does not answer could not end it either, and the slot would stay in ERROR.
            self.ledger.change_state(row.slot, row.token, State.ERROR, reason, last_error=reason.detail)
            self.ledger.clear(row.slot, row.token, _NOT_NEEDED)
        else:
            self.fail(row.slot, row.token, reason)

    def _clear_if_ended(self, row: Slot) -> None:
        """Clear a free slot if its engine has ended."""
        launched = row.launched
        if launched is not None and self.launcher.running(launched):
            return
        if self._has_exceeded_idle_time(row):
            self._lower_target()
            if row.state is State.READY:
                self._remove(row, row.token, self._idle)
                return
        end = EngineEnd("unknown") if launched is None else self.launcher.cause_of_end(launched)
        self.fail(row.slot, row.token, _ended(f"it ended by itself ({end.detail})", end))

    def _has_exceeded_idle_time(self, row: Slot) -> bool:
        """Return whether a free engine may have ended by itself, because it was not used."""
        return row.boot == self.clock.boot and self.clock.now() - (row.used_s or 0) >= self.settings.idle_s

    def _clear_holder(self, row: Slot) -> None:
        """Clear a holder that died without a job; the time of its claim becomes the time of the last use."""
        used_s = max(row.used_s or 0, row.held_s or 0)
        self.ledger.update(row.slot, row.token, holder=None, deadline_s=None, used_s=used_s)

    def _recover(self, row: Slot) -> None:
        """Reset the engine of a dead holder."""
        token = self._take_over(row)
        self.ledger.abandon_job(row.slot)
        if self.reset(row.slot, token, Reason(TransitionKind.HOLDER_DIED, f"its holder died ({row.holder})")):
            self.ledger.update(row.slot, token, holder=None, deadline_s=None)

    def _take_over(self, row: Slot) -> int:
        return self.ledger.take(
            row.slot,
            row.token,
            holder=row.holder or "upkeep",
            now=self.clock.now(),
            deadline=self.deadline(),
            boot=self.clock.boot,
        )

    def _remove(self, row: Slot, token: int, reason: Reason) -> None:
        """End an engine, remove its remains, and clear its slot."""
        if row.engine is not None:
            self.launcher.end(row.engine, row.launched)
        if row.launched is not None:
            self.connections.drop(row.launched)
        self.ledger.clear(row.slot, token, reason)

    def _cause_of_failed_request(self, row: Slot, error: EngineError) -> Reason:
        """Return the cause of a request to an engine that failed."""
        launched = row.launched
        if not isinstance(error, EngineUnreachableError) or launched is None:
            return Reason(TransitionKind.REFUSED, f"it refused: {error}")
        with contextlib.suppress(LauncherError):
            if not self.launcher.running(launched):
                end = self.launcher.cause_of_end(launched)
                return _ended(f"it ended ({end.detail})", end)
        return Reason(TransitionKind.UNRESPONSIVE, f"it does not answer: {error}")

    def _known_digest(self) -> str | None:
        """Return the digest of the present configuration, cached for 5 s; None while the launcher cannot compute it."""
        now = self.clock.now()
        if self._digest is None or now - self._digest[0] > _DIGEST_KEPT_S:
            try:
                self._digest = (now, self.launcher.digest)
            except LauncherError:
                self._digest = (now, None)
        return self._digest[1]

    def _lower_target(self) -> None:
        """Lower the warm target by one, so that an unused engine is not replaced."""
        self.ledger.set_metadata(TARGET, max(0, self.ledger.metadata(TARGET) - 1))

    @property
    def _idle(self) -> Reason:
        return Reason(TransitionKind.IDLE, f"it was unused for {self.settings.idle_s / 60:g} minutes")

    def _age(self, row: Slot) -> float:
        return self.clock.now() - (row.started_s or 0)


def _launched(row: Slot) -> LaunchedEngine:
    if row.launched is None:
        raise PoolError(f"Slot {row.slot} has no engine; it may have ended. Run the command again.")
    return row.launched


def _kind_of_failed_start(end: EngineEnd) -> TransitionKind:
    if end.killed:
        return TransitionKind.START_KILLED
    return TransitionKind.START_FAILED if end.is_known else TransitionKind.START_LOST


def _broken(message: str) -> Reason:
    return Reason(TransitionKind.BROKEN, f"it is broken: {message}")


def _ended(detail: str, end: EngineEnd, kind: TransitionKind = TransitionKind.ENGINE_ENDED) -> Reason:
    """Return the reason for an engine's end, of the given kind unless the engine ran out of memory."""
    return Reason(TransitionKind.OUT_OF_MEMORY if end.out_of_memory else kind, detail)
