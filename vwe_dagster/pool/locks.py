"""File locks (``flock``) that the kernel releases when their holder dies.

A stopped process keeps its locks. Another process can *rotate* such a lock: it replaces the file with a new one that
it has locked. No process uses the former file again.

The file may contain a note. If a process is stopped between locking the file and writing its note, the file still has
the note of the previous holder. :meth:`KernelLock.create` writes a file that has a note from the start.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import uuid
import weakref
from collections.abc import Callable
from pathlib import Path

from vwe_dagster.pool.errors import PoolError

NOTE_BYTES = 1024
"""Length of a note, padded with spaces. A write within one page is atomic for readers."""

_held: weakref.WeakSet[KernelLock] = weakref.WeakSet()


class KernelLock:
    """A lock on a file. Two objects exclude each other even within one process."""

    def __init__(self, path: Path) -> None:
        """Set the path of the file, which need not exist."""
        self.path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """True if this object holds the lock, even if another process has rotated it."""
        return self._descriptor is not None

    def acquire(self, note: bytes | None = None) -> bool:
        """Take the lock if it is free; never wait.

        Args:
            note: the content of the file while this object holds the lock; None to keep the present content.

        Returns:
            Whether it was taken.

        Raises:
            PoolError: the file cannot be opened.
        """
        while True:
            descriptor = _open(self.path, os.O_CREAT)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if note is not None:
                    _write(descriptor, note)
            except BlockingIOError:
                os.close(descriptor)
                return False
            except BaseException:
                os.close(descriptor)
                raise
            # Must follow the write: a process that read the former note may have rotated the lock.
            if self._is_current(descriptor):
                self._keep(descriptor)
                return True
            os.close(descriptor)

    def rotate(self, note: bytes | None = None, *, check: Callable[[], None] = lambda: None) -> None:
        """Take the lock from any holder.

        Args:
            note: as in :meth:`acquire`.
            check: called immediately before the rotation; raises to cancel it. The ledger decides which process may
                rotate a lock.
        """
        while True:
            draft = self.path.with_name(f"{self.path.name}.{uuid.uuid4().hex}")
            descriptor = _open(draft, os.O_CREAT | os.O_EXCL)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if note is not None:
                    _write(descriptor, note)
                check()
                draft.replace(self.path)
            except FileNotFoundError:
                # Another process has removed the draft as a leftover.
                os.close(descriptor)
                continue
            except BaseException:
                draft.unlink(missing_ok=True)
                os.close(descriptor)
                raise
            self._keep(descriptor)
            return

    def is_free(self) -> bool:
        """Return whether no process holds the lock; True if the file does not exist.

        This takes a shared lock for a moment, so two processes that call it do not see each other as holders.
        """
        while True:
            try:
                descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            except FileNotFoundError:
                return True
            except OSError as error:
                raise _unusable(self.path, error) from error
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
                if self._is_current(descriptor):
                    return True
            except BlockingIOError:
                return False
            finally:
                os.close(descriptor)

    def renew(self, note: bytes) -> None:
        """Replace the note of a lock that this object holds."""
        if self._descriptor is not None:
            _write(self._descriptor, note)

    def note(self) -> bytes:
        """Return the note in the file, also while another process holds the lock; empty if the file does not exist."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise _unusable(self.path, error) from error
        try:
            return os.pread(descriptor, NOTE_BYTES, 0).rstrip()
        except OSError as error:
            raise _unusable(self.path, error) from error
        finally:
            os.close(descriptor)

    def create(self, note: bytes) -> None:
        """Create the file with a note; keep an existing file."""
        if self.path.exists():
            return
        draft = self.path.with_name(f"{self.path.name}.{uuid.uuid4().hex}")
        descriptor = _open(draft, os.O_CREAT | os.O_EXCL)
        try:
            _write(descriptor, note)
            with contextlib.suppress(OSError):
                self.path.hardlink_to(draft)
        finally:
            os.close(descriptor)
            draft.unlink(missing_ok=True)

    def is_current(self) -> bool:
        """Return whether this object holds the lock and no process has rotated it."""
        return self._descriptor is not None and self._is_current(self._descriptor)

    def release(self) -> None:
        """Release the lock; do nothing if this object does not hold it."""
        descriptor, self._descriptor = self._descriptor, None
        _held.discard(self)
        if descriptor is not None:
            os.close(descriptor)

    def remove(self) -> None:
        """Release the lock and remove its file, for locks that are used only once."""
        if self.held:
            self.path.unlink(missing_ok=True)
        self.release()

    def _keep(self, descriptor: int) -> None:
        self._descriptor = descriptor
        _held.add(self)

    def _is_current(self, descriptor: int) -> bool:
        """Return whether the file is still at its path: it was neither rotated nor removed."""
        try:
            there = self.path.stat()
        except FileNotFoundError:
            return False
        ours = os.fstat(descriptor)
        return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)


def lock_folder(folder: Path) -> Path:
    """Create the folder of locks if necessary, and return it.

    Raises:
        PoolError: the folder cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from error
    return folder


def _open(path: Path, flags: int) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK | flags, 0o600)
    except OSError as error:
        raise _unusable(path, error) from error


def _write(descriptor: int, note: bytes) -> None:
    with contextlib.suppress(OSError):
        # On a full disk the old note stays. The holder may then be fenced early, which loses no world.
        os.pwrite(descriptor, note[:NOTE_BYTES].ljust(NOTE_BYTES), 0)


def _unusable(path: Path, error: OSError) -> PoolError:
    return PoolError(
        f"{path}, used for locks, cannot be opened: {error.strerror}. It contains no world. Check that "
        f"this user may write to its folder and that the disk is not full, or move it away and try again."
    )


def _forget_in_child() -> None:
    """Close the locks that a forked child inherited, so that it does not keep them when the parent dies."""
    for lock in list(_held):
        with contextlib.suppress(OSError):
            lock.release()


os.register_at_fork(after_in_child=_forget_in_child)
