"""The states of slots, of their jobs and of the circuit, and the allowed steps of a slot."""

from __future__ import annotations

import enum


class State(enum.StrEnum):
    """What the engine of a slot is doing; ``EMPTY`` is a slot without an engine."""

    EMPTY = "EMPTY"
    STARTING = "STARTING"
    READY = "READY"
    GENERATING = "GENERATING"
    EXPORTING = "EXPORTING"
    RESETTING = "RESETTING"
    ERROR = "ERROR"


class RecordedJobState(enum.StrEnum):
    """The state of a job in the ledger; the values are labels of the metrics, so they stay what they are."""

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
"""The states of an engine that works, or has not been put right after its work."""

LEGAL: frozenset[tuple[State, State]] = frozenset(
    {
        (State.EMPTY, State.STARTING),
        (State.STARTING, State.READY),
        (State.READY, State.GENERATING),
        (State.GENERATING, State.EXPORTING),
        (State.EXPORTING, State.RESETTING),
        (State.RESETTING, State.READY),
        # A job that failed, was cancelled, or was left by a holder that died has nothing to export.
        (State.GENERATING, State.RESETTING),
        # An engine that somebody left unclean is reset before it is used.
        (State.READY, State.RESETTING),
        (State.READY, State.EMPTY),
        (State.ERROR, State.EMPTY),
    }
    | {(state, State.ERROR) for state in State if state not in {State.EMPTY, State.ERROR}}
)
"""Every step a slot may take, as (before, after). The database refuses any other."""
