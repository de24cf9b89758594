"""The ledger: slots, fencing tokens, transitions, jobs and metadata of a pool.

Every change of a slot names the token of its holder. If another process has taken the slot since, no row has that
token any more, and the change fails with :class:`FencedError`.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from vwe_dagster.pool.clock import Clock
from vwe_dagster.pool.database import Database
from vwe_dagster.pool.errors import FencedError
from vwe_dagster.pool.kinds import Reason, TransitionKind
from vwe_dagster.pool.launcher import LaunchedEngine
from vwe_dagster.pool.states import RecordedJobState, State

SIZE = "size"
"""Key of the last configured pool size."""

ENGINES = "engines"
"""Key of the number of engines that were ever started. The name of an engine ends with its number."""

SURVEY_SIZE = 0
"""The size in the record of a survey, which has no grid. The record's seed is the first seed of the survey."""

_NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"


@dataclasses.dataclass(frozen=True)
class Slot:
    """A row of the table ``slots``. Fields that end in ``_s`` are times of the monotonic clock of ``boot``.

    Attributes:
        name: the name that jobs can request the engine by; None for most engines.
        kind: the kind of the last transition; None if the slot never had an engine.
        detail: the cause of the last transition, as text.
        retiring: the reason to end the engine as soon as it is free; None to keep it.
        holder: the process and its purpose, as text; None if the slot is not held.
        job: the id of the running job.
    """

    slot: int
    token: int
    state: State
    kind: TransitionKind | None
    detail: str
    engine: str | None
    name: str | None
    handle: str | None
    address: str | None
    bearer: str | None
    digest: str | None
    boot: str | None
    started_s: float | None
    expires_s: float | None
    used_s: float | None
    jobs: int
    retiring: TransitionKind | None
    holder: str | None
    held_s: float | None
    deadline_s: float | None
    job: str | None
    last_error: str | None

    @classmethod
    def of_row(cls, row: sqlite3.Row) -> Self:
        """Return a slot from a row of the table ``slots``."""
        values: dict[str, Any] = dict(row)
        for column in ("kind", "retiring"):
            values[column] = None if values[column] is None else TransitionKind(values[column])
        return cls(**{**values, "state": State(values["state"])})

    @property
    def is_free(self) -> bool:
        """True if the slot has an engine that the next caller may lease.

        Without ``auto_reset_after_job``, a free engine stays EXPORTING until its next use.
        """
        return self.state in {State.READY, State.EXPORTING} and self.holder is None

    @property
    def launched(self) -> LaunchedEngine | None:
        """Handle and address of the engine; None if its starter died before it recorded them."""
        if self.handle is None or self.address is None:
            return None
        return LaunchedEngine(self.handle, self.address, self.bearer)

    def is_overdue(self, clock: Clock) -> bool:
        """Return whether the deadline of the holder has passed."""
        if self.holder is None or self.deadline_s is None:
            return False
        return self.boot != clock.boot or clock.now() > self.deadline_s

    def is_late(self, clock: Clock, startup_timeout_s: float) -> bool:
        """Return whether the engine, which is starting, has exceeded the startup timeout."""
        return self.boot != clock.boot or clock.now() - (self.started_s or 0) > startup_timeout_s

    def has_expired(self, clock: Clock) -> bool:
        """Return whether the engine is older than its time to live."""
        return self.boot != clock.boot or clock.now() >= (self.expires_s or 0)


@dataclasses.dataclass(frozen=True)
class Transition:
    """A change of a slot's state: its time (UTC), its cause (kind and text), and the token it was recorded with."""

    id: int
    at: str
    slot: int
    engine: str | None
    before: str
    after: str
    kind: TransitionKind
    detail: str
    holder: str | None
    token: int

    @classmethod
    def of_row(cls, row: sqlite3.Row) -> Self:
        """Return a transition from a row of the table ``transitions``."""
        return cls(**{**dict(row), "kind": TransitionKind(row["kind"])})


@dataclasses.dataclass(frozen=True)
class JobRecord:
    """A row of the table ``jobs``: a requested world, or a survey, whose size is :data:`SURVEY_SIZE`."""

    job_id: str
    at: str
    slot: int
    engine: str
    token: int
    holder: str
    seed: int
    size: int
    state: RecordedJobState
    wait_s: float
    duration_s: float | None
    error: str | None


class Ledger:
    """The records of one pool. Any number of processes and threads may use it concurrently.

    Every method raises PoolError if the disk is full or the file cannot be used.

    Attributes:
        database: the SQLite file, which also has the tables of the queue and the circuit.
    """

    def __init__(self, folder: Path) -> None:
        """Set the folder of the file, which is created at the first use."""
        self.database = Database(folder)

    def slots(self) -> list[Slot]:
        """Return all slots that ever existed, in order."""
        with self.database.connected() as db:
            return [Slot.of_row(row) for row in db.execute("SELECT * FROM slots ORDER BY slot")]

    def slot(self, slot: int) -> Slot:
        """Return one slot."""
        with self.database.connected() as db:
            return Slot.of_row(db.execute("SELECT * FROM slots WHERE slot = ?", (slot,)).fetchone())

    def ensure_slots(self, count: int) -> None:
        """Add slots until ``count`` exist, and store ``count`` as the pool size."""
        if self.metadata(SIZE) != count:
            self.set_metadata(SIZE, count)
        with self.database.connected() as db:
            if db.execute("SELECT count(*) FROM slots WHERE slot < ?", (count,)).fetchone()[0] < count:
                db.executemany("INSERT OR IGNORE INTO slots (slot) VALUES (?)", [(slot,) for slot in range(count)])

    def check_integrity(self) -> None:
        """Read the whole ledger.

        Raises:
            DamagedLedgerError: the file or a value is damaged.
        """
        self.database.check_integrity()
        self.slots()
        self.transitions()
        self.jobs(-1)

    def raise_tokens(self, token: int) -> None:
        """Set the token of every slot to ``token``, which must be at least the highest existing token."""
        with self.database.connected() as db:
            db.execute("UPDATE slots SET token = ?", (token,))

    def change_state(self, slot: int, token: int, after: State, reason: Reason, **changes: object) -> None:
        """Change the state of a slot.

        Args:
            slot: the number of the slot.
            token: the token of the holder.
            after: the new state.
            reason: the cause of the change.
            changes: other columns to update.

        Raises:
            FencedError: the slot now has a higher token.
            PoolError: the step is not legal.
        """
        self._change(slot, token, {"state": after.value, **dataclasses.asdict(reason), **changes})

    def check(self, slot: int, token: int) -> None:
        """Check that a slot still has this token.

        Raises:
            FencedError: the slot now has a higher token.
        """
        if self.slot(slot).token != token:
            raise _fenced(slot, token)

    def update(self, slot: int, token: int, **changes: object) -> None:
        """Update columns of a slot other than its state.

        Raises:
            FencedError: the slot now has a higher token.
        """
        self._change(slot, token, changes)

    def take(self, slot: int, token: int, *, holder: str, now: float, deadline: float, boot: str) -> int:
        """Assign a slot to a holder, with the next token.

        Returns:
            The token of the holder.

        Raises:
            FencedError: another process took the slot after ``token`` was read.
        """
        with self.database.connected() as db:
            return _take_in(db, slot, token, (holder, now, deadline, boot))

    def begin_engine(
        self,
        slot: int,
        *,
        single_flight_s: float | None,
        reason: Reason,
        changes: dict[str, object],
        admits: Callable[[sqlite3.Connection], bool] = lambda _: True,
    ) -> Slot | None:
        """Record the start of an engine in an empty slot: the next token, the state STARTING, and a unique engine name.

        Args:
            slot: the number of the slot.
            single_flight_s: do nothing if a start in another slot began less than this many seconds ago; None to start
                regardless.
            reason: the cause of the start.
            changes: columns of the new engine, which must include ``boot`` and ``started_s``; ``engine`` is the prefix
                of its name.
            admits: called within the transaction; returns whether any engine may start.

        Returns:
            The updated slot; None if the slot is not empty, another engine is starting, or none may start.
        """
        others = (
            "AND NOT EXISTS (SELECT 1 FROM slots WHERE state = 'STARTING' AND boot = :boot AND started_s > :not_before)"
        )
        with self.database.transaction() as db:
            if not admits(db):
                return None
            number = db.execute(
                "INSERT INTO metadata VALUES (?, 1) ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value",
                (ENGINES,),
            ).fetchone()[0]
            engine = f"{changes['engine']}-{slot}-{number}"
            values = {**changes, **dataclasses.asdict(reason), "engine": engine}
            assignments = ", ".join(f"{column} = :{column}" for column in values)
            row = db.execute(
                "UPDATE slots SET state = 'STARTING', token = token + 1, jobs = 0, retiring = NULL, "  # noqa: S608  columns are ours
                f"holder = NULL, deadline_s = NULL, {assignments} "
                f"WHERE slot = :slot AND state = 'EMPTY' {others if single_flight_s is not None else ''} RETURNING *",
                {**values, "slot": slot, "not_before": _since(changes, single_flight_s)},
            ).fetchone()
        return None if row is None else Slot.of_row(row)

    def clear(self, slot: int, token: int, reason: Reason) -> None:
        """Clear a slot whose engine no longer exists."""
        self.change_state(
            slot,
            token,
            State.EMPTY,
            reason,
            engine=None,
            name=None,
            handle=None,
            address=None,
            bearer=None,
            digest=None,
            retiring=None,
            holder=None,
            job=None,
            jobs=0,
        )

    def fence(self, slot: int, token: int, *, holder: str, now: float, deadline: float, boot: str) -> int:
        """Take a slot from a holder that missed its deadline, and mark its job as fenced.

        Returns:
            The new token.

        Raises:
            FencedError: the slot already has another token.
        """
        with self.database.transaction() as db:
            self._end_job(db, slot, RecordedJobState.FENCED, "Its holder missed its deadline and was fenced.")
            return _take_in(db, slot, token, (holder, now, deadline, boot))

    def begin_job(self, slot: int, token: int, job: JobRecord, *, deadline: float) -> None:
        """Record a job, and that the engine of a slot has begun it.

        Raises:
            FencedError: the slot now has a higher token.
        """
        with self.database.transaction() as db:
            self._change_in(
                db,
                slot,
                token,
                {
                    "state": State.GENERATING.value,
                    "kind": TransitionKind.JOB,
                    "detail": f"world of {job.seed}" if job.size != SURVEY_SIZE else f"survey from {job.seed} on",
                    "job": job.job_id,
                    "deadline_s": deadline,
                },
            )
            db.execute(
                "INSERT INTO jobs VALUES "  # noqa: S608  a constant
                f"(?, {_NOW}, ?, ?, ?, ?, ?, ?, 'running', ?, NULL, NULL)",
                (job.job_id, slot, job.engine, token, job.holder, job.seed, job.size, job.wait_s),
            )

    def end_job(
        self, slot: int, token: int, job_id: str, state: RecordedJobState, *, duration_s: float, error: str | None
    ) -> None:
        """Record the outcome of a job; of an engine's jobs only worlds are counted.

        Raises:
            FencedError: the slot now has a higher token; the outcome is not recorded.
        """
        with self.database.transaction() as db:
            (size,) = db.execute("SELECT size FROM jobs WHERE job_id = ?", (job_id,)).fetchone() or (None,)
            # Surveys do not count: each takes seconds, so their engine would be replaced every minute.
            counted = {} if size == SURVEY_SIZE else {"jobs": _Increment()}
            self._change_in(db, slot, token, {"job": None, "last_error": error, **counted})
            db.execute(
                "UPDATE jobs SET state = ?, duration_s = ?, error = ? WHERE job_id = ? AND state = 'running'",
                (state, duration_s, error, job_id),
            )

    def abandon_job(self, slot: int) -> None:
        """Record that the holder of a slot died during its job."""
        with self.database.transaction() as db:
            self._end_job(db, slot, RecordedJobState.ABANDONED, "Its holder died.")

    def job_state(self, job_id: str) -> RecordedJobState | None:
        """Return the state of a job; None if it is unknown."""
        with self.database.connected() as db:
            row = db.execute("SELECT state FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
        return None if row is None else RecordedJobState(row[0])

    def retire_all(self, kind: TransitionKind) -> None:
        """Mark every engine to end as soon as it is free."""
        with self.database.connected() as db:
            db.execute("UPDATE slots SET retiring = ? WHERE state != 'EMPTY'", (kind,))

    def transitions(self, *, after: int = 0, limit: int | None = None) -> list[Transition]:
        """Return transitions with an id above ``after``, oldest first; with a limit, only the latest of them."""
        with self.database.connected() as db:
            rows = db.execute(
                "SELECT * FROM transitions WHERE id > ? ORDER BY id DESC LIMIT ?",
                (after, -1 if limit is None else limit),
            ).fetchall()
        return [Transition.of_row(row) for row in reversed(rows)]

    def jobs(self, limit: int) -> list[JobRecord]:
        """Return the latest jobs, latest first; a negative limit returns all."""
        with self.database.connected() as db:
            rows = db.execute("SELECT * FROM jobs ORDER BY rowid DESC LIMIT ?", (limit,)).fetchall()
        return [JobRecord(**{**dict(row), "state": RecordedJobState(row["state"])}) for row in rows]

    def metadata(self, key: str) -> int:
        """Return the number stored under a key; 0 if it was never set."""
        with self.database.connected() as db:
            row = db.execute("SELECT value FROM metadata WHERE name = ?", (key,)).fetchone()
        return 0 if row is None else int(row[0])

    def set_metadata(self, key: str, value: int) -> None:
        """Store a number under a key."""
        with self.database.connected() as db:
            db.execute(
                "INSERT INTO metadata VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (key, value)
            )

    def count(self, key: str, by: int = 1) -> None:
        """Add to the number stored under a key."""
        with self.database.connected() as db:
            db.execute(
                "INSERT INTO metadata VALUES (?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value", (key, by)
            )

    def waiting(self) -> int:
        """Return the number of callers in the queue."""
        with self.database.connected() as db:
            return int(db.execute("SELECT count(*) FROM tickets").fetchone()[0])

    def stray_engines(self) -> list[str]:
        """Return the stray engines that the last reaper pass found: engines that no slot refers to."""
        with self.database.connected() as db:
            return [str(row[0]) for row in db.execute("SELECT engine FROM strays")]

    def replace_stray_engines(self, engines: list[str]) -> list[str]:
        """Store the stray engines of this reaper pass; return the ones that the previous pass also found."""
        with self.database.transaction() as db:
            known = {row[0] for row in db.execute("SELECT engine FROM strays")}
            db.execute("DELETE FROM strays")
            db.executemany("INSERT INTO strays (engine) VALUES (?)", [(engine,) for engine in engines])
        return [engine for engine in engines if engine in known]

    def prune(self, *, keep: int) -> None:
        """Delete all but the latest ``keep`` transitions and jobs."""
        with self.database.transaction() as db:
            db.execute("DELETE FROM transitions WHERE id <= (SELECT max(id) FROM transitions) - ?", (keep,))
            db.execute("DELETE FROM jobs WHERE rowid <= (SELECT max(rowid) FROM jobs) - ?", (keep,))

    def close(self) -> None:
        """Close the connections that this process has opened."""
        self.database.close()

    def _change(self, slot: int, token: int, changes: dict[str, object]) -> None:
        with self.database.connected() as db:
            self._change_in(db, slot, token, changes)

    @staticmethod
    def _change_in(db: sqlite3.Connection, slot: int, token: int, changes: dict[str, object]) -> None:
        assignments = ", ".join(
            f"{column} = {column} + 1" if isinstance(value, _Increment) else f"{column} = :{column}"
            for column, value in changes.items()
        )
        values = {column: value for column, value in changes.items() if not isinstance(value, _Increment)}
        changed = db.execute(
            f"UPDATE slots SET {assignments} WHERE slot = :at_slot AND token = :at_token",  # noqa: S608  columns are ours
            {**values, "at_slot": slot, "at_token": token},
        ).rowcount
        if not changed:
            raise _fenced(slot, token)

    @staticmethod
    def _end_job(db: sqlite3.Connection, slot: int, state: RecordedJobState, error: str) -> None:
        db.execute("UPDATE jobs SET state = ?, error = ? WHERE slot = ? AND state = 'running'", (state, error, slot))
        db.execute("UPDATE slots SET job = NULL WHERE slot = ?", (slot,))


def _since(changes: dict[str, object], seconds: float | None) -> float | None:
    """Return the time before which a start in another slot no longer blocks this one."""
    return None if seconds is None else float(str(changes["started_s"])) - seconds


class _Increment:
    """Stands for a column's present value plus one."""


def _take_in(db: sqlite3.Connection, slot: int, token: int, lease: tuple[str, float, float, str]) -> int:
    """Assign the next token to a slot, and store its lease: holder, start, deadline, and the boot of both times."""
    row = db.execute(
        "UPDATE slots SET token = token + 1, holder = ?, held_s = ?, deadline_s = ?, boot = ? "
        "WHERE slot = ? AND token = ? RETURNING token",
        (*lease, slot, token),
    ).fetchone()
    if row is None:
        raise FencedError(f"Another process has just taken slot {slot}; acquire a new lease.")
    return int(row[0])


def _fenced(slot: int, token: int) -> FencedError:
    return FencedError(
        f"Slot {slot} was taken from this holder (token {token}) because it missed its deadline; "
        f"its world is discarded. Generate it again."
    )
