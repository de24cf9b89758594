"""The SQLite file of a pool: its schema, its connections, and the conversion of SQLite's errors.

This module lets many processes and threads, including forked ones, share one file. The ledger, the queue and the
circuit own the tables.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import sqlite3
import threading
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from filelock import FileLock, Timeout

from vwe_dagster.pool.errors import DamagedLedgerError, PoolError
from vwe_dagster.pool.migration import count_records, migrate_columns
from vwe_dagster.pool.states import LEGAL

FILE = "ledger-1.sqlite"
"""The file name of a ledger that was never repaired, for all versions of the schema.

A repair creates the file with the next number. SQLite finds the write-ahead log by the file's name: a new file with the
same name would be read with the old log.
"""

_TABLE = re.compile(r"^CREATE TABLE IF NOT EXISTS (\w+)", re.MULTILINE)
_FILE = re.compile(r"ledger-(\d+)\.sqlite")

VERSION = 4
"""The version of the schema, stored as SQLite's ``user_version``.

Version 2 added counts and the circuit, version 3 the kinds of transitions, version 4 the number of killed starts. The
first process that opens a ledger of a former version migrates it.
"""

_VERSION_WITHOUT_COUNTS = 1
_VERSION_WITH_KINDS = 3

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, math.inf)
"""The histogram bounds, in seconds, for waits and durations of jobs."""

_BUSY_TIMEOUT_S = 30.0

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_MISSING = ("no such table", "no such column", "malformed database schema", "Could not decode to UTF-8")
_BAD_VALUES = (ValueError, TypeError, LookupError)


class Database:
    """The database of one pool. Any number of processes and threads may use it concurrently.

    Every method raises PoolError if the disk is full or the file cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        """Set the folder of the file, which is created at the first use."""
        self._folder = folder
        self._path = folder / FILE
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._guard = threading.Lock()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection within a write transaction; no other connection writes until the block ends."""
        with self.connected() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                # If the disk is full, SQLite has already rolled back.
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    @contextlib.contextmanager
    def connected(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection for queries and single statements."""
        try:
            yield self._connection()
        except sqlite3.IntegrityError as error:
            raise PoolError(f"The ledger {self._path} rejected a change: {error}.") from error
        except (sqlite3.Error, OSError) as error:
            raise self._error(error) from error
        except _BAD_VALUES as error:
            raise DamagedLedgerError(self._path, f"it has a value that no version writes ({error})") from error

    def check_integrity(self) -> None:
        """Read the whole file.

        Raises:
            DamagedLedgerError: the file is damaged.
        """
        with self.connected() as db:
            (first,) = db.execute("PRAGMA integrity_check(1)").fetchone()
            for table in _TABLE.findall(_schema()):
                db.execute(f"SELECT * FROM {table} LIMIT 1").fetchall()  # noqa: S608  tables are ours
        if first != "ok":
            raise DamagedLedgerError(self._path, str(first).strip().replace("\n", ", "))

    def close(self) -> None:
        """Close the connections that this process has opened."""
        with self._guard:
            opened, self._open = self._open, []
            self._local = threading.local()
        for connection in opened:
            connection.close()

    def _connection(self) -> sqlite3.Connection:
        if getattr(self._local, "process", None) != os.getpid():
            # A forked process must neither use nor close the connections of its parent.
            self._open_in_thread()
        elif self._local.next.exists():
            # Another process has repaired the pool.
            former: sqlite3.Connection = self._local.connection
            self._open_in_thread()
            former.close()
        connection: sqlite3.Connection = self._local.connection
        return connection

    def _open_in_thread(self) -> None:
        self._path = ledger_file(self._folder)
        self._local.connection = self._connect()
        # Must be last: after an error, the next call must open the new file again and not use the former connection.
        self._local.next = next_file(self._path)
        self._local.process = os.getpid()

    def _error(self, error: sqlite3.Error | OSError) -> PoolError:
        code = getattr(error, "sqlite_errorcode", None)
        is_damage = code is not None and code & 0xFF in _DAMAGED
        # The version was checked when the file was opened, so a missing table means damage.
        is_damage |= isinstance(error, sqlite3.OperationalError) and str(error).startswith(_MISSING)
        if is_damage:
            return DamagedLedgerError(self._path, str(error))
        if self._path.is_dir():
            return DamagedLedgerError(self._path, "it is a folder, not a file")
        if isinstance(error, FileExistsError | NotADirectoryError):
            return PoolError(
                f"The folder {self._path.parent} of the pool cannot be used: {error.filename} is not a folder. "
                f"It contains no world; move it away and try again."
            )
        if code is not None and code & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return PoolError(
                f"The ledger of the pool, {self._path}, cannot be used: another process has been writing to it for "
                f"{_BUSY_TIMEOUT_S:g} s and may be stopped. Find the process that has {self._path}-shm open, continue "
                f"or end it, and try again."
            )
        return PoolError(
            f"The ledger of the pool, {self._path}, cannot be used: {error}. "
            f"Check that the disk is not full and that this user may write to the folder."
        )

    def _connect(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        connection = sqlite3.connect(self._path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        try:
            connection.row_factory = sqlite3.Row
            # A commit need not survive a power failure, since no engine survives one.
            connection.execute("PRAGMA synchronous = NORMAL")
            if self._version(connection) < VERSION:
                # Only if needed: a process that is stopped here must not block others from opening the ledger.
                with self._opening():
                    if self._version(connection) < VERSION:
                        _set_up(connection)
        except BaseException:
            # The traceback would keep the connection, and thus the file, open until the garbage collector runs.
            connection.close()
            raise
        with self._guard:
            self._open.append(connection)
        return connection

    def _version(self, connection: sqlite3.Connection) -> int:
        """Return the version of the schema.

        Raises:
            PoolError: the version is later than :data:`VERSION`.
        """
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version > VERSION:
            raise PoolError(
                f"The ledger {self._path} has version {version}, but this VWE supports versions up to {VERSION}; "
                f"use a later VWE for this pool, or another VWE_HOME."
            )
        return version

    @contextlib.contextmanager
    def _opening(self) -> Iterator[None]:
        path = f"{self._path}.opening"
        try:
            with FileLock(path, timeout=_BUSY_TIMEOUT_S):
                yield
        except Timeout as error:
            raise PoolError(
                f"The ledger {self._path} cannot be opened: another process has been creating or migrating it for "
                f"{_BUSY_TIMEOUT_S:g} s and may be stopped. Find the process that has {path} open, continue or end "
                f"it, and try again."
            ) from error


def ledger_file(folder: Path) -> Path:
    """Return the path of the newest ledger file in a folder; the file need not exist."""
    numbers = [int(match[1]) for path in folder.glob("ledger-*.sqlite") if (match := _FILE.fullmatch(path.name))]
    return folder / f"ledger-{max(numbers, default=1)}.sqlite"


def next_file(path: Path) -> Path:
    """Return the path of the file that the next repair creates."""
    match = _FILE.fullmatch(path.name)
    return path.with_name(f"ledger-{int(match[1]) + 1 if match else 1}.sqlite")


def _set_up(connection: sqlite3.Connection) -> None:
    """Create or migrate the tables in one transaction, since other processes may be using the former schema."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if 0 < version < _VERSION_WITH_KINDS:
            migrate_columns(connection)
        if _VERSION_WITHOUT_COUNTS < version < VERSION:
            connection.execute("ALTER TABLE circuit ADD COLUMN kills INTEGER NOT NULL DEFAULT 0")
        for statement in _statements(_schema()):
            connection.execute(statement)
        connection.executemany("INSERT OR IGNORE INTO legal VALUES (?, ?)", sorted(LEGAL))
        connection.executemany("INSERT OR IGNORE INTO bounds VALUES (?)", [(bound,) for bound in BOUNDS_S])
        if version == _VERSION_WITHOUT_COUNTS:
            count_records(connection)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _schema() -> str:
    return resources.files("vwe_dagster.pool").joinpath("ledger.sql").read_text(encoding="utf-8")


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of an SQL script; :meth:`sqlite3.Connection.executescript` would commit first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
