"""The cache of fetched files: named by their SHA-256, verified when they are read, and bounded in bytes."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from vwe_dagster.publishing.checksums import read_verified

_KEPT_SHARE = 0.9
"""Share of the limit to which files are removed, so that not every new file causes a removal."""


class ObjectCache:
    """A folder of files by SHA-256; any number of threads and processes may use it concurrently.

    If the limit is exceeded, the files that were not read for the longest time are removed. Each process counts the
    bytes of the others only when its own count reaches the limit, so the folder may exceed it until then.

    Args:
        folder: the folder, which need not exist.
        max_bytes: the limit of the total size; a file that is larger is not cached.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder, self._most_bytes = folder, max_bytes
        self._lock = threading.Lock()
        self._bytes: int | None = None

    def content(self, sha256: str, nbytes: int, fetch: Callable[[], bytes]) -> bytes:
        """Return the content of a file. A missing or damaged file is fetched.

        Args:
            sha256: the hash of the content.
            nbytes: its length.
            fetch: fetches the content and checks its hash.
        """
        path = self._folder / sha256[:2] / sha256
        kept = read_verified(path, sha256, nbytes)
        if kept is not None:
            # Another process may have removed the file since.
            with contextlib.suppress(OSError):
                os.utime(path)
            return kept
        content = fetch()
        # A full disk costs time only: the file is fetched again at its next use.
        with contextlib.suppress(OSError):
            self._add(path, content)
        return content

    def _add(self, path: Path, content: bytes) -> None:
        if len(content) > self._most_bytes:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            draft.write_bytes(content)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        with self._lock:
            if self._bytes is not None:
                self._bytes += len(content)
            if self._bytes is None or self._bytes > self._most_bytes:
                self._bytes = self._shrink()

    def _shrink(self) -> int:
        """Remove the least recently read files if the limit is exceeded; return the bytes of the remaining ones."""
        files = sorted(self._files())
        total = sum(size for _, size, _ in files)
        if total <= self._most_bytes:
            return total
        for _, size, path in files:
            if total <= self._most_bytes * _KEPT_SHARE:
                break
            path.unlink(missing_ok=True)
            total -= size
        return total

    def _files(self) -> Iterator[tuple[int, int, Path]]:
        """Yield the time of the last reading, the length and the path of every file."""
        for path in self._folder.glob("*/*"):
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                yield status.st_mtime_ns, status.st_size, path
