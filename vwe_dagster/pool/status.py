"""The status of a pool and its slots."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

from vwe_dagster.engine.messages import EngineError
from vwe_dagster.pool.circuit import CircuitStatus
from vwe_dagster.pool.last_verification import LastVerification
from vwe_dagster.pool.ledger import Slot
from vwe_dagster.pool.slot_locks import Hold
from vwe_dagster.pool.states import BUSY, State
from vwe_dagster.pool.upkeep import Upkeep


@dataclasses.dataclass(frozen=True)
class SlotStatus:
    """The status of one slot. Ages and times are in seconds.

    Attributes:
        holder: the process that holds the slot and its purpose, alive or dead; None if the engine is free.
        holder_is_dead: whether that process has ended; the next use of the pool recovers the engine.
        jobs: the number of worlds that this engine has generated.
        seed: the seed of the world that the engine is generating.
        progress: the completed fraction of that world, 0 to 1.
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
    """The status of a pool and its slots.

    Attributes:
        size: the maximum number of engines.
        ready: the number of engines that can be leased now.
        leased: the number of engines that a live process holds.
        starting: the number of engines that are not ready yet.
        waiting: the number of callers in the queue.
        circuit: the status of the circuit breaker.
        verified: the last verification of an engine; None if there was none.
    """

    pool: str
    launcher: str
    size: int
    ready: int
    leased: int
    starting: int
    waiting: int
    circuit: CircuitStatus
    verified: LastVerification | None
    slots: list[SlotStatus]

    def as_dict(self) -> dict[str, Any]:
        """Return the status as a dictionary that can be written as JSON."""
        return dataclasses.asdict(self)


def slot_status(upkeep: Upkeep, row: Slot) -> SlotStatus:
    """Return the status of a slot, with the progress that its engine reports."""
    now = upkeep.clock.now()
    has_engine = row.state is not State.EMPTY and row.boot == upkeep.clock.boot
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
        age_s=now - row.started_s if has_engine and row.started_s is not None else None,
        expires_in_s=row.expires_s - now if has_engine and row.expires_s is not None else None,
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
