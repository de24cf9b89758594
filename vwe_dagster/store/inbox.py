"""The inbox: the folder into which people put seed lists, and where the lists go from there.

A list stays in the folder until all that it asks for has been seen to. Then it is moved: to ``done``, or, where
something in it was refused, to ``rejected`` with a report beside it. The good seeds of a list are taken even if others
are refused.
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

from vwe_dagster.files.atomic import write_whole
from vwe_dagster.files.bounded_read import read_file
from vwe_dagster.seeds.lists import MAX_BYTES, SeedList, SeedListError, parse_seed_list
from vwe_dagster.seeds.seed import Seed

FOLDER = "inbox"
"""The inbox's name in the data folder."""

SETTLED_S = 5.0
"""Seconds for which nobody has touched a file before it is read: it may be half written."""

CLOCK_AHEAD_S = 3600.0
"""Seconds in the future from which the time of a file means that a clock was set back, not that the file is new. The
clock of a file server may run ahead by less."""

_UNFINISHED = ("~", ".part", ".partial", ".filepart", ".tmp", ".temp", ".crdownload", ".download")
"""How the names of files end that another program is writing; hidden files are left alone as well."""

_LONGEST_NAME = 200


class ListChangedError(RuntimeError):
    """A file that is no longer what it was when the folder was looked at; it is for the next look."""


@dataclasses.dataclass(frozen=True)
class DroppedFile:
    """A file that lies in the inbox.

    Attributes:
        path: where.
        identity: tells this file from others of its name that lay there before: no two have the same.
        regular: whether it is a plain file; if not it is a link, a pipe or the like.
    """

    path: Path
    identity: str
    regular: bool

    @property
    def name(self) -> str:
        """The file's name, as it can be shown and stored."""
        return os.fsencode(self.path.name).decode(errors="replace")


class Inbox:
    """The folder of seed lists."""

    def __init__(self, folder: Path) -> None:
        """Uses a folder, which need not exist yet.

        Args:
            folder: where people put lists.
        """
        self.folder = folder

    def put(self, name: str, seeds: Iterable[Seed]) -> Path:
        """Puts a list of seeds into the inbox; it appears whole or not at all.

        Args:
            name: the name of the file, which ends in ``.txt``; one of that name is replaced.
            seeds: what is to be made.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / name
        write_whole(path, "".join(f"{seed.key}\n" for seed in seeds).encode())
        return path

    def settled(self, now: float) -> list[DroppedFile]:
        """The files that nobody is writing any more, the oldest first.

        Folders, hidden files and those with the name of an unfinished one are left alone. The inbox is made if need be.

        Args:
            now: the time, in seconds since 1970.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        found = []
        for path in self.folder.iterdir():
            if path.name.startswith(".") or path.name.lower().endswith(_UNFINISHED):
                continue
            # It may just have been moved away.
            with contextlib.suppress(FileNotFoundError):
                facts = path.lstat()
                # The time of modification can be set to anything, and is by those who copy with it.
                age_s = now - facts.st_ctime
                if not stat.S_ISDIR(facts.st_mode) and (age_s >= SETTLED_S or age_s <= -CLOCK_AHEAD_S):
                    found.append((facts.st_ctime, path.name, _dropped(path, facts)))
        return [file for _, _, file in sorted(found, key=lambda each: each[:2])]

    def read(self, file: DroppedFile) -> SeedList:
        """Reads a list.

        Raises:
            SeedListError: the file is no seed list.
            ListChangedError: it was changed or moved since it was found.
        """
        if not file.regular:
            raise SeedListError(f"{file.name} is a link or another special file; put a copy of the list itself here.")
        try:
            # Whatever has taken its place meanwhile is neither followed nor waited for.
            descriptor = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with open(descriptor, "rb") as opened:  # noqa: PTH123  Path.open takes no descriptor
                content = opened.read(MAX_BYTES + 1)
                facts = os.fstat(descriptor)
        except PermissionError as error:
            raise SeedListError(f"{file.name} may not be read; allow it to be read and put it here again.") from error
        except OSError as error:
            raise ListChangedError(str(error)) from error
        if _dropped(file.path, facts) != file:
            raise ListChangedError(f"{file.name} is being written.")
        return parse_seed_list(file.name, content)

    def finish(self, file: DroppedFile, content: SeedList) -> Path:
        """Moves a list away whose seeds have been seen to.

        Args:
            file: which.
            content: what was in it.

        Returns:
            Where it lies now: in ``done``, or in ``rejected`` with a report if something was refused.

        Raises:
            OSError: it cannot be moved.
        """
        if not content.refused:
            return self._move(file, "done", None)
        return self._move(file, "rejected", _report(file.name, content))

    def reject(self, file: DroppedFile, error: SeedListError) -> Path:
        """Moves a file away that is no seed list, and puts a report beside it.

        Returns:
            Where it lies now.

        Raises:
            OSError: it cannot be moved.
        """
        return self._move(file, "rejected", f"Nothing of {file.name} was taken. {error}\n")

    def _move(self, file: DroppedFile, folder: str, report: str | None) -> Path:
        told = None if report is None else report.encode(errors="backslashreplace")
        target = _unused(self.folder / folder, file.path.name, told)
        target.parent.mkdir(exist_ok=True)
        if told is not None:
            # First: were we killed in between, the file would be found again and its report be there.
            write_whole(_report_of(target), told)
        file.path.rename(target)
        return target


def _dropped(path: Path, facts: os.stat_result) -> DroppedFile:
    # The time of change is the system's own, of the last writing, renaming or moving.
    told = f"{path.name!r} {facts.st_ctime_ns} {facts.st_ino} {facts.st_size}"
    return DroppedFile(path, hashlib.sha256(told.encode()).hexdigest()[:12], stat.S_ISREG(facts.st_mode))


def _unused(folder: Path, name: str, report: bytes | None) -> Path:
    """A path in ``folder`` that nothing has yet, called ``name``, or ``name`` with a number.

    Nor has anything the path of its report, if there is to be one, but for that very report.
    """
    # Of a very long name the end is kept, which has the suffix, so that a report can be named after it.
    whole = Path(os.fsdecode(os.fsencode(name)[-_LONGEST_NAME:]))
    names = itertools.chain([whole.name], (f"{whole.stem}-{number}{whole.suffix}" for number in itertools.count(2)))
    paths = (path for path in (folder / each for each in names) if not os.path.lexists(path))
    return next(path for path in paths if report is None or _is_free_for(_report_of(path), report))


def _is_free_for(path: Path, report: bytes) -> bool:
    return not os.path.lexists(path) or (path.is_file() and read_file(path, len(report) + 1) == report)


def _report_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.report.txt")


def _report(name: str, content: SeedList) -> str:
    summary = (
        f"Of {name}, {_counted(len(content.refused))} refused and {_counted(len(content.seeds))} taken. "
        f"Mend what was refused and put it into the inbox in a new list."
    )
    refusals = (f"\n{refusal.place}: {refusal.text}\n    {refusal.reason}" for refusal in content.refused)
    return "\n".join([summary, *refusals]) + "\n"


def _counted(seeds: int) -> str:
    return "1 seed was" if seeds == 1 else f"{seeds} seeds were"
