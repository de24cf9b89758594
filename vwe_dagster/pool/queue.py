"""The queue for engines: first come, first served, across all processes.

A waiting caller holds a ticket and a lock that the kernel releases when the process dies. The ticket is removed if its
holder is dead, or is stopped and has not polled the queue for some seconds. A stopped holder that continues gets a new
ticket at the end of the queue.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

from vwe_dagster.pool.clock import Clock
from vwe_dagster.pool.ledger import Ledger
from vwe_dagster.pool.locks import KernelLock, lock_folder
from vwe_dagster.pool.polling import MIN_PAUSE_S

SEEN_EVERY_S = 1.0
STOPPED_AFTER_S = 5.0


class Ticket:
    """A place in the queue."""

    def __init__(self, queue: Queue, lock: KernelLock, holder: str, wanted: str | None) -> None:
        """Add a ticket to the queue; use :meth:`Queue.waiting` instead."""
        self._queue = queue
        self._lock = lock
        self._holder = holder
        self._wanted = wanted
        self.number = queue.insert(lock.path.name, holder, wanted)
        self._seen_s = queue.clock.now()

    def is_first(self) -> bool:
        """Return whether this is the oldest live ticket for the wanted engine; refresh the ticket every second."""
        now = self._queue.clock.now()
        if now - self._seen_s >= SEEN_EVERY_S:
            self._seen_s = now
            if not self._queue.touch(self.number):
                self.number = self._queue.insert(self._lock.path.name, self._holder, self._wanted)
        return self._queue.first(self._wanted, self.number)


class Queue:
    """The queue of one pool."""

    def __init__(self, ledger: Ledger, folder: Path, clock: Clock) -> None:
        """Set the ledger that stores the tickets, and the folder of their locks."""
        self._ledger = ledger
        self._folder = folder
        self.clock = clock

    @contextlib.contextmanager
    def waiting(self, holder: str, wanted: str | None) -> Iterator[Ticket]:
        """Hold a ticket for the duration of the block.

        Args:
            holder: the waiting process and its purpose.
            wanted: the name of the required engine; None for any.
        """
        lock = KernelLock(lock_folder(self._folder) / f"ticket-{uuid.uuid4().hex}.lock")
        while not lock.acquire():
            # A process that removes dead tickets is probing this file.
            self.clock.sleep(MIN_PAUSE_S)
        try:
            ticket = Ticket(self, lock, holder, wanted)
            try:
                yield ticket
            finally:
                self._remove(ticket.number)
        finally:
            lock.remove()

    def length(self) -> int:
        """Return the number of tickets."""
        return self._ledger.waiting()

    def insert(self, lock: str, holder: str, wanted: str | None) -> int:
        """Add a ticket at the end, and return its number."""
        now = self.clock.now()
        with self._ledger.database.connected() as db:
            row = db.execute(
                "INSERT INTO tickets (wanted, holder, lock, boot, since_s, seen_s) "
                "VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
                (wanted, holder, lock, self.clock.boot, now, now),
            ).fetchone()
        return int(row[0])

    def touch(self, number: int) -> bool:
        """Record that the holder of a ticket is not stopped; return whether the ticket still exists."""
        with self._ledger.database.connected() as db:
            update = "UPDATE tickets SET seen_s = ? WHERE id = ?"
            return db.execute(update, (self.clock.now(), number)).rowcount == 1

    def first(self, wanted: str | None, number: int) -> bool:
        """Return whether a ticket is the first for the wanted engine; remove dead tickets before it."""
        with self._ledger.database.connected() as db:
            before = db.execute(
                "SELECT id, lock, boot, seen_s FROM tickets WHERE wanted IS ? AND id < ? ORDER BY id", (wanted, number)
            ).fetchall()
        for row in before:
            if self._is_waiting(row["lock"], row["boot"], row["seen_s"]):
                return False
            self._remove(row["id"])
        return True

    def remove_dead(self) -> None:
        """Remove the tickets of dead and stopped holders."""
        with self._ledger.database.connected() as db:
            rows = db.execute("SELECT id, lock, boot, seen_s FROM tickets").fetchall()
        for row in rows:
            if not self._is_waiting(row["lock"], row["boot"], row["seen_s"]):
                self._remove(row["id"])
        # Killed processes leave lock files without a ticket, and drafts of rotated locks.
        waiting = {row["lock"] for row in rows}
        for path in (*self._folder.glob("ticket-*.lock"), *self._folder.glob("slot-*.lock.*")):
            if path.name not in waiting and path.is_file() and (left := KernelLock(path)).acquire():
                left.remove()

    def _is_waiting(self, lock: str, boot: str, seen_s: float) -> bool:
        if boot != self.clock.boot or self.clock.now() - seen_s > STOPPED_AFTER_S:
            return False
        probe = KernelLock(self._folder / lock)
        if not probe.path.exists():
            return False
        if probe.acquire():
            probe.remove()
            return False
        return True

    def _remove(self, number: int) -> None:
        with self._ledger.database.connected() as db:
            db.execute("DELETE FROM tickets WHERE id = ?", (number,))
