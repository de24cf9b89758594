"""The kernel releases locks, a lock has one holder, and a lock can be rotated away from a stopped holder."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vwe_dagster.pool.locks import KernelLock
from vwe_dagster_tests.engine.engines import wait_until


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "slot.lock"


def test_lock_has_one_holder_at_a_time(path: Path) -> None:
    one, other = KernelLock(path), KernelLock(path)
    assert one.acquire()
    assert not other.acquire()
    one.release()
    assert other.acquire()
    assert not one.acquire()
    other.release()


def test_lock_of_killed_process_is_free(path: Path) -> None:
    with _holder(path) as process:
        assert not KernelLock(path).acquire()
        process.send_signal(signal.SIGKILL)
        process.wait()
        lock = KernelLock(path)
        assert lock.acquire()
        lock.release()


def test_stopped_process_keeps_its_lock_until_rotation(path: Path) -> None:
    with _holder(path) as process:
        process.send_signal(signal.SIGSTOP)
        taker = KernelLock(path)
        assert not taker.acquire()
        taker.rotate()
        assert not KernelLock(path).acquire()
        process.send_signal(signal.SIGCONT)
        taker.release()
        assert taker.acquire()
        taker.release()


def test_forked_child_does_not_keep_the_lock_of_its_parent(path: Path) -> None:
    lock = KernelLock(path)
    assert lock.acquire()
    child = os.fork()
    if child == 0:
        signal.pause()
    try:
        lock.release()
        _is_soon_free(path)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_program_started_by_the_holder_does_not_keep_its_lock(path: Path) -> None:
    lock = KernelLock(path)
    assert lock.acquire()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False) as program:
        lock.release()
        _is_soon_free(path)
        program.communicate(b"\n")


def test_removed_lock_leaves_no_file_and_blocks_no_process(path: Path) -> None:
    lock = KernelLock(path)
    assert lock.acquire()
    lock.remove()
    assert not path.exists()
    assert KernelLock(path).acquire()


def _is_soon_free(path: Path) -> None:
    """Wait until a lock is free: a child releases it when it begins to run, which may be a moment later."""
    lock = KernelLock(path)
    wait_until(lock.acquire, 20)
    lock.release()


@contextlib.contextmanager
def _holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that holds a lock."""
    script = (
        "import sys\nfrom pathlib import Path\nfrom vwe_dagster.pool.locks import KernelLock\n"
        "lock = KernelLock(Path(sys.argv[1]))\nassert lock.acquire()\nprint('held', flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()
