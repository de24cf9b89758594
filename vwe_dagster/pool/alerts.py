"""Alerts for the operator on engines that do not start and on engines that are lost repeatedly.

Each opening of the circuit causes one alert, and so do every :data:`LOST_OFTEN` lost engines.
"""

from __future__ import annotations

from vwe_dagster.pool.circuit import failed_starts_message
from vwe_dagster.pool.kinds import TransitionKind
from vwe_dagster.pool.ledger import Ledger, Transition
from vwe_dagster.pool.states import State
from vwe_dagster.pool.upkeep import Upkeep

LOST_OFTEN = 5
"""Number of lost engines within an hour, not reported before, that causes an alert."""

ALERTED_STEP = "alerted_step"
"""Key of the id of the last transition that an alert reported."""

_LATEST_STEPS = 1000


def lost_engines(ledger: Ledger) -> list[Transition]:
    """Return the unreported transitions of the last hour in which a ready engine was lost, oldest first."""
    with ledger.database.connected() as db:
        rows = db.execute(
            "SELECT * FROM transitions WHERE id > (SELECT coalesce(max(id), 0) - ? FROM transitions) AND id > ? "
            "AND after = ? AND before != ? AND kind NOT IN (?, ?) "
            "AND at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 hour') ORDER BY id",
            (
                _LATEST_STEPS,
                ledger.metadata(ALERTED_STEP),
                State.ERROR,
                State.STARTING,
                TransitionKind.DRAINED,
                TransitionKind.IDLE,
            ),
        ).fetchall()
    return [Transition.of_row(row) for row in rows]


def take_alerts(upkeep: Upkeep) -> list[str]:
    """Return the due alerts, one or two sentences each, and record them as reported."""
    alerts = []
    if upkeep.circuit.take_alert():
        alerts.append(failed_starts_message(upkeep.circuit.status(), upkeep.settings))
    lost = lost_engines(upkeep.ledger)
    if len(lost) >= LOST_OFTEN:
        last, command = lost[-1], upkeep.settings.command
        upkeep.ledger.set_metadata(ALERTED_STEP, last.id)
        alerts.append(
            f"{len(lost)} engines were lost within an hour, the last in slot {last.slot}: {last.detail.rstrip('.')}. "
            f"To find the cause, run: {command('events', '--last', '50')}, {command('history')}, "
            f"and {command('logs', str(last.slot))}"
        )
    return alerts
