"""A log filter against floods: a client can cause an error as often as it likes."""

from __future__ import annotations

import logging
import threading
import time

WINDOW_S = 60.0
MAX_RECORDS = 5
"""Records of one line of code that pass within a window."""


class LogLimit(logging.Filter):
    """Lets few records of each line of code pass within a minute, and counts the others."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._windows: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record passes; the first of a window reports how many did not in the last one."""
        line = (record.pathname, record.lineno)
        now = time.monotonic()
        with self._lock:
            began, count = self._windows.get(line, (now, 0))
            omitted = 0
            if now - began >= WINDOW_S:
                omitted = max(0, count - MAX_RECORDS)
                began, count = now, 0
            self._windows[line] = (began, count + 1)
        if omitted:
            record.msg = f"{record.getMessage()} ({omitted} more like this before were not logged)"
            record.args = None
        return count < MAX_RECORDS
