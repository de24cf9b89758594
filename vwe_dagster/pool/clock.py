"""The monotonic clock of the pool: all processes of this machine share it, and it cannot be set."""

from __future__ import annotations

import functools
import time
from pathlib import Path
from typing import Protocol

import psutil


class Clock(Protocol):
    """A monotonic clock that is the same for every process until the next boot."""

    @property
    def boot(self) -> str:
        """The id of the boot that the times belong to; times of different boots cannot be compared."""

    def now(self) -> float:
        """Return the seconds since a fixed point of this boot."""

    def sleep(self, seconds: float) -> None:
        """Sleep for ``seconds``."""


class SystemClock:
    """The monotonic clock of this machine."""

    @functools.cached_property
    def boot(self) -> str:
        """The boot id of Linux; on other systems the time of the boot."""
        try:
            return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError:
            return f"{psutil.boot_time():.0f}"

    def now(self) -> float:
        """Return the seconds since a fixed point of this boot."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep for ``seconds``."""
        time.sleep(seconds)
