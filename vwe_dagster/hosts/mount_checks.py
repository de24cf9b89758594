"""Check that the file system of the data folder does what the store relies on, with two processes of this host."""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from filelock import FileLock, Timeout

from vwe_dagster.files.atomic import sync_folder, write_atomically, write_to_disk
from vwe_dagster.hosts.shared_data import FOLDER

_RENAMES = 300
_EXCLUSIVE_FILES = 50
_REPLACEMENTS = 50
_FILE_BYTES = 65_536
_CHILD_S = 60.0
_RELEASE_S = 10.0
_CLOCKS_DIFFER_S = 5.0
_FREE_BYTES = 2 * 10**9

MOUNTS = Path("/proc/self/mountinfo")
"""The list of mounts of Linux."""

_NFS_FAULTS = {
    "soft": "with soft, a slow server makes writes fail in the middle of a world",
    "softerr": "with softerr, a slow server makes writes fail in the middle of a world",
    "nolock": "with nolock, locks do not exclude other hosts",
    "local_lock=all": "with local_lock=all, locks do not exclude other hosts",
    "local_lock=flock": "with local_lock=flock, locks do not exclude other hosts",
    "vers=3": "version 3 loses locks when the server restarts",
}
"""Options that the store cannot work with, each with its effect."""

_processes = multiprocessing.get_context("spawn")


@dataclasses.dataclass(frozen=True)
class MountCheck:
    """The result of a check.

    Attributes:
        name: the checked property, as a short statement.
        passed: whether the file system has the property.
        required: whether the store depends on it.
        detail: the observation, as text; for a failed check also its consequence and a remedy.
    """

    name: str
    passed: bool
    required: bool
    detail: str


@dataclasses.dataclass(frozen=True)
class _Property:
    """A property of the file system.

    Attributes:
        name: the property, as a short statement.
        check: checks the property in a folder of the file system, and returns the observation.
        consequence: the consequence of a failure, and a remedy.
        required: whether the store depends on it.
    """

    name: str
    check: Callable[[Path], str]
    consequence: str
    required: bool = True


def mount_checks(data: Path) -> Iterator[MountCheck]:
    """Run every check in a new folder within the data folder, and remove the folder afterwards.

    Raises:
        OSError: the data folder cannot be written.
    """
    folder = data / FOLDER / f"check-{secrets.token_hex(8)}"
    folder.mkdir(parents=True)
    try:
        for each in PROPERTIES:
            yield _result(each, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _result(checked: _Property, folder: Path) -> MountCheck:
    try:
        return MountCheck(checked.name, passed=True, required=checked.required, detail=checked.check(folder))
    # On a file system without locks, filelock raises NotImplementedError. In a child process, this closes its pipe.
    except (OSError, NotImplementedError, EOFError, _FailedError) as error:
        observation = str(error) or "the other process failed"
        detail = f"{observation}; {checked.consequence}"
        return MountCheck(checked.name, passed=False, required=checked.required, detail=detail)


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
    with (target / "name").open(encoding="utf-8") as reader:
        target.rename(former)
        draft.rename(target)
        if reader.read() != "target":
            raise _FailedError("an open file of the former folder does not keep its content")
    if (target / "name").read_text(encoding="utf-8") != "draft" or draft.exists():
        raise _FailedError("after the renames, the folder does not have the new content")
    return "the folder has the new content, and an open file keeps the former content"


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
        raise _FailedError(f"not supported ({error.strerror})") from error
    first.unlink()
    if second.read_bytes() != bytes(_FILE_BYTES):
        raise _FailedError("the file has different content under its second name")
    return "two names share one file"


def _check_replaced_file(folder: Path) -> str:
    path = folder / "replaced"
    former, unnoticed = None, 0
    for number in range(_REPLACEMENTS):
        write_atomically(path, bytes([number]))
        status = path.stat()
        # Within one clock tick, a file may get the inode of the file before its predecessor.
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
        raise _FailedError(f"not supported ({error.strerror})") from error
    return "supported"


def _check_server_clock(folder: Path) -> str:
    path = folder / "now"
    before = time.time()
    path.touch()
    after = time.time()
    ahead = max(path.stat().st_mtime - after, 0.0) - max(before - path.stat().st_mtime, 0.0)
    if abs(ahead) > _CLOCKS_DIFFER_S:
        raise _FailedError(f"{ahead:+.0f} s from this host's")
    return f"equals this host's within {_CLOCKS_DIFFER_S:g} s"


def _check_owner(folder: Path) -> str:
    path = folder / "owned"
    path.touch()
    owner, expected = path.stat().st_uid, folder.parents[1].stat().st_uid
    if owner != expected:
        raise _FailedError(f"a new file belongs to the user {owner}, the data folder to {expected}")
    return f"a new file belongs to the user {owner}, as the data folder does"


def _check_free_space(folder: Path) -> str:
    free = shutil.disk_usage(folder).free
    if free < _FREE_BYTES:
        raise _FailedError(f"{free / 1e9:.1f} GB are free")
    return f"{free / 1e9:.0f} GB are free"


def _check_mount_options(folder: Path) -> str:
    mount = _mount_of(folder)
    if mount is None:
        return "unknown on this system"
    kind, options = mount
    if not kind.startswith("nfs"):
        return f"{kind}, not NFS"
    faults = [fault for option, fault in _NFS_FAULTS.items() if option in options]
    if not {"lookupcache=pos", "lookupcache=positive", "lookupcache=none"} & options:
        faults.append("lookupcache=positive is missing, so this host may not see new files of other hosts")
    if faults:
        raise _FailedError(", ".join(faults))
    return kind


def _mount_of(folder: Path) -> tuple[str, frozenset[str]] | None:
    """Return the type and the options of the mount of a folder; None if the system has no list of mounts."""
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    device = folder.stat().st_dev
    found = None
    for line in lines:
        mount, _, system = line.partition(" - ")
        kind, _, options = system.split(" ", 2)
        if mount.split()[2] == f"{os.major(device)}:{os.minor(device)}":
            found = kind, frozenset(options.split(","))
    return found


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


_LIKE_A_LOCAL_DISK = "mount the folder over NFS 4, not over SMB, 9p or a service that copies files"
_WITH_LOCKS = "mount the folder over NFS 4 without nolock and local_lock"

PROPERTIES: Sequence[_Property] = (
    _Property(
        "a rename replaces a file atomically",
        _check_file_rename,
        f"pages and runs would read incomplete files, so {_LIKE_A_LOCAL_DISK}",
    ),
    _Property(
        "a folder is renamed as a whole, even if a file in it is open",
        _check_folder_rename,
        f"a world could not be replaced while it is read, so {_LIKE_A_LOCAL_DISK}",
    ),
    _Property(
        "O_EXCL: one of two processes creates a file",
        _check_exclusive_creation,
        f"two processes could both create the same lock, so {_LIKE_A_LOCAL_DISK}",
    ),
    _Property(
        "fsync of files and folders",
        _check_fsync,
        f"a loss of power could damage finished worlds, so {_LIKE_A_LOCAL_DISK}",
    ),
    _Property(
        "a lock excludes another process",
        _check_lock,
        f"two processes could write the same world, so {_WITH_LOCKS}",
    ),
    _Property(
        "a killed process loses its lock",
        _check_killed_holder,
        f"a killed run would block its worlds, so {_WITH_LOCKS}",
    ),
    _Property(
        "a replaced file is recognized by its inode or time",
        _check_replaced_file,
        f"pages and tables would show former worlds, so {_LIKE_A_LOCAL_DISK}",
    ),
    _Property(
        "free space",
        _check_free_space,
        "ten worlds of 8192 cells a side take 1.4 GB, so free at least 2 GB",
    ),
    _Property(
        "mount options",
        _check_mount_options,
        "mount the folder with -o hard,lookupcache=positive",
        required=False,
    ),
    _Property(
        "owner of new files",
        _check_owner,
        "the center may be unable to replace or remove them, so use the same user id on all machines, and an NFS "
        "export that does not map users",
        required=False,
    ),
    _Property("hard links", _check_hard_link, "the store copies files instead, which takes more space", required=False),
    _Property("symbolic links", _check_symbolic_link, "data/by-name has no links", required=False),
    _Property(
        "the clock of the file server",
        _check_server_clock,
        "ages of leftovers and of lists in the inbox are wrong by that time, so set both clocks by NTP",
        required=False,
    ),
)
