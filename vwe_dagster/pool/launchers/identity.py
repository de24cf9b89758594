"""Which process is which: a process id with the moment the process started, since ids are used again."""

from __future__ import annotations

import functools
import os
import sys
import time
from pathlib import Path

import psutil


def start_time_of(pid: int) -> str:
    """Return when a process started, on Linux as ticks since boot; empty if there is no such process."""
    if sys.platform == "linux":
        stat = _stat(pid)
        return f"{_boot_id()}-{stat[19]}" if stat else ""
    else:  # noqa: RET505  so that the type checker sees what is for other systems only
        process = _process(pid)
        return str(process.create_time()) if process else ""


def is_running(pid: int, start_time: str) -> bool:
    """Whether a process is there, stopped or not, and no zombie."""
    if start_time_of(pid) != start_time:
        return False
    if sys.platform == "linux":
        return _stat(pid)[:1] not in ([], ["Z"], ["X"])
    else:  # noqa: RET505
        process = _process(pid)
        return process is not None and process.status() != psutil.STATUS_ZOMBIE


def exit_code_of_zombie(pid: int, start_time: str) -> int | None:
    """Return the exit code of a process that its parent has not waited for, negative for a signal; None if unknown."""
    if sys.platform != "linux" or start_time_of(pid) != start_time:
        return None
    stat = _stat(pid)
    return os.waitstatus_to_exitcode(int(stat[49])) if stat[:1] == ["Z"] else None


def age_s(pid: int) -> float:
    """Seconds since a process started, 0 where there is no such process."""
    if sys.platform == "linux":
        stat = _stat(pid)
        return uptime_s() - float(stat[19]) / os.sysconf("SC_CLK_TCK") if stat else 0.0
    else:  # noqa: RET505
        process = _process(pid)
        return time.time() - process.create_time() if process else 0.0


def uptime_s() -> float:
    """Seconds since this machine started, by a clock that nobody sets and that counts sleep where there is one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic()


def boot() -> str:
    """What tells this run of the machine from others, or empty where the system does not say."""
    return _boot_id() if sys.platform == "linux" else ""


@functools.cache
def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]


def _stat(pid: int) -> list[str]:
    """What Linux tells of a process, from its state on, or nothing."""
    try:
        # The name of a process stands in parentheses and may hold anything.
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None
