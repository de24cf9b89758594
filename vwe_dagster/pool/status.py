"""What a pool says of itself."""

from __future__ import annotations

import dataclasses
from typing import Any

from vwe_dagster.pool.circuit import CircuitStatus
from vwe_dagster.pool.verified import Verified


@dataclasses.dataclass(frozen=True)
class SlotStatus:
    """One slot, for people and programs. Ages and times are in seconds.

    Attributes:
        holder: who has the engine, in words; None if it is free.
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


@dataclasses.dataclass(frozen=True)
class PoolStatus:
    """A pool: its slots, and how many of them are what.

    Attributes:
        size: the most engines there may be.
        ready: engines that are free to be leased.
        leased: engines that somebody holds.
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
