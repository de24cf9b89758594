"""Errors of the data folder, with remedies."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

_REMEDIES = {
    errno.ENOSPC: "free some space on its disk",
    errno.EDQUOT: "free some space within your quota",
    errno.EFBIG: "raise the limit on file sizes or free some space",
    errno.EACCES: "make it writable or choose another folder",
    errno.EPERM: "make it writable or choose another folder",
    errno.EROFS: "make it writable or choose another folder",
    errno.ENOENT: "create it or choose another folder",
    errno.EEXIST: "move away the file that is in the place of a folder",
    errno.ENOTDIR: "move away the file that is in the place of a folder",
    errno.EIO: "check its disk",
}


class StoreError(RuntimeError):
    """The data folder cannot be read or written, or is damaged. The message contains a remedy."""


@contextlib.contextmanager
def disk_errors_explained(root: Path) -> Iterator[None]:
    """Convert disk errors below ``root`` to :class:`StoreError`; all other errors pass unchanged."""
    try:
        yield
    except OSError as error:
        if error.errno not in _REMEDIES or not _may_concern(root, error):
            raise
        place = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
        raise StoreError(
            f"The data folder {root} cannot be used ({place}); {_REMEDIES[error.errno]}, then run the command again."
        ) from error


def _may_concern(root: Path, error: OSError) -> bool:
    """Return whether the file of an error is below ``root`` or a parent of it; a write error names no file.

    A missing file below ``root`` is not an error of the disk: another process may have removed it.
    """
    is_missing = error.errno == errno.ENOENT
    if error.filename is None:
        return not is_missing
    path = Path(str(error.filename))
    return root.is_relative_to(path) or (path.is_relative_to(root) and not is_missing)
