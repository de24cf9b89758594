"""Readable links to the folders of seeds: ``by-name/<seed>`` in the data folder.

The links are for people; no code reads a world through them. A build therefore never fails because of a link.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from vwe_dagster.seeds.seed import Seed

FOLDER = "by-name"
LOCK_NAME = f".{FOLDER}.lock"

_LOCK_TIMEOUT_S = 10.0
_HASH_DIGITS = 8

_IMPOSSIBLE = (OSError, NotImplementedError)
"""Errors of a read-only file system, of one without links or locks, and of a lock that another process keeps."""


class NameLinks:
    """The folder ``by-name`` of a data folder.

    The name of a link is the seed. It is the seed, ``~`` and the first digits of its hash if the seed begins or ends
    with a dot, or if another name in the folder differs only in case. So the folder can be copied to a file system that
    ignores case.
    """

    def __init__(self, root: Path) -> None:
        """Set the data folder, which need not exist yet."""
        self._seeds = root / "seeds"
        self._folder = root / FOLDER

    def add(self, seed: Seed) -> None:
        """Create the link of a seed if it is missing; do nothing if the file system does not allow it."""
        with contextlib.suppress(*_IMPOSSIBLE), self._lock():
            self._add(seed)

    def remove(self, seed: Seed) -> None:
        """Remove the link of a seed, unless the folder of the seed exists."""
        with contextlib.suppress(*_IMPOSSIBLE), self._lock():
            if not (self._seeds / seed.folder_name).exists():
                for link in self._links_of(seed):
                    link.unlink(missing_ok=True)

    def folder(self, seed: Seed) -> Path:
        """Return the link of a seed; the folder of the seed if it has no link."""
        return next(iter(self._links_of(seed)), self._seeds / seed.folder_name)

    def repair(self, seed_of: Callable[[str], Seed | None]) -> int:
        """Add missing links, and remove links to missing folders.

        Args:
            seed_of: returns the seed of a folder name below ``seeds/``; None if the folder has no stage.

        Returns:
            The number of changed links.
        """
        changed = 0
        with contextlib.suppress(*_IMPOSSIBLE), self._lock():
            linked = set()
            for path in self._folder.iterdir():
                if self._is_dangling(path):
                    path.unlink(missing_ok=True)
                    changed += 1
                elif path.is_symlink():
                    linked.add(path.readlink().name)
            unlinked = {folder.name for folder in self._seeds.glob("*/")} - linked
            for seed in filter(None, map(seed_of, sorted(unlinked))):
                changed += self._add(seed)
        return changed

    def _lock(self) -> FileLock:
        """Return the lock of the folder, and create the folder.

        Raises:
            OSError: the folder cannot be created, or there are no seeds.
        """
        self._seeds.stat()
        self._folder.mkdir(exist_ok=True)
        return FileLock(self._folder.with_name(LOCK_NAME), timeout=_LOCK_TIMEOUT_S)

    def _add(self, seed: Seed) -> bool:
        """Create the link of a seed; return False if it exists. The caller must hold the lock."""
        if any(self._links_of(seed)):
            return False
        plain, with_hash = self._names(seed)
        alike = [Path(entry.path) for entry in os.scandir(self._folder) if _are_alike(entry.name, plain)]
        for path in filter(self._is_dangling, alike):
            path.unlink(missing_ok=True)
        is_free = not any(map(os.path.lexists, alike)) and not plain.startswith(".") and not plain.endswith(".")
        # Create the link atomically, and never replace a file of the user.
        (self._folder / (plain if is_free else with_hash)).symlink_to(
            Path("..", self._seeds.name, seed.folder_name), target_is_directory=True
        )
        return True

    def _names(self, seed: Seed) -> tuple[str, str]:
        """Return the possible names of the link of a seed; ``~`` is not valid in a seed."""
        return seed.key, f"{seed.key}~{seed.folder_name[:_HASH_DIGITS]}"

    def _links_of(self, seed: Seed) -> list[Path]:
        paths = [self._folder / name for name in self._names(seed)]
        return [path for path in paths if path.is_symlink() and path.readlink().name == seed.folder_name]

    def _is_dangling(self, path: Path) -> bool:
        return path.is_symlink() and not path.exists()


def _are_alike(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()
