"""Compaction of databases: free the space of deleted rows."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import dagster as dg

from vwe_dagster.defs.in_flight import UNFINISHED_RUNS
from vwe_dagster.instance.seed_runs import DATABASES

_MIN_FREE_BYTES = 2**20
"""Minimum number of free bytes in a database before it is compacted."""


def compact(instance: dg.DagsterInstance, folder: Path) -> int | None:
    """Free the space of deleted rows in the SQLite databases of an instance.

    A database is locked during its compaction. So while a run is unfinished, nothing is compacted; new rows reuse the
    space.

    Args:
        instance: the instance.
        folder: the folder of the instance.

    Returns:
        The number of freed bytes; None if a run is unfinished or a database is in use.
    """
    if instance.get_runs(dg.RunsFilter(statuses=UNFINISHED_RUNS), limit=1):
        return None
    freed = 0
    for path in (folder / name for name in DATABASES):
        if path.is_file():
            try:
                freed += _compact(path)
            except sqlite3.OperationalError:
                return None
    return freed


def _compact(path: Path) -> int:
    """Compact a database if it has enough free space, and return the number of freed bytes."""
    with contextlib.closing(sqlite3.connect(path, timeout=5)) as database:
        (pages,), (size,) = (
            database.execute("PRAGMA freelist_count").fetchone(),
            database.execute("PRAGMA page_size").fetchone(),
        )
        if pages * size < _MIN_FREE_BYTES:
            return 0
        before = path.stat().st_size
        database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return max(0, before - path.stat().st_size)
