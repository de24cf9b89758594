"""The inbox: the folder for seed lists, and the folders that processed lists are moved to.

A list stays in the inbox until all its seeds are processed. Then it moves to ``done``, or to ``rejected`` with a report
if an entry was invalid. The valid seeds of a list are processed even if other entries are invalid.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from vwe_dagster.files.atomic import write_atomically
from vwe_dagster.files.bounded_read import read_file
from vwe_dagster.seeds.lists import MAX_BYTES, SeedList, SeedListError, parse_seed_list
from vwe_dagster.seeds.seed import Seed

FOLDER = "inbox"
"""The name of the inbox within the data folder."""

SETTLED_S = 5.0
"""Seconds that a file must be unchanged before it is read, since another program may be writing it."""

CLOCK_AHEAD_S = 3600.0
"""Seconds in the future from which a file's time means that a clock was set back. The clock of a file server may run
ahead by less; such a file counts as new."""

_UNFINISHED = ("~", ".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".download")
"""Suffixes of files that another program is writing. Hidden files are ignored, too."""

_MAX_NAME_LENGTH = 200


class ListChangedError(RuntimeError):
    """A file was changed or moved after the inbox was listed; the next listing includes it again."""


@dataclasses.dataclass(frozen=True)
class DroppedFile:
    """A file in the inbox.

    Attributes:
        path: the path of the file.
        identity: a hash that distinguishes this file from earlier files of the same name.
        regular: whether it is a regular file, as opposed to a link, a pipe or a device.
    """

    path: Path
    identity: str
    regular: bool

    @property
    def name(self) -> str:
        """The name of the file as valid Unicode, for display and storage."""
        return os.fsencode(self.path.name).decode(errors="replace")


class Inbox:
    """The inbox of a data folder."""

    def __init__(self, folder: Path) -> None:
        """Set the folder of the inbox, which need not exist yet."""
        self.folder = folder

    def put(self, name: str, seeds: Iterable[Seed]) -> Path:
        """Write a seed list into the inbox atomically, and return its path.

        Args:
            name: the name of the file, which ends in ``.txt``; an existing file is replaced.
            seeds: the seeds to build.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        write_atomically(path, "".join(f"{seed.key}\n" for seed in seeds).encode())
        return path

    def settled(self, now: float) -> list[DroppedFile]:
        """Return the files that were not changed recently, oldest first.

        Folders, hidden files and files with the suffix of an unfinished file are ignored. The inbox is created if
        necessary.

        Args:
            now: the time, in seconds since 1970.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        found = []
        for path in self.folder.iterdir():
            if path.name.startswith(".") or path.name.lower().endswith(_UNFINISHED):
                continue
            # The file may just have been moved away.
            with contextlib.suppress(FileNotFoundError):
                status = path.lstat()
                # Not the time of modification, which copying programs may set to any value.
                age_s = now - status.st_ctime
                if not stat.S_ISDIR(status.st_mode) and (age_s >= SETTLED_S or age_s <= -CLOCK_AHEAD_S):
                    found.append((status.st_ctime, path.name, _dropped(path, status)))
        return [file for _, _, file in sorted(found, key=lambda each: each[:2])]

    def read(self, file: DroppedFile) -> SeedList:
        """Read and parse a seed list.

        Raises:
            SeedListError: the file is not a seed list.
            ListChangedError: the file was changed or moved after it was listed.
        """
        if not file.regular:
            raise SeedListError(
                f"{file.name} is a link or another special file; put a copy of the list into the inbox."
            )
        try:
            # The file may have been replaced: do not follow a link, and do not block on a pipe.
            descriptor = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(descriptor, "rb") as opened:  # noqa: PTH123  Path.open takes no descriptor
                content = opened.read(MAX_BYTES + 1)
                status = os.fstat(descriptor)
        except PermissionError as error:
            raise SeedListError(
                f"{file.name} is not readable by this user; change its permissions and put it into the inbox again."
            ) from error
        except OSError as error:
            raise ListChangedError(str(error)) from error
        if _dropped(file.path, status) != file:
            raise ListChangedError(f"{file.name} is still being written.")
        return parse_seed_list(file.name, content)

    def finish(self, file: DroppedFile, content: SeedList) -> Path:
        """Move a processed list out of the inbox.

        Args:
            file: the file of the list.
            content: the parsed list.

        Returns:
            The new path: in ``done``, or in ``rejected`` with a report if an entry was invalid.

        Raises:
            OSError: the file cannot be moved.
        """
        if not content.rejected:
            return self._move(file, "done", None)
        return self._move(file, "rejected", _report(file.name, content))

    def reject(self, file: DroppedFile, error: SeedListError) -> Path:
        """Move a file that is not a seed list to ``rejected``, with a report.

        Returns:
            The new path.

        Raises:
            OSError: the file cannot be moved.
        """
        return self._move(file, "rejected", f"No seed of {file.name} was accepted. {error}\n")

    def _move(self, file: DroppedFile, folder: str, report: str | None) -> Path:
        content = None if report is None else report.encode(errors="backslashreplace")
        target = _unused(self.folder / folder, file.path.name, content)
        target.parent.mkdir(exist_ok=True)
        if content is not None:
            # The report comes first: if this process is killed in between, the next one finds the file and the report.
            write_atomically(_report_of(target), content)
        file.path.rename(target)
        return target


def _dropped(path: Path, status: os.stat_result) -> DroppedFile:
    # The system sets the time of change at each write, rename or move; programs cannot set it.
    key = f"{path.name!r} {status.st_ctime_ns} {status.st_ino} {status.st_size}"
    return DroppedFile(path, hashlib.sha256(key.encode()).hexdigest()[:12], stat.S_ISREG(status.st_mode))


def _unused(folder: Path, name: str, report: bytes | None) -> Path:
    """Return an unused path in ``folder``: ``name``, or ``name`` with a number.

    With a ``report``, the path of the report must also be unused, or must already contain this report.
    """
    # Only the end of a very long name is kept, with the suffix, so that the name of the report is not too long.
    whole = Path(os.fsdecode(os.fsencode(name)[-_MAX_NAME_LENGTH:]))
    names = itertools.chain([whole.name], (f"{whole.stem}-{number}{whole.suffix}" for number in itertools.count(2)))
    paths = (path for path in (folder / each for each in names) if not os.path.lexists(path))
    return next(path for path in paths if report is None or _is_free_for(_report_of(path), report))


def _is_free_for(path: Path, report: bytes) -> bool:
    return not os.path.lexists(path) or (path.is_file() and read_file(path, len(report) + 1) == report)


def _report_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.report.txt")


def _report(name: str, content: SeedList) -> str:
    summary = (
        f"Of {name}, {_counted(len(content.rejected))} rejected and {_counted(len(content.seeds))} accepted. "
        f"Correct the rejected entries and put them into the inbox as a new list."
    )
    entries = (f"\n{entry.place}: {entry.text}\n    {entry.reason}" for entry in content.rejected)
    return "\n".join([summary, *entries]) + "\n"


def _counted(seeds: int) -> str:
    return "1 seed was" if seeds == 1 else f"{seeds} seeds were"
