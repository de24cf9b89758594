"""Check that the data folder of a worker is that of the center, and that a lock of one excludes the other.

The worker writes a file into the folder, holds a lock on it, and puts a question into Redis. The center reads the file,
tries the lock, writes its answer into the folder and into Redis, and the worker compares the two. A copy of the folder,
an empty mount point and a file system without locks each fail one of these steps.

The center also writes an id into its folder. Worlds that are built while the folder is not mounted would be written
into the empty mount point, so workers and the processes of runs read the id repeatedly.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import json
import logging
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import redis
from filelock import FileLock, Timeout

from vwe_dagster.files.atomic import write_atomically
from vwe_dagster.text.commands import command_line

ANSWERED_WITHIN_S = 60.0
"""Seconds that a worker waits for the center, whose sensor answers every five seconds."""

FOLDER = ".hosts"
"""The folder of questions and answers within the data folder."""

_IDENTITY = ".center"
"""The file with the id of the center within its data folder."""

_QUESTIONS = "vwe:questions"
_ANSWERS = "vwe:answers:"
_KEPT_S = 600
_POLL_S = 0.2

_log = logging.getLogger(__name__)


class Finding(enum.StrEnum):
    """The result of a question: the file is the same, is missing, is not locked, or denies access to the center."""

    SAME = "same"
    MISSING = "missing"
    UNLOCKED = "unlocked"
    DENIED = "denied"


class SharedDataError(RuntimeError):
    """The data folder is not that of the center. The message contains a remedy."""


@dataclasses.dataclass
class DataWatch:
    """Whether the data folder of a host still is that of the center.

    Attributes:
        data: the data folder of this host.
        identity: the id of the center that the folder had at the start of the worker.
        is_present: the result of the last check.
    """

    data: Path
    identity: str
    is_present: bool = True

    def check(self) -> bool:
        """Return whether the folder has the id, and log a change."""
        was_present, self.is_present = self.is_present, _read(self.data / _IDENTITY) == self.identity
        if was_present and not self.is_present:
            _log.error(
                "The data folder %s is no longer that of the center; this host takes no runs until the center's data "
                "folder is mounted at this path again.",
                self.data,
            )
        if self.is_present and not was_present:
            _log.info("The data folder %s is that of the center again.", self.data)
        return self.is_present


@dataclasses.dataclass(frozen=True)
class _Answer:
    finding: Finding
    secret: str


def check_shared_data(server: redis.Redis, data: Path, name: str, *, within_s: float = ANSWERED_WITHIN_S) -> float:
    """Check that a data folder is that of the center.

    Args:
        server: the Redis server.
        data: the data folder of this host.
        name: the name of this host.
        within_s: seconds to wait for the center.

    Returns:
        The seconds from the question to the answer.

    Raises:
        SharedDataError: the folder is another one, locks do not exclude the center, or the center does not answer.
    """
    question = f"{name}-{secrets.token_hex(8)}"
    began = time.monotonic()
    with _question_file(data, name, question):
        server.hset(_QUESTIONS, question, name)
        server.expire(_QUESTIONS, _KEPT_S)
        try:
            answer = _await_answer(server, question, within_s)
        finally:
            server.hdel(_QUESTIONS, question)
        if answer.finding is Finding.MISSING:
            raise SharedDataError(
                f"The data folder {data} is not that of the center, which does not see a file written here; "
                f"mount the center's data folder at this path."
            )
        if answer.finding is Finding.UNLOCKED:
            raise SharedDataError(
                f"Locks in the data folder {data} do not hold between this host and the center, so both could write "
                f"the same world; mount it over NFS 4 without the options nolock and local_lock."
            )
        if answer.finding is Finding.DENIED:
            raise SharedDataError(
                f"The center has no permission for files that this host writes into the data folder {data}, so it "
                f"could not rebuild or remove these worlds; run both with the same user id "
                f"({command_line('id', '-u')}), and mount an NFS export that does not map users."
            )
        if _read(_answer_file(data, question)) != answer.secret:
            raise SharedDataError(
                f"The data folder {data} does not show a file that the center wrote into it; "
                f"mount the center's data folder at this path, without a cache of missing files (lookupcache=positive)."
            )
    return time.monotonic() - began


def watch_data(data: Path) -> DataWatch:
    """Return the watch of a data folder that :func:`check_shared_data` has accepted.

    Raises:
        SharedDataError: the folder has no id of a center.
    """
    identity = _read(data / _IDENTITY)
    if identity is None:
        raise SharedDataError(
            f"The data folder {data} has no file {_IDENTITY} of the center; use the same version of vwe on all "
            f"machines."
        )
    return DataWatch(data, identity)


def answer_questions(server: redis.Redis, data: Path) -> list[str]:
    """Answer the questions of starting workers, at the center; return the names of their hosts.

    Args:
        server: the Redis server.
        data: the data folder of the center.
    """
    questions = cast("dict[str, str]", server.hgetall(_QUESTIONS))
    if questions and _read(data / _IDENTITY) is None:
        data.mkdir(parents=True, exist_ok=True)
        write_atomically(data / _IDENTITY, secrets.token_hex(8).encode())
    for question in questions:
        secret = secrets.token_hex(8)
        answer = _Answer(_inspect(data, question, secret), secret)
        server.set(_ANSWERS + question, json.dumps(dataclasses.asdict(answer)), ex=_KEPT_S)
        server.hdel(_QUESTIONS, question)
    return sorted(set(questions.values()))


@contextlib.contextmanager
def _question_file(data: Path, name: str, question: str) -> Iterator[None]:
    """Write the file of a question, hold its lock for the block, and remove both files."""
    folder = data / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(f"{name}-*"):
            old.unlink(missing_ok=True)
        path = _question_path(data, question)
        write_atomically(path, question.encode())
    except OSError as error:
        raise SharedDataError(
            f"The data folder {data} cannot be written ({error.strerror}); mount the center's data folder at this path "
            f"for the user of this process."
        ) from error
    lock = FileLock(path.with_suffix(".lock"), timeout=0)
    try:
        try:
            lock.acquire()
        except (OSError, NotImplementedError) as error:
            raise SharedDataError(
                f"The file system of the data folder {data} has no locks ({error}), so two hosts could write the same "
                f"world; mount it over NFS 4 without the options nolock and local_lock."
            ) from error
        yield
    finally:
        lock.release()
        for file in (path, path.with_suffix(".lock"), _answer_file(data, question)):
            file.unlink(missing_ok=True)


def _await_answer(server: redis.Redis, question: str, within_s: float) -> _Answer:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        text = cast("str | None", server.get(_ANSWERS + question))
        if text is not None:
            content = json.loads(text)
            return _Answer(Finding(content["finding"]), content["secret"])
        time.sleep(_POLL_S)
    raise SharedDataError(
        f"The center did not answer for {within_s:g} s, so the data folder cannot be checked; start the center, "
        f"with its daemon and the sensor lost_runs."
    )


def _inspect(data: Path, question: str, secret: str) -> Finding:
    """Inspect the file of a question, and write the answer file if the folder is the same."""
    path = _question_path(data, question)
    if _read(path) != question:
        return Finding.MISSING
    try:
        with contextlib.suppress(Timeout), FileLock(path.with_suffix(".lock"), timeout=0):
            return Finding.UNLOCKED
        with contextlib.suppress(FileNotFoundError):
            write_atomically(_answer_file(data, question), secret.encode())
    except PermissionError:
        return Finding.DENIED
    return Finding.SAME


def _question_path(data: Path, question: str) -> Path:
    return data / FOLDER / f"{question}.question"


def _answer_file(data: Path, question: str) -> Path:
    return data / FOLDER / f"{question}.answer"


def _read(path: Path) -> str | None:
    # Opening a folder makes an NFS client look for changes of its entries.
    with contextlib.suppress(OSError):
        list(path.parent.iterdir())
        return path.read_text(encoding="utf-8")
    return None
