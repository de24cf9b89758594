"""The states of slots, jobs and the circuit breaker, and the legal steps between slot states."""

from __future__ import annotations

import enum


class State(enum.StrEnum):
    """The state of a slot, which is that of its engine; ``EMPTY`` means that the slot has no engine."""

    EMPTY = "EMPTY"
    STARTING = "STARTING"
    READY = "READY"
    GENERATING = "GENERATING"
    EXPORTING = "EXPORTING"
    RESETTING = "RESETTING"
    ERROR = "ERROR"


class RecordedJobState(enum.StrEnum):
    """The state of a job in the ledger. The values are metric labels and must not change."""

    RUNNING = "running"
    EXPORTED = "exported"
    FAILED = "failed"
    FENCED = "fenced"
    ABANDONED = "abandoned"


class CircuitState(enum.StrEnum):
    """The state of the circuit breaker; ``HALF_OPEN`` allows one trial start."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


BUSY = frozenset({State.GENERATING, State.EXPORTING, State.RESETTING})
"""The states of an engine that has a job, or has not been reset after one."""

LEGAL: frozenset[tuple[State, State]] = frozenset(
    {
        (State.EMPTY, State.STARTING),
        (State.STARTING, State.READY),
        (State.READY, State.GENERATING),
        (State.GENERATING, State.EXPORTING),
        (State.EXPORTING, State.RESETTING),
        (State.RESETTING, State.READY),
        # A job that failed, was canceled, or lost its holder has nothing to export.
        (State.GENERATING, State.RESETTING),
        # An engine that was returned without a reset is reset before its next use.
        (State.READY, State.RESETTING),
        (State.READY, State.EMPTY),
        (State.ERROR, State.EMPTY),
    }
    | {(state, State.ERROR) for state in State if state not in {State.EMPTY, State.ERROR}}
)
"""The legal steps of a slot, as (before, after). A trigger of the database rejects any other step."""
