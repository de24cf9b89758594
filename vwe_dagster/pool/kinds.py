"""The kinds of transitions: the causes of state changes as countable values."""

from __future__ import annotations

import dataclasses
import enum


class TransitionKind(enum.StrEnum):
    """The cause of a slot's state change. The values are metric labels and must not change."""

    DEMAND = "demand"
    NAMED = "named"
    WARMED = "warmed"
    REPLENISHED = "replenished"
    REPLACED = "replaced"
    STARTED = "started"
    START_FAILED = "start_failed"
    START_KILLED = "start_killed"
    START_LOST = "start_lost"

    JOB = "job"
    JOB_FAILED = "job_failed"
    NOT_RESET = "not_reset"
    RESET = "reset"
    RESET_FAILED = "reset_failed"

    HOLDER_DIED = "holder_died"
    HOLDER_OVERDUE = "holder_overdue"
    FORCE = "force"

    ENGINE_ENDED = "engine_ended"
    OUT_OF_MEMORY = "out_of_memory"
    UNRESPONSIVE = "unresponsive"
    REFUSED = "refused"
    BROKEN = "broken"
    CLEARED = "cleared"

    IDLE = "idle"
    EXPIRED = "expired"
    USED_UP = "used_up"
    RECONFIGURED = "reconfigured"
    RETIRED = "retired"
    DRAINED = "drained"

    OTHER = "other"
    """A transition of a former version with a sentence that the migration does not recognize."""


@dataclasses.dataclass(frozen=True)
class Reason:
    """The cause of a slot's state change: ``kind`` for programs, ``detail`` for people."""

    kind: TransitionKind
    detail: str
