"""Leftovers: files in the data folder that killed builders left and that are not part of a stage.

A stage that is being built also consists of such files. So a leftover must be unchanged for :data:`ABANDONED_S`, and it
is removed only under the lock that builders hold.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

from filelock import Timeout

from vwe_dagster.files.atomic import remove_folder, remove_leftovers
from vwe_dagster.files.bounded_read import NotAFileError, read_file
from vwe_dagster.store.errors import disk_errors_explained
from vwe_dagster.store.manifest import MANIFEST_NAME, MAX_MANIFEST_BYTES, SCHEMA_VERSIONS, STAGES, Manifest

ABANDONED_S = 3600.0
"""Seconds that a leftover must be unchanged; the largest world takes a minute to build."""


@dataclasses.dataclass(frozen=True)
class Leftover:
    """A leftover file or folder.

    Attributes:
        path: the file or folder.
        stage: the folder of the stage that was being built; equal to ``path`` for a stage without a readable manifest.
        bytes: the size of all its files.
    """

    path: Path
    stage: Path
    bytes: int

    @property
    def is_stage(self) -> bool:
        """True if it is the folder of a stage without a readable manifest."""
        return self.path == self.stage

    def remove(self) -> bool:
        """Remove the leftover, unless a process is building the stage or has built it since.

        Returns:
            Whether it was removed.

        Raises:
            StoreError: the data folder cannot be written.
        """
        with disk_errors_explained(self.stage.parents[2]), contextlib.suppress(Timeout):
            if self.is_stage:
                remove_folder(self.path, timeout_s=0, only_if=_is_not_stage)
            else:
                remove_leftovers(self.stage, timeout_s=0)
            # Another process may have begun to build a stage of this seed.
            with contextlib.suppress(OSError):
                self.stage.parent.rmdir()
        return not self.path.exists()


def find_leftovers(root: Path, now: float) -> list[Leftover]:
    """Return the leftovers of killed builders in a data folder, and stages without a readable manifest.

    Stages with a manifest of a later version and files with unknown names are not leftovers.

    Args:
        root: the data folder.
        now: the time, in seconds since 1970.

    Raises:
        StoreError: the data folder cannot be read.
    """
    with disk_errors_explained(root):
        return [
            Leftover(path, stage, bytes_in(path))
            for seed in sorted((root / "seeds").glob("*/"))
            if not seed.is_symlink()
            for path, stage in _of_seed(seed)
            if now - _last_touched(path) > ABANDONED_S
        ]


def bytes_in(path: Path) -> int:
    """Return the size of a file, or of all files in a folder; hard links count once, vanished files not at all."""
    sizes: dict[tuple[int, int], int] = {}
    for each in [path, *path.rglob("*")]:
        with contextlib.suppress(FileNotFoundError):
            if not each.is_dir():
                status = each.lstat()
                sizes[status.st_dev, status.st_ino] = status.st_size
    return sum(sizes.values())


def _of_seed(folder: Path) -> Iterator[tuple[Path, Path]]:
    for name in STAGES:
        stage = folder / name
        if stage.is_dir() and not stage.is_symlink():
            former = folder / f".{name}.former"
            if former.is_dir():
                yield former, stage
            if _is_not_stage(stage):
                yield stage, stage
        yield from ((draft, stage) for draft in sorted(folder.glob(f".{name}.draft-*")))
        lock = folder / f".{name}.lock"
        if lock.is_file():
            yield lock, stage


def _is_not_stage(folder: Path) -> bool:
    try:
        content = read_file(folder / MANIFEST_NAME, MAX_MANIFEST_BYTES)
        fields = json.loads(content)
    except (FileNotFoundError, NotADirectoryError, NotAFileError, ValueError, RecursionError):
        return True
    if isinstance(fields, dict) and fields.get("schema_version") not in {None, *SCHEMA_VERSIONS}:
        return False
    try:
        Manifest.from_json(content)
    except ValueError:
        return True
    return False


def _last_touched(path: Path) -> float:
    """Return the time of the last change in a file or folder, in seconds since 1970; 0 if it does not exist."""
    latest = 0.0
    for each in [path, *path.rglob("*")]:
        with contextlib.suppress(FileNotFoundError):
            latest = max(latest, each.lstat().st_mtime)
    return latest
