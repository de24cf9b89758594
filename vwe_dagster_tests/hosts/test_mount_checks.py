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


def results(data: Path) -> dict[str, MountCheck]:
    return {check.name: check for check in mount_checks.mount_checks(data)}


def test_local_disk_passes_every_check(tmp_path: Path) -> None:
    checks = results(tmp_path)
    assert [check.name for check in checks.values() if not check.passed] == []
    assert list((tmp_path / ".hosts").iterdir()) == [], "the checks leave nothing behind"


def test_missing_hard_links_are_reported_and_not_required(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    check = results(tmp_path)["hard links"]
    assert (check.passed, check.required) == (False, False)
    assert "the store copies files instead" in check.detail


def test_lock_that_excludes_no_process_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoLock:
        def __init__(self, *_: object, **__: object) -> None: ...

        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(mount_checks, "FileLock", NoLock)
    checks = results(tmp_path)
    assert checks["a lock excludes another process"].detail == "two processes held the lock"
    assert checks["a lock excludes another process"].required


def test_missing_symbolic_links_are_reported_and_not_required(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "symlink_to", refuse)
    check = results(tmp_path)["symbolic links"]
    assert (check.passed, check.required) == (False, False)
    assert "by-name has no links" in check.detail


def test_clock_of_the_file_server_that_is_wrong_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch = Path.touch

    def touch_in_the_future(path: Path) -> None:
        touch(path)
        os.utime(path, (time.time() + 90, time.time() + 90))

    monkeypatch.setattr(Path, "touch", touch_in_the_future)
    check = results(tmp_path)["the clock of the file server"]
    assert (check.passed, check.required) == (False, False)
    assert check.detail.startswith(("+89 s", "+90 s"))


def test_replaced_files_that_cannot_be_distinguished_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def overwrite(path: Path, content: bytes) -> None:
        path.write_bytes(content)
        os.utime(path, (0, 0))

    monkeypatch.setattr(mount_checks, "write_whole", overwrite)
    check = results(tmp_path)["a replaced file is recognized by its inode or time"]
    assert (check.passed, check.required) == (False, True)
    assert check.detail.startswith("49 of 50 replaced files")
