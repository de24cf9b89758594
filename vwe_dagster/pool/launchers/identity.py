"""The identity of a process: its id and its start time, since the system reuses ids."""

from __future__ import annotations

import functools
import os
import sys
import time
from pathlib import Path

import psutil


def start_time_of(pid: int) -> str:
    """Return the start time of a process, on Linux as boot id and ticks since boot; empty if it does not exist."""
    if sys.platform == "linux":
        stat = _stat(pid)
        return f"{_boot_id()}-{stat[19]}" if stat else ""
    else:  # noqa: RET505  the type checker must see that this branch is for other systems
        process = _process(pid)
        return str(process.create_time()) if process else ""


def is_running(pid: int, start_time: str) -> bool:
    """Return whether a process exists and is not a zombie; a stopped process counts as running."""
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
    """Return the seconds since a process started; 0 if it does not exist."""
    if sys.platform == "linux":
        stat = _stat(pid)
        return uptime_s() - float(stat[19]) / os.sysconf("SC_CLK_TCK") if stat else 0.0
    else:  # noqa: RET505
        process = _process(pid)
        return time.time() - process.create_time() if process else 0.0


def uptime_s() -> float:
    """Return the seconds since boot, on Linux including the time that the machine was suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic()


def boot() -> str:
    """Return the id of the current boot; empty on systems without one."""
    return _boot_id() if sys.platform == "linux" else ""


@functools.cache
def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]


def _stat(pid: int) -> list[str]:
    """Return the fields of ``/proc/PID/stat`` from the state on; empty if the process does not exist."""
    try:
        # The name of a process is in parentheses and may contain any character.
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None
