"""The cache of stored worlds that the server keeps open."""

from __future__ import annotations

import collections
import functools
import threading
from pathlib import Path

from vwe_dagster.seeds.seed import Seed
from vwe_dagster.site.built_world import BuiltWorld, built_world
from vwe_dagster.site.stored import StoredWorld
from vwe_dagster.store import MANIFEST_NAME, STAGES, WorldStore

OPEN_WORLDS = 4
"""Number of stored worlds kept in memory, the most recently used ones."""


class OpenWorlds:
    """A cache of the most recently used worlds, each in its newest build."""

    def __init__(self, store: WorldStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._sources: collections.OrderedDict[str, StoredWorld] = collections.OrderedDict()
        self._built_world = functools.lru_cache(maxsize=64)(self._read)

    def source(self, seed: Seed) -> StoredWorld | None:
        """Return the current world of a seed; None if it is not built."""
        built = self._built_world(seed, self._manifest_marks(seed))
        if built is None:
            return None
        with self._lock:
            source = self._sources.pop(seed.key, None)
            if source is None or source.built != built:
                source = StoredWorld(self._store, built)
            self._sources[seed.key] = source
            while len(self._sources) > OPEN_WORLDS:
                self._sources.popitem(last=False)
            return source

    def _read(self, seed: Seed, _: tuple[tuple[int, int] | None, ...]) -> BuiltWorld | None:
        return built_world(self._store, seed)

    def _manifest_marks(self, seed: Seed) -> tuple[tuple[int, int] | None, ...]:
        """Return the inodes and times of the seed's manifests, which change with its stages; no file is read."""
        return tuple(_mark(self._store.folder(seed, stage) / MANIFEST_NAME) for stage in STAGES)


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
