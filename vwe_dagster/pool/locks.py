"""Locks that the kernel takes from a holder that dies: one file each, locked by ``flock``.

A process that is stopped keeps its locks. Such a lock is *rotated*: another file, locked by the one who rotates, takes
the place of the first, whose holder then locks nothing that anybody looks at.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import uuid
import weakref
from pathlib import Path

_held: weakref.WeakSet[KernelLock] = weakref.WeakSet()


class KernelLock:
    """A lock file; each object locks it for itself, also within one process."""

    def __init__(self, path: Path) -> None:
        """Names the file; it need not exist."""
        self.path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock, rotated or not."""
        return self._descriptor is not None

    def acquire(self) -> bool:
        """Takes the lock if nobody has it; never waits.

        Returns:
            Whether it was taken.

        Raises:
            OSError: the file cannot be opened.
        """
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return False
            except BaseException:
                os.close(descriptor)
                raise
            if self._is_current(descriptor):
                self._keep(descriptor)
                return True
            os.close(descriptor)

    def rotate(self) -> None:
        """Takes the lock whoever has it. Only one process may do so at a time: the database decides which."""
        draft = self.path.with_name(f"{self.path.name}.{uuid.uuid4().hex}")
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        draft.replace(self.path)
        self._keep(descriptor)

    def release(self) -> None:
        """Gives the lock back; one that is not held stays so."""
        descriptor, self._descriptor = self._descriptor, None
        _held.discard(self)
        if descriptor is not None:
            os.close(descriptor)

    def remove(self) -> None:
        """Gives the lock back and removes its file; for locks that nobody will want again."""
        if self.held:
            self.path.unlink(missing_ok=True)
        self.release()

    def _keep(self, descriptor: int) -> None:
        self._descriptor = descriptor
        _held.add(self)

    def _is_current(self, descriptor: int) -> bool:
        """Whether the file is still the one at the path, and was not rotated or removed meanwhile."""
        try:
            there = self.path.stat()
        except FileNotFoundError:
            return False
        ours = os.fstat(descriptor)
        return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)


def slot_lock(folder: Path, slot: int) -> KernelLock:
    """The lock of a slot among the locks of a pool."""
    return KernelLock(folder / f"slot-{slot}.lock")


def _forget_in_child() -> None:
    """A forked child shares the locks of its parent: it must not keep them when the parent dies."""
    for lock in list(_held):
        with contextlib.suppress(OSError):
            lock.release()


os.register_at_fork(after_in_child=_forget_in_child)
