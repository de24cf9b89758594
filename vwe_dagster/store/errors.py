"""What can go wrong with the data folder, and the sentences that say so."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

_CURES = {
    errno.ENOSPC: "free some space on its disk",
    errno.EDQUOT: "free some of the space you may use",
    errno.EFBIG: "raise the limit on the size of files or free some space",
    errno.EACCES: "make it writable or choose another folder",
    errno.EPERM: "make it writable or choose another folder",
    errno.EROFS: "make it writable or choose another folder",
    errno.EEXIST: "move the file away that is where a folder has to be",
    errno.ENOTDIR: "move the file away that is where a folder has to be",
    errno.EIO: "check its disk",
}


class StoreError(RuntimeError):
    """The data folder cannot be read or written, or is damaged; the message is a sentence that says what to do."""


@contextlib.contextmanager
def disk_errors_explained(root: Path) -> Iterator[None]:
    """Turns errors of the disk under ``root`` into a :class:`StoreError`; lets every other error pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in _CURES or not _may_concern(root, error.filename):
            raise
        place = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
        raise StoreError(
            f"The data folder {root} cannot be used ({place}); {_CURES[error.errno]}, then run this again."
        ) from error


def _may_concern(root: Path, file: object) -> bool:
    """Whether a file that an error names lies on the way to ``root`` or in it; a write error names none."""
    if file is None:
        return True
    path = Path(str(file))
    return path.is_relative_to(root) or root.is_relative_to(path)
