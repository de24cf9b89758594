"""The circuit breaker limits how often processes try to start engines that fail repeatedly.

The circuit is closed while engines start. After several failures in a row it opens, and no engine is started until a
backoff has passed. Then one trial start is allowed. Its failure doubles the backoff; its success closes the circuit.
The state is a row of the ledger, shared by all processes.
"""

from __future__ import annotations

import dataclasses
import sqlite3

from vwe_dagster.pool.clock import Clock
from vwe_dagster.pool.kinds import Reason, TransitionKind
from vwe_dagster.pool.ledger import Ledger
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.states import CircuitState

OPENS_AFTER = 3
"""Number of failed starts in a row that opens the circuit."""

OPENS_AFTER_KILLS = 10
"""Number of starting engines in a row that opens the circuit if each was killed, ran out of memory, or ended for an
unknown reason. A machine without memory kills every engine.
"""

_KILLS = {TransitionKind.START_KILLED, TransitionKind.START_LOST, TransitionKind.OUT_OF_MEMORY}

_IS_DUE = "(failures >= ? OR kills >= ?) AND alerted < openings"
_OPENS = (OPENS_AFTER, OPENS_AFTER_KILLS)

FIRST_RETRY_S = 30.0
MAX_RETRY_S = 900.0


@dataclasses.dataclass(frozen=True)
class CircuitStatus:
    """A snapshot of the circuit.

    Attributes:
        state: see :class:`vwe_dagster.pool.states.CircuitState`.
        failures: the number of failed starts since the last good start.
        retry_in_s: the seconds until the next trial start is allowed; 0 if it is allowed now.
        openings: number of times that the circuit has opened since the pool was created.
        slot: the slot of the last engine that did not become ready.
        cause: the reason that the engine did not become ready.
        kills: the number of engines since the last good start that were killed by a signal while they started, ran out
            of memory, or ended for an unknown reason.
    """

    state: CircuitState
    failures: int
    retry_in_s: float
    openings: int
    slot: int | None
    cause: str | None
    kills: int = 0


class Circuit:
    """The circuit breaker of one pool."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        """Set the ledger that stores the state."""
        self._ledger = ledger
        self._clock = clock

    def status(self) -> CircuitStatus:
        """Return the current status of the circuit."""
        with self._ledger.database.connected() as db:
            return self.status_in(db)

    def status_in(self, db: sqlite3.Connection) -> CircuitStatus:
        """Return the status of the circuit within a transaction."""
        row = db.execute("SELECT * FROM circuit").fetchone()
        if row is None or (row["failures"] < OPENS_AFTER and row["kills"] < OPENS_AFTER_KILLS):
            state, retry_in_s = CircuitState.CLOSED, 0.0
        else:
            left = row["retry_s"] - self._clock.now() if row["boot"] == self._clock.boot else 0.0
            state, retry_in_s = (CircuitState.OPEN, left) if left > 0 else (CircuitState.HALF_OPEN, 0.0)
        if row is None:
            return CircuitStatus(state, 0, retry_in_s, 0, None, None)
        return CircuitStatus(
            state, row["failures"], retry_in_s, row["openings"], row["slot"], row["cause"], row["kills"]
        )

    def admits(self, db: sqlite3.Connection) -> bool:
        """Return whether an engine may start, within a writing transaction; while half-open, one at a time."""
        match self.status_in(db).state:
            case CircuitState.CLOSED:
                return True
            case CircuitState.HALF_OPEN:
                return db.execute("SELECT 1 FROM slots WHERE state = 'STARTING'").fetchone() is None
            case _:
                return False

    def probe_now(self) -> None:
        """End the backoff of an open circuit, so that one trial start is allowed immediately."""
        with self._ledger.database.connected() as db:
            db.execute("UPDATE circuit SET retry_s = ? WHERE boot = ?", (self._clock.now(), self._clock.boot))

    def failed(self, slot: int, reason: Reason) -> None:
        """Record that an engine did not become ready; an engine that was killed counts as a kill."""
        is_kill = reason.kind in _KILLS
        counts = {"failures": int(not is_kill), "kills": int(is_kill)}
        with self._ledger.database.transaction() as db:
            before = self.status_in(db)
            db.execute(
                "INSERT INTO circuit (id, failures, kills, slot, cause) "
                "VALUES (1, :failures, :kills, :slot, :cause) ON CONFLICT DO UPDATE "
                "SET failures = failures + :failures, kills = kills + :kills, slot = :slot, cause = :cause",
                {**counts, "slot": slot, "cause": reason.detail},
            )
            after = self.status_in(db)
            if before.state is CircuitState.CLOSED and after.state is not CircuitState.CLOSED:
                db.execute("UPDATE circuit SET openings = openings + 1")
                self._wait(db, FIRST_RETRY_S)
            elif before.state is CircuitState.HALF_OPEN:
                # Starts that began before the circuit opened are not new evidence.
                (waited,) = db.execute("SELECT backoff_s FROM circuit").fetchone()
                self._wait(db, min(2 * waited, MAX_RETRY_S))

    def succeeded(self) -> None:
        """Record that an engine became ready, which closes the circuit."""
        with self._ledger.database.connected() as db:
            db.execute("UPDATE circuit SET failures = 0, kills = 0 WHERE failures + kills > 0")

    def take_alert(self) -> bool:
        """Return True once for each opening of the circuit, for the caller to report it."""
        with self._ledger.database.connected() as db:
            taken = db.execute(f"UPDATE circuit SET alerted = openings WHERE {_IS_DUE}", _OPENS)  # noqa: S608  a constant
            return taken.rowcount == 1

    def alert_is_due(self) -> bool:
        """Return whether :meth:`take_alert` would return True."""
        with self._ledger.database.connected() as db:
            return db.execute(f"SELECT 1 FROM circuit WHERE {_IS_DUE}", _OPENS).fetchone() is not None  # noqa: S608

    def _wait(self, db: sqlite3.Connection, seconds: float) -> None:
        db.execute(
            "UPDATE circuit SET backoff_s = ?, retry_s = ?, boot = ?",
            (seconds, self._clock.now() + seconds, self._clock.boot),
        )


def failed_starts_message(status: CircuitStatus, settings: PoolSettings) -> str:
    """Return the message on engines that do not start: cause, next attempt, and commands to investigate.

    Args:
        status: the status of a circuit that is open or half-open.
        settings: the settings of the pool.
    """
    when = f"in {status.retry_in_s:.0f} s" if status.state is CircuitState.OPEN else "when one is needed"
    look = settings.command("logs", str(status.slot))
    if settings.image is not None:
        look += f", and check that the image {settings.image} exists and is up to date"
    if status.failures >= OPENS_AFTER:
        what, count = "Engines do not start", f"{status.failures} failed in a row"
    else:
        what, count = "Engines are killed while they start", f"{status.kills} were killed or lost in a row"
    return (
        f"{what}: {_sentence(str(status.cause))} {count}; "
        f"another start is tried {when}, or immediately with: {settings.command('warm', '1')}. "
        f"To find the cause: {look}"
    )


def killed_starts_message(status: CircuitStatus) -> str | None:
    """Return a message on the starting engines that were killed since the last good start; None if none was."""
    if status.kills == 0:
        return None
    engines = "An engine was" if status.kills == 1 else f"{status.kills} engines were"
    return (
        f"{engines} killed or lost while starting since the last good start, the last one in slot {status.slot}: "
        f"{_sentence(str(status.cause))} After {OPENS_AFTER_KILLS} in a row, starts are tried at growing intervals."
    )


def _sentence(cause: str) -> str:
    cause = cause.rstrip()
    return cause if cause.endswith(".") else f"{cause}."
