"""The room that deleted rows leave in a database, given back."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import dagster as dg

from vwe_dagster.defs.in_flight import UNFINISHED_RUNS

_WORTH_COMPACTING = 2**20
"""Bytes that must be free in a database before it is written anew."""


def compact(instance: dg.DagsterInstance, folder: Path) -> int | None:
    """Gives back the room that deleted rows leave in the SQLite databases of an instance.

    A database is locked while it is written anew. So nothing is done while a run is working, and the room is used
    again by what comes next.

    Args:
        instance: the instance.
        folder: its folder.

    Returns:
        The bytes given back; None if a run is working or a database is in use.
    """
    if instance.get_runs(dg.RunsFilter(statuses=UNFINISHED_RUNS), limit=1):
        return None
    given_back = 0
    for path in (
        folder / "history" / "runs" / "index.db",
        folder / "history" / "runs.db",
        folder / "schedules" / "schedules.db",
    ):
        if path.is_file():
            try:
                given_back += _compact(path)
            except sqlite3.OperationalError:
                return None
    return given_back


def _compact(path: Path) -> int:
    """Writes a database anew if it is worth it.

    Returns:
        The bytes given back.
    """
    with contextlib.closing(sqlite3.connect(path, timeout=5)) as database:
        (pages,), (size,) = (
            database.execute("PRAGMA freelist_count").fetchone(),
            database.execute("PRAGMA page_size").fetchone(),
        )
        if pages * size < _WORTH_COMPACTING:
            return 0
        before = path.stat().st_size
        database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return max(0, before - path.stat().st_size)
