"""Counters of built and kept stages, for the metrics.

The file is outside the data folder, so that the data folder does not change when all stages are kept. If a count
cannot be written, it is lost and the stage still succeeds.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

Outcome = Literal["made", "kept"]

_log = logging.getLogger(__name__)

_TABLE = """
CREATE TABLE IF NOT EXISTS stages (
    stage TEXT NOT NULL, outcome TEXT NOT NULL, times INTEGER NOT NULL, PRIMARY KEY (stage, outcome)
) WITHOUT ROWID
"""
_BUSY_TIMEOUT_S = 2.0


class StageCounts:
    """Counters in an SQLite file. Any number of processes and threads may use it concurrently."""

    def __init__(self, path: Path) -> None:
        """Set the path of the file, which the first count creates."""
        self._path = path

    def add(self, stage: str, outcome: Outcome) -> None:
        """Add one to a counter; log an error instead of raising it."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with contextlib.closing(self._connect()) as db:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = OFF")
                db.execute(_TABLE)
                db.execute(
                    "INSERT INTO stages VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET times = times + 1", (stage, outcome)
                )
        except (sqlite3.Error, OSError) as error:
            _log.warning("cannot write the stage counts %s (%s); a stage %s is not counted", self._path, error, outcome)

    def read(self) -> Mapping[tuple[str, str], int]:
        """Return the counts by stage and outcome; empty if the file does not exist.

        Raises:
            sqlite3.Error: the file is not a database of stage counts.
        """
        if not self._path.is_file():
            return {}
        with contextlib.closing(self._connect()) as db:
            return {(stage, outcome): times for stage, outcome, times in db.execute("SELECT * FROM stages")}

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
