"""The checks of a data folder: a local disk passes all, and a missing ability is named."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from vwe_dagster.hosts import mount_checks
from vwe_dagster.hosts.mount_checks import MountCheck

pytestmark = pytest.mark.slow


def result(data: Path, name: str) -> MountCheck:
    """Return the result of one check."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mount_checks, "PROPERTIES", [each for each in mount_checks.PROPERTIES if each.name == name])
        [check] = mount_checks.mount_checks(data)
    return check


def test_local_disk_passes_every_check(tmp_path: Path) -> None:
    assert [check for check in mount_checks.mount_checks(tmp_path) if not check.passed] == []
    assert list((tmp_path / ".hosts").iterdir()) == [], "the checks leave nothing behind"


def test_missing_hard_links_are_reported_and_not_required(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    check = result(tmp_path, "hard links")
    assert (check.passed, check.required) == (False, False)
    assert "the store copies files instead" in check.detail


def test_lock_that_excludes_no_process_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoLock:
        def __init__(self, *_: object, **__: object) -> None: ...

        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(mount_checks, "FileLock", NoLock)
    check = result(tmp_path, "a lock excludes another process")
    assert check.detail.startswith("two processes held the lock; two processes could write the same world")
    assert check.required


def test_missing_symbolic_links_are_reported_and_not_required(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "symlink_to", refuse)
    check = result(tmp_path, "symbolic links")
    assert (check.passed, check.required) == (False, False)
    assert "by-name has no links" in check.detail


def test_file_system_without_locks_fails_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    check = result(tmp_path, "a lock excludes another process")
    assert (check.passed, check.required) == (False, True)
    assert check.detail.endswith("mount the folder over NFS 4 without nolock and local_lock")


@pytest.mark.parametrize(
    ("options", "passed", "detail"),
    [
        ("rw,vers=4.2,hard,local_lock=none,lookupcache=pos", True, "nfs4"),
        ("rw,vers=4.2,soft,local_lock=none,lookupcache=pos", False, "with soft, a slow server"),
        ("rw,vers=4.2,hard,local_lock=none", False, "lookupcache=positive is missing"),
        ("rw,vers=3,hard,nolock,lookupcache=none", False, "with nolock, locks do not exclude other hosts, version 3"),
    ],
)
def test_nfs_mount_passes_unless_its_options_are_unsafe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str, *, passed: bool, detail: str
) -> None:
    device = tmp_path.stat().st_dev
    line = f"36 35 {os.major(device)}:{os.minor(device)} / /srv/vwe/data rw shared:1 - nfs4 10.0.0.5:/ {options}"
    (tmp_path / "mounts").write_text(f"22 27 0:1 / /proc rw - proc proc rw\n{line}\n", encoding="utf-8")
    monkeypatch.setattr(mount_checks, "MOUNTS", tmp_path / "mounts")
    check = result(tmp_path, "mount options")
    assert check.passed == passed
    assert check.detail.startswith(detail)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the owner of a folder")
def test_files_of_another_user_than_the_folder_are_reported(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, -1)
    check = result(tmp_path, "owner of new files")
    assert (check.passed, check.required) == (False, False)
    assert "the data folder to 12345; the center may be unable" in check.detail


def test_low_free_space_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mount_checks, "_FREE_BYTES", 2**70)
    check = result(tmp_path, "free space")
    assert (check.passed, check.required) == (False, True)
    assert check.detail.endswith("so free at least 2 GB")


def test_clock_of_the_file_server_that_is_wrong_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch = Path.touch

    def touch_in_the_future(path: Path) -> None:
        touch(path)
        os.utime(path, (time.time() + 90, time.time() + 90))

    monkeypatch.setattr(Path, "touch", touch_in_the_future)
    check = result(tmp_path, "the clock of the file server")
    assert (check.passed, check.required) == (False, False)
    assert check.detail.startswith(("+89 s", "+90 s"))


def test_replaced_files_that_cannot_be_distinguished_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def overwrite(path: Path, content: bytes) -> None:
        path.write_bytes(content)
        os.utime(path, (0, 0))

    monkeypatch.setattr(mount_checks, "write_atomically", overwrite)
    check = result(tmp_path, "a replaced file is recognized by its inode or time")
    assert (check.passed, check.required) == (False, True)
    assert check.detail.startswith("49 of 50 replaced files")
