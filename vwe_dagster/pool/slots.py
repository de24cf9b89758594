"""Operations on slots that take the slot's lock themselves and skip slots whose lock is held."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence

from vwe_dagster.pool.circuit import failed_starts_message
from vwe_dagster.pool.errors import FencedError, PoolError
from vwe_dagster.pool.kinds import Reason
from vwe_dagster.pool.launcher import LauncherError
from vwe_dagster.pool.ledger import Slot
from vwe_dagster.pool.states import CircuitState, State
from vwe_dagster.pool.upkeep import Upkeep


def present_slots(upkeep: Upkeep) -> list[Slot]:
    """Return the slots below ``max_warm_containers``."""
    return [slot for slot in upkeep.ledger.slots() if slot.slot < upkeep.settings.max_warm_containers]


def try_settle(upkeep: Upkeep, slot: int) -> Slot | None:
    """Settle a slot; return None if another process holds its lock or the launcher does not answer."""
    lock = upkeep.try_lock(slot)
    if lock is None:
        return None
    try:
        with contextlib.suppress(FencedError, LauncherError):
            return upkeep.settle(slot)
        return None
    finally:
        lock.release()


def start_first(
    upkeep: Upkeep, slots: Sequence[int], reason: Reason, *, single_flight: bool = False, name: str | None = None
) -> int | None:
    """Start an engine in the first slot whose lock is free; see :meth:`Upkeep.start`.

    Returns:
        The slot; None if other processes hold all the locks, or the engine was not started.
    """
    for slot in slots:
        lock = upkeep.try_lock(slot)
        if lock is None:
            continue
        try:
            started = upkeep.start(slot, reason=reason, single_flight=single_flight, name=name)
            return slot if started else None
        finally:
            lock.release()
    return None


def check_circuit(upkeep: Upkeep) -> None:
    """Raise PoolError if the circuit is open: no engine may be started then."""
    circuit = upkeep.circuit.status()
    if circuit.state is CircuitState.OPEN:
        raise PoolError(failed_starts_message(circuit, upkeep.settings))


def describe_holders(slots: Iterable[Slot], upkeep: Upkeep) -> str:
    """Return a line with the holder of each slot, its holding time, and the command that releases a slot."""
    slots = list(slots)
    holders = "; ".join(f"Slot {slot.slot} ({slot.state}): {_describe_holder(slot, upkeep)}" for slot in slots)
    held = [slot for slot in slots if upkeep.current_hold(slot.slot) is not None]
    if not held:
        return f"{holders}."
    command = upkeep.settings.command("release", str(held[0].slot), "--force")
    return f"{holders}. To take a slot from a process that does not respond: {command}"


def _describe_holder(slot: Slot, upkeep: Upkeep) -> str:
    hold = upkeep.current_hold(slot.slot)
    if hold is not None and not slot.holder:
        held_s = hold.held_s(upkeep.clock)
        return hold.holder if held_s is None else f"{hold.holder}, for {held_s:.0f} s"
    if slot.state is State.ERROR:
        return str(slot.last_error)
    now = upkeep.clock.now()
    return f"{slot.holder}, for {now - (slot.held_s or now):.0f} s" if slot.holder else "no holder"


def is_starting(upkeep: Upkeep, slot: Slot) -> bool:
    """Return whether an engine is starting in a slot and its startup timeout has not passed."""
    return slot.state is State.STARTING and not slot.is_late(upkeep.clock, upkeep.settings.engine_startup_timeout)
