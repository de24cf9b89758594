"""A worker starts only if its data folder is that of the center, and locks work there."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from vwe_dagster.hosts.redis_connection import connect
from vwe_dagster.hosts.shared_data import FOLDER, SharedDataError, answer_questions, check_shared_data, watch_data


@contextlib.contextmanager
def center(broker: str, data: Path, before: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Answer questions for the data folder of a center, in a thread."""
    ended = threading.Event()

    def answer() -> None:
        with connect(broker) as server:
            while not ended.wait(0.05):
                if server.exists("vwe:questions"):
                    before()
                answer_questions(server, data)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@pytest.fixture
def server(broker: str) -> Iterator[redis.Redis]:
    with connect(broker) as client:
        yield client


def test_folder_of_the_center_is_accepted_under_another_path(broker: str, server: redis.Redis, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "mounted").symlink_to(tmp_path / "data")
    with center(broker, tmp_path / "data"):
        check_shared_data(server, tmp_path / "mounted", "attic")
    assert list((tmp_path / "data" / FOLDER).iterdir()) == [], "no file is left behind"


def test_another_folder_is_rejected(broker: str, server: redis.Redis, tmp_path: Path) -> None:
    with center(broker, tmp_path / "data"), pytest.raises(SharedDataError, match="is not that of the center"):
        check_shared_data(server, tmp_path / "copy", "attic")


def test_folder_without_locks_is_rejected(broker: str, server: redis.Redis, tmp_path: Path) -> None:
    def break_locks() -> None:
        for lock in (tmp_path / FOLDER).glob("*.lock"):
            lock.unlink()

    with center(broker, tmp_path, break_locks), pytest.raises(SharedDataError, match=r"Locks in .* do not hold"):
        check_shared_data(server, tmp_path, "attic")


def test_folder_that_shows_no_files_of_the_center_is_rejected(
    broker: str, server: redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vwe_dagster.hosts.shared_data.write_atomically", _write_only_questions)
    with center(broker, tmp_path), pytest.raises(SharedDataError, match="does not show a file that the center wrote"):
        check_shared_data(server, tmp_path, "attic")


def test_folder_whose_files_deny_access_to_the_center_is_rejected(
    broker: str, server: redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny_answers(path: Path, content: bytes) -> None:
        if path.suffix == ".answer":
            raise PermissionError
        path.write_bytes(content)

    monkeypatch.setattr("vwe_dagster.hosts.shared_data.write_atomically", deny_answers)
    with center(broker, tmp_path), pytest.raises(SharedDataError, match="run both with the same user id"):
        check_shared_data(server, tmp_path, "attic")


def test_file_system_without_locks_is_rejected(
    server: redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(SharedDataError, match=r"has no locks .*No locks available"):
        check_shared_data(server, tmp_path, "attic")


def test_center_that_does_not_answer_is_reported(server: redis.Redis, tmp_path: Path) -> None:
    with pytest.raises(SharedDataError, match=r"The center did not answer for 0\.3 s"):
        check_shared_data(server, tmp_path, "attic", within_s=0.3)


def test_folder_that_cannot_be_written_is_reported(server: redis.Redis, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file", encoding="utf-8")
    with pytest.raises(SharedDataError, match="cannot be written"):
        check_shared_data(server, tmp_path / "data", "attic")


def _write_only_questions(path: Path, content: bytes) -> None:
    if path.suffix == ".question":
        path.write_bytes(content)


def test_folder_that_is_not_mounted_is_noticed_until_it_is_mounted_again(
    broker: str, server: redis.Redis, tmp_path: Path
) -> None:
    mounted = tmp_path / "mounted"
    mounted.symlink_to(tmp_path / "data")
    (tmp_path / "data").mkdir()
    with center(broker, tmp_path / "data"):
        check_shared_data(server, mounted, "attic")
    watch = watch_data(mounted)
    assert watch.check()
    mounted.unlink()
    mounted.mkdir()
    assert not watch.check()
    mounted.rmdir()
    mounted.symlink_to(tmp_path / "data")
    assert watch.check()


def test_folder_of_a_former_version_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(SharedDataError, match="use the same version"):
        watch_data(tmp_path)
