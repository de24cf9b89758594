"""Values by seed that are not part of a stage: a JSON object in the folder ``catalog`` of the data folder."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Generic, TypeVar

from filelock import FileLock

from vwe_dagster.files.atomic import write_atomically
from vwe_dagster.files.bounded_read import NotAFileError, read_file
from vwe_dagster.store.errors import StoreError, disk_errors_explained

Value = TypeVar("Value")

_MAX_BYTES = 256 * 2**20
"""Maximum size of a file that is read; a million notes take at most 230 MB."""


class SeedValues(Generic[Value]):
    """A JSON file with one value per seed key."""

    def __init__(self, root: Path, name: str, parse: Callable[[object], Value]) -> None:
        """Set the path of the file, which the first value creates.

        Args:
            root: the data folder.
            name: the name of the file, without ``.json``.
            parse: converts a JSON value; raises ValueError or TypeError for a value of another type.
        """
        self._root = root
        self._path = root / "catalog" / f"{name}.json"
        self._parse = parse

    def read(self) -> dict[str, Value]:
        """Return all values by seed key; an unreadable file counts as empty."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            return self._load()
        return {}

    def add(self, values: Mapping[str, Value]) -> None:
        """Store values; a value replaces the former value of its seed.

        Raises:
            StoreError: the data folder cannot be written.
        """
        if values:
            self._change(values, removed=None)

    def remove(self, key: str) -> None:
        """Remove the value of a seed; do nothing if it does not exist.

        Raises:
            StoreError: the data folder cannot be written.
        """
        if key in self.read():
            self._change({}, removed=key)

    def _load(self) -> dict[str, Value]:
        if not self._path.exists():
            return {}
        content = json.loads(read_file(self._path, _MAX_BYTES))
        return {str(key): self._parse(value) for key, value in dict(content).items()}

    def _change(self, values: Mapping[str, Value], removed: str | None) -> None:
        with disk_errors_explained(self._root):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self._path.with_suffix(".lock")):
                try:
                    known = self._load()
                except (NotAFileError, ValueError, TypeError) as error:
                    raise StoreError(
                        f"The file {self._path} is damaged ({error}); repair it or move it away."
                    ) from error
                kept = {key: value for key, value in {**known, **values}.items() if key != removed}
                if kept != known:
                    write_atomically(self._path, json.dumps(kept, ensure_ascii=False, indent=1).encode())
