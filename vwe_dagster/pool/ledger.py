"""The ledger: slots, fencing tokens, transitions, jobs and tickets of a pool, in one SQLite file.

Every change of a slot says which token it is made under; when another has taken the slot meanwhile there is no such
row any more, and the change fails with :class:`FencedError`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from filelock import FileLock

from vwe_dagster.pool.causes import PATTERNS
from vwe_dagster.pool.errors import FencedError, PoolError
from vwe_dagster.pool.launcher import Launched
from vwe_dagster.pool.states import LEGAL, State

FILE = "ledger-1.sqlite"
"""The number is that of the tables; a pool of other tables begins a ledger of its own and finds the old engines.

Tables that are only added are made in the ledger that is there, by what first opens it; see :data:`VERSION`.
"""

VERSION = 2
"""What a ledger of this file says it has, as SQLite's ``user_version``: since 2 it counts and has a circuit."""

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, math.inf)
"""The bounds, in seconds, by which waits and durations of jobs are counted."""

SIZE = "size"
"""The fact that says how many engines the pool may have, as who last used it had it set."""

_BUSY_TIMEOUT_S = 30.0
_NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"


@dataclasses.dataclass(frozen=True)
class Slot:
    """A slot as the ledger has it; fields that end in ``_s`` are times of the monotonic clock of ``boot``.

    Attributes:
        name: what somebody calls this engine, if anybody does.
        retiring: why the engine is not to be used again, once it is free.
        holder: who has it, in words.
        job: the id of the job it works on.
    """

    slot: int
    token: int
    state: State
    cause: str
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
    retiring: str | None
    holder: str | None
    held_s: float | None
    deadline_s: float | None
    job: str | None
    last_error: str | None

    @property
    def launched(self) -> Launched | None:
        """How the engine was started; None where it was not, or nobody lived to tell."""
        if self.handle is None or self.address is None:
            return None
        return Launched(self.handle, self.address, self.bearer)


@dataclasses.dataclass(frozen=True)
class Transition:
    """A step of a slot from one state to another: when (UTC, for people), why, and under whose token."""

    id: int
    at: str
    slot: int
    engine: str | None
    before: str
    after: str
    cause: str
    holder: str | None
    token: int


@dataclasses.dataclass(frozen=True)
class JobRecord:
    """One world asked of an engine; ``state`` is running, exported, failed, fenced or abandoned."""

    job_id: str
    at: str
    slot: int
    engine: str
    token: int
    holder: str
    seed: int
    size: int
    state: str
    wait_s: float
    duration_s: float | None
    error: str | None


class Ledger:
    """The database of one pool; any number of processes and threads may use it at once.

    Every method raises PoolError where the disk is full or the file cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        """Names the file; it is made when first used."""
        self._path = folder / FILE
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._guard = threading.Lock()

    def slots(self) -> list[Slot]:
        """All slots there ever were, in order."""
        with self._explained() as db:
            return [_slot(row) for row in db.execute("SELECT * FROM slots ORDER BY slot")]

    def slot(self, slot: int) -> Slot:
        """One slot."""
        with self._explained() as db:
            return _slot(db.execute("SELECT * FROM slots WHERE slot = ?", (slot,)).fetchone())

    def ensure_slots(self, count: int) -> None:
        """Adds slots until there are so many, and remembers how many there are to be."""
        if self.fact(SIZE) != count:
            self.set_fact(SIZE, count)
        with self._explained() as db:
            if db.execute("SELECT count(*) FROM slots WHERE slot < ?", (count,)).fetchone()[0] < count:
                db.executemany("INSERT OR IGNORE INTO slots (slot) VALUES (?)", [(slot,) for slot in range(count)])

    def step(self, slot: int, token: int, after: State, cause: str, **changes: object) -> None:
        """Takes a slot from its state to another one.

        Args:
            slot: which.
            token: the token under which it is held.
            after: the state it enters.
            cause: why, in words.
            changes: other columns that change with it.

        Raises:
            FencedError: the slot has a higher token by now.
            PoolError: the step is not a legal one.
        """
        self._change(slot, token, {"state": after.value, "cause": cause, **changes})

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
        with self._explained() as db:
            return _take_in(db, slot, token, (holder, now, deadline, boot))

    def begin_engine(
        self,
        slot: int,
        *,
        single_flight: bool,
        cause: str,
        changes: dict[str, object],
        admits: Callable[[sqlite3.Connection], bool] = lambda _: True,
    ) -> Slot | None:
        """Has an empty slot start an engine: a new token, the state STARTING, and a name never used before.

        Args:
            slot: which.
            single_flight: not if another slot starts one.
            cause: why.
            changes: columns of the new engine; ``engine`` is the beginning of its name.
            admits: asked in the transaction whether any engine may be started.

        Returns:
            The slot as it is then; None if it is not empty, another starts, or none may be started.
        """
        others = "AND NOT EXISTS (SELECT 1 FROM slots WHERE state = 'STARTING')" if single_flight else ""
        with self._transaction() as db:
            if not admits(db):
                return None
            number = db.execute(
                "INSERT INTO facts VALUES ('engines', 1) ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value"
            ).fetchone()[0]
            values = {**changes, "engine": f"{changes['engine']}-{slot}-{number}", "cause": cause}
            assignments = ", ".join(f"{column} = :{column}" for column in values)
            row = db.execute(
                f"UPDATE slots SET state = 'STARTING', token = token + 1, jobs = 0, retiring = NULL, {assignments} "  # noqa: S608  columns are ours
                f"WHERE slot = :slot AND state = 'EMPTY' {others} RETURNING *",
                {**values, "slot": slot},
            ).fetchone()
        return None if row is None else _slot(row)

    def empty(self, slot: int, token: int, cause: str) -> None:
        """Has a slot forget its engine, which is gone."""
        self.step(
            slot,
            token,
            State.EMPTY,
            cause,
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
        with self._transaction() as db:
            self._end_job(db, slot, "fenced", "Its holder did not come back in time and was fenced.")
            return _take_in(db, slot, token, (holder, now, deadline, boot))

    def begin_job(self, slot: int, token: int, job: JobRecord, *, deadline: float) -> None:
        """Records that the engine of a slot begins a world.

        Raises:
            FencedError: the slot has a higher token by now.
        """
        with self._transaction() as db:
            self._change_in(
                db,
                slot,
                token,
                {
                    "state": State.GENERATING.value,
                    "cause": f"world of {job.seed}",
                    "job": job.job_id,
                    "deadline_s": deadline,
                },
            )
            db.execute(
                "INSERT INTO jobs VALUES "  # noqa: S608  a constant
                f"(?, {_NOW}, ?, ?, ?, ?, ?, ?, 'running', ?, NULL, NULL)",
                (job.job_id, slot, job.engine, token, job.holder, job.seed, job.size, job.wait_s),
            )

    def end_job(self, slot: int, token: int, job_id: str, state: str, *, duration_s: float, error: str | None) -> None:
        """Records how a job ended.

        Raises:
            FencedError: the slot has a higher token by now, and the job counts for nothing.
        """
        with self._transaction() as db:
            self._change_in(db, slot, token, {"job": None, "last_error": error, "jobs": _Increment()})
            db.execute(
                "UPDATE jobs SET state = ?, duration_s = ?, error = ? WHERE job_id = ? AND state = 'running'",
                (state, duration_s, error, job_id),
            )

    def abandon_job(self, slot: int) -> None:
        """Records that the holder of a slot died with its job."""
        with self._transaction() as db:
            self._end_job(db, slot, "abandoned", "Its holder died.")

    def job_state(self, job_id: str) -> str | None:
        """What became of a job."""
        with self._explained() as db:
            row = db.execute("SELECT state FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
        return None if row is None else str(row[0])

    def retire_all(self, why: str) -> None:
        """Has every engine there is be ended as soon as it is free."""
        with self._explained() as db:
            db.execute("UPDATE slots SET retiring = ? WHERE state != 'EMPTY'", (why,))

    def transitions(self, *, after: int = 0, limit: int | None = None) -> list[Transition]:
        """Transitions with an id above ``after``, oldest first; with a limit, the latest so many of them."""
        with self._explained() as db:
            rows = db.execute(
                "SELECT * FROM transitions WHERE id > ? ORDER BY id DESC LIMIT ?",
                (after, -1 if limit is None else limit),
            ).fetchall()
        return [Transition(**dict(row)) for row in reversed(rows)]

    def jobs(self, limit: int) -> list[JobRecord]:
        """The latest jobs, latest first."""
        with self._explained() as db:
            rows = db.execute("SELECT * FROM jobs ORDER BY rowid DESC LIMIT ?", (limit,)).fetchall()
        return [JobRecord(**dict(row)) for row in rows]

    def fact(self, name: str) -> int:
        """A number the pool remembers; 0 where it was never set."""
        with self._explained() as db:
            row = db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return 0 if row is None else int(row[0])

    def set_fact(self, name: str, value: int) -> None:
        """Remembers a number."""
        with self._explained() as db:
            db.execute(
                "INSERT INTO facts VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (name, value)
            )

    def count(self, name: str, by: int = 1) -> None:
        """Adds to a number."""
        with self._explained() as db:
            db.execute(
                "INSERT INTO facts VALUES (?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value", (name, by)
            )

    def waiting(self) -> int:
        """How many callers are in the queue."""
        with self._explained() as db:
            return int(db.execute("SELECT count(*) FROM tickets").fetchone()[0])

    def strays(self) -> list[str]:
        """The engines that the last pass of the reaper saw and no slot knew."""
        with self._explained() as db:
            return [str(row[0]) for row in db.execute("SELECT engine FROM strays")]

    def strays_seen_again(self, engines: list[str]) -> list[str]:
        """Remembers engines that no slot knows; tells which of them an earlier call saw too."""
        with self._transaction() as db:
            known = {row[0] for row in db.execute("SELECT engine FROM strays")}
            db.execute("DELETE FROM strays")
            db.executemany("INSERT INTO strays (engine) VALUES (?)", [(engine,) for engine in engines])
        return [engine for engine in engines if engine in known]

    def prune(self, *, keep: int) -> None:
        """Forgets all but the latest transitions and jobs."""
        with self._transaction() as db:
            db.execute("DELETE FROM transitions WHERE id <= (SELECT max(id) FROM transitions) - ?", (keep,))
            db.execute("DELETE FROM jobs WHERE rowid <= (SELECT max(rowid) FROM jobs) - ?", (keep,))

    def close(self) -> None:
        """Closes the connections that this process has opened."""
        with self._guard:
            opened, self._open = self._open, []
            self._local = threading.local()
        for connection in opened:
            connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction that nobody else writes during; for the queue, whose tickets are in this file too."""
        with self._transaction() as db:
            yield db

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The database, for questions and single statements."""
        with self._explained() as db:
            yield db

    def _change(self, slot: int, token: int, changes: dict[str, object]) -> None:
        with self._explained() as db:
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
    def _end_job(db: sqlite3.Connection, slot: int, state: str, error: str) -> None:
        db.execute("UPDATE jobs SET state = ?, error = ? WHERE slot = ? AND state = 'running'", (state, error, slot))
        db.execute("UPDATE slots SET job = NULL WHERE slot = ?", (slot,))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._explained() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    @contextlib.contextmanager
    def _explained(self) -> Iterator[sqlite3.Connection]:
        """The connection of this thread; what SQLite says is made a sentence."""
        try:
            yield self._connection()
        except sqlite3.IntegrityError as error:
            raise PoolError(f"The ledger {self._path} refuses this: {error}.") from error
        except (sqlite3.Error, OSError) as error:
            raise PoolError(
                f"The ledger of the pool, {self._path}, cannot be used: {error}. "
                f"See that the disk is not full and that the folder may be written to."
            ) from error

    def _connection(self) -> sqlite3.Connection:
        if getattr(self._local, "process", None) != os.getpid():
            # A connection must not be used across a fork, nor even closed there.
            self._local.connection = self._connect()
            self._local.process = os.getpid()
        connection: sqlite3.Connection = self._local.connection
        return connection

    def _connect(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        connection = sqlite3.connect(self._path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        # A commit need not survive a power cut: after it no engine is left that the ledger could tell of.
        connection.execute("PRAGMA synchronous = NORMAL")
        with FileLock(f"{self._path}.opening"):
            if connection.execute("PRAGMA user_version").fetchone()[0] < VERSION:
                _set_up(connection)
        with self._guard:
            self._open.append(connection)
        return connection


class _Increment:
    """In place of a value: one more than before."""


def _set_up(connection: sqlite3.Connection) -> None:
    """Makes the tables that are missing; in one step, for others may use those that are there."""
    connection.execute("PRAGMA journal_mode = WAL")
    tables = resources.files("vwe_dagster.pool").joinpath("ledger.sql").read_text(encoding="utf-8")
    try:
        connection.executescript(f"BEGIN IMMEDIATE;\n{tables}")
        connection.executemany("INSERT OR IGNORE INTO legal VALUES (?, ?)", sorted(LEGAL))
        patterns = [(pattern, position, kind) for position, (pattern, kind) in enumerate(PATTERNS)]
        connection.executemany("INSERT INTO causes VALUES (?, ?, ?)", patterns)
        connection.executemany("INSERT INTO bounds VALUES (?)", [(bound,) for bound in BOUNDS_S])
        for statement in _COUNT_WHAT_IS_THERE:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


_COUNT_WHAT_IS_THERE = (
    """
    INSERT INTO step_counts
    SELECT before, after, kind, count(*) FROM (
        SELECT before, after,
            coalesce((SELECT kind FROM causes WHERE cause GLOB pattern ORDER BY position LIMIT 1), 'other') AS kind
        FROM transitions
    ) GROUP BY 1, 2, 3
    """,
    "INSERT INTO job_counts SELECT state, count(*) FROM jobs WHERE state != 'running' GROUP BY 1",
    """
    INSERT INTO time_counts
    SELECT what, (SELECT min(at_most_s) FROM bounds WHERE at_most_s >= seconds), count(*), sum(seconds) FROM (
        SELECT 'wait' AS what, wait_s AS seconds FROM jobs
        UNION ALL SELECT 'duration', duration_s FROM jobs WHERE state != 'running' AND duration_s IS NOT NULL
    ) GROUP BY 1, 2
    """,
)
"""Of a ledger that has not counted so far: what it has recorded and not pruned yet."""


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


def _slot(row: sqlite3.Row) -> Slot:
    values: dict[str, Any] = dict(row)
    return Slot(**{**values, "state": State(values["state"])})
