"""Tiles in memory, bounded by their bytes."""

from __future__ import annotations

import collections
import threading

MAX_BYTES = 16 * 2**20
"""Bytes of the tiles that are kept of one world: about a thousand of 15 KB each."""

Name = tuple[str, int, int, int]
"""Style, zoom, x and y."""


class TileCache:
    """The most recently used tiles of a world; thread-safe."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._most_bytes = max_bytes
        self._tiles: collections.OrderedDict[Name, bytes] = collections.OrderedDict()
        self._lock = threading.Lock()
        self.nbytes = 0

    def get(self, name: Name) -> bytes | None:
        """Return a tile; None if it is not kept."""
        with self._lock:
            content = self._tiles.get(name)
            if content is not None:
                self._tiles.move_to_end(name)
            return content

    def put(self, name: Name, content: bytes) -> None:
        """Keep a tile, and drop the least recently used ones beyond the limit."""
        with self._lock:
            self.nbytes += len(content) - len(self._tiles.pop(name, b""))
            self._tiles[name] = content
            while self.nbytes > self._most_bytes:
                _, dropped = self._tiles.popitem(last=False)
                self.nbytes -= len(dropped)
