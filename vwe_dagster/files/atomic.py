"""Replace folders and files atomically, also if a process is killed or several processes write concurrently.

A new folder is written as a hidden sibling of the folder that it will replace. A lock beside them serializes writers,
so the holder of the lock may remove the leftovers of killed writers. File systems have no portable way to swap two
folders in one step. The former folder is therefore set aside for a moment; if the writer is killed in that moment, the
next access restores it.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock

_NO_TIMEOUT = -1.0
"""The timeout of filelock that waits without limit."""

_ABANDONED_S = 3600.0
"""Seconds after which the draft of a file counts as that of a killed writer; writing one takes seconds."""


@contextlib.contextmanager
def replace_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that replaces ``folder`` at the end of the block.

    If the block raises, ``folder`` is unchanged. The caller must flush the files to the disk within the block, see
    :func:`write_to_disk`; this function flushes the folders.
    """
    with _locked(folder):
        draft = _unused_sibling(folder)
        try:
            draft.mkdir()
            yield draft
            sync_folder(draft)
            if folder.exists():
                folder.rename(_set_aside(folder))
            draft.rename(folder)
            sync_folder(folder.parent)
        finally:
            _clean_up(folder)


@contextlib.contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yield an unused path with the same file name; the file at it replaces ``path`` at the end of the block."""
    with _locked(path):
        folder = _unused_sibling(path)
        try:
            folder.mkdir()
            yield folder / path.name
            (folder / path.name).replace(path)
            sync_folder(path.parent)
        finally:
            _clean_up(path)


def restore_folder(folder: Path) -> bool:
    """Restore a missing folder that a killed writer has set aside.

    Returns:
        Whether the folder exists now. Another writer may also have just replaced it.
    """
    # With a former entry in its cache, an NFS client finds the former folder, of which another host removes the files.
    _look_for_changes(folder.parent)
    if not folder.exists() and _set_aside(folder).exists():
        with _locked(folder):
            pass
    return folder.exists()


def remove_folder(
    folder: Path, *, timeout_s: float = _NO_TIMEOUT, only_if: Callable[[Path], bool] = lambda _: True
) -> None:
    """Remove a folder and the leftovers of killed writers, after waiting for the current writer.

    Args:
        folder: the folder to remove.
        timeout_s: how long to wait for the current writer.
        only_if: called under the lock; the folder stays if it returns False.

    Raises:
        Timeout: the current writer did not finish in time.
    """
    if folder.parent.exists():
        with _locked(folder, timeout_s):
            if folder.exists() and only_if(folder):
                _discard(folder, _unused_sibling(folder))


def remove_leftovers(folder: Path, *, timeout_s: float) -> None:
    """Remove the leftovers of killed writers beside a folder, and keep the folder.

    Raises:
        Timeout: the current writer did not finish in time.
    """
    if folder.parent.exists():
        with _locked(folder, timeout_s):
            pass


def write_to_disk(path: Path, content: bytes) -> None:
    """Write a file, and flush it to the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file atomically: a reader sees the former or the new content.

    Writers do not wait for each other. The drafts of killed writers are therefore recognized by their age.
    """
    draft = _unused_sibling(path)
    try:
        write_to_disk(draft, content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    for abandoned in _drafts_of(path):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - abandoned.stat().st_mtime > _ABANDONED_S:
                abandoned.unlink()


@contextlib.contextmanager
def _locked(folder: Path, timeout_s: float = _NO_TIMEOUT) -> Iterator[None]:
    """Hold the lock of ``folder`` for the block, without leftovers; remove the lock file afterwards."""
    path = folder.with_name(f".{folder.name}.lock")
    lock = FileLock(path, timeout=timeout_s, on_acquired=lambda descriptor: _check_is_current(path, descriptor))
    while not lock.is_locked:
        _create_folder(folder.parent)
        try:
            lock.acquire()
        except OSError as error:
            # Another process has just removed the parent folder or the lock file; try again.
            if error.errno not in {errno.ENOENT, errno.ESTALE}:
                raise
    try:
        _clean_up(folder)
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def _check_is_current(path: Path, descriptor: int) -> None:
    """Check that a locked file is still at its path.

    filelock relies on the link count of the file. Over NFS, a file that is removed while its holder has it open keeps
    its link under another name until it is closed: a waiting process of another host would lock the removed file, and
    a third one the next file at the path.

    Raises:
        FileNotFoundError: another process has removed or replaced the file.
    """
    _look_for_changes(path.parent)
    if not os.path.samestat(path.stat(), os.fstat(descriptor)):
        raise FileNotFoundError(errno.ENOENT, "the lock file was replaced", str(path))


def _look_for_changes(folder: Path) -> None:
    """Make an NFS client ask the server for changes of the entries of a folder, which need not exist."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.close(os.open(folder, os.O_RDONLY | os.O_DIRECTORY))


def _clean_up(folder: Path) -> None:
    """Remove or restore the leftovers of killed writers; the caller must hold the lock."""
    set_aside = _set_aside(folder)
    if set_aside.exists() and folder.exists():
        _discard(set_aside, _unused_sibling(folder))
    elif set_aside.exists():
        set_aside.rename(folder)
    for abandoned in _drafts_of(folder):
        _remove(abandoned)


def _discard(folder: Path, trash: Path) -> None:
    """Rename a folder, then remove it, so that no reader sees a part of it."""
    folder.rename(trash)
    _remove(trash)


def _remove(folder: Path) -> None:
    """Remove a folder or a symbolic link to a folder."""
    if folder.is_symlink():
        folder.unlink(missing_ok=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _set_aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.former")


def _unused_sibling(path: Path) -> Path:
    """Return a unique path for a draft, which no child of a killed writer can be using."""
    return path.with_name(f".{path.name}.draft-{secrets.token_hex(8)}")


def _drafts_of(path: Path) -> Iterator[Path]:
    return path.parent.glob(f".{glob.escape(path.name)}.draft-*")


def _create_folder(folder: Path) -> None:
    """Create a folder and its parents, and flush them to the disk."""
    if not folder.is_dir():
        _create_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Flush the entries of a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
