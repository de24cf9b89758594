"""The circuit breaker: engines that fail to start again and again are not tried by everybody all the time.

The circuit is closed while engines start. After some failures in a row it opens: nobody starts an engine until a while
has passed. Then one may be tried, and its failure doubles the while. An engine that becomes ready closes the circuit.
The state is one row of the ledger, so that all processes share it.
"""

from __future__ import annotations

import dataclasses
import sqlite3

from vwe_dagster.pool.clock import Clock
from vwe_dagster.pool.ledger import Ledger
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.states import CircuitState

OPENS_AFTER = 3
"""Failed starts in a row, with no good one in between, that open the circuit."""

FIRST_RETRY_S = 30.0
LONGEST_RETRY_S = 900.0


@dataclasses.dataclass(frozen=True)
class CircuitStatus:
    """The circuit at one moment.

    Attributes:
        state: see :class:`vwe_dagster.pool.states.CircuitState`.
        failures: engines in a row that failed to start.
        retry_in_s: seconds until an engine may be tried; 0 if one may now.
        openings: how often the circuit has opened since there is the pool.
        slot: the slot of the last engine that failed to start.
        cause: why it failed.
    """

    state: CircuitState
    failures: int
    retry_in_s: float
    openings: int
    slot: int | None
    cause: str | None


class Circuit:
    """The circuit of one pool."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        """Keeps the state in a ledger."""
        self._ledger = ledger
        self._clock = clock

    def status(self) -> CircuitStatus:
        """The circuit as it is now."""
        with self._ledger.database.connected() as db:
            return self.status_in(db)

    def status_in(self, db: sqlite3.Connection) -> CircuitStatus:
        """The circuit as a transaction sees it."""
        row = db.execute("SELECT * FROM circuit").fetchone()
        if row is None or row["failures"] < OPENS_AFTER:
            state, retry_in_s = CircuitState.CLOSED, 0.0
        else:
            left = row["retry_s"] - self._clock.now() if row["boot"] == self._clock.boot else 0.0
            state, retry_in_s = (CircuitState.OPEN, left) if left > 0 else (CircuitState.HALF_OPEN, 0.0)
        if row is None:
            return CircuitStatus(state, 0, retry_in_s, 0, None, None)
        return CircuitStatus(state, row["failures"], retry_in_s, row["openings"], row["slot"], row["cause"])

    def admits(self, db: sqlite3.Connection) -> bool:
        """Whether an engine may be started, as a transaction that writes sees it: while half-open, one at a time."""
        match self.status_in(db).state:
            case CircuitState.CLOSED:
                return True
            case CircuitState.HALF_OPEN:
                return db.execute("SELECT 1 FROM slots WHERE state = 'STARTING'").fetchone() is None
            case _:
                return False

    def probe_now(self) -> None:
        """Lets one engine be tried at once, if the circuit is open."""
        with self._ledger.database.connected() as db:
            db.execute("UPDATE circuit SET retry_s = ? WHERE boot = ?", (self._clock.now(), self._clock.boot))

    def failed(self, slot: int, cause: str) -> None:
        """Takes note of an engine that failed to start."""
        with self._ledger.database.transaction() as db:
            before = self.status_in(db)
            db.execute(
                "INSERT INTO circuit (id, failures, slot, cause) VALUES (1, 1, :slot, :cause) "
                "ON CONFLICT DO UPDATE SET failures = failures + 1, slot = :slot, cause = :cause",
                {"slot": slot, "cause": cause},
            )
            if before.failures + 1 == OPENS_AFTER:
                db.execute("UPDATE circuit SET openings = openings + 1")
                self._wait(db, FIRST_RETRY_S)
            elif before.state is CircuitState.HALF_OPEN:
                # Those that were begun before it opened say nothing new.
                (waited,) = db.execute("SELECT backoff_s FROM circuit").fetchone()
                self._wait(db, min(2 * waited, LONGEST_RETRY_S))

    def succeeded(self) -> None:
        """Takes note of an engine that became ready: it closes the circuit."""
        with self._ledger.database.connected() as db:
            db.execute("UPDATE circuit SET failures = 0 WHERE failures > 0")

    def take_alert(self) -> bool:
        """Whether somebody is to be told that the circuit is open; true once for each opening."""
        with self._ledger.database.connected() as db:
            taken = db.execute(
                "UPDATE circuit SET alerted = openings WHERE failures >= ? AND alerted < openings", (OPENS_AFTER,)
            )
            return taken.rowcount == 1

    def alert_is_due(self) -> bool:
        """Whether :meth:`take_alert` would be true."""
        with self._ledger.database.connected() as db:
            query = "SELECT 1 FROM circuit WHERE failures >= ? AND alerted < openings"
            return db.execute(query, (OPENS_AFTER,)).fetchone() is not None

    def _wait(self, db: sqlite3.Connection, seconds: float) -> None:
        db.execute(
            "UPDATE circuit SET backoff_s = ?, retry_s = ?, boot = ?",
            (seconds, self._clock.now() + seconds, self._clock.boot),
        )


def sentence_on(status: CircuitStatus, settings: PoolSettings) -> str:
    """What people are told of engines that do not start.

    Args:
        status: the circuit, which is not closed.
        settings: those of the pool.
    """
    when = f"in {status.retry_in_s:.0f} s" if status.state is CircuitState.OPEN else "with the next one that is needed"
    look = settings.command("logs", str(status.slot))
    if settings.image is not None:
        look += f", and whether the image {settings.image} is there and the present one"
    cause = str(status.cause).rstrip()
    return (
        f"Engines do not start: {cause}{'' if cause.endswith('.') else '.'} {status.failures} failed in a row; "
        f"another is tried {when}, or immediately by: {settings.command('warm', '1')}. To see why, look at: {look}"
    )
