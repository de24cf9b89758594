"""Time as the pool sees it: a clock that every process of this machine shares and nobody can set."""

from __future__ import annotations

import functools
import time
from pathlib import Path
from typing import Protocol

import psutil


class Clock(Protocol):
    """A monotonic clock that is the same for every process until the machine boots again."""

    @property
    def boot(self) -> str:
        """Which boot of the machine the times belong to; times of different boots cannot be compared."""

    def now(self) -> float:
        """Seconds since some point of this boot."""

    def sleep(self, seconds: float) -> None:
        """Waits."""


class SystemClock:
    """The clock of this machine."""

    @functools.cached_property
    def boot(self) -> str:
        """Linux' own name of the boot, or else the time of it."""
        try:
            return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError:
            return f"{psutil.boot_time():.0f}"

    def now(self) -> float:
        """Seconds since some point of this boot."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Waits."""
        time.sleep(seconds)
