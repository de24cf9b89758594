"""Work on slots without their locks at hand: each function takes a lock if it is free, or else does nothing."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterable

from vwe_dagster.pool.circuit import sentence_on
from vwe_dagster.pool.clock import Clock
from vwe_dagster.pool.errors import FencedError, PoolError
from vwe_dagster.pool.kinds import Reason
from vwe_dagster.pool.launcher import LauncherError
from vwe_dagster.pool.ledger import Slot
from vwe_dagster.pool.states import CircuitState, State
from vwe_dagster.pool.upkeep import Upkeep


def present_slots(upkeep: Upkeep) -> list[Slot]:
    """Return the slots that the pool has by its settings."""
    return [slot for slot in upkeep.ledger.slots() if slot.slot < upkeep.settings.max_warm_containers]


def try_settle(upkeep: Upkeep, slot: int) -> Slot | None:
    """Settle a slot; return None if another process has its lock or the launcher does not answer."""
    lock = upkeep.lock(slot)
    if not lock.acquire():
        return None
    try:
        with contextlib.suppress(FencedError, LauncherError):
            return upkeep.settle(slot)
        return None
    finally:
        lock.release()


def try_start(
    upkeep: Upkeep, slot: int, reason: Reason, *, single_flight: bool = False, name: str | None = None
) -> bool:
    """Start an engine in a slot, and return whether one is starting; see :meth:`Upkeep.start`."""
    lock = upkeep.lock(slot)
    if not lock.acquire():
        return False
    try:
        return upkeep.start(slot, reason=reason, single_flight=single_flight, name=name)
    finally:
        lock.release()


def check_circuit(upkeep: Upkeep) -> None:
    """Raise PoolError if the circuit is open, so that no engine may be started now."""
    circuit = upkeep.circuit.status()
    if circuit.state is CircuitState.OPEN:
        raise PoolError(sentence_on(circuit, upkeep.settings))


def holder_name(purpose: str) -> str:
    """Return how this process appears as a holder, as in ``pid 7 on vm: world of 1``."""
    process = f"pid {os.getpid()} on {socket.gethostname()}"
    return f"{process}: {purpose}" if purpose else process


def describe_holders(slots: Iterable[Slot], clock: Clock) -> str:
    """Return a line that says which holder has each slot since when, or why its engine is broken."""
    return "; ".join(f"Slot {slot.slot} ({slot.state}): {_describe_holder(slot, clock)}" for slot in slots) + "."


def _describe_holder(slot: Slot, clock: Clock) -> str:
    if slot.state is State.ERROR:
        return str(slot.last_error)
    now = clock.now()
    return f"{slot.holder}, since {now - (slot.held_s or now):.0f} s" if slot.holder else "no holder"
