"""The ledger: slots, fencing tokens, transitions, jobs and metadata of a pool.

Every change of a slot says which token it is made under; when another has taken the slot meanwhile there is no such
row any more, and the change fails with :class:`FencedError`.
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
from vwe_dagster.pool.launcher import Launched
from vwe_dagster.pool.states import RecordedJobState, State

SIZE = "size"
"""Key of the last configured pool size."""

ENGINES = "engines"
"""Key of the number of engines that were ever started; names of engines end in it."""

SURVEY_SIZE = 0
"""The size in the record of a survey, which has no grid; its seed is the first of many."""

_NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"


@dataclasses.dataclass(frozen=True)
class Slot:
    """A slot as the ledger has it; fields that end in ``_s`` are times of the monotonic clock of ``boot``.

    Attributes:
        name: what somebody calls this engine, if anybody does.
        kind: why it entered its state; None if it never had an engine.
        detail: the same in words.
        retiring: why the engine is ended once it is free; None if it is not.
        holder: who has it, in words.
        job: the id of the job it works on.
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
        """Return the slot that a row of the table ``slots`` describes."""
        values: dict[str, Any] = dict(row)
        for column in ("kind", "retiring"):
            values[column] = None if values[column] is None else TransitionKind(values[column])
        return cls(**{**values, "state": State(values["state"])})

    @property
    def is_free(self) -> bool:
        """Whether the slot has an engine that the next caller may lease.

        An engine is left EXPORTING without a holder where engines are reset only before their next use.
        """
        return self.state in {State.READY, State.EXPORTING} and self.holder is None

    @property
    def launched(self) -> Launched | None:
        """How the engine was started; None where it was not, or nobody lived to tell."""
        if self.handle is None or self.address is None:
            return None
        return Launched(self.handle, self.address, self.bearer)

    def is_overdue(self, clock: Clock) -> bool:
        """Whether its holder should have come back by now."""
        if self.holder is None or self.deadline_s is None:
            return False
        return self.boot != clock.boot or clock.now() > self.deadline_s

    def is_late(self, clock: Clock, startup_timeout_s: float) -> bool:
        """Whether its engine, which is starting, should be ready by now."""
        return self.boot != clock.boot or clock.now() - (self.started_s or 0) > startup_timeout_s

    def has_expired(self, clock: Clock) -> bool:
        """Whether its engine is older than an engine is to get."""
        return self.boot != clock.boot or clock.now() >= (self.expires_s or 0)


@dataclasses.dataclass(frozen=True)
class Transition:
    """A change of a slot's state: when (UTC), why (a kind, and a detail in words), and under which token."""

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
        """Return the transition that a row of the table ``transitions`` describes."""
        return cls(**{**dict(row), "kind": TransitionKind(row["kind"])})


@dataclasses.dataclass(frozen=True)
class JobRecord:
    """One world, or one survey of :data:`SURVEY_SIZE`, requested from an engine."""

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
    """What one pool has recorded; any number of processes and threads may use it at once.

    Every method raises PoolError where the disk is full or the file cannot be used.

    Attributes:
        database: the file, which others of the pool have tables in too.
    """

    def __init__(self, folder: Path) -> None:
        """Names the folder of the file; it is made when first used."""
        self.database = Database(folder)

    def slots(self) -> list[Slot]:
        """All slots there ever were, in order."""
        with self.database.connected() as db:
            return [Slot.of_row(row) for row in db.execute("SELECT * FROM slots ORDER BY slot")]

    def slot(self, slot: int) -> Slot:
        """One slot."""
        with self.database.connected() as db:
            return Slot.of_row(db.execute("SELECT * FROM slots WHERE slot = ?", (slot,)).fetchone())

    def ensure_slots(self, count: int) -> None:
        """Adds slots until there are so many, and remembers how many there are to be."""
        if self.metadata(SIZE) != count:
            self.set_metadata(SIZE, count)
        with self.database.connected() as db:
            if db.execute("SELECT count(*) FROM slots WHERE slot < ?", (count,)).fetchone()[0] < count:
                db.executemany("INSERT OR IGNORE INTO slots (slot) VALUES (?)", [(slot,) for slot in range(count)])

    def check_integrity(self) -> None:
        """Read everything that is recorded.

        Raises:
            DamagedLedgerError: a part of it is damaged.
        """
        self.database.check_integrity()
        self.slots()
        self.transitions()
        self.jobs(-1)

    def raise_tokens(self, token: int) -> None:
        """Set the token of every slot, which must not be lower than it was."""
        with self.database.connected() as db:
            db.execute("UPDATE slots SET token = ?", (token,))

    def step(self, slot: int, token: int, after: State, reason: Reason, **changes: object) -> None:
        """Takes a slot from its state to another one.

        Args:
            slot: which.
            token: the token under which it is held.
            after: the state it enters.
            reason: why.
            changes: other columns that change with it.

        Raises:
            FencedError: the slot has a higher token by now.
            PoolError: the step is not a legal one.
        """
        self._change(slot, token, {"state": after.value, **dataclasses.asdict(reason), **changes})

    def check(self, slot: int, token: int) -> None:
        """Makes sure that a slot still has the token it was taken with.

        Raises:
            FencedError: it has a higher one by now.
        """
        if self.slot(slot).token != token:
            raise _fenced(slot, token)

    def note(self, slot: int, token: int, **changes: object) -> None:
        """Changes columns of a slot, but not its state.

        Raises:
            FencedError: the slot has a higher token by now.
        """
        self._change(slot, token, changes)

    def take(self, slot: int, token: int, *, holder: str, now: float, deadline: float, boot: str) -> int:
        """Gives a slot to a holder, with the next token.

        Returns:
            The token of the holder.

        Raises:
            FencedError: somebody else took it since ``token`` was read.
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
        """Has an empty slot start an engine: a new token, the state STARTING, and a name never used before.

        Args:
            slot: which.
            single_flight_s: do nothing if a start in another slot began less than this long ago; None to start anyway.
            reason: why.
            changes: columns of the new engine, ``boot`` and ``started_s`` among them; ``engine`` is the beginning of
                its name.
            admits: asked in the transaction whether any engine may be started.

        Returns:
            The slot as it is then; None if it is not empty, another starts, or none may be started.
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

    def empty(self, slot: int, token: int, reason: Reason) -> None:
        """Clear a slot whose engine is gone."""
        self.step(
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
        """Takes a slot from a holder that did not come back, and marks its job as fenced.

        Returns:
            The new token.

        Raises:
            FencedError: the slot has another token by now.
        """
        with self.database.transaction() as db:
            self._end_job(db, slot, RecordedJobState.FENCED, "Its holder did not come back in time and was fenced.")
            return _take_in(db, slot, token, (holder, now, deadline, boot))

    def begin_job(self, slot: int, token: int, job: JobRecord, *, deadline: float) -> None:
        """Records that the engine of a slot begins a world.

        Raises:
            FencedError: the slot has a higher token by now.
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
        """Records how a job ended.

        Raises:
            FencedError: the slot has a higher token by now, and the job counts for nothing.
        """
        with self.database.transaction() as db:
            self._change_in(db, slot, token, {"job": None, "last_error": error, "jobs": _Increment()})
            db.execute(
                "UPDATE jobs SET state = ?, duration_s = ?, error = ? WHERE job_id = ? AND state = 'running'",
                (state, duration_s, error, job_id),
            )

    def abandon_job(self, slot: int) -> None:
        """Records that the holder of a slot died with its job."""
        with self.database.transaction() as db:
            self._end_job(db, slot, RecordedJobState.ABANDONED, "Its holder died.")

    def job_state(self, job_id: str) -> RecordedJobState | None:
        """Return the state of a job; None if it is unknown."""
        with self.database.connected() as db:
            row = db.execute("SELECT state FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
        return None if row is None else RecordedJobState(row[0])

    def retire_all(self, kind: TransitionKind) -> None:
        """Mark every engine to be ended as soon as it is free."""
        with self.database.connected() as db:
            db.execute("UPDATE slots SET retiring = ? WHERE state != 'EMPTY'", (kind,))

    def transitions(self, *, after: int = 0, limit: int | None = None) -> list[Transition]:
        """Transitions with an id above ``after``, oldest first; with a limit, the latest so many of them."""
        with self.database.connected() as db:
            rows = db.execute(
                "SELECT * FROM transitions WHERE id > ? ORDER BY id DESC LIMIT ?",
                (after, -1 if limit is None else limit),
            ).fetchall()
        return [Transition.of_row(row) for row in reversed(rows)]

    def jobs(self, limit: int) -> list[JobRecord]:
        """The latest jobs, latest first."""
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
        """How many callers are in the queue."""
        with self.database.connected() as db:
            return int(db.execute("SELECT count(*) FROM tickets").fetchone()[0])

    def strays(self) -> list[str]:
        """The engines that the last pass of the reaper saw and no slot knew."""
        with self.database.connected() as db:
            return [str(row[0]) for row in db.execute("SELECT engine FROM strays")]

    def strays_seen_again(self, engines: list[str]) -> list[str]:
        """Remembers engines that no slot knows; tells which of them an earlier call saw too."""
        with self.database.transaction() as db:
            known = {row[0] for row in db.execute("SELECT engine FROM strays")}
            db.execute("DELETE FROM strays")
            db.executemany("INSERT INTO strays (engine) VALUES (?)", [(engine,) for engine in engines])
        return [engine for engine in engines if engine in known]

    def prune(self, *, keep: int) -> None:
        """Forgets all but the latest transitions and jobs."""
        with self.database.transaction() as db:
            db.execute("DELETE FROM transitions WHERE id <= (SELECT max(id) FROM transitions) - ?", (keep,))
            db.execute("DELETE FROM jobs WHERE rowid <= (SELECT max(rowid) FROM jobs) - ?", (keep,))

    def close(self) -> None:
        """Closes the connections that this process has opened."""
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
    """Return the time before which another start is too long ago to wait for it."""
    return None if seconds is None else float(str(changes["started_s"])) - seconds


class _Increment:
    """In place of a value: one more than before."""


def _take_in(db: sqlite3.Connection, slot: int, token: int, lease: tuple[str, float, float, str]) -> int:
    """Gives a slot the next token, and its holder, the time it was taken, its deadline and the boot of both."""
    row = db.execute(
        "UPDATE slots SET token = token + 1, holder = ?, held_s = ?, deadline_s = ?, boot = ? "
        "WHERE slot = ? AND token = ? RETURNING token",
        (*lease, slot, token),
    ).fetchone()
    if row is None:
        raise FencedError(f"Another has taken slot {slot} in this moment.")
    return int(row[0])


def _fenced(slot: int, token: int) -> FencedError:
    return FencedError(
        f"Slot {slot} was taken from this holder (token {token}) because it did not come back in time; "
        f"what it made is not used. Run it again."
    )
