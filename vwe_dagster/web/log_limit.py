"""A log filter against floods: a client can cause the same error any number of times."""

from __future__ import annotations

import logging
import threading
import time

WINDOW_S = 60.0
MAX_RECORDS = 5
"""Maximum number of records per line of code within a window."""


class LogLimit(logging.Filter):
    """Passes a few records per line of code and minute, and counts the others."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._windows: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record passes; the first of a window reports how many were omitted in the last window."""
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
