"""Measure the size of the data folder in a background thread: a scrape must not walk thousands of folders."""

from __future__ import annotations

import dataclasses
import logging
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from vwe_dagster.store import STAGES

MEASURED_EVERY_S = 60.0

_PAUSE_AFTER_SEEDS = 100
_PAUSE_S = 0.01

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class DataSize:
    """A measurement of a data folder.

    Attributes:
        stage_bytes: the bytes of each stage's files, over all seeds.
        stages: the number of seeds that have each stage.
        seeds: the number of seeds that have a folder.
        measured_at: the time of the measurement, in seconds since 1970.
        took_s: the duration of the measurement in seconds.
    """

    stage_bytes: Mapping[str, int]
    stages: Mapping[str, int]
    seeds: int
    measured_at: float
    took_s: float


class DataFolder:
    """A data folder that a thread measures once a minute."""

    def __init__(self, root: Path) -> None:
        """Set the data folder, which need not exist; do not measure it yet."""
        self.root = root
        self._latest: DataSize | None = None
        # Stages are replaced atomically, so a folder with the same inode and time of change has the same files.
        self._known: dict[str, tuple[tuple[int, int], int]] = {}
        self._ended = threading.Event()

    @property
    def latest(self) -> DataSize | None:
        """The latest measurement; None before the first one is complete."""
        return self._latest

    def start(self) -> None:
        """Start measuring in a thread that ends with the process."""
        threading.Thread(target=self._measure_repeatedly, name="data folder", daemon=True).start()

    def stop(self) -> None:
        """Stop measuring at the next pause."""
        self._ended.set()

    def measure(self) -> DataSize | None:
        """Measure the folder once; return None if :meth:`stop` was called.

        Raises:
            OSError: the folder cannot be read.
        """
        began = time.monotonic()
        sizes: dict[str, int] = dict.fromkeys(STAGES, 0)
        counts: dict[str, int] = dict.fromkeys(STAGES, 0)
        known: dict[str, tuple[tuple[int, int], int]] = {}
        seeds = 0
        for seeds, folder in enumerate(self._seed_folders(), 1):
            for stage in STAGES:
                path = f"{folder}/{stage}"
                measured = self._measured(path)
                if measured is not None:
                    known[path] = measured
                    sizes[stage] += measured[1]
                    counts[stage] += 1
            if seeds % _PAUSE_AFTER_SEEDS == 0 and self._ended.wait(_PAUSE_S):
                return None
        self._known = known
        self._latest = DataSize(sizes, counts, seeds, time.time(), time.monotonic() - began)
        return self._latest

    def _measure_repeatedly(self) -> None:
        while not self._ended.is_set():
            try:
                self.measure()
            except OSError as error:
                _log.warning("The data folder %s cannot be measured: %s", self.root, error)
            self._ended.wait(MEASURED_EVERY_S)

    def _seed_folders(self) -> list[str]:
        try:
            with os.scandir(self.root / "seeds") as entries:
                return [entry.path for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
        except FileNotFoundError:
            return []

    def _measured(self, folder: str) -> tuple[tuple[int, int], int] | None:
        """Return the identity of a stage's folder and its bytes; None if it does not exist."""
        try:
            stat = os.stat(folder)  # noqa: PTH116  creating forty thousand Path objects takes longer than the measurement
            mark = (stat.st_ino, stat.st_mtime_ns)
            before = self._known.get(folder)
            if before is not None and before[0] == mark:
                return before
            return mark, _bytes_in(folder)
        except (FileNotFoundError, NotADirectoryError):
            return None


def _bytes_in(folder: str) -> int:
    """Return the bytes of a stage's files; a file that later stages link from the stage ``raw`` counts only there."""
    is_first = folder.endswith("/raw")
    total = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                total += _bytes_in(entry.path)
            else:
                status = entry.stat()
                total += status.st_size if is_first or status.st_nlink == 1 else 0
    return total
