"""The kinds of causes: which of a few words stands for the sentence that says why a slot took a step.

The sentences are for people and name holders, seeds and errors; the words can be counted. The ledger counts steps by
them as it records each, so that pruned records stay counted.
"""

from __future__ import annotations

from typing import Final

UNKNOWN = "other"
"""The kind of a cause that no pattern is for; ledgers of older versions may have some."""

OUT_OF_MEMORY = "out_of_memory"

DRAINED = "drained"

PATTERNS: Final[tuple[tuple[str, str], ...]] = (
    # What begins with words of a holder's own comes first: nothing in them may count as a pattern.
    ("for pid *", "demand"),
    ("it is to be ended", "retired"),
    ("it is to be *", "named"),
    ("in place of *", "replaced"),
    ("the pool is warmed", "warmed"),
    ("the pool was warmed to *", "replenished"),
    ("its holder died *", "holder_died"),
    ("its holder did not come back *", "holder_overdue"),
    ("taken away by force *", "force"),
    ("it ended*(out of memory)*", OUT_OF_MEMORY),
    ("it could not be started*", "start_failed"),
    ("the process that started it died*", "start_failed"),
    ("it ended while starting *", "start_failed"),
    ("it was not ready within *", "start_failed"),
    ("it answered after *", "started"),
    ("it ended *", "engine_ended"),
    ("it does not answer*", "unresponsive"),
    ("it refused*", "refused"),
    ("it is broken*", "broken"),
    ("its reset failed*", "reset_failed"),
    ("world of *", "job"),
    ("the terrain is done", "job"),
    ("the world is exported", "job"),
    ("the next job of the same holder", "job"),
    ("the job failed", "job_failed"),
    ("it was not reset by the last holder", "not_reset"),
    ("it was reset and verified", "reset"),
    ("it is no longer needed", "cleared"),
    ("its engine was ended", "cleared"),
    ("nobody used it for *", "idle"),
    ("the pool is drained", DRAINED),
    ("the pool has fewer slots now", "retired"),
    ("it has made * worlds", "used_up"),
    ("it is older than *", "expired"),
    ("its configuration is not the present one", "reconfigured"),
)
"""GLOB patterns of SQLite with the kind of the causes that match; the first that matches counts."""

KINDS: Final = frozenset({kind for _, kind in PATTERNS} | {UNKNOWN})
"""Every kind there is."""
