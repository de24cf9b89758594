"""Notes on seeds: the text that stood beside a seed in a list, kept in the data folder for the catalog."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock

from vwe_dagster.files.atomic import write_whole
from vwe_dagster.store.errors import StoreError, disk_errors_explained


class Notes:
    """The notes of a data folder: one JSON object by seed, in ``catalog/notes.json``."""

    def __init__(self, root: Path) -> None:
        """Name the data folder; the first note creates the file."""
        self._root = root
        self._path = root / "catalog" / "notes.json"

    def read(self) -> dict[str, str]:
        """Return all notes by seed key; an unreadable file counts as empty."""
        with contextlib.suppress(OSError, ValueError):
            return self._load()
        return {}

    def add(self, notes: Mapping[str, str]) -> None:
        """Store notes; a note replaces the former one of its seed.

        Raises:
            StoreError: the data folder cannot be written.
        """
        if notes:
            self._change(notes, removed=None)

    def remove(self, key: str) -> None:
        """Remove the note of a seed, if there is one.

        Raises:
            StoreError: the data folder cannot be written.
        """
        if key in self.read():
            self._change({}, removed=key)

    def _load(self) -> dict[str, str]:
        if not self._path.exists():
            return {}
        content = json.loads(self._path.read_bytes())
        return {str(key): str(note) for key, note in dict(content).items()}

    def _change(self, notes: Mapping[str, str], removed: str | None) -> None:
        with disk_errors_explained(self._root):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self._path.with_name("notes.lock")):
                try:
                    known = self._load()
                except ValueError as error:
                    raise StoreError(f"{self._path} is damaged ({error}); repair it or move it away.") from error
                kept = {key: note for key, note in {**known, **notes}.items() if key != removed}
                if kept != known:
                    write_whole(self._path, json.dumps(kept, ensure_ascii=False, indent=1).encode())
