"""Leftovers: what lies in the data folder and is part of no stage, for whoever was making it was killed.

A stage being made looks the same for as long as it is made. So a leftover is only what nobody has touched for
:data:`ABANDONED_S`, and it is removed only under the lock that a maker holds.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

from filelock import Timeout

from vwe_dagster.files.atomic import remove_whole, tidy_whole
from vwe_dagster.files.bounded_read import NotAFileError, read_file
from vwe_dagster.store.errors import disk_errors_explained
from vwe_dagster.store.manifest import MANIFEST_NAME, MAX_MANIFEST_BYTES, SCHEMA_VERSIONS, STAGES, Manifest

ABANDONED_S = 3600.0
"""Seconds for which nobody has touched a leftover; the largest world takes a minute."""


@dataclasses.dataclass(frozen=True)
class Leftover:
    """Something that can go.

    Attributes:
        path: the file or folder.
        stage: the folder of the stage that it was to become, or that it is without a manifest that can be read.
        bytes: of all its files.
    """

    path: Path
    stage: Path
    bytes: int

    @property
    def is_stage(self) -> bool:
        """Whether it has the name of a stage, and no manifest that makes it one."""
        return self.path == self.stage

    def remove(self) -> bool:
        """Removes it, unless somebody makes the stage now or has made it meanwhile.

        Returns:
            Whether it is gone.

        Raises:
            StoreError: the disk does not let us.
        """
        with disk_errors_explained(self.stage.parents[2]), contextlib.suppress(Timeout):
            if self.is_stage:
                remove_whole(self.path, timeout_s=0, only_if=_is_no_stage)
            else:
                tidy_whole(self.stage, timeout_s=0)
            # Another process may have begun to make a stage of this seed.
            with contextlib.suppress(OSError):
                self.stage.parent.rmdir()
        return not self.path.exists()


def find_leftovers(root: Path, now: float) -> list[Leftover]:
    """What killed makers left in a data folder, and stages whose manifest cannot be read.

    A stage whose manifest a later version of the project wrote is none, nor is anything whose name is not ours.

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
    """The bytes of a file, or of all files in a folder, each once; none of what is gone meanwhile."""
    sizes: dict[tuple[int, int], int] = {}
    for each in [path, *path.rglob("*")]:
        with contextlib.suppress(FileNotFoundError):
            if not each.is_dir():
                facts = each.lstat()
                sizes[facts.st_dev, facts.st_ino] = facts.st_size
    return sum(sizes.values())


def _of_seed(folder: Path) -> Iterator[tuple[Path, Path]]:
    for name in STAGES:
        stage = folder / name
        if stage.is_dir() and not stage.is_symlink():
            former = folder / f".{name}.former"
            if former.is_dir():
                yield former, stage
            if _is_no_stage(stage):
                yield stage, stage
        yield from ((draft, stage) for draft in sorted(folder.glob(f".{name}.draft-*")))
        lock = folder / f".{name}.lock"
        if lock.is_file():
            yield lock, stage


def _is_no_stage(folder: Path) -> bool:
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
    """When something in a file or folder was last changed, in seconds since 1970; now or later where it is gone."""
    latest = 0.0
    for each in [path, *path.rglob("*")]:
        with contextlib.suppress(FileNotFoundError):
            latest = max(latest, each.lstat().st_mtime)
    return latest
