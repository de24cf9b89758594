"""What a pool is in need of, told from its ledger and its locks alone: no launcher is asked, nothing is started.

That an engine has died, or that one is there which no slot knows, the ledger cannot say. So where engines may be, the
reaper is due every few minutes.
"""

from __future__ import annotations

from pathlib import Path

from vwe_dagster.pool.alerts import LOST_OFTEN, lost_engines
from vwe_dagster.pool.circuit import Circuit
from vwe_dagster.pool.clock import Clock, SystemClock
from vwe_dagster.pool.database import FILE
from vwe_dagster.pool.ledger import Ledger, Slot
from vwe_dagster.pool.locks import slot_lock
from vwe_dagster.pool.opening import LOCKS, state_folder
from vwe_dagster.pool.reaper import REAPED_S, REAPED_STEP, has_work
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.states import State
from vwe_dagster.pool.upkeep import TARGET

REAP_EVERY_S = 600.0
"""How long a pool with engines, or one that had some since, goes without the reaper."""

_ENDING_S = 30.0
"""How long an engine that ends idle may take to do so."""


def upkeep_due(folder: Path, settings: PoolSettings) -> list[str]:
    """Why the pool in a folder needs the reaper, a phrase each that stays the same while the reason does.

    A pool that was never used needs nothing, and asking leaves it so.

    Raises:
        PoolError: the ledger cannot be used.
    """
    state = state_folder(folder)
    if not (state / FILE).is_file():
        return []
    ledger = Ledger(state)
    try:
        return reasons(ledger, state / LOCKS, settings, SystemClock())
    finally:
        ledger.close()


def reasons(ledger: Ledger, locks: Path, settings: PoolSettings, clock: Clock) -> list[str]:
    """As :func:`upkeep_due`, of a ledger that is open."""
    rows = ledger.slots()
    found = [f"slot {row.slot}: {why}" for row in rows if (why := _why_slot(row, locks, settings, clock)) is not None]
    if _is_reaper_due(ledger, rows, clock):
        found.append(f"no pass of the reaper for {REAP_EVERY_S / 60:g} minutes")
    circuit = Circuit(ledger, clock)
    present = sum(row.state is not State.EMPTY for row in rows if row.slot < settings.max_warm_containers)
    wanted = min(ledger.metadata(TARGET), settings.max_warm_containers)
    if present < wanted and circuit.status().state != "open" and has_work(ledger, clock, settings):
        found.append(f"{present} engines where there should be {wanted}")
    if circuit.alert_is_due() or len(lost_engines(ledger)) >= LOST_OFTEN:
        found.append("engines fail repeatedly")
    return found


def _why_slot(row: Slot, locks: Path, settings: PoolSettings, clock: Clock) -> str | None:
    if row.is_overdue(clock):
        return None if row.state is State.EMPTY else "its holder is overdue"
    match row.state:
        case State.EMPTY:
            return None
        case State.STARTING:
            is_late = row.is_late(clock, settings.engine_startup_timeout)
            return "its engine is not ready in time" if is_late else None
        case State.ERROR:
            return "its engine is broken" if _is_free(locks, row.slot) else None
        case _ if row.is_free:
            return _why_end(row, settings, clock)
        case _:
            return "its holder is dead" if _is_free(locks, row.slot) else None


def _why_end(row: Slot, settings: PoolSettings, clock: Clock) -> str | None:
    """Why the engine of a slot that nobody holds is to be ended, or has surely ended."""
    if row.retiring is not None:
        return "its engine is to be ended"
    if row.has_expired(clock):
        return "its engine is too old"
    if clock.now() - (row.used_s or 0) >= settings.idle_s + _ENDING_S:
        return "its engine ended idle"
    return None


def _is_reaper_due(ledger: Ledger, rows: list[Slot], clock: Clock) -> bool:
    """Whether there may be something for the reaper that the slots do not show, and it has not looked for a while."""
    since_s = clock.now() - ledger.metadata(REAPED_S)
    if 0 <= since_s < REAP_EVERY_S:
        return False
    return any(row.state is not State.EMPTY for row in rows) or bool(ledger.strays()) or _has_changed(ledger)


def _has_changed(ledger: Ledger) -> bool:
    """Whether a slot took a step since the last pass of the reaper."""
    return bool(ledger.transitions(after=ledger.metadata(REAPED_STEP), limit=1))


def _is_free(locks: Path, slot: int) -> bool:
    """Whether nobody holds the lock of a slot."""
    lock = slot_lock(locks, slot)
    if not lock.path.exists():
        return True
    if not lock.acquire():
        return False
    lock.release()
    return True
