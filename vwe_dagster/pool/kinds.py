"""The kinds of transitions: why a slot changed its state, as a value that can be counted and compared."""

from __future__ import annotations

import dataclasses
import enum


class TransitionKind(enum.StrEnum):
    """Why a slot changed its state. The values are labels of the metrics, so they stay what they are."""

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
    """Only in ledgers of former versions: a transition whose sentence the migration does not know."""


@dataclasses.dataclass(frozen=True)
class Reason:
    """Why a slot changes its state: the kind for programs, the detail for people."""

    kind: TransitionKind
    detail: str
