"""Troubles that somebody is to be told of: engines that do not start, and engines that are lost again and again.

Each is told once: a circuit once for each time it opens, lost engines once for so many of them.
"""

from __future__ import annotations

from vwe_dagster.pool.causes import DRAINED
from vwe_dagster.pool.circuit import sentence_on
from vwe_dagster.pool.ledger import Ledger, Transition
from vwe_dagster.pool.states import State
from vwe_dagster.pool.upkeep import Upkeep

LOST_OFTEN = 5
"""Engines lost within an hour, since somebody was last told, that somebody is told of."""

TOLD_STEP = "told_step"
"""The fact that says up to which step lost engines have been told of."""

_LATEST_STEPS = 1000


def lost_engines(ledger: Ledger) -> list[Transition]:
    """The steps of the last hour, not told of yet, by which engines that had been ready were lost; oldest first."""
    with ledger.database.connected() as db:
        rows = db.execute(
            "SELECT * FROM transitions WHERE id > (SELECT coalesce(max(id), 0) - ? FROM transitions) AND id > ? "
            "AND after = ? AND before != ? AND cause NOT IN (SELECT pattern FROM causes WHERE kind = ?) "
            "AND at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 hour') ORDER BY id",
            (_LATEST_STEPS, ledger.fact(TOLD_STEP), State.ERROR, State.STARTING, DRAINED),
        ).fetchall()
    return [Transition(**dict(row)) for row in rows]


def take_alerts(upkeep: Upkeep) -> list[str]:
    """What people are to be told now, a sentence or two each, and takes note that they were told."""
    alerts = []
    if upkeep.circuit.take_alert():
        alerts.append(sentence_on(upkeep.circuit.status(), upkeep.settings))
    lost = lost_engines(upkeep.ledger)
    if len(lost) >= LOST_OFTEN:
        last, command = lost[-1], upkeep.settings.command
        upkeep.ledger.set_fact(TOLD_STEP, last.id)
        alerts.append(
            f"{len(lost)} engines were lost within an hour, the last in slot {last.slot}: {last.cause.rstrip('.')}. "
            f"To see why, look at: {command('events --last 50')}, {command('history')}, "
            f"and {command(f'logs {last.slot}')}"
        )
    return alerts
