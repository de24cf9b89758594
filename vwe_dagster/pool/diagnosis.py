"""The diagnosis of a slot from its row in the ledger, its lock, the settings and the clock, without side effects.

A probe is an action that checks with the launcher or the engine whether the engine still runs or answers.
"""

from __future__ import annotations

import enum

from vwe_dagster.pool.clock import Clock
from vwe_dagster.pool.kinds import Reason, TransitionKind
from vwe_dagster.pool.ledger import Slot
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.slot_locks import UNKNOWN, Hold
from vwe_dagster.pool.states import State

DRAINED = Reason(TransitionKind.DRAINED, "the pool is drained")

IDLE_GRACE_S = 30.0
"""Seconds beyond its idle time that an engine has to end by itself."""


SPAWN_S = 2.0
"""Seconds until an engine appears among the processes if its starter was killed while starting it."""


class Action(enum.Enum):
    """The action that a slot needs. All but ``NONE`` and ``FENCE`` require the slot's lock."""

    NONE = enum.auto()
    """Nothing: the slot is empty, or a living process holds its lock within its deadline."""
    FENCE = enum.auto()
    """Take the slot from a process that holds its lock and has missed its deadline."""
    FORGET_HOLDER = enum.auto()
    """Clear the holder of a READY engine; the holder died without a job."""
    RECOVER = enum.auto()
    """Reset the engine of a dead holder."""
    FAIL_START = enum.auto()
    """Fail a start: the process died before it recorded the engine."""
    AWAIT_SPAWN = enum.auto()
    """Wait: the process that started an engine has just died, and the engine may still appear."""
    PROBE_START = enum.auto()
    """Check whether a starting engine is ready, or has ended."""
    END_LATE_START = enum.auto()
    """Check whether a late engine is ready, and end it if not."""
    REMOVE = enum.auto()
    """Remove the remains of a broken engine."""
    RETIRE = enum.auto()
    """End a free engine that must not be used again; :func:`retirement` returns why."""
    END_IDLE = enum.auto()
    """End a free engine that exceeded its idle time and has not ended by itself."""
    PROBE = enum.auto()
    """Check whether a free engine has ended."""


def diagnose(slot: Slot, settings: PoolSettings, clock: Clock, hold: Hold | None) -> Action:
    """Return the action that a slot needs.

    Args:
        slot: the row of the slot in the ledger.
        settings: the settings of the pool.
        clock: the clock of the pool.
        hold: the note of another process that holds the slot's lock; None if the lock is free. A recorded holder is
            then dead.
    """
    if hold is not None:
        is_overdue = slot.is_overdue(clock) if hold is UNKNOWN else hold.is_overdue(clock)
        return Action.FENCE if is_overdue else Action.NONE
    if slot.state is State.EMPTY:
        return Action.NONE
    if slot.is_free:
        return _diagnose_free(slot, settings, clock)
    if slot.state is State.STARTING:
        return _diagnose_start(slot, settings, clock)
    if slot.state is State.ERROR:
        return Action.REMOVE
    return Action.FORGET_HOLDER if slot.state is State.READY else Action.RECOVER


def retirement(slot: Slot, settings: PoolSettings, clock: Clock) -> Reason | None:
    """Return why the engine of a slot must not be used again; None if it may be used."""
    if slot.retiring is not None:
        return DRAINED
    if slot.slot >= settings.max_warm_containers:
        return Reason(TransitionKind.RETIRED, "the pool has fewer slots now")
    if slot.jobs >= settings.max_jobs_per_engine:
        return Reason(TransitionKind.USED_UP, f"it has generated {slot.jobs} worlds")
    if slot.has_expired(clock):
        return Reason(TransitionKind.EXPIRED, f"it is older than {settings.container_ttl_minutes:g} minutes")
    return None


def _diagnose_start(slot: Slot, settings: PoolSettings, clock: Clock) -> Action:
    if slot.launched is None:
        is_new = slot.boot == clock.boot and clock.now() - (slot.started_s or 0) < SPAWN_S
        return Action.AWAIT_SPAWN if is_new else Action.FAIL_START
    is_late = slot.is_late(clock, settings.engine_startup_timeout)
    return Action.END_LATE_START if is_late else Action.PROBE_START


def _diagnose_free(slot: Slot, settings: PoolSettings, clock: Clock) -> Action:
    if retirement(slot, settings, clock) is not None:
        return Action.RETIRE
    if clock.now() - (slot.used_s or 0) >= settings.idle_s + IDLE_GRACE_S:
        return Action.END_IDLE
    return Action.PROBE
