"""The reaper recovers slots of dead holders, fences overdue holders and ends stray engines.

A stray engine is one that no slot refers to. It is ended only when two passes have found it and it is older than the
startup timeout: another process may be about to record its start. If the launcher does not answer, the pass stops.
"""

from __future__ import annotations

import contextlib
import dataclasses

from vwe_dagster.pool.clock import Clock
from vwe_dagster.pool.diagnosis import Action, diagnose
from vwe_dagster.pool.errors import FencedError, PoolError
from vwe_dagster.pool.kinds import Reason, TransitionKind
from vwe_dagster.pool.launcher import LauncherError
from vwe_dagster.pool.ledger import Ledger, Slot
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.slots import present_slots, start_first
from vwe_dagster.pool.states import State
from vwe_dagster.pool.upkeep import TARGET, WARMED_S, Upkeep

KEPT_RECORDS = 10_000

_REPLENISH = Reason(TransitionKind.REPLENISHED, "the pool was warmed to more engines than it has")

PASSES = "reaper_passes"
"""Key of the number of reaper passes."""

REAPED = "reaped"
"""Key of the number of slots and engines that the reaper repaired."""

REAPED_S = "reaped_s"
"""Key of the time of the last complete pass, in seconds of the pool's clock."""

REAPED_STEP = "reaped_step"
"""Key of the id of the last transition that was recorded when that pass ended."""


@dataclasses.dataclass(frozen=True)
class ReapReport:
    """The result of a reaper pass: a sentence for each action, and the ``problem`` that stopped the pass, if any."""

    actions: list[str]
    problem: str | None = None


def reap(upkeep: Upkeep, by: str, *, replenish: bool) -> ReapReport:
    """Run one pass of the reaper.

    Args:
        upkeep: the upkeep of the pool.
        by: the process that reaps and its purpose, recorded as the holder.
        replenish: whether to start missing engines up to the warm target while the pool has work.
    """
    actions: list[str] = []
    upkeep.ledger.count(PASSES)
    try:
        # Must precede the reading of the slots: an engine that starts in between is then in neither list.
        found = upkeep.launcher.engines()
        for row in upkeep.ledger.slots():
            actions += _reap_slot(upkeep, row, by)
        known = {row.engine for row in upkeep.ledger.slots()}
        actions += _end_strays(upkeep, {one.engine: one.age_s for one in found if one.engine not in known})
        upkeep.ledger.count(REAPED, len(actions))
        if replenish:
            actions += _replenish(upkeep)
        upkeep.launcher.remove_logs({row.engine for row in upkeep.ledger.slots() if row.engine})
    except LauncherError as error:
        return ReapReport(actions, problem=str(error))
    upkeep.ledger.prune(keep=KEPT_RECORDS)
    upkeep.ledger.set_metadata(REAPED_S, int(upkeep.clock.now()))
    upkeep.ledger.set_metadata(REAPED_STEP, max((step.id for step in upkeep.ledger.transitions(limit=1)), default=0))
    return ReapReport(actions)


def has_work(ledger: Ledger, clock: Clock, settings: PoolSettings) -> bool:
    """Return whether a caller waits for an engine, or the pool was leased from or warmed within the idle time."""
    rows = ledger.slots()
    times = [row.held_s for row in rows if row.held_s is not None and row.boot == clock.boot]
    # After a reboot the clock is behind the recorded times.
    latest = max((time for time in [*times, ledger.metadata(WARMED_S)] if time <= clock.now()), default=0)
    return ledger.waiting() > 0 or clock.now() - latest < settings.idle_s


def fence_overdue(upkeep: Upkeep, row: Slot, by: str) -> str | None:
    """Fence an overdue process that holds a slot's lock, and settle the slot.

    Returns:
        A sentence on the action; None if the slot was not taken.
    """
    hold = upkeep.current_hold(row.slot)
    if hold is None or diagnose(row, upkeep.settings, upkeep.clock, hold) is not Action.FENCE:
        return None
    holder = row.holder or hold.holder
    lock = upkeep.lock(row.slot, by)
    try:
        reason = Reason(TransitionKind.HOLDER_OVERDUE, f"its holder missed its deadline ({holder})")
        upkeep.fence(row, hold, lock, reason)
        with contextlib.suppress(FencedError, LauncherError):
            upkeep.settle(row.slot)
    except FencedError:
        return None
    finally:
        lock.release()
    return f"Took slot {row.slot} from {holder}, which missed its deadline."


def _reap_slot(upkeep: Upkeep, row: Slot, by: str) -> list[str]:
    lock = upkeep.try_lock(row.slot, by)
    if lock is None:
        fenced = fence_overdue(upkeep, row, by)
        return [fenced] if fenced else []
    try:
        before = upkeep.ledger.slot(row.slot)
        after = upkeep.settle(row.slot)
        if after.is_free:
            upkeep.end_unwanted(after)
            after = upkeep.ledger.slot(row.slot)
    except FencedError:
        return []
    finally:
        lock.release()
    if (before.state, before.engine) == (after.state, after.engine):
        return []
    return [f"Slot {row.slot} changed from {before.state} to {after.state} ({after.detail})."]


def _end_strays(upkeep: Upkeep, strays: dict[str, float]) -> list[str]:
    actions = []
    for engine in upkeep.ledger.replace_stray_engines(sorted(strays)):
        if strays[engine] > upkeep.settings.engine_startup_timeout:
            upkeep.launcher.end(engine, None)
            actions.append(f"Ended the engine {engine}, which no slot refers to.")
    return actions


def _replenish(upkeep: Upkeep) -> list[str]:
    """Start engines that are missing from the warm target; lower the target instead if the pool has no work."""
    actions = []
    rows = present_slots(upkeep)
    present = sum(row.state is not State.EMPTY for row in rows)
    missing = upkeep.ledger.metadata(TARGET) - present
    if missing > 0 and not has_work(upkeep.ledger, upkeep.clock, upkeep.settings):
        upkeep.ledger.set_metadata(TARGET, present)
        return []
    empty = [row.slot for row in rows if row.state is State.EMPTY]
    for _ in range(missing):
        try:
            slot = start_first(upkeep, empty, _REPLENISH)
        except PoolError as error:
            actions.append(str(error))
            break
        if slot is None:
            break
        empty.remove(slot)
        actions.append(f"Started an engine in slot {slot}.")
    return actions
