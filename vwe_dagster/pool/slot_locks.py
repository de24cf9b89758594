"""The locks of slots. The note in each contains the holder, its deadline, and the highest fencing token of the slot.

A process that still holds the lock after its deadline is fenced, regardless of the ledger. The token is evidence
outside the ledger: a ledger with a lower token is an old copy.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import socket
from collections.abc import Callable
from pathlib import Path

from vwe_dagster.pool.clock import Clock
from vwe_dagster.pool.locks import KernelLock

_MAX_HOLDER_LENGTH = 120
"""Maximum number of characters of a holder, so that it fits into a note."""


@dataclasses.dataclass(frozen=True)
class Hold:
    """The content of the note in a slot's lock.

    Attributes:
        holder: the process and its purpose, for people.
        boot: the boot that the times belong to; None if the note cannot be read.
        since_s: when the holder took the lock.
        deadline_s: when the holder must have released the lock or renewed the note.
        token: the highest fencing token that the holder knew for the slot.
    """

    holder: str
    boot: str | None
    since_s: float
    deadline_s: float
    token: int

    def is_overdue(self, clock: Clock) -> bool:
        """Return whether the deadline of the holder has passed; False if the note cannot be read."""
        return self.boot is not None and (self.boot != clock.boot or clock.now() > self.deadline_s)

    def held_s(self, clock: Clock) -> float | None:
        """Return the seconds since the holder took the lock; None if they are unknown."""
        return clock.now() - self.since_s if self.boot == clock.boot else None


UNKNOWN = Hold("a process of another version", None, 0.0, math.inf, 0)
"""Replaces a note that cannot be read; former versions wrote no note."""


class SlotLock(KernelLock):
    """The lock of one slot for one holder."""

    def __init__(self, folder: Path, slot: int, clock: Clock, holder: str) -> None:
        """Set the path of the file, which need not exist."""
        super().__init__(folder / f"slot-{slot}.lock")
        self.slot = slot
        self._clock = clock
        self._hold = Hold(holder[:_MAX_HOLDER_LENGTH], clock.boot, 0.0, 0.0, 0)

    @property
    def holder(self) -> str:
        """The process that this object takes the lock for, with its purpose."""
        return self._hold.holder

    def take(self, seconds: float) -> bool:
        """Take the lock if it is free, with a deadline ``seconds`` from now.

        Returns:
            Whether it was taken.

        Raises:
            PoolError: the file cannot be opened.
        """
        self.create(_note_of(self._hold))
        self._hold = self._for(seconds, self.read().token)
        return self.acquire(_note_of(self._hold))

    def seize(self, seconds: float, token: int, *, check: Callable[[], None]) -> None:
        """Take the lock from any holder; see :meth:`KernelLock.rotate`."""
        self._hold = self._for(seconds, token)
        self.rotate(_note_of(self._hold), check=check)

    def extend(self, seconds: float, token: int) -> None:
        """Move the deadline of the holder to ``seconds`` from now, and record its token."""
        now = self._clock.now()
        token = max(token, self._hold.token)
        self._hold = dataclasses.replace(self._hold, deadline_s=now + seconds, token=token)
        self.renew(_note_of(self._hold))

    @property
    def token(self) -> int:
        """The highest token that this object has read or written."""
        return self._hold.token

    def read(self) -> Hold:
        """Return the note in the file, also if another process wrote it."""
        try:
            fields = json.loads(self.note())
            return Hold(
                str(fields["holder"]),
                str(fields["boot"]),
                float(fields["since_s"]),
                float(fields["deadline_s"]),
                int(fields["token"]),
            )
        except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
            return UNKNOWN

    def current_hold(self) -> Hold | None:
        """Return the note of the process that holds the lock; None if the lock is free."""
        return None if self.is_free() else self.read()

    def _for(self, seconds: float, token: int) -> Hold:
        now = self._clock.now()
        return dataclasses.replace(self._hold, since_s=now, deadline_s=now + seconds, token=token)


def holder_name(purpose: str) -> str:
    """Return the name of this process as a holder, as in ``pid 7 on vm: world of 1``."""
    process = f"pid {os.getpid()} on {socket.gethostname()}"
    return f"{process}: {purpose}" if purpose else process


def _note_of(hold: Hold) -> bytes:
    return json.dumps(dataclasses.asdict(hold), ensure_ascii=False).encode(errors="replace")
