"""Migration of ledgers with former schemas: user_version 1, without counts, and 2, which counted steps by sentence.

Both recorded a cause as a sentence only. No other code reads those sentences.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from vwe_dagster.pool.kinds import TransitionKind

PATTERNS: Final[tuple[tuple[str, TransitionKind], ...]] = (
    # Patterns for sentences that start with text of the caller come first, so that this text matches no later pattern.
    ("for pid *", TransitionKind.DEMAND),
    ("it is to be ended", TransitionKind.RETIRED),
    ("it is to be *", TransitionKind.NAMED),
    ("in place of *", TransitionKind.REPLACED),
    ("the pool is warmed", TransitionKind.WARMED),
    ("the pool was warmed to *", TransitionKind.REPLENISHED),
    ("its holder died *", TransitionKind.HOLDER_DIED),
    ("its holder did not come back *", TransitionKind.HOLDER_OVERDUE),
    ("taken away by force *", TransitionKind.FORCE),
    ("it ended*(out of memory)*", TransitionKind.OUT_OF_MEMORY),
    ("it could not be started*", TransitionKind.START_FAILED),
    ("the process that started it died*", TransitionKind.START_FAILED),
    ("it ended while starting *", TransitionKind.START_FAILED),
    ("it was not ready within *", TransitionKind.START_FAILED),
    ("it answered after *", TransitionKind.STARTED),
    ("it ended *", TransitionKind.ENGINE_ENDED),
    ("it does not answer*", TransitionKind.UNRESPONSIVE),
    ("it refused*", TransitionKind.REFUSED),
    ("it is broken*", TransitionKind.BROKEN),
    ("its reset failed*", TransitionKind.RESET_FAILED),
    ("world of *", TransitionKind.JOB),
    ("the terrain is done", TransitionKind.JOB),
    ("the world is exported", TransitionKind.JOB),
    ("the next job of the same holder", TransitionKind.JOB),
    ("the job failed", TransitionKind.JOB_FAILED),
    ("it was not reset by the last holder", TransitionKind.NOT_RESET),
    ("it was reset and verified", TransitionKind.RESET),
    ("it is no longer needed", TransitionKind.CLEARED),
    ("its engine was ended", TransitionKind.CLEARED),
    ("nobody used it for *", TransitionKind.IDLE),
    ("the pool is drained", TransitionKind.DRAINED),
    ("the pool has fewer slots now", TransitionKind.RETIRED),
    ("it has made * worlds", TransitionKind.USED_UP),
    ("it is older than *", TransitionKind.EXPIRED),
    ("its configuration is not the present one", TransitionKind.RECONFIGURED),
)
"""SQLite GLOB patterns for the sentences of former versions, with their kinds; the first match counts."""


def migrate_columns(db: sqlite3.Connection) -> None:
    """Add the present columns to the tables of a former schema, and assign a kind to every recorded sentence.

    Called within a transaction, before the missing tables and the triggers are created.
    """
    triggers = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
    for name in triggers:
        db.execute(f"DROP TRIGGER {name}")
    db.execute("ALTER TABLE slots RENAME COLUMN cause TO detail")
    db.execute("ALTER TABLE slots ADD COLUMN kind TEXT")
    db.execute("UPDATE slots SET kind = ? WHERE detail != ''", (TransitionKind.OTHER,))
    # In former versions only draining marked engines as retiring.
    db.execute("UPDATE slots SET retiring = ? WHERE retiring IS NOT NULL", (TransitionKind.DRAINED,))
    db.execute("ALTER TABLE transitions RENAME COLUMN cause TO detail")
    db.execute("ALTER TABLE transitions ADD COLUMN kind TEXT NOT NULL DEFAULT 'other'")
    # Reversed, since the last write wins and the first pattern takes precedence.
    for pattern, kind in reversed(PATTERNS):
        for table in ("slots", "transitions"):
            db.execute(f"UPDATE {table} SET kind = ? WHERE detail GLOB ?", (kind, pattern))  # noqa: S608  ours
    db.execute("DROP TABLE IF EXISTS causes")
    db.execute("ALTER TABLE facts RENAME TO metadata")
    db.execute("UPDATE metadata SET name = 'alerted_step' WHERE name = 'told_step'")


def count_records(db: sqlite3.Connection) -> None:
    """Fill the count tables from the transitions, jobs and times of a version 1 ledger that were not pruned."""
    db.execute("INSERT INTO step_counts SELECT before, after, kind, count(*) FROM transitions GROUP BY 1, 2, 3")
    db.execute("INSERT INTO job_counts SELECT state, count(*) FROM jobs WHERE state != 'running' GROUP BY 1")
    db.execute(
        """
        INSERT INTO time_counts
        SELECT what, (SELECT min(at_most_s) FROM bounds WHERE at_most_s >= seconds), count(*), sum(seconds) FROM (
            SELECT 'wait' AS what, wait_s AS seconds FROM jobs
            UNION ALL SELECT 'duration', duration_s FROM jobs WHERE state != 'running' AND duration_s IS NOT NULL
        ) GROUP BY 1, 2
        """
    )
