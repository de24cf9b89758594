"""Decide whether a pool needs the reaper, from its ledger and locks only: no launcher call, no process.

The ledger cannot show a dead engine or a stray engine. So while engines may exist, the reaper is due every ten minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from vwe_dagster.pool.alerts import LOST_OFTEN, lost_engines
from vwe_dagster.pool.circuit import Circuit
from vwe_dagster.pool.clock import Clock, SystemClock
from vwe_dagster.pool.database import ledger_file
from vwe_dagster.pool.diagnosis import Action, diagnose
from vwe_dagster.pool.ledger import Ledger, Slot
from vwe_dagster.pool.opening import LOCKS, state_folder
from vwe_dagster.pool.reaper import REAPED_S, REAPED_STEP, has_work
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.slot_locks import SlotLock, holder_name
from vwe_dagster.pool.states import CircuitState, State
from vwe_dagster.pool.upkeep import TARGET

REAP_EVERY_S = 600.0
"""Maximum seconds between reaper passes of a pool that has engines, or had some since the last pass."""

_NEEDS: Mapping[Action, str] = {
    Action.FENCE: "its holder is overdue",
    Action.FORGET_HOLDER: "its holder is dead",
    Action.RECOVER: "its holder is dead",
    Action.FAIL_START: "the process that started its engine is dead",
    Action.END_LATE_START: "its engine is not ready in time",
    Action.REMOVE: "its engine is broken",
    Action.RETIRE: "its engine must end",
    Action.END_IDLE: "its engine exceeded its idle time",
}
"""The actions that require the reaper. A probe can wait for the next pass or the next use of the pool."""


def upkeep_due(folder: Path, settings: PoolSettings) -> list[str]:
    """Return why the pool in ``folder`` needs the reaper: one phrase per reason, constant while the reason persists.

    A pool that was never used has no reasons, and this function creates no file for it.

    Raises:
        PoolError: the ledger cannot be used.
    """
    state = state_folder(folder)
    if not ledger_file(state).is_file():
        return []
    ledger = Ledger(state)
    try:
        return reasons(ledger, state / LOCKS, settings, SystemClock())
    finally:
        ledger.close()


def reasons(ledger: Ledger, locks: Path, settings: PoolSettings, clock: Clock) -> list[str]:
    """Return the reasons of :func:`upkeep_due` for an open ledger."""
    rows = ledger.slots()
    found = [f"slot {row.slot}: {need}" for row in rows if (need := _need_of(row, locks, settings, clock)) is not None]
    if _is_reaper_due(ledger, rows, clock):
        found.append(f"no reaper pass for {REAP_EVERY_S / 60:g} minutes")
    circuit = Circuit(ledger, clock)
    present = sum(row.state is not State.EMPTY for row in rows if row.slot < settings.max_warm_containers)
    wanted = min(ledger.metadata(TARGET), settings.max_warm_containers)
    if present < wanted and circuit.status().state is not CircuitState.OPEN and has_work(ledger, clock, settings):
        found.append(f"{present} of {wanted} warm engines exist")
    if circuit.alert_is_due() or len(lost_engines(ledger)) >= LOST_OFTEN:
        found.append("engines fail repeatedly")
    return found


def _need_of(slot: Slot, locks: Path, settings: PoolSettings, clock: Clock) -> str | None:
    """Return why a slot needs the reaper, as a phrase; None if it can wait for the next use of the pool."""
    hold = SlotLock(locks, slot.slot, clock, holder_name("upkeep")).current_hold()
    action = diagnose(slot, settings, clock, hold)
    if action is Action.RETIRE and slot.retiring is None and slot.has_expired(clock):
        return "its engine is too old"
    return _NEEDS.get(action)


def _is_reaper_due(ledger: Ledger, rows: list[Slot], clock: Clock) -> bool:
    """Return whether the last pass was too long ago and engines exist or may have existed since."""
    since_s = clock.now() - ledger.metadata(REAPED_S)
    if 0 <= since_s < REAP_EVERY_S:
        return False
    return any(row.state is not State.EMPTY for row in rows) or bool(ledger.stray_engines()) or _has_changed(ledger)


def _has_changed(ledger: Ledger) -> bool:
    """Return whether a transition was recorded since the last reaper pass."""
    return bool(ledger.transitions(after=ledger.metadata(REAPED_STEP), limit=1))
