"""Check that the file system of the data folder does what the store relies on, with two processes of this host."""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from filelock import FileLock, Timeout

from vwe_dagster.files.atomic import sync_folder, write_to_disk, write_whole
from vwe_dagster.hosts.shared_data import FOLDER

_RENAMES = 300
_EXCLUSIVE_FILES = 50
_REPLACEMENTS = 50
_FILE_BYTES = 65_536
_CHILD_S = 60.0
_RELEASE_S = 10.0
_CLOCKS_DIFFER_S = 5.0

_processes = multiprocessing.get_context("spawn")


@dataclasses.dataclass(frozen=True)
class MountCheck:
    """The result of a check.

    Attributes:
        name: what was checked.
        passed: whether the file system has the property.
        required: whether the store depends on it.
        detail: the observation, as text.
    """

    name: str
    passed: bool
    required: bool
    detail: str


def mount_checks(data: Path) -> Iterator[MountCheck]:
    """Run every check in a new folder within the data folder, and remove the folder afterwards.

    Raises:
        OSError: the data folder cannot be written.
    """
    folder = data / FOLDER / f"check-{secrets.token_hex(8)}"
    folder.mkdir(parents=True)
    try:
        for name, required, check in (
            ("a rename replaces a file atomically", True, _check_file_rename),
            ("a folder is renamed as a whole", True, _check_folder_rename),
            ("O_EXCL: one of two processes creates a file", True, _check_exclusive_creation),
            ("fsync of files and folders", True, _check_fsync),
            ("a lock excludes another process", True, _check_lock),
            ("a killed process loses its lock", True, _check_killed_holder),
            ("a replaced file is recognized by its inode or time", True, _check_replaced_file),
            ("hard links", False, _check_hard_link),
            ("symbolic links", False, _check_symbolic_link),
            ("the clock of the file server", False, _check_server_clock),
        ):
            yield _result(name, check, folder, required=required)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _result(name: str, check: Callable[[Path], str], folder: Path, *, required: bool) -> MountCheck:
    try:
        return MountCheck(name, passed=True, required=required, detail=check(folder))
    except (OSError, _FailedError) as error:
        return MountCheck(name, passed=False, required=required, detail=str(error))


class _FailedError(Exception):
    """The file system lacks the property. The message states the observation."""


def _check_file_rename(folder: Path) -> str:
    path = folder / "file"
    path.write_bytes(bytes(_FILE_BYTES))
    with _child(_read_repeatedly, str(path)) as (_, pipe):
        for number in range(_RENAMES):
            draft = folder / f"draft-{number}"
            draft.write_bytes(bytes([number % 256]) * _FILE_BYTES)
            draft.replace(path)
        pipe.send("end")
        reads, faults = _receive(pipe)
    if faults:
        raise _FailedError(f"{faults} of {reads} reads saw no file or an incomplete one")
    return f"{reads} reads during {_RENAMES} renames saw a whole file"


def _read_repeatedly(pipe: Connection, name: str) -> None:
    path, reads, faults = Path(name), 0, 0
    pipe.send("ready")
    while not pipe.poll():
        reads += 1
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            faults += 1
        else:
            faults += content != content[:1] * _FILE_BYTES
    pipe.send((reads, faults))


def _check_folder_rename(folder: Path) -> str:
    draft, target, former = folder / "draft", folder / "target", folder / "former"
    for each in (draft, target):
        each.mkdir()
        (each / "name").write_text(each.name, encoding="utf-8")
    target.rename(former)
    draft.rename(target)
    if (target / "name").read_text(encoding="utf-8") != "draft" or draft.exists():
        raise _FailedError("after the renames, the folder does not have the new content")
    return "the folder has the new content"


def _check_exclusive_creation(folder: Path) -> str:
    with _child(_create_files, str(folder)) as (_, pipe):
        own = [number for number in range(_EXCLUSIVE_FILES) if _creates(folder, number)]
        others = _receive(pipe)
    both, total = set(own) & set(others), len(own) + len(others)
    if both or total != _EXCLUSIVE_FILES:
        raise _FailedError(f"{len(both)} of {_EXCLUSIVE_FILES} files were created by both processes")
    return f"{_EXCLUSIVE_FILES} files were created once each"


def _create_files(pipe: Connection, name: str) -> None:
    pipe.send("ready")
    pipe.send([number for number in range(_EXCLUSIVE_FILES) if _creates(Path(name), number)])


def _creates(folder: Path, number: int) -> bool:
    try:
        os.close(os.open(folder / f"exclusive-{number}", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    return True


def _check_fsync(folder: Path) -> str:
    began = time.perf_counter()
    for number in range(10):
        write_to_disk(folder / f"synced-{number}", bytes(_FILE_BYTES))
        sync_folder(folder)
    return f"{100 * (time.perf_counter() - began):.1f} ms for a file of 64 KiB and its folder"


def _check_lock(folder: Path) -> str:
    path = folder / "lock"
    with _child(_hold_lock, str(path)) as (_, pipe):
        _require_held(path)
        pipe.send("end")
        _receive(pipe)
        with FileLock(path, timeout=_RELEASE_S):
            return "it was held, then released"


def _check_killed_holder(folder: Path) -> str:
    path = folder / "killed"
    with _child(_hold_lock, str(path)) as (process, _):
        _require_held(path)
        process.kill()
        began = time.perf_counter()
        try:
            with FileLock(path, timeout=_RELEASE_S):
                return f"released after {1e3 * (time.perf_counter() - began):.0f} ms"
        except Timeout:
            raise _FailedError(f"the lock of a killed process was held for {_RELEASE_S:g} s more") from None


def _require_held(path: Path) -> None:
    with contextlib.suppress(Timeout), FileLock(path, timeout=0):
        raise _FailedError("two processes held the lock")


def _hold_lock(pipe: Connection, name: str) -> None:
    with FileLock(name, timeout=0):
        pipe.send("ready")
        pipe.recv()
    pipe.send("released")


def _check_hard_link(folder: Path) -> str:
    first, second = folder / "first", folder / "second"
    first.write_bytes(bytes(_FILE_BYTES))
    try:
        second.hardlink_to(first)
    except OSError as error:
        raise _FailedError(f"not supported ({error.strerror}); the store copies files instead") from error
    first.unlink()
    if second.read_bytes() != bytes(_FILE_BYTES):
        raise _FailedError("the file has different content under its second name")
    return "two names share one file"


def _check_replaced_file(folder: Path) -> str:
    path = folder / "replaced"
    former, unnoticed = None, 0
    for number in range(_REPLACEMENTS):
        write_whole(path, bytes([number]))
        status = path.stat()
        # A file may have the inode of the last but one, within one tick of the clock.
        unnoticed += former == (status.st_ino, status.st_mtime_ns)
        former = (status.st_ino, status.st_mtime_ns)
    if unnoticed:
        raise _FailedError(
            f"{unnoticed} of {_REPLACEMENTS} replaced files had the inode and the time of the former file"
        )
    return f"{_REPLACEMENTS} replaced files differ from their former file"


def _check_symbolic_link(folder: Path) -> str:
    try:
        (folder / "link").symlink_to("named")
    except OSError as error:
        raise _FailedError(f"not supported ({error.strerror}); by-name has no links") from error
    return "supported"


def _check_server_clock(folder: Path) -> str:
    path = folder / "now"
    before = time.time()
    path.touch()
    after = time.time()
    ahead = max(path.stat().st_mtime - after, 0.0) - max(before - path.stat().st_mtime, 0.0)
    if abs(ahead) > _CLOCKS_DIFFER_S:
        raise _FailedError(f"{ahead:+.0f} s from this host's; ages of leftovers are wrong by that, so set both by NTP")
    return f"equals this host's within {_CLOCKS_DIFFER_S:g} s"


@contextlib.contextmanager
def _child(
    work: Callable[[Connection, str], None], name: str
) -> Iterator[tuple[multiprocessing.process.BaseProcess, Connection]]:
    """Run ``work`` in another process for the block; the block begins when it has sent its first message."""
    pipe, other = _processes.Pipe()
    process = _processes.Process(target=work, args=(other, name), daemon=True)
    process.start()
    try:
        _receive(pipe)
        yield process, pipe
    finally:
        process.kill()
        process.join()


def _receive(pipe: Connection) -> tuple[int, int]:
    if not pipe.poll(_CHILD_S):
        raise _FailedError(f"the other process did not answer for {_CHILD_S:g} s")
    return pipe.recv()  # type: ignore[no-any-return]
