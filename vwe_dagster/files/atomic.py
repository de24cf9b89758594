"""Folders, and single files, that are replaced whole or not at all, whatever is killed and whoever else tries.

A folder in the making is a hidden sibling of the one it will replace. A lock beside them serialises the makers, so
whoever holds it may tidy up what killed makers left. Since no file system of ours swaps two folders in one step in a
portable way, the former folder is set aside for a moment; if the maker is killed in that moment, the next access
puts it back.
"""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock

_FOR_EVER = -1.0
"""A time to wait that does not end, as the lock is told it."""


@contextlib.contextmanager
def replace_whole(folder: Path) -> Iterator[Path]:
    """Gives an empty folder that becomes ``folder`` when the block ends well, in place of the one that was there.

    When the block raises, ``folder`` stays as it was. The files must be on the disk when the block ends, see
    :func:`write_to_disk`; the folders are seen to here.
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
            _tidy(folder)


@contextlib.contextmanager
def replace_whole_file(path: Path) -> Iterator[Path]:
    """As :func:`replace_whole` for a single file: gives a path of the same name at which nothing is."""
    with _locked(path):
        folder = _unused_sibling(path)
        try:
            folder.mkdir()
            yield folder / path.name
            (folder / path.name).replace(path)
            sync_folder(path.parent)
        finally:
            _tidy(path)


def restore_whole(folder: Path) -> bool:
    """Sees to a folder found missing: one that was set aside and not replaced by a killed maker is put back.

    Returns:
        Whether the folder is there now. It may be without any killed maker: a living one may just have replaced it.
    """
    if not folder.exists() and _set_aside(folder).exists():
        with _locked(folder):
            pass
    return folder.exists()


def remove_whole(
    folder: Path, *, timeout_s: float = _FOR_EVER, only_if: Callable[[Path], bool] = lambda _: True
) -> None:
    """Removes a folder and what killed makers left beside it, after waiting for a living maker.

    Args:
        folder: which.
        timeout_s: how long to wait.
        only_if: asked when no maker can change the folder any more; where it is false the folder stays.

    Raises:
        Timeout: the maker still lived.
    """
    if folder.parent.exists():
        with _locked(folder, timeout_s):
            if folder.exists() and only_if(folder):
                _discard(folder, _unused_sibling(folder))


def tidy_whole(folder: Path, *, timeout_s: float) -> None:
    """Clears away what killed makers left beside a folder, and the folder stays.

    Raises:
        Timeout: a living maker was still at it.
    """
    if folder.parent.exists():
        with _locked(folder, timeout_s):
            pass


def write_to_disk(path: Path, content: bytes) -> None:
    """Writes a file and returns when it is on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_whole(path: Path, content: bytes) -> None:
    """Puts a file in place of the one that was there; whoever reads finds one or the other, and never half of it."""
    draft = _unused_sibling(path)
    try:
        write_to_disk(draft, content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(folder: Path, timeout_s: float = _FOR_EVER) -> Iterator[None]:
    """Holds the lock of ``folder``, all tidied up; the lock's file is gone again afterwards."""
    path = folder.with_name(f".{folder.name}.lock")
    lock = FileLock(path, timeout=timeout_s)
    while not lock.is_locked:
        _make_folder(folder.parent)
        # A maker that has just removed the parent folder makes us try again.
        with contextlib.suppress(FileNotFoundError):
            lock.acquire()
    try:
        _tidy(folder)
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def _tidy(folder: Path) -> None:
    """Ends what a killed maker began; only whoever holds the lock may."""
    set_aside = _set_aside(folder)
    if set_aside.exists() and folder.exists():
        _discard(set_aside, _unused_sibling(folder))
    elif set_aside.exists():
        set_aside.rename(folder)
    for abandoned in folder.parent.glob(f".{glob.escape(folder.name)}.draft-*"):
        _remove(abandoned)


def _discard(folder: Path, doomed: Path) -> None:
    """Removes a folder, first from where it is found by its name, so that nobody finds half of it."""
    folder.rename(doomed)
    _remove(doomed)


def _remove(folder: Path) -> None:
    """Removes a folder, or a link to one."""
    if folder.is_symlink():
        folder.unlink(missing_ok=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _set_aside(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.former")


def _unused_sibling(path: Path) -> Path:
    """A name for a draft that no killed maker's children can be writing to."""
    return path.with_name(f".{path.name}.draft-{secrets.token_hex(8)}")


def _make_folder(folder: Path) -> None:
    """Makes a folder and those above it, on the disk when this returns."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Returns when the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
