"""The reaper: settles what dead holders left, fences holders that do not come back, ends engines that nobody knows.

An engine that no slot knows is ended only when a second pass sees it too and it is older than an engine may take to
start: another process may be about to write down that it started it. If the launcher cannot be asked, nothing is done.
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
"""Key of the number of passes of the reaper."""

REAPED = "reaped"
"""Key of the number of slots and engines that the reaper repaired."""

REAPED_S = "reaped_s"
"""Key of the time of the last complete pass, in seconds of the pool's clock."""

REAPED_STEP = "reaped_step"
"""Key of the id of the last transition before that pass ended."""


@dataclasses.dataclass(frozen=True)
class ReapReport:
    """What a pass of the reaper did, a sentence each; ``problem`` is why it could not do all."""

    actions: list[str]
    problem: str | None = None


def reap(upkeep: Upkeep, by: str, *, replenish: bool) -> ReapReport:
    """Makes one pass.

    Args:
        upkeep: the pool's.
        by: who reaps, in words.
        replenish: also starts engines until there are as many as the pool was warmed to, while there is work.
    """
    actions: list[str] = []
    upkeep.ledger.count(PASSES)
    try:
        # Asked before the slots are read: an engine that is started in between is in neither list.
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
    """Whether somebody waits for an engine, or had or wanted one within the time after which idle engines end."""
    rows = ledger.slots()
    times = [row.held_s for row in rows if row.held_s is not None and row.boot == clock.boot]
    # After a new boot the clock is behind times of before.
    latest = max((time for time in [*times, ledger.metadata(WARMED_S)] if time <= clock.now()), default=0)
    return ledger.waiting() > 0 or clock.now() - latest < settings.idle_s


def fence_overdue(upkeep: Upkeep, row: Slot, by: str) -> str | None:
    """Take a slot from a process that has its lock and is overdue, and settle the slot.

    Returns:
        A sentence for people; None if the slot was not taken.
    """
    hold = upkeep.current_hold(row.slot)
    if hold is None or diagnose(row, upkeep.settings, upkeep.clock, hold) is not Action.FENCE:
        return None
    holder = row.holder or hold.holder
    lock = upkeep.lock(row.slot, by)
    try:
        reason = Reason(TransitionKind.HOLDER_OVERDUE, f"its holder did not come back in time ({holder})")
        upkeep.fence(row, hold, lock, reason)
        with contextlib.suppress(FencedError, LauncherError):
            upkeep.settle(row.slot)
    except FencedError:
        return None
    finally:
        lock.release()
    return f"Took slot {row.slot} from {holder}, which did not come back in time."


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
    return [f"Slot {row.slot}: {before.state} became {after.state} ({after.detail})."]


def _end_strays(upkeep: Upkeep, strays: dict[str, float]) -> list[str]:
    actions = []
    for engine in upkeep.ledger.strays_seen_again(sorted(strays)):
        if strays[engine] > upkeep.settings.engine_startup_timeout:
            upkeep.launcher.end(engine, None)
            actions.append(f"Ended the engine {engine}, which no slot knows.")
    return actions


def _replenish(upkeep: Upkeep) -> list[str]:
    """Replaces engines that the pool was warmed to and lost; without work they are let go instead, one by one."""
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
