"""What a pool says of itself."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

from vwe_dagster.engine.messages import EngineError
from vwe_dagster.pool.circuit import CircuitStatus
from vwe_dagster.pool.ledger import Slot
from vwe_dagster.pool.slot_locks import Hold
from vwe_dagster.pool.states import BUSY, State
from vwe_dagster.pool.upkeep import Upkeep
from vwe_dagster.pool.verified import Verified


@dataclasses.dataclass(frozen=True)
class SlotStatus:
    """One slot, for people and programs. Ages and times are in seconds.

    Attributes:
        holder: the process that has the slot, in words, living or dead; None if the engine is free.
        holder_is_dead: whether that process is gone; the next use of the pool recovers the engine.
        jobs: how many worlds this engine has made.
        seed: the seed of the world it is making.
        progress: how much of that world is done, 0 to 1.
    """

    slot: int
    state: str
    engine: str | None
    name: str | None
    address: str | None
    holder: str | None
    held_s: float | None
    token: int
    jobs: int
    age_s: float | None
    expires_in_s: float | None
    seed: int | None
    progress: float | None
    phase: str | None
    memory_bytes: int | None
    last_error: str | None
    holder_is_dead: bool = False


@dataclasses.dataclass(frozen=True)
class PoolStatus:
    """A pool: its slots, and how many of them are what.

    Attributes:
        size: the most engines there may be.
        ready: engines that are free to be leased.
        leased: engines that a living process holds.
        starting: engines that are not ready yet.
        waiting: callers that wait for an engine.
        circuit: whether engines may be started, after those that failed to.
        verified: what the last trial of an engine came to, if there was one.
    """

    pool: str
    launcher: str
    size: int
    ready: int
    leased: int
    starting: int
    waiting: int
    circuit: CircuitStatus
    verified: Verified | None
    slots: list[SlotStatus]

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON has it."""
        return dataclasses.asdict(self)


def slot_status(upkeep: Upkeep, row: Slot) -> SlotStatus:
    """What a slot is, and what its engine says of the world that it makes."""
    now = upkeep.clock.now()
    there = row.state is not State.EMPTY and row.boot == upkeep.clock.boot
    seed = progress = phase = None
    if row.state in BUSY and row.job is not None:
        seed = next((job.seed for job in upkeep.ledger.jobs(100) if job.job_id == row.job), None)
        with contextlib.suppress(EngineError):
            answer = upkeep.connection(row).status()
            progress, phase = answer.progress, answer.phase
    launched = row.launched
    hold = upkeep.current_hold(row.slot)
    return SlotStatus(
        slot=row.slot,
        state=row.state.value,
        engine=row.engine,
        name=row.name,
        address=row.address,
        holder=row.holder or (None if hold is None else hold.holder),
        held_s=_held_s(upkeep, row, hold),
        token=row.token,
        jobs=row.jobs,
        age_s=now - row.started_s if there and row.started_s is not None else None,
        expires_in_s=row.expires_s - now if there and row.expires_s is not None else None,
        seed=seed,
        progress=progress,
        phase=phase,
        memory_bytes=upkeep.launcher.memory_bytes(launched) if launched is not None else None,
        last_error=row.last_error,
        holder_is_dead=row.holder is not None and hold is None,
    )


def _held_s(upkeep: Upkeep, row: Slot, hold: Hold | None) -> float | None:
    if row.holder is None:
        return None if hold is None else hold.held_s(upkeep.clock)
    is_known = row.held_s is not None and row.boot == upkeep.clock.boot
    return upkeep.clock.now() - (row.held_s or 0) if is_known else None
