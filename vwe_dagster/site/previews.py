"""Previews: worlds in memory that are not stored, bounded in bytes."""

from __future__ import annotations

import collections
import dataclasses
import threading

from vwe_dagster.kernels.cores import usable_cores
from vwe_dagster.locations.location_table import LocationTable
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.site.job_queue import JobQueue
from vwe_dagster.site.preview import PreviewWorld

MAX_BYTES = 512 * 2**20
"""Bytes of all previews in memory; one has about 40 MB."""


@dataclasses.dataclass(frozen=True)
class PreviewCounts:
    """The state of the previews.

    Attributes:
        worlds: number of previews in memory.
        nbytes: their bytes, see :attr:`PreviewWorld.nbytes`.
        max_bytes: the limit.
        hits, misses: requests for a world that was in memory, and for one that was not.
        dropped: previews removed because of the limit.
        waiting, running: parts of previews that wait to be computed, and that are being computed.
    """

    worlds: int
    nbytes: int
    max_bytes: int
    hits: int
    misses: int
    dropped: int
    waiting: int
    running: int


class Previews:
    """The most recently used previews; thread-safe.

    Requests for the same seed share its preview, so that it is computed once.

    Args:
        table: the location table; the game's own if omitted.
        max_bytes: bytes of all previews; the most recently used one is kept whatever its size.
    """

    def __init__(self, table: LocationTable | None = None, *, max_bytes: int = MAX_BYTES) -> None:
        self._table, self._most_bytes = table, max_bytes
        # A job uses several cores only part of the time, so that a second job fills the rest.
        self._queue = JobQueue(max(1, usable_cores() // 2))
        self._lock = threading.Lock()
        self._worlds: collections.OrderedDict[str, PreviewWorld] = collections.OrderedDict()
        self._hits = self._misses = self._dropped = 0

    def open(self, seed: Seed) -> PreviewWorld:
        """Return the preview of a seed. Its parts are computed when they are first requested."""
        with self._lock:
            preview = self._worlds.pop(seed.key, None)
            if preview is None or preview.has_failed:
                preview = PreviewWorld(seed, self._queue, self._table)
                self._misses += 1
            else:
                self._hits += 1
            self._worlds[seed.key] = preview
            self._shrink()
            return preview

    def counts(self) -> PreviewCounts:
        """Return the present state."""
        waiting, running = self._queue.counts()
        with self._lock:
            return PreviewCounts(
                worlds=len(self._worlds),
                nbytes=self._nbytes(),
                max_bytes=self._most_bytes,
                hits=self._hits,
                misses=self._misses,
                dropped=self._dropped,
                waiting=waiting,
                running=running,
            )

    def close(self) -> None:
        """End the computation of previews."""
        self._queue.close()

    def _shrink(self) -> None:
        while len(self._worlds) > 1 and self._nbytes() > self._most_bytes:
            self._worlds.popitem(last=False)
            self._dropped += 1

    def _nbytes(self) -> int:
        return sum(preview.nbytes for preview in self._worlds.values())
