"""Leak detection: leases that outlive the longest job are logged with the stack of their holder."""

from __future__ import annotations

import dataclasses
import logging
import os
import sys
import threading
import traceback

from vwe_dagster.pool.clock import Clock

_LINGERS_S = 1.0
"""Seconds that an idle watch thread waits for the next lease before it ends."""

_FRAMES = 30

_log = logging.getLogger(__name__)


@dataclasses.dataclass(eq=False)
class WatchedLease:
    """A lease of this process.

    Attributes:
        thread: the thread that acquired the lease.
        taken: the stack of that thread when it acquired the lease.
        deadline_s: the time from which the lease is overdue.
        is_reported: whether the overdue lease was logged.
    """

    slot: int
    token: int
    holder: str
    thread: threading.Thread
    taken: traceback.StackSummary
    since_s: float
    deadline_s: float
    is_reported: bool = False

    def stack(self) -> str:
        """Return the current stack of the holder's thread, or its stack at the acquisition if the thread has ended."""
        frame = sys._current_frames().get(self.thread.ident or 0)  # noqa: SLF001  the only function that returns the frames
        if frame is None or not self.thread.is_alive():
            return "The thread that acquired the lease has ended; it acquired the lease here:\n" + "".join(
                self.taken.format()
            )
        return "The holder is executing:\n" + "".join(traceback.format_stack(frame, limit=_FRAMES))


class LeaseWatch:
    """Watches the leases of one process in a thread that runs while leases exist."""

    def __init__(self, clock: Clock) -> None:
        """Set the clock; the first lease starts the thread."""
        self._clock = clock
        self._process = os.getpid()
        self._changed = threading.Condition()
        self._leases: set[WatchedLease] = set()
        self._thread: threading.Thread | None = None

    def begin(self, slot: int, token: int, holder: str, seconds: float) -> WatchedLease:
        """Watch a lease that this thread has just acquired; it is overdue after ``seconds``."""
        frame = sys._getframe(1)  # noqa: SLF001  like inspect.stack, without reading source files
        taken = traceback.StackSummary.extract(traceback.walk_stack(frame), limit=_FRAMES, lookup_lines=False)
        taken.reverse()
        now = self._clock.now()
        lease = WatchedLease(slot, token, holder, threading.current_thread(), taken, now, now + seconds)
        self._reset_after_fork()
        with self._changed:
            self._leases.add(lease)
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="lease-watch", daemon=True)
                self._thread.start()
        return lease

    def extend(self, lease: WatchedLease, seconds: float) -> None:
        """Move the deadline of a lease to ``seconds`` from now."""
        lease.deadline_s = self._clock.now() + seconds

    def end(self, lease: WatchedLease) -> None:
        """Stop watching a lease that was returned."""
        with self._changed:
            self._leases.discard(lease)
            if not self._leases:
                self._changed.notify()

    def report_overdue(self) -> list[WatchedLease]:
        """Log each overdue lease once, and return the leases that were logged."""
        now = self._clock.now()
        with self._changed:
            overdue = [lease for lease in self._leases if now > lease.deadline_s and not lease.is_reported]
            for lease in overdue:
                lease.is_reported = True
        for lease in overdue:
            _log.warning(
                "Slot %d (token %d) has been held for %.0f s by %s and may be fenced. %s",
                lease.slot,
                lease.token,
                now - lease.since_s,
                lease.holder,
                lease.stack(),
            )
        return overdue

    def _watch(self) -> None:
        while True:
            self.report_overdue()
            with self._changed:
                if not self._leases:
                    self._changed.wait(_LINGERS_S)
                if not self._leases:
                    self._thread = None
                    return
                waiting = [lease.deadline_s for lease in self._leases if not lease.is_reported]
                left = min(waiting) - self._clock.now() if waiting else None
                self._changed.wait(None if left is None else max(left, 0.0) + 0.01)

    def _reset_after_fork(self) -> None:
        if self._process != os.getpid():
            self._process = os.getpid()
            self._changed = threading.Condition()
            self._leases, self._thread = set(), None
