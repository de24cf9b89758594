"""Read a file without blocking and up to a limit, whatever is at its path."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


class NotAFileError(OSError):
    """The path is not a regular file; ``strerror`` names its type."""


def read_file(path: Path, max_bytes: int) -> bytes:
    """Return the content of a file, or the first ``max_bytes`` of a longer one.

    Only a regular file is opened: reading a pipe may block, and opening a device may start it.

    Args:
        path: the file, or a link to one.
        max_bytes: the maximum number of bytes to read.

    Raises:
        NotAFileError: the path is a folder, a pipe, a device or a socket.
        OSError: the file cannot be read; ``strerror`` has the cause.
    """
    _check_is_regular(path.stat())
    # Re-check after opening: the path may have been replaced.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _check_is_regular(os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb") as file:
        return file.read(max_bytes)


def _check_is_regular(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise NotAFileError(errno.EISDIR, "it is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise NotAFileError(errno.EINVAL, "it is a pipe, a device or a socket")
