"""Locks whose file another host removes: over NFS, such a file keeps its link count until its holder closes it."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from vwe_dagster.files.atomic import replace_folder, restore_folder


def before_the_first_lock(monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]) -> None:
    """Perform an action after the lock file was opened and before it is locked, once."""
    flock, pending = fcntl.flock, [action]

    def act_then_lock(descriptor: int, operation: int) -> None:
        if pending:
            pending.pop()()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", act_then_lock)


def test_lock_on_a_file_that_was_renamed_by_an_nfs_client_excludes_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / ".stage.lock"
    before_the_first_lock(monkeypatch, lambda: lock.rename(tmp_path / ".nfs0001"))
    with replace_folder(tmp_path / "stage") as draft:
        (draft / "file").write_text("content", encoding="utf-8")
        with pytest.raises(Timeout):
            FileLock(lock, timeout=0).acquire()
    assert (tmp_path / "stage" / "file").is_file()


def test_lock_on_a_file_that_was_replaced_excludes_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / ".stage.lock"

    def replace() -> None:
        lock.rename(tmp_path / ".nfs0001")
        lock.touch()

    before_the_first_lock(monkeypatch, replace)
    with replace_folder(tmp_path / "stage"), pytest.raises(Timeout):
        FileLock(lock, timeout=0).acquire()


def test_lock_file_without_a_server_handle_is_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    before_the_first_lock(monkeypatch, fail)
    with replace_folder(tmp_path / "stage"):
        pass
    assert (tmp_path / "stage").is_dir()


def test_folder_below_a_missing_or_a_regular_file_is_not_restored(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not restore_folder(tmp_path / "missing" / "stage")
    assert not restore_folder(tmp_path / "file" / "stage")
